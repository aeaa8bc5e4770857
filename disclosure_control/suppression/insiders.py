"""Contributors as attackers: who knows the value of a withheld cell, being alone in it, and where she is none."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from disclosure_control.structure import Relation
from disclosure_control.suppression.linked import Linked
from disclosure_control.suppression.problem import NOBODY, Indices, Mask
from disclosure_control.suppression.unions import Union
from disclosure_control.table import Table

SAME = 1e-9  # of a value


def lone(table: Table, facts: pd.DataFrame) -> Mask:
    """The cells of one contributor, who knows the value; contributors are holdings where these are known.

    In a table of frequencies there is nothing to know.
    """
    who = "holdings" if "holdings" in facts else "units"
    if table.value_name is None or who not in facts:
        return np.zeros(len(facts), bool)
    return np.asarray(facts[who].to_numpy() == 1)


def knowers(relations: Sequence[Relation], alone: Mask) -> Indices:
    """Numbers the lone contributors. In a total and a part of it that both have one contributor, it is the same one."""
    leader = np.arange(len(alone))
    for total, parts in relations:
        for part in parts[alone[parts]].tolist() if alone[total] else ():
            leader[leader == leader[part]] = leader[total]
    numbers = np.full(len(alone), NOBODY, np.int64)
    numbers[alone] = np.unique(leader[alone], return_inverse=True)[1]
    return numbers


def exempt(cells: Linked, knower: Indices, unions: Sequence[Union], shares: Sequence[int]) -> Indices:
    """Who is no attacker where: the largest contributor on a cell that hers is part of, and each on unions of hers.

    The protection level of a cell guards its largest contributor's value, which she knows; what the others in it
    contribute is guarded by the cells that are parts of it. A union stands to its cells as a total to its parts. After
    the lone contributors (`knower`) come the largest ones of the cells in `shares`, who are no attackers on these.
    """
    count, alone = len(cells), np.flatnonzero(knower != NOBODY).tolist()
    first = int(knower.max(initial=NOBODY)) + 1
    holders = [(cell, int(knower[cell])) for cell in alone] + [(cell, first + n) for n, cell in enumerate(shares)]
    own, largest = _contributions(cells.facts)
    largest = np.concatenate([largest, [largest[union.cells].max() for union in unions]])
    above: dict[int, list[int]] = {}
    for total, parts in (*cells.relations, *((count + place, union.cells) for place, union in enumerate(unions))):
        for part in parts.tolist():
            above.setdefault(part, []).append(total)
    pairs = {(cell, first + n) for n, cell in enumerate(shares)}
    for cell, contributor in holders:
        pairs |= {(total, contributor) for total in above.get(cell, ()) if total >= count}
        pairs |= {(total, contributor) for total in _ancestors(cell, above) if own[cell] >= largest[total] * (1 - SAME)}
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def _contributions(facts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """What a lone contributor has in each cell, and from what on somebody is the largest in it: half, if unknown."""
    if "largest_1" in facts:
        return facts["largest_1"].to_numpy(), facts["largest_1"].to_numpy()
    size = np.abs(facts["value"].to_numpy())
    return size, size / 2


def _ancestors(cell: int, above: dict[int, list[int]]) -> set[int]:
    """All cells that this one is part of."""
    found: set[int] = set()
    waiting = [cell]
    while waiting:
        new = [each for each in above.get(waiting.pop(), ()) if each not in found]
        found.update(new)
        waiting.extend(new)
    return found
