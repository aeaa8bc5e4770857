"""What an attacker sees of protected tables: the withheld cells, and the equations that the published ones leave.

Written apart from the suppressor on purpose: nothing of `disclosure_control.suppression` is used here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from disclosure_control.attack.facts import AGREES, PROTECTION, Facts, Protected, facts_of
from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.attack.lone import NOBODY, contributors
from disclosure_control.attack.names import numbered
from disclosure_control.attack.unions import Unions, sensitive_unions
from disclosure_control.errors import AttackFailed
from disclosure_control.structure import RelationArrays

ROUNDING = 1e-9  # of a number of which a whole one is made
SUMS = 1e-6  # as a part of the values: totals equal the sum of their parts


class Equations(NamedTuple):
    """The entries of equations, row by row: in each row, sign times deviation adds up to 0 over the columns."""

    rows: Indices
    columns: Indices
    signs: Numbers


@dataclass(frozen=True, eq=False)
class View:
    """The withheld cells of all tables, each once, the unions that need protection, and the equations between them.

    One entry per column in every array. Columns are the cells that are withheld or need protection, and then the
    unions. All amounts are in the values' units; deviations are from the truth.

    Attributes:
        places: for every table, the rows of its cells that are columns, and these columns.
        truth: the values. `room_down`, `room_up`: how far below and above an attacker has to reckon; 0: it is known.
        need_down, need_up, need_apart: the protection required below, above, and of the whole width.
        whole: it is a whole number, as everybody knows.
        knower: the number of the lone contributor who knows it, or `NOBODY`.
        exempt: pairs (column, contributor): who is no attacker there.
        equations: between the deviations. `unions`: the columns that each union, from `cells` on, is the sum of.
    """

    places: tuple[tuple[Indices, Indices], ...]
    truth: Numbers
    room_down: Numbers
    room_up: Numbers
    need_down: Numbers
    need_up: Numbers
    need_apart: Numbers
    whole: Mask
    knower: Indices
    exempt: Indices
    equations: Equations
    unions: tuple[Indices, ...]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def cells(self) -> int:
        """The number of columns that are cells."""
        return len(self) - len(self.unions)

    @property
    def known(self) -> Mask:
        """Which columns everybody knows: published in some table, or impossible."""
        return np.asarray((self.room_down == 0) & (self.room_up == 0))


def view_of(protected: Sequence[Protected], prior: float | None = None) -> View:
    """The view of an attacker who knows every value to within this part of it; None: only what everybody knows.

    Raises:
        AttackFailed: something that is published, or a sum, is not true; or cells have no or two values.
    """
    of, count = numbered([each.table for each in protected])
    facts = facts_of(protected, of, count)
    relations = _relations(protected, of)
    _require_sums(relations, facts.value)
    unions = sensitive_unions(protected, of, facts)
    asked = facts.withheld | (facts.needs > 0).any(axis=0)
    column = np.where(asked, np.cumsum(asked) - 1, -1)
    return _view(protected, of, _attacked(facts, prior), relations, unions, column)


def _view(
    protected: Sequence[Protected],
    of: Sequence[Indices],
    facts: Facts,
    relations: RelationArrays,
    unions: Unions,
    column: Indices,
) -> View:
    cells = np.flatnonzero(column >= 0)
    members = tuple(column[each] for each in unions.cells)
    room_down, room_up = (_and_unions(room[cells], members) for room in (facts.room_down, facts.room_up))
    need_down, need_up, need_apart = facts.needs[:, cells]
    known = facts.published[cells]
    knower, exempt = contributors(relations, facts)
    return View(
        places=tuple(_places(each, numbers, column) for each, numbers in zip(protected, of, strict=True)),
        truth=_and_unions(facts.value[cells], members),
        room_down=room_down,
        room_up=room_up,
        need_down=np.append(need_down, np.minimum(unions.need_down, room_down[len(cells) :])),
        need_up=np.append(need_up, unions.need_up),
        need_apart=np.append(need_apart, np.zeros(len(members))),
        whole=np.append(facts.whole[cells], [facts.whole[each].all() for each in unions.cells]).astype(bool),
        knower=np.append(np.where(known, NOBODY, knower[cells]), np.full(len(members), NOBODY)),
        exempt=_exempt(exempt, facts, knower, column, unions),
        equations=_equations(relations, column, ~facts.published, members),
        unions=members,
    )


def _attacked(facts: Facts, prior: float | None) -> Facts:
    """The facts, with the room that is left to an attacker who sees what is published and has this prior.

    Who knows every value to within a part of it knows those that are zero: there is nothing to require of them.
    """
    room_down, room_up, needs = facts.room_down, facts.room_up, facts.needs
    if prior is not None:
        share = prior * np.abs(facts.value)
        share = np.where(facts.whole, np.floor(share + ROUNDING), share)
        room_down, room_up = np.minimum(room_down, share), np.minimum(room_up, share)
        needs = np.where(facts.value == 0, 0, needs)
    hidden = ~facts.published
    return replace(facts, room_down=np.where(hidden, room_down, 0), room_up=np.where(hidden, room_up, 0), needs=needs)


def _and_unions(amount: Numbers, members: Sequence[Indices]) -> Numbers:
    """The amounts of cells, and behind them those of the unions."""
    return np.append(amount, [amount[each].sum() for each in members])


def _places(protected: Protected, numbers: Indices, column: Indices) -> tuple[Indices, Indices]:
    """The rows of a table's cells that it does not show, or that need protection; and their columns."""
    hidden = protected.cells["value"].isna().to_numpy()
    exposed = (protected.protection[list(PROTECTION)].to_numpy(dtype="float64") > 0).any(axis=1)
    rows = np.flatnonzero(hidden | exposed)
    return rows, column[numbers[rows]]


def _exempt(exempt: Indices, facts: Facts, knower: Indices, column: Indices, unions: Unions) -> Indices:
    """Pairs (column, contributor). A union's contributors are kept from each other by its cells.

    So is the largest contributor of a union who knows a part of one of its cells, as in that cell.
    """
    first = int(column.max(initial=-1)) + 1
    pairs = [np.stack([column[exempt[:, 0]], exempt[:, 1]], axis=1)]
    for number, cells in enumerate(unions.cells):
        largest = cells[facts.largest[cells] >= facts.largest[cells].max() * (1 - AGREES)]
        parted = exempt[np.isin(exempt[:, 0], largest), 1]
        who = np.concatenate([knower[cells], parted])
        pairs.append(np.stack([np.full(len(who), first + number), who], axis=1))
    found = np.concatenate(pairs)
    return found[(found >= 0).all(axis=1)]


def _relations(protected: Sequence[Protected], of: Sequence[Indices]) -> RelationArrays:
    """The equations of all tables, over the numbers of the cells."""
    arrays = [each.table.relation_arrays for each in protected]
    lengths = np.concatenate([np.diff(each.starts) for each in arrays])
    return RelationArrays(
        np.concatenate([cells[each.totals] for each, cells in zip(arrays, of, strict=True)]),
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate([cells[each.parts] for each, cells in zip(arrays, of, strict=True)]),
    )


def _require_sums(relations: RelationArrays, value: Numbers) -> None:
    totals, starts, parts = relations
    if not len(totals):
        return
    sums, sizes = (np.add.reduceat(each[parts], starts[:-1]) for each in (value, np.abs(value)))
    if (np.abs(value[totals] - sums) > SUMS * (sizes + np.abs(value[totals]))).any():
        raise AttackFailed("A total is not the sum of its parts, so the attack would prove nothing.")


def _equations(relations: RelationArrays, column: Indices, hidden: Mask, members: Sequence[Indices]) -> Equations:
    """What is left of the relations when all that is published is subtracted; and every union with its cells."""
    count, lengths = len(relations.totals), np.diff(relations.starts)
    rows = np.concatenate([np.arange(count), np.repeat(np.arange(count), lengths)])
    cells = np.concatenate([relations.totals, relations.parts])
    signs = np.concatenate([np.full(count, -1.0), np.ones(len(relations.parts))])
    kept = hidden[cells] & (column[cells] >= 0)
    rows, columns, signs = rows[kept], column[cells[kept]], signs[kept]
    first = int(column.max(initial=-1)) + 1
    for number, each in enumerate(members):
        rows = np.append(rows, np.full(len(each) + 1, count + number))
        columns = np.append(columns, [*each, first + number])
        signs = np.append(signs, [*np.ones(len(each)), -1.0])
    order = np.argsort(rows, kind="stable")
    return Equations(rows[order], columns[order], signs[order])
