"""Ranges of versions as a researcher writes them: `>=2.1,<3`. A small part of PEP 440, read strictly."""

import re
from dataclasses import dataclass
from itertools import zip_longest

from governance.errors import Invalid

_BOUND = re.compile(r"(>=|<=|==|>|<)\s*(\d{1,9}(?:\.\d{1,9}){0,5})")
_VERSION = re.compile(r"(?:0!)?(\d+(?:\.\d+)*)(\.?post\d+)?(?:\+[A-Za-z0-9.]+)?")
_MOST_BOUNDS = 4

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class VersionRange:
    """Bounds that a version has to keep, all of them. `text` is how they are written, without blanks."""

    bounds: tuple[tuple[str, Numbers], ...]

    @property
    def text(self) -> str:
        return ",".join(sign + ".".join(map(str, numbers)) for sign, numbers in self.bounds)

    @classmethod
    def read(cls, text: str) -> "VersionRange":
        """The range that `text` names. Raises `Invalid`."""
        parts = [_BOUND.fullmatch(part.strip()) for part in text.split(",")]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts) or len(parts) > _MOST_BOUNDS:
            raise Invalid("This is no range of versions. Write it like “>=2.1,<3”, with numbers and dots only.")
        return cls(tuple((part.group(1), _numbers(part.group(2))) for part in found))

    def holds(self, version: str) -> bool:
        """Whether the version keeps every bound. A version before its release (`2.0rc1`) keeps none."""
        match = _VERSION.fullmatch(version)
        if match is None:
            return False
        later = match.group(2) is not None
        return all(_keeps(_numbers(match.group(1)), later, sign, bound) for sign, bound in self.bounds)


def _numbers(text: str) -> Numbers:
    return tuple(int(part) for part in text.split("."))


def _keeps(version: Numbers, later: bool, sign: str, bound: Numbers) -> bool:
    """`later`: a post-release, which comes after its release; like PEP 440, `>1` does not hold `1.post1`."""
    order = _compare(version, bound)
    same = order == 0
    match sign:
        case ">=":
            return order >= 0
        case "<=":
            return order < 0 or (same and not later)
        case "==":
            return same and not later
        case ">":
            return order > 0
        case _:
            return order < 0


def _compare(one: Numbers, other: Numbers) -> int:
    for left, right in zip_longest(one, other, fillvalue=0):
        if left != right:
            return 1 if left > right else -1
    return 0
