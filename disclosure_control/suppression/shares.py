"""Contributors who know their own share of a withheld cell, and so that the cell is no smaller.

Who contributes most of a secondary cell knows that it cannot give way far, and may bound a primary cell by that more
closely than outsiders can. A pattern is searched for such contributors; each that is found becomes an attacker of her
own: her cell is the sum of her share, which she knows, and of the others', in two virtual cells (invariant I4; Handbook
on SDC, section 4.2.2: no pattern is valid when respondents can use what they know of their own contribution).

Looked at are the largest contributors of the inner cells, each for herself. Who is alone in her cell is an attacker in
any case, see `insiders`. What a contributor needs to be kept from is what the rules ask for against somebody who
contributes nothing to the primary cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from disclosure_control.profiles import RuleProfile
from disclosure_control.rules import assess
from disclosure_control.structure import Relation
from disclosure_control.suppression.linked import Linked
from disclosure_control.suppression.lp import Deadline, Model
from disclosure_control.suppression.problem import Equations, Indices, Mask, Numbers
from disclosure_control.suppression.proof import TOLERANCE
from disclosure_control.table import Table

FARTHEST = 50.0  # times what is required: no cell moves farther
SAME = 1e-9  # of a value
UP, DOWN = 1, -1


class Shares(NamedTuple):
    """The largest contributors of inner cells: `cells`, and of every cell what its largest knows to be in it."""

    cells: Mask
    known: Numbers


class Wanted(NamedTuple):
    """One requirement: the primary cell can lie `need` above (`side` 1) or below (-1) the truth."""

    cell: int
    side: int
    need: float


def shares_of(cells: Linked, profile: RuleProfile) -> Shares:
    """Who knows a share: in inner cells of several contributors, none of whom contributes less than nothing.

    Contributions are known as they enter the total: weighted where weights are known, else unweighted.
    """
    facts, value = cells.facts, cells.value
    nobody = np.zeros(len(cells), bool)
    who = "holdings" if "holdings" in facts else "units"
    if cells.tables[0].value_name is None or who not in facts or "largest_1" not in facts:
        return Shares(nobody, np.zeros(len(cells)))
    weighted = profile.weights.policy == "known" and "expanded_1" in facts
    known = np.nan_to_num(facts["expanded_1" if weighted else "largest_1"].to_numpy(dtype="float64"))
    inner = ~nobody
    inner[[total for total, _ in cells.relations]] = False
    several = facts[who].to_numpy() > 1
    return Shares(inner & several & (cells.floor == 0) & (known > 0) & (known <= value), known)


def needs_outside(cells: Linked, profile: RuleProfile, needs: Numbers) -> Numbers:
    """The protection (down and up, two rows) against somebody who contributes nothing to the cell: at most `needs`."""
    table, facts = cells.tables[0], cells.facts.fillna(0)
    others = [
        name for name in map(str, facts) if name.startswith(("largest_", "expanded_")) and not name.endswith("_1")
    ]
    alone = pd.DataFrame(facts).assign(**dict.fromkeys(others, 0.0))
    verdict, _ = assess(Table(table.dimensions, alone, table.value_name, table.unit_name), profile)
    asked = verdict[["lower_protection", "upper_protection"]].to_numpy().T
    return np.asarray(np.minimum(np.where(verdict["primary"], asked, 0), needs), np.float64)


class Reach:
    """The requirements in their order, and which of them are proven."""

    def __init__(self, wanted: Sequence[Wanted], place: Indices) -> None:
        self.wanted = wanted
        self.proven = np.zeros(len(wanted), bool)
        self._place = place[[each.cell for each in wanted]]
        self._side = np.array([each.side for each in wanted], np.float64)
        self._enough = np.array([each.need for each in wanted], np.float64) * (1 - TOLERANCE)

    def met(self, step: Numbers) -> Indices:
        """The requirements without a proof that this deviation meets."""
        return np.flatnonzero(~self.proven & (step[self._place] * self._side >= self._enough))


class Search:
    """Looks for contributors who see through a pattern, by linear programs over its withheld cells."""

    def __init__(
        self, cells: Linked, shares: Shares, withheld: Mask, room: tuple[Numbers, Numbers], deadline: Deadline
    ) -> None:
        self._kept = np.flatnonzero(withheld)
        self._place = np.full(len(cells), -1, np.int64)
        self._place[self._kept] = np.arange(len(self._kept))
        self._down, self._up = (each[self._kept] for each in room)
        knowing = shares.cells[self._kept]
        rest = np.maximum(cells.value - shares.known, 0)[self._kept]
        self._tight = np.where(knowing, np.minimum(self._down, rest), self._down)
        self._within = _within(cells.relations)
        self._largest = np.nan_to_num(cells.facts["largest_1"].to_numpy(dtype="float64"))
        self._knowing = knowing
        self._model = Model(equations_of(cells.relations).on(withheld), len(self._kept), deadline)

    def exposed(self, wanted: Sequence[Wanted]) -> set[int]:
        """The cells whose largest contributor can bound some primary cell too closely."""
        found: set[int] = set()
        ordered = sorted(wanted, key=lambda each: (-each.need, each.cell, each.side))
        reach = Reach(ordered, self._place)
        for number, each in enumerate(ordered):
            if not reach.proven[number]:
                step = self._farthest(each, np.where(self._free(each.cell), self._down, self._tight))
                self._take(step, reach)
                if not reach.proven[number]:
                    found |= self._each_alone(each)
        return found

    def _take(self, step: Numbers, reach: "Reach") -> None:
        """Mark what this deviation proves: all that it meets, where nobody knows that it is impossible."""
        beyond = self._beyond(step)
        for number in reach.met(step).tolist():
            reach.proven[number] = not (beyond & ~self._free(reach.wanted[number].cell)).any() if beyond.any() else True

    def _each_alone(self, wanted: Wanted) -> set[int]:
        """Those who can bound it too closely, each for herself: who cannot in company, cannot alone."""
        waiting, found = [np.flatnonzero(self._knowing & ~self._free(wanted.cell))], set()
        while waiting:
            company = waiting.pop()
            down = self._down.copy()
            down[company] = self._tight[company]
            if _meets(self._farthest(wanted, down)[self._place[wanted.cell]], wanted):
                continue
            if len(company) > 1:
                waiting += np.array_split(company, 2)
            else:
                found.update(self._kept[company].tolist())
        return found

    def _free(self, cell: int) -> Mask:
        """Whose contributors are no attackers on this cell: it itself, and parts of it whose largest is its largest."""
        free = self._kept == cell
        parts = self._place[[each for each in self._within.get(cell, ()) if self._place[each] >= 0]]
        free[parts] |= self._largest[self._kept[parts]] >= self._largest[cell] * (1 - SAME)
        return np.asarray(free, bool)

    def _farthest(self, wanted: Wanted, down: Numbers) -> Numbers:
        scale = wanted.need
        aim = np.zeros(len(self._kept))
        aim[self._place[wanted.cell]] = wanted.side
        self._model.bound(-np.minimum(down / scale, FARTHEST), np.minimum(self._up / scale, FARTHEST))
        self._model.price(aim)
        return np.clip(self._model.solve() * scale, -down, self._up)

    def _beyond(self, step: Numbers) -> Mask:
        """Where it falls farther than the largest contributor knows to be possible."""
        return np.asarray(self._knowing & (step < -self._tight - TOLERANCE * np.abs(self._down)), bool)


def _meets(step: float, wanted: Wanted) -> bool:
    return step * wanted.side >= wanted.need * (1 - TOLERANCE)


def _within(relations: tuple[Relation, ...]) -> dict[int, set[int]]:
    """For every total, the inner cells that it is the sum of."""
    parts_of: dict[int, set[int]] = {}
    for total, parts in relations:
        parts_of.setdefault(total, set()).update(parts.tolist())
    found: dict[int, set[int]] = {}

    def below(cell: int) -> set[int]:
        if cell not in parts_of:
            return {cell}
        if cell not in found:
            found[cell] = set().union(*(below(part) for part in parts_of[cell]))
        return found[cell]

    for total in parts_of:
        below(total)
    return found


def equations_of(relations: Sequence[Relation]) -> Equations:
    """Each relation as a row that sums to zero."""
    cells = [np.concatenate(([row.total], row.parts)) for row in relations]
    signs = [np.concatenate(([-1.0], np.ones(len(row.parts)))) for row in relations]
    starts: Indices = np.concatenate(([0], np.cumsum([len(each) for each in cells], dtype=np.int64)))
    return Equations(starts, np.concatenate(cells), np.concatenate(signs))
