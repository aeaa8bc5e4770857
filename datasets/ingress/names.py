"""The names of files that are brought in: plain, so that no name can lead elsewhere or look like another one."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from datasets.ingress.limits import KINDS, TAKEN, limit

MANIFEST = "manifest.json"
"""The file that is delivered beside the others and says what they are."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")
_RESERVED = frozenset({MANIFEST})


def ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def why_not_name(name: str) -> str | None:
    """Why a file of this name is not taken in, or None. Quotes the name only where it is plain."""
    if len(name) > limit("name") or not _PLAIN.fullmatch(name) or ".." in name or name != name.strip(" ."):
        return (
            "A file's name is not taken as it is. Give it a name of at most "
            f"{limit('name')} letters (a to z), digits, spaces, dots, hyphens and underscores, with a letter or digit "
            "first, and no folder in it."
        )
    if ending(name) not in KINDS:
        return f"“{name}” is of a kind that is not taken in. What is taken: {TAKEN}."
    if name.lower() in _RESERVED:
        return f"“{name}” is the name of the list that is delivered beside the files. Give the file another name."
    return None


def why_not_together(names: Sequence[str]) -> str | None:
    """Why these names cannot lie in one folder, or None."""
    if len({name.lower() for name in names}) < len(names):
        return "Two files have the same name. Give each a name of its own; upper and lower case count as the same."
    return None
