"""The structure of a table: its dimensions' codes, the cross of them, and the equations between its cells."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import MalformedHierarchy, MalformedTable
from disclosure_control.hierarchy import Hierarchy

Indices = NDArray[np.int64]
Hierarchies = tuple[Hierarchy, ...]
DimensionLike = Hierarchy | Sequence[Hierarchy] | None


class Relation(NamedTuple):
    """One equation of a table: the cell at position `total` is the sum of the cells at the positions `parts`."""

    total: int
    parts: Indices


class RelationArrays(NamedTuple):
    """The equations of a table as arrays: `totals[k]` is the sum of `parts[starts[k]:starts[k + 1]]`."""

    totals: Indices
    starts: Indices
    parts: Indices


@dataclass(frozen=True)
class Axis:
    """One dimension of a table: its codes in order, and how its leaves make them up.

    `separate`: nothing adds up along it (the years of a panel in which units recur); it has its leaves only.
    """

    name: str
    hierarchies: Hierarchies
    separate: bool = False

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Every code once: the first hierarchy's, then what the others add."""
        if self.separate:
            return self.leaves
        return codes_of(self.hierarchies)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        return self.hierarchies[0].leaves

    @cached_property
    def places(self) -> dict[str, int]:
        return {code: place for place, code in enumerate(self.codes)}

    @cached_property
    def leaf_places(self) -> Indices:
        """Where each leaf stands among the codes."""
        return np.array([self.places[leaf] for leaf in self.leaves], dtype=np.int64)

    def below(self, code: str | None) -> Indices:
        """Which of the leaves are part of this code, or all. Raises `MalformedHierarchy` for an unknown one."""
        if code is None:
            return np.arange(len(self.leaves), dtype=np.int64)
        hierarchy = next((each for each in self.hierarchies if code in each.codes), self.hierarchies[0])
        parts = hierarchy.leaves_below(code)
        return np.flatnonzero([leaf in parts for leaf in self.leaves])

    @cached_property
    def equations(self) -> tuple[tuple[int, Indices], ...]:
        """(place of a code, places of its children), children before their parents; an equation appears once."""
        found = {}
        for hierarchy in () if self.separate else self.hierarchies:
            for code in reversed(hierarchy.codes):
                parts = sorted(self.places[child] for child in hierarchy.children(code))
                if parts:
                    found[self.places[code], *parts] = (self.places[code], np.array(parts, dtype=np.int64))
        return tuple(found.values())

    @cached_property
    def sums(self) -> tuple[tuple[int, Indices], ...]:
        """One equation for each code that has any, children before their parents."""
        found: dict[int, tuple[int, Indices]] = {}
        for code, parts in self.equations:
            found.setdefault(code, (code, parts))
        return tuple(found.values())

    @cached_property
    def levels(self) -> tuple[Indices, ...]:
        """Leaf → its code on one level of one hierarchy, or −1; every code stands on one level."""
        if self.separate:
            return (self.leaf_places,)
        seen: set[str] = set()
        found = []
        for hierarchy in self.hierarchies:
            chains = [hierarchy.ancestors(leaf)[::-1] for leaf in self.leaves]
            for depth in range(max(map(len, chains))):
                codes = [chain[depth] if depth < len(chain) and chain[depth] not in seen else None for chain in chains]
                seen |= {code for code in codes if code is not None}
                found.append(np.array([-1 if code is None else self.places[code] for code in codes], dtype=np.int64))
        return tuple(level for level in found if (level >= 0).any())


@dataclass(frozen=True)
class Grid:
    """All cells of a table: the cross of its axes' codes; the last axis varies fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.codes) for axis in self.axes)

    @property
    def leaf_shape(self) -> tuple[int, ...]:
        return tuple(len(axis.leaves) for axis in self.axes)

    @property
    def cells(self) -> int:
        return prod(self.shape)

    @property
    def leaf_cells(self) -> int:
        return prod(self.leaf_shape)

    def places(self, levels: Sequence[Indices]) -> Indices:
        """Leaf cell → cell of these levels, one for each axis; −1 where a level does not have the leaf."""
        codes = np.meshgrid(*levels, indexing="ij")
        cells = np.ravel_multi_index([np.maximum(each, 0) for each in codes], self.shape)
        return np.where(np.logical_and.reduce([each >= 0 for each in codes]), cells, -1).astype(np.int64).ravel()

    def frame(self) -> pd.DataFrame:
        """One row for every cell, with its codes."""
        at = np.unravel_index(np.arange(self.cells), self.shape)
        codes = [np.asarray(axis.codes, dtype=object)[place] for axis, place in zip(self.axes, at, strict=True)]
        return pd.DataFrame(
            {axis.name: pd.array(each, dtype="str") for axis, each in zip(self.axes, codes, strict=True)}
        )

    def impossible(self, named: Sequence[Mapping[str, str]]) -> NDArray[np.bool_]:
        """The structural zeros: cells of which all leaf cells are named.

        Each name has codes of some dimensions, and means all leaf cells that are part of all of these.

        Raises:
            MalformedTable: a dimension that the table does not have. MalformedHierarchy: a code that it does not have.
        """
        leaves = np.zeros(self.leaf_shape, dtype=bool)
        for each in named:
            stray = set(each) - {axis.name for axis in self.axes}
            if stray:
                raise MalformedTable(
                    f"An impossible cell names {', '.join(stray)}, which is no dimension. Leave it out."
                )
            chosen = [axis.below(each.get(axis.name)) for axis in self.axes]
            leaves[np.ix_(*chosen)] = True
        for place, axis in enumerate(self.axes):
            codes = np.zeros((len(axis.codes), *np.moveaxis(leaves, place, 0).shape[1:]), dtype=bool)
            codes[axis.leaf_places] = np.moveaxis(leaves, place, 0)
            for code, parts in axis.sums:
                codes[code] = codes[parts].all(axis=0)
            leaves = np.moveaxis(codes, 0, place)
        return leaves.ravel()

    def leaf_mask(self) -> NDArray[np.bool_]:
        """Which cells are leaves in every dimension."""
        mask = np.zeros(self.shape, dtype=bool)
        mask[np.ix_(*(axis.leaf_places for axis in self.axes))] = True
        return mask.ravel()

    def relations(self) -> tuple[Relation, ...]:
        """Every additive equation: each code that has children, crossed with all codes of the other dimensions."""
        return tuple(
            Relation(int(total), each)
            for totals, parts in self._sums()
            for total, each in zip(totals, parts, strict=True)
        )

    def relation_arrays(self) -> RelationArrays:
        """The same equations, in the same order."""
        blocks = list(self._sums())
        none = np.zeros(0, dtype=np.int64)
        sizes = np.concatenate([none, *(np.full(len(totals), parts.shape[1]) for totals, parts in blocks)])
        return RelationArrays(
            np.concatenate([none, *(totals for totals, _ in blocks)]),
            np.concatenate(([0], np.cumsum(sizes))),
            np.concatenate([none, *(parts.ravel() for _, parts in blocks)]),
        )

    def _sums(self) -> Iterator[tuple[Indices, Indices]]:
        """For each code that has children: the cells that have it, and for each of these the cells of the children."""
        cells = np.arange(self.cells, dtype=np.int64).reshape(self.shape)
        for place, axis in enumerate(self.axes):
            along = np.moveaxis(cells, place, 0).reshape(len(axis.codes), -1)
            for code, parts in reversed(axis.equations):
                yield along[code], np.ascontiguousarray(along[parts].T)


def as_hierarchies(name: str, given: DimensionLike, codes: Iterable[str]) -> Hierarchies:
    """The hierarchies of one dimension; without any, a flat one of these codes.

    Several share their leaves. Their roots are one cell, which bears the first root's code. A code that two of them
    name has the same leaves in both.

    Raises:
        MalformedHierarchy: they do not share their leaves, or one code means two things.
    """
    if given is None:
        return (Hierarchy.flat(sorted(codes)),)
    hierarchies = (given,) if isinstance(given, Hierarchy) else tuple(given)
    if isinstance(given, str) or not all(isinstance(each, Hierarchy) for each in hierarchies):
        raise MalformedHierarchy(
            f"The dimension {name} is given as {type(given).__name__}. Pass a Hierarchy, several, or None for a flat "
            "one."
        )
    if not hierarchies:
        raise MalformedHierarchy(
            f"The dimension {name} has an empty list of hierarchies. Pass one, or None for a flat one."
        )
    first = hierarchies[0]
    aligned = tuple(_with_root(each, first.root) for each in hierarchies)
    for each in aligned[1:]:
        _require_same_leaves(name, first, each)
    return aligned


def require_names(dimensions: object, taken: Collection[str]) -> None:
    """Raise `MalformedTable` unless dimensions are a mapping by names of which the cells bear none already."""
    if not isinstance(dimensions, Mapping):
        raise MalformedTable(
            f"The dimensions are {type(dimensions).__name__}. Pass a mapping from each column to its hierarchy, or to "
            "None for a flat one."
        )
    if not dimensions:
        raise MalformedTable("The table has no dimensions. Name at least one column.")
    clash = [str(name) for name in dimensions if name in taken or str(name).startswith(RANKED)]
    if clash:
        raise MalformedTable(f"The dimension {clash[0]} has the name of a fact of the cells. Rename its column.")


RANKED = ("largest_", "expanded_")


def codes_of(hierarchies: Hierarchies) -> tuple[str, ...]:
    """All codes of a dimension, each once: the first hierarchy's, then what the others add."""
    return tuple(dict.fromkeys(code for each in hierarchies for code in each.codes))


def cross(dimensions: Mapping[str, Hierarchies]) -> pd.DataFrame:
    """One row for every cell, with its codes; the last dimension varies fastest."""
    return Grid(tuple(Axis(name, hierarchies) for name, hierarchies in dimensions.items())).frame()


def keys_of(dimensions: Mapping[str, Hierarchies], cells: pd.DataFrame) -> list[tuple[tuple[str, str], ...]]:
    """What names each cell in every table: its sorted (dimension, code) pairs without the totals."""
    totals = {name: hierarchies[0].root for name, hierarchies in dimensions.items()}
    names = sorted(dimensions)
    rows = zip(*(cells[name] for name in names), strict=True)
    return [tuple((name, code) for name, code in zip(names, row, strict=True) if code != totals[name]) for row in rows]


def _with_root(hierarchy: Hierarchy, root: str) -> Hierarchy:
    if hierarchy.root == root:
        return hierarchy
    return Hierarchy(tuple((root if parent == hierarchy.root else parent, child) for parent, child in hierarchy.pairs))


def _require_same_leaves(name: str, first: Hierarchy, other: Hierarchy) -> None:
    different = set(first.leaves) ^ set(other.leaves)
    if different:
        raise MalformedHierarchy(
            f"The hierarchies of {name} do not share their leaves: {', '.join(sorted(different)[:5])} stand in one of "
            "them only. Give every leaf a place in each."
        )
    for code in set(first.codes) & set(other.codes):
        if first.leaves_below(code) != other.leaves_below(code):
            raise MalformedHierarchy(
                f"The code “{code}” of {name} has other leaves in one hierarchy than in the other. Name them apart."
            )
