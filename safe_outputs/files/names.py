"""The name under which a file is shown, kept and handed out: plain, short, and with the ending of what it is."""

import re
import unicodedata

from safe_outputs.files.characters import is_hidden
from safe_outputs.files.kinds import KINDS, FileKind, kinds_of
from safe_outputs.files.limits import limit

_PLAIN_SIGNS = frozenset(" ._-()+,")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_NO_NAME = "file"


def safe_name(name: str, kind: FileKind, ending: str | None = None) -> str:
    """A plain name for a file of this kind, made from the one that was sent.

    It has no folder, no hidden or right-to-left character, no sign that a shell or a file system reads, at most
    `LIMITS["name"]` characters, and an ending of its kind: the one it had if that fits, else `ending` or the first.
    """
    facts = KINDS[kind]
    plain = plain_name(name)
    own = next((each for each in sorted(facts.endings, key=len, reverse=True) if plain.lower().endswith(each)), None)
    chosen = own or ending or facts.endings[0]
    stem = _without_endings(plain) if own is None else plain[: -len(own)]
    return _cut(_tidy(stem), chosen) + chosen


def plain_name(name: str) -> str:
    """The last part of a name, in compatible characters, each letter or sign plain. May be empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    shown = "".join(each for each in last if not is_hidden(each) and each not in "\n\t")
    return _without_piled_marks("".join(each if _is_plain(each) else "_" for each in shown))


def said_ending(name: str) -> str:
    """The ending that the name that was sent claims, in small letters; empty if it has none."""
    found = _ENDING.search(plain_name(name).rstrip(" ."))
    return found.group().lower() if found else ""


def says_another_kind(name: str, kind: FileKind) -> bool:
    """Whether the ending of the name that was sent is none of this kind's."""
    ending = said_ending(name)
    two = _ENDING.sub("", plain_name(name).lower())[-5:] + ending
    return bool(ending) and kind not in kinds_of(ending) and kind not in kinds_of(two)


def mixes_scripts(name: str) -> bool:
    """Whether a word of the name mixes Latin letters with Greek or Cyrillic ones, which look the same."""
    words = re.findall(r"[^\W\d_]+", name)
    return any(len({_script(letter) for letter in word} & {"LATIN", "GREEK", "CYRILLIC"}) > 1 for word in words)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in _PLAIN_SIGNS
    letter = unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lo", "Mn", "Mc", "Nd"}
    return letter and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT


def _without_piled_marks(text: str) -> str:
    """At most one combining mark on a letter."""
    return re.sub(r"(?s).", lambda each: each.group(), "".join(_unpiled(text)))


def _unpiled(text: str) -> list[str]:
    kept: list[str] = []
    for each in text:
        is_mark = unicodedata.combining(each) > 0
        if not is_mark or (kept and unicodedata.combining(kept[-1]) == 0 and kept[-1] not in _PLAIN_SIGNS):
            kept.append(each)
    return kept


def _without_endings(name: str) -> str:
    """The name without the endings of known kinds at its end, or the last ending of any kind."""
    stem = _ENDING.sub("", name)
    while (found := _ENDING.search(stem)) and kinds_of(found.group().lower()):
        stem = stem[: found.start()]
    return stem


def _tidy(stem: str) -> str:
    tidy = re.sub(r"\s+", " ", stem)
    tidy = re.sub(r"\.{2,}", ".", tidy).strip(" .-_") or _NO_NAME
    return f"{_NO_NAME} {tidy}" if _DEVICES.match(tidy) else tidy


def _cut(stem: str, ending: str) -> str:
    """The stem, so short that the whole name keeps its limits in characters and in bytes."""
    cut = stem[: limit("name") - len(ending)]
    while len((cut + ending).encode()) > limit("name_bytes"):
        cut = cut[:-1]
    return cut.rstrip(" .-_") or _NO_NAME
