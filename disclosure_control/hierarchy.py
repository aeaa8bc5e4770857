"""Hierarchies of codes: what a dimension's total is made of, level by level."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from disclosure_control.errors import MalformedHierarchy

TOTAL = "_T"


@dataclass(frozen=True)
class Hierarchy:
    """A tree of codes: every code but the root has one parent, and a code with children is the sum of them.

    `pairs` are (parent, child), in the order in which children are published. Make one with `from_pairs` or `flat`.
    """

    pairs: tuple[tuple[str, str], ...]
    root: str = field(init=False, compare=False)
    codes: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _children: Mapping[str, tuple[str, ...]] = field(init=False, compare=False, repr=False)
    _parents: Mapping[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        _require_codes(self.pairs)
        parents = _single_parents(self.pairs)
        children: dict[str, list[str]] = {}
        for parent, child in self.pairs:
            children.setdefault(parent, []).append(child)
        root = _single_root(children, parents)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "_parents", MappingProxyType(parents))
        object.__setattr__(self, "_children", MappingProxyType({code: tuple(each) for code, each in children.items()}))
        object.__setattr__(self, "codes", self._below(root))
        _require_reached(self.codes, parents)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> "Hierarchy":
        """The hierarchy of these (parent, child) pairs, of any depth.

        Raises:
            MalformedHierarchy: no pairs, an empty code, two roots, a child with two parents, or a cycle.
        """
        return cls(tuple((str(parent), str(child)) for parent, child in _as_pairs(pairs)))

    @classmethod
    def flat(cls, codes: Iterable[str], total: str = TOTAL) -> "Hierarchy":
        """One total and its parts. Raises `MalformedHierarchy` as `from_pairs` does."""
        return cls(tuple((total, str(code)) for code in codes))

    def children(self, code: str) -> tuple[str, ...]:
        """The codes that add up to this one; none for a leaf."""
        return self._children.get(self._known(code), ())

    def parent(self, code: str) -> str | None:
        """The code that this one is a part of; None for the root."""
        return self._parents.get(self._known(code))

    def depth(self, code: str) -> int:
        """How many steps below the root this code is."""
        return len(self.ancestors(code)) - 1

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The code itself, its parent, … , the root."""
        chain = [self._known(code)]
        while chain[-1] != self.root:
            chain.append(self._parents[chain[-1]])
        return tuple(chain)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The codes without children, in order."""
        return tuple(code for code in self.codes if code not in self._children)

    def leaves_below(self, code: str) -> frozenset[str]:
        """The leaves that add up to this code; itself, if it is a leaf."""
        return frozenset(each for each in self._below(self._known(code)) if each not in self._children)

    def _known(self, code: str) -> str:
        if code != self.root and code not in self._parents:
            raise MalformedHierarchy(f"The hierarchy of {self.root} has no code “{code}”. Check its spelling.")
        return code

    def _below(self, code: str) -> tuple[str, ...]:
        """The code and all below it: parents before children, each with all its own before the next."""
        found, waiting = [], [code]
        while waiting:
            found.append(waiting.pop())
            waiting.extend(reversed(self._children.get(found[-1], ())))
        return tuple(found)


def _as_pairs(pairs: Iterable[Any]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, ...]] = [(each,) if isinstance(each, str) else tuple(each) for each in pairs]
    for place, each in enumerate(found, start=1):
        if len(each) != 2:
            said = "is one text" if len(each) == 1 else f"has {len(each)} codes"
            raise MalformedHierarchy(f"Pair {place} of the hierarchy {said}. Write (parent, child).")
        if any(code is None or code != code for code in each):  # noqa: PLR0124 - NaN is what differs from itself
            raise MalformedHierarchy(
                f"Pair {place} of the hierarchy has a missing code. Name it, or leave the pair out."
            )
    return [(parent, child) for parent, child in found]


def _require_codes(pairs: tuple[tuple[str, str], ...]) -> None:
    if not pairs:
        raise MalformedHierarchy("A hierarchy needs at least one pair (parent, child); this one has none.")
    for place, (parent, child) in enumerate(pairs, start=1):
        if not parent.strip() or not child.strip():
            raise MalformedHierarchy(
                f"Pair {place} of the hierarchy, ({parent!r}, {child!r}), has an empty code. Name it."
            )


def _single_parents(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for parent, child in pairs:
        if child in parents:
            raise MalformedHierarchy(
                f"In the hierarchy, “{child}” stands below “{parents[child]}” and below “{parent}”. A code has one "
                "parent: give the second place a code of its own, or pass two hierarchies for the dimension."
            )
        parents[child] = parent
    return parents


def _single_root(children: Mapping[str, list[str]], parents: Mapping[str, str]) -> str:
    roots = [code for code in children if code not in parents]
    if not roots:
        raise MalformedHierarchy(
            f"The hierarchy is a cycle: {_cycle(parents, next(iter(parents)))}. Take out one pair."
        )
    if len(roots) > 1:
        raise MalformedHierarchy(
            f"The hierarchy has {len(roots)} roots: {', '.join(roots[:5])}. Put one code above them all."
        )
    return roots[0]


def _require_reached(codes: tuple[str, ...], parents: Mapping[str, str]) -> None:
    """With one parent each, what the root does not reach is a cycle."""
    lost = parents.keys() - set(codes)
    if lost:
        raise MalformedHierarchy(f"The hierarchy has a cycle: {_cycle(parents, min(lost))}. Take out one pair.")


def _cycle(parents: Mapping[str, str], start: str) -> str:
    seen = [start]
    while parents[seen[-1]] not in seen:
        seen.append(parents[seen[-1]])
    ring = seen[seen.index(parents[seen[-1]]) :]
    return " is part of ".join([*ring, ring[0]])
