"""What a steward should look at before she accepts a text. Findings name lines and numbers of things, never content."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from datasets.ingress.limits import limit
from datasets.ingress.text import ACTIVE_HTML

# Every pattern here has bounded repetitions: a file made to be slow to search costs seconds at most.

MOST_PLACES = 20
"""So many lines are named; the number of all is told beside them."""


@dataclass(frozen=True)
class Finding:
    """What was found, how often, and in which lines (the first twenty, from 1). `where` names a column of a table."""

    what: str
    times: int
    lines: tuple[int, ...]
    where: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "times": self.times, "lines": list(self.lines), "where": self.where}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Finding":
        return cls(value["what"], value["times"], tuple(value["lines"]), value["where"])


BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_VARIATION = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PLAIN = frozenset("\t\f")
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{200,}")
_DATA_URL = re.compile(r"data:[\w.+/-]{0,80}(?:;[\w=.+-]{0,40}){0,3},", re.IGNORECASE)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bglpat-[\w-]{20}|\bxox[abpr]-[\w-]{10,}|\beyJ[\w-]{10,400}\.[\w-]{10,}\.|://[^/\s:@]+:[^/\s:@]+@"
    r"|(?:passwo?r?d|passwd|secret|api_?key|token)\w{0,20}[\"']?\s{0,5}[:=]\s{0,5}[\"'][^\"'\s]{6,200}[\"']",
    re.IGNORECASE,
)
_LOADER = re.compile(r"!!python/|!!java|\b(?:pickle|marshal|dill|joblib)\.loads?\(|\beval\(|\bexec\(|__import__\(")
_MIXED = re.compile(r"[^\W\d_]+")


def invisible(line: str) -> bool:
    """Whether a line has a character that would not show."""
    return _VARIATION.search(line) is not None or any(
        each not in _PLAIN
        and each not in BIDI
        and (each in _INVISIBLE or unicodedata.category(each) in _INVISIBLE_CATEGORIES)
        for each in line
        if ord(each) > 0x7E
    )


def _mixed_scripts(line: str) -> bool:
    """Whether a word mixes Latin letters with Greek or Cyrillic ones, which look the same."""
    return not line.isascii() and any(len(_scripts(word)) > 1 for word in _MIXED.findall(line))


def _scripts(word: str) -> set[str]:
    names = {unicodedata.name(letter, "").split(" ")[0] for letter in word}
    return names & {"LATIN", "GREEK", "CYRILLIC"}


FINDERS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("characters that turn the text around", lambda line: not BIDI.isdisjoint(line)),
    ("characters that do not show", invisible),
    ("a word of letters that look alike in two alphabets", _mixed_scripts),
    ("a very long line", lambda line: len(line) > limit("long_line")),
    ("a long encoded run of characters (base64 or the like)", _RUN.search),
    ("a data URL", _DATA_URL.search),
    ("what looks like a password, key or token", _SECRET.search),
    ("HTML that does or loads something when a page shows it", ACTIVE_HTML.search),
    ("code that loads or runs other code", _LOADER.search),
)
"""What is looked for in every line of every kind of file."""


def findings_in(lines: Iterable[str]) -> list[Finding]:
    """What the lines hold that a steward should look at, in the order of `FINDERS`."""
    numbered = list(enumerate(lines, start=1))
    found = (at_lines(what, [number for number, line in numbered if finds(line)]) for what, finds in FINDERS)
    return [each for each in found if each is not None]


def at_lines(what: str, numbers: list[int], where: str = "") -> Finding | None:
    """A finding in these lines, or None where there are none."""
    return Finding(what, len(numbers), tuple(numbers[:MOST_PLACES]), where) if numbers else None
