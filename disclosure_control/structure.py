"""The structure of a table: its dimensions' codes, the cross of them, and the equations between its cells."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Union

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import MalformedHierarchy
from disclosure_control.hierarchy import Hierarchy

Indices = NDArray[np.int64]
Hierarchies = tuple[Hierarchy, ...]
DimensionLike = Union[Hierarchy, Sequence[Hierarchy], None]


class Relation(NamedTuple):
    """One equation of a table: the cell at position `total` is the sum of the cells at the positions `parts`."""

    total: int
    parts: Indices


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
    if not hierarchies:
        raise MalformedHierarchy(
            f"The dimension {name} has an empty list of hierarchies. Pass one, or None for a flat one."
        )
    first = hierarchies[0]
    aligned = tuple(_with_root(each, first.root) for each in hierarchies)
    for each in aligned[1:]:
        _require_same_leaves(name, first, each)
    return aligned


def codes_of(hierarchies: Hierarchies) -> tuple[str, ...]:
    """All codes of a dimension, each once: the first hierarchy's, then what the others add."""
    return tuple(dict.fromkeys(code for each in hierarchies for code in each.codes))


def cross(dimensions: Mapping[str, Hierarchies]) -> pd.DataFrame:
    """One row for every cell, with its codes; the last dimension varies fastest."""
    axes = [codes_of(each) for each in dimensions.values()]
    grid = np.indices([len(axis) for axis in axes]).reshape(len(axes), -1)
    columns = {
        name: pd.array(np.asarray(axis, dtype=object)[at], dtype="str")
        for name, axis, at in zip(dimensions, axes, grid, strict=True)
    }
    return pd.DataFrame(columns)


def relations_of(dimensions: Mapping[str, Hierarchies]) -> tuple[Relation, ...]:
    """Every additive equation: each code that has children, crossed with all codes of the other dimensions."""
    axes = [codes_of(each) for each in dimensions.values()]
    sizes = [len(axis) for axis in axes]
    strides = [int(np.prod(sizes[place + 1 :], dtype=np.int64)) for place in range(len(sizes))]
    found: list[Relation] = []
    for place, hierarchies in enumerate(dimensions.values()):
        others = _positions(sizes, strides, place)
        for parent, parts in _equations(axes[place], hierarchies):
            found.extend(Relation(int(at + parent * strides[place]), at + parts * strides[place]) for at in others)
    return tuple(found)


def _positions(sizes: list[int], strides: list[int], place: int) -> Indices:
    """The positions of all combinations of the other dimensions' codes, with code 0 in this dimension."""
    at = np.zeros(1, dtype=np.int64)
    for other, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        if other != place:
            at = (at[:, None] + np.arange(size, dtype=np.int64) * stride).ravel()
    return at


def _equations(axis: tuple[str, ...], hierarchies: Hierarchies) -> Iterator[tuple[int, Indices]]:
    """(position of the parent, positions of its children) on this axis; the same equation appears once."""
    at = {code: place for place, code in enumerate(axis)}
    seen: set[tuple[int, ...]] = set()
    for hierarchy in hierarchies:
        for code in hierarchy.codes:
            parts = sorted(at[child] for child in hierarchy.children(code))
            equation = (at[code], *parts)
            if parts and equation not in seen:
                seen.add(equation)
                yield at[code], np.array(parts, dtype=np.int64)


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
