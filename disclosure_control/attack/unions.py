"""Sums of cells that break a rule together, which have to be protected like a cell.

The sum of all withheld parts of a published total is no secret: it is what subtraction gives.
Two companies, each alone in her cell, cannot be told apart by the public, but each has the other; two cells below a
threshold may be below it together; and a company that has most of a secondary cell knows it, and so the primary one
beside it (Handbook on Statistical Disclosure Control, section 4.2.2; Statistics Canada's G-Confid calls such sums
aggregates).

The rules judge a union by what is known of its cells: counts are added up, so that a unit in several of them counts
several times, and the largest contributions are the largest of all.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from disclosure_control.attack.facts import Facts, Protected
from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.rules import assess
from disclosure_control.structure import RelationArrays
from disclosure_control.table import Table

RANKED = ("largest_", "expanded_")  # the same units in the same order: one largest, next largest, …
GREATEST = ("unwaived_largest", "requested_largest")  # of single units


class Unions(NamedTuple):
    """Sums of cells: the cells of each, by their numbers, and the protection that it needs below and above."""

    cells: list[Indices]
    need_down: Numbers
    need_up: Numbers


def sensitive_unions(protected: Sequence[Protected], of: Sequence[Indices], facts: Facts) -> Unions:
    """The unions in these tables that break a rule of their profile. `of`: the numbers of each table's cells."""
    primary = np.asarray((facts.needs > 0).any(axis=0))
    found: dict[bytes, tuple[Indices, float, float]] = {}
    for each, cells in zip(protected, of, strict=True):
        sets = _candidates(each.table.relation_arrays, primary[cells], facts.published[cells])
        if each.profile is None or not sets:
            continue
        merged = _merged(each.table.cells, sets)
        verdict, _ = assess(
            Table(each.table.dimensions, merged, each.table.value_name, each.table.unit_name), each.profile
        )
        sides = (verdict[f"{side}_protection"].to_numpy(dtype="float64") for side in ("lower", "upper"))
        for parts, broken, *needs in zip(sets, verdict["primary"], *sides, strict=True):
            if broken:
                members = np.sort(cells[parts])
                _, *known = found.get(members.tobytes(), (members, 0.0, 0.0))
                found[members.tobytes()] = (members, *map(max, known, needs))
    return Unions(
        [members for members, _, _ in found.values()],
        np.array([down for _, down, _ in found.values()], np.float64),
        np.array([up for _, _, up in found.values()], np.float64),
    )


def _candidates(relations: RelationArrays, primary: Mask, published: Mask) -> list[Indices]:
    """The rows of each set whose sum has to be looked at, every set once.

    Sets of two and more: the primary parts of a total that is not primary; and all withheld parts, one of them primary,
    of a published total, whose sum follows by subtraction.
    """
    found = {}
    for marked, totals in ((primary, ~primary), (~published, published)):
        for members in _marked_parts(relations, marked, totals):
            if primary[members].any():
                found[members.tobytes()] = members
    return list(found.values())


def _marked_parts(relations: RelationArrays, marked: Mask, of: Mask) -> Iterator[Indices]:
    """The marked parts of each of these totals, where there are two or more."""
    totals, starts, parts = relations
    if not len(totals):
        return
    several = np.add.reduceat(marked[parts].astype(np.int64), starts[:-1]) > 1
    for row in np.flatnonzero(several & of[totals]).tolist():
        members = parts[starts[row] : starts[row + 1]]
        yield members[marked[members]]


def _merged(cells: pd.DataFrame, sets: Sequence[Indices]) -> pd.DataFrame:
    """One row of facts per set."""
    rows, union = np.concatenate(sets), np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    starts = np.concatenate(([0], np.cumsum([len(each) for each in sets])[:-1]))
    names = [str(name) for name in cells.select_dtypes(["number", "bool"])]
    facts = {name: cells[name].to_numpy()[rows] for name in names}
    merged = {name: _of_all(name, each, starts) for name, each in facts.items() if not name.startswith(RANKED)}
    return pd.DataFrame(merged | _ranked(facts, union, starts))


def _of_all(name: str, each: np.ndarray, starts: Indices) -> np.ndarray:
    if each.dtype == bool:  # a structural zero
        return np.logical_and.reduceat(each, starts)
    return np.maximum.reduceat(each, starts) if name in GREATEST else np.add.reduceat(each, starts)


def _ranked(facts: dict[str, np.ndarray], union: Indices, starts: Indices) -> dict[str, np.ndarray]:
    """The largest contributions of every union, in order, out of the largest of its cells."""
    ranks = [name for name in facts if name.startswith(RANKED[0])]
    if not ranks:
        return {}
    size = np.nan_to_num(np.concatenate([facts[name] for name in ranks]))
    order = np.lexsort((-size, np.tile(union, len(ranks))))
    chosen = order[starts[:, None] * len(ranks) + np.arange(len(ranks))]
    expanded = [name for name in facts if name.startswith(RANKED[1])]
    weighted = np.concatenate([facts[name] for name in expanded]) if expanded else size
    return {name: size[chosen[:, rank]] for rank, name in enumerate(ranks)} | {
        name: weighted[chosen[:, rank]] for rank, name in enumerate(expanded)
    }
