"""Names that become part of addresses, paths and the hub's own records: one form for people and projects."""

import re

from governance.errors import Invalid

LONGEST_NAME = 30
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def require_name(name: str, what: str) -> None:
    """Raise `Invalid` unless `name` is lower-case letters and digits, with single hyphens between, a letter first."""
    if len(name) > LONGEST_NAME or not _SLUG.fullmatch(name):
        raise Invalid(
            f"“{name[:60]}” cannot be {what}. Use at most {LONGEST_NAME} lower-case letters, digits and single "
            "hyphens, with a letter first."
        )
