"""Lone contributors: who is alone in a cell knows its value, and attacks the others with it."""

import numpy as np

from disclosure_control.attack.facts import AGREES, Facts
from disclosure_control.attack.links import Indices, leaders, ragged
from disclosure_control.structure import RelationArrays

NOBODY = -1


def contributors(relations: RelationArrays, facts: Facts) -> tuple[Indices, Indices]:
    """The number of the lone contributor of every cell, or `NOBODY`; and where she is no attacker, being the largest.

    A total and a part of it that have one contributor each have the same one. The protection of a cell guards its
    largest contributor, who knows what she contributes; what others contribute to it is guarded by its parts.

    Returns:
        The numbers; and pairs (cell, contributor), one a row: a cell that hers is part of, in which nobody is larger.
    """
    totals = np.repeat(relations.totals, np.diff(relations.starts))
    same = facts.lone[totals] & facts.lone[relations.parts]
    leader = leaders(len(facts.value), totals[same], relations.parts[same])
    number = np.full(len(facts.value), NOBODY, np.int64)
    number[facts.lone] = np.unique(leader[facts.lone], return_inverse=True)[1]
    cells, above = _ancestors(totals, relations.parts, np.flatnonzero(facts.lone), len(facts.value))
    largest = facts.own[cells] >= facts.largest[above] * (1 - AGREES)
    return number, np.stack([above[largest], number[cells[largest]]], axis=1)


def _ancestors(totals: Indices, parts: Indices, cells: Indices, count: int) -> tuple[Indices, Indices]:
    """Pairs of these cells and all cells that they are part of."""
    order = np.argsort(parts, kind="stable")
    above, first = totals[order], np.searchsorted(parts[order], np.arange(count + 1))
    found = [np.zeros(0, np.int64)]
    start, here = cells, cells
    while len(here):
        lengths = first[here + 1] - first[here]
        start, here = np.repeat(start, lengths), above[ragged(first[here], lengths)]
        pairs = np.unique(start * count + here)
        start, here = pairs // count, pairs % count
        found.append(pairs)
    pairs = np.unique(np.concatenate(found))
    return pairs // count, pairs % count
