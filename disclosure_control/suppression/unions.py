"""Sensitive unions: withheld cells whose sum can be derived, and breaks a rule.

Where a total is published, the sum of its withheld parts is what subtraction gives. Two cells with one contributor each
protect each other from the public, yet each contributor has the other's value; two cells below the threshold may
together still be below it; and a company in a secondary cell that contributes most of it may be left with little doubt
about the company that dominates the primary one (Handbook on SDC, section 4.2.2, “the criterion is not sufficient”; in
the Statistics Canada systems: aggregates of type A, of sensitive cells only). Such a sum becomes a virtual cell with
the protection that the rules ask for.

A sum of cells that are safe by themselves is safe: the rules are subadditive (Cox 1981, Journal of Statistical Planning
and Inference 5, 153–164). So only sums with a primary cell in them are looked at. Units that contribute to several
of the cells are counted several times: only cells are known here, not microdata.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from disclosure_control.profiles import RuleProfile
from disclosure_control.rules import assess
from disclosure_control.structure import Relation
from disclosure_control.suppression.linked import Linked
from disclosure_control.suppression.problem import Indices, Mask
from disclosure_control.table import Table

Cells = frozenset[int]

MAXIMA = ("unwaived_largest", "requested_largest")


class Union(NamedTuple):
    """A sum of cells that needs protection."""

    cells: Indices
    value: float
    lower: float
    upper: float


def sensitive_unions(cells: Linked, withheld: Mask, primary: Mask, profile: RuleProfile) -> list[Union]:
    """The sums that follow from the published cells when these are withheld, and break a rule of the profile."""
    sensitive = set(np.flatnonzero(primary).tolist())
    sets = sorted(sorted(each) for each in known_sums(cells.relations, withheld) if each & sensitive)
    if not sets:
        return []
    found = [np.array(each, np.int64) for each in sets]
    table, merged = cells.tables[0], _merged(cells.facts, found)
    verdict, _ = assess(Table(table.dimensions, merged, table.value_name, table.unit_name), profile)
    rows = zip(found, merged["value"], verdict["lower_protection"], verdict["upper_protection"], strict=True)
    return [Union(*row) for row, broken in zip(rows, verdict["primary"], strict=True) if broken]


def known_sums(relations: Sequence[Relation], withheld: Mask) -> set[Cells]:
    """Sets of two and more withheld cells whose sum the published cells tell.

    The withheld parts of each published total; the same with every withheld subtotal replaced by what is withheld of
    it; and of two such sets, one within the other, what is only in the larger.
    """
    parts_of: dict[int, list[Cells]] = {}
    for total, parts in relations:
        parts_of.setdefault(total, []).append(frozenset(parts[withheld[parts]].tolist()))
    known = {each for total, sets in parts_of.items() if not withheld[total] for each in sets if each}
    finest = {_finest(each, parts_of) for each in known}
    return {each for each in known | finest | set(_differences(finest)) if len(each) > 1}


def _finest(cells: Cells, parts_of: dict[int, list[Cells]]) -> Cells:
    """Every subtotal replaced by what is withheld of it, along the dimension where that is the least."""
    found: set[int] = set()
    waiting = sorted(cells)
    while waiting:
        cell = waiting.pop()
        options: list[Cells] = [each for each in parts_of.get(cell, ()) if each]
        if options:
            least = min(options, key=_size)
            waiting.extend(least)
        else:
            found.add(cell)
    return frozenset(found)


def _size(cells: Cells) -> tuple[int, list[int]]:
    return len(cells), sorted(cells)


def _differences(sets: Iterable[Cells]) -> Iterator[Cells]:
    """What a set has more than another that it contains: between hierarchies that are not nested."""
    containing: dict[int, set[Cells]] = {}
    for each in sets:
        for cell in each:
            containing.setdefault(cell, set()).add(each)
    for smaller in sets:
        around = set.intersection(*(containing[cell] for cell in smaller))
        yield from (larger - smaller for larger in around if larger != smaller)


def _merged(facts: pd.DataFrame, sets: Sequence[Indices]) -> pd.DataFrame:
    """One row of facts for each set: sums, and the largest of all the largest with what belongs to them."""
    cells, union = np.concatenate(sets), np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    groups = facts.iloc[cells].fillna(0).groupby(union)
    merged = groups.sum().reset_index(drop=True)
    for name in MAXIMA:
        if name in facts:
            merged[name] = groups[name].max().to_numpy()
    _rank(merged, facts.iloc[cells], union)
    return merged


def _rank(merged: pd.DataFrame, facts: pd.DataFrame, union: Indices) -> None:
    """Fill in the ranks: `largest_1`, … by size, `expanded_1`, … of the same contributors."""
    ranks = sorted((name for name in map(str, facts) if name.startswith("largest_")), key=lambda name: int(name[8:]))
    if not ranks:
        return
    size = np.nan_to_num(facts[ranks].to_numpy()).ravel()
    of = np.repeat(union, len(ranks))
    order = np.lexsort((-size, of))
    starts = np.searchsorted(of[order], np.arange(len(merged)))
    for place, name in enumerate(ranks):
        chosen = order[starts + place]
        merged[name] = size[chosen]
        expanded = name.replace("largest", "expanded")
        if expanded in facts:
            every = facts[[each.replace("largest", "expanded") for each in ranks]].to_numpy()
            merged[expanded] = np.nan_to_num(every).ravel()[chosen]
