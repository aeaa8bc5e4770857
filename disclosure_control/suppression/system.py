"""One problem out of tables: their cells by name, their equations, what the rules ask for, and who knows what.

Linked tables share cells and so become one system; solved one after another they are unsafe.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from disclosure_control.errors import SuppressionFailed, UnknownColumn, Unprotectable
from disclosure_control.findings import Finding
from disclosure_control.profiles import RuleProfile
from disclosure_control.rules import assess
from disclosure_control.structure import Relation
from disclosure_control.suppression.insiders import exempt, knowers, lone
from disclosure_control.suppression.linked import Linked, linked
from disclosure_control.suppression.lp import Deadline
from disclosure_control.suppression.problem import NOBODY, Equations, Indices, Mask, Numbers, Problem
from disclosure_control.suppression.shares import (
    DOWN,
    UP,
    Search,
    Shares,
    Wanted,
    equations_of,
    needs_outside,
    shares_of,
)
from disclosure_control.suppression.unions import Union, sensitive_unions
from disclosure_control.table import Table

SIDES = ("lower_protection", "upper_protection", "sliding_protection")

COSTS = ("number", "value", "information")
DIGITS = 12  # significant; what differs less is equal, so that the unit of the values changes nothing
LEAST = 0.01  # of its value: the least protection of a primary cell, where the rule that it breaks asks for none


@dataclass(frozen=True, eq=False)
class System:
    """The cells of all tables, each once, in the order of their names, and the sums of cells that need protection too.

    Attributes:
        verdicts: for every table, what `assess` said of its cells, with the protection levels that are used.
        rows: what `Problem` says of every cell, in the values' units.
        unions: sums that stand in the problem as virtual cells, behind the others.
        largest: who knows a share of a cell; `shares` are the cells whose largest contributor is an attacker, each of
            them two virtual cells at the end, her share and the others'.
        kept: cells that are withheld in any case, beside the primary ones.
        problem: in a unit of its own, the largest value being 1.
    """

    cells: Linked
    verdicts: tuple[pd.DataFrame, ...]
    findings: tuple[tuple[Finding, ...], ...]
    rows: pd.DataFrame
    unions: tuple[Union, ...]
    largest: Shares
    shares: tuple[int, ...]
    kept: Mask
    prior: float | None
    outside: Numbers

    @cached_property
    def problem(self) -> Problem:
        cells, rows = self.cells, self.rows
        knower = rows["knower"].to_numpy(dtype=np.int64)
        barred = exempt(cells, knower, self.unions, self.shares)
        whole = pd.concat([rows, _virtual(rows, self.unions), self._divided()], ignore_index=True)
        kept = np.append(self.kept, np.ones(len(whole) - len(rows), bool))
        problem = _problem(whole, kept, self._equations(), barred)
        _require_room(problem, self.prior)
        return problem

    def _divided(self) -> pd.DataFrame:
        """Her share and the others' of each of these cells."""
        at = list(self.shares)
        first = int(self.rows["knower"].max()) + 1 if len(self.rows) else 0
        mine, rows = self.largest.known[at], self.rows.iloc[at]
        hers = rows.assign(value=mine, knower=np.arange(first, first + len(at)))
        others = rows.assign(value=rows["value"] - mine, knower=NOBODY)
        both = pd.concat([hers, others]).assign(need_down=0.0, need_up=0.0, cost=0.0, primary=True, virtual=True)
        return both.assign(candidate=True, room_down=np.minimum(both["room_down"], both["value"]))

    def _equations(self) -> Equations:
        """Every relation, every union with its parts, and every cell that is divided, as a row that sums to zero."""
        count, unions, shares = len(self.cells), len(self.unions), len(self.shares)
        divided = count + unions + np.arange(2 * shares).reshape(2, shares)
        return equations_of(
            [
                *self.cells.relations,
                *(Relation(count + place, union.cells) for place, union in enumerate(self.unions)),
                *(Relation(cell, divided[:, place]) for place, cell in enumerate(self.shares)),
            ]
        )

    @property
    def primary(self) -> Mask:
        return self.rows["primary"].to_numpy(dtype=bool)

    def cost_of(self, withheld: Mask) -> float:
        """What the secondary cells of this pattern cost."""
        return float(significant(self.rows["cost"].to_numpy())[withheld & ~self.primary].sum())

    def found_wanting(self, withheld: Mask, profile: RuleProfile, deadline: Deadline) -> "System | None":
        """The system with what this pattern does not protect from, of what was not asked for; None if there is nothing.

        That are sums of cells which can be derived and break a rule, and contributors who know their share of a cell.
        """
        sums = sensitive_unions(self.cells, withheld, self.primary, profile)
        exposed = self._exposed(withheld, deadline) - set(self.shares)
        if not sums and not exposed:
            return None
        return replace(self, unions=(*self.unions, *sums), shares=(*self.shares, *sorted(exposed)))

    def _exposed(self, withheld: Mask, deadline: Deadline) -> set[int]:
        """The cells whose largest contributor sees through this pattern."""
        if not (self.largest.cells & withheld).any():
            return set()
        room = self.rows["room_down"].to_numpy(), self.rows["room_up"].to_numpy()
        wanted = [
            Wanted(int(cell), side, float(need[cell]))
            for side, need in ((DOWN, self.outside[0]), (UP, self.outside[1]))
            for cell in np.flatnonzero(need > 0)
        ]
        return Search(self.cells, self.largest, withheld, room, deadline).exposed(wanted)


def system_of(tables: Sequence[Table], profile: RuleProfile, cost: str, prior: float | None) -> System:
    """The system of these tables. `prior`: the attacker knows every value to within this part of it; None: its floor.

    Raises:
        MalformedTable: the tables do not fit together (see `linked`).
        UnknownColumn: there is no such cost.
    """
    judged = [assess(table, profile) for table in tables]
    cells = linked(tables)
    verdicts = tuple(
        _used(verdict, cells, numbers, prior) for (verdict, _), numbers in zip(judged, cells.of, strict=True)
    )
    rows = _rows(cells, verdicts, prior)
    primary = rows["primary"].to_numpy(dtype=bool)
    rows["cost"] = np.where(primary, 0, _costs(tables, cells.of, cost, np.abs(cells.value)))
    rows["knower"] = knowers(cells.relations, lone(tables[0], cells.facts) & rows["candidate"].to_numpy(dtype=bool))
    unions = tuple(sensitive_unions(cells, primary, primary, profile))
    findings = tuple(tuple(found) for _, found in judged)
    outside = needs_outside(cells, profile, rows[["need_down", "need_up"]].to_numpy(dtype="float64").T)
    kept = np.zeros(len(cells), bool)
    return System(cells, verdicts, findings, rows, unions, shares_of(cells, profile), (), kept, prior, outside)


def _used(verdict: pd.DataFrame, cells: Linked, numbers: Indices, prior: float | None) -> pd.DataFrame:
    """The verdict with the protection that is used: at least a little, and no more below than is not known anyway."""
    size, below = np.abs(cells.value), cells.value - cells.floor
    doubted = (size > 0) | (prior is None)  # who knows every value to within a part of it does not doubt a zero
    least = LEAST * np.maximum(size, _smallest(size))
    asked = verdict["primary"].to_numpy(dtype=bool) & doubted[numbers]
    lower, upper, sliding = (np.where(asked, verdict[side], 0.0) for side in SIDES)
    lower, upper = (np.maximum(each, np.where(asked, least[numbers], 0)) for each in (lower, upper))
    lower = np.minimum(lower, below[numbers])
    upper = upper + np.maximum(sliding - lower - upper, 0)
    return verdict.assign(lower_protection=lower, upper_protection=upper, sliding_protection=sliding)


def _costs(tables: Sequence[Table], of: Sequence[Indices], cost: str, size: Numbers) -> Numbers:
    """What withholding each cell costs; of a cell that tables share, the most."""
    if cost == "number":
        return np.ones(len(size))
    if cost == "value":
        return size
    if cost == "information":
        smallest = _smallest(size)
        return np.log1p(np.maximum(size, smallest) / smallest)
    costs = np.zeros(len(size))
    for table, numbers in zip(tables, of, strict=True):
        if cost not in table.cells:
            raise UnknownColumn(f"There is no cost “{cost}”. Use {', '.join(COSTS)}, or a column of the table's cells.")
        if not pd.api.types.is_numeric_dtype(table.cells[cost]):
            raise UnknownColumn(
                f"The column {cost} holds no costs, which are numbers. Use {', '.join(COSTS)}, or another."
            )
        np.maximum.at(costs, numbers, table.cells[cost].to_numpy(dtype="float64"))
    if not np.isfinite(costs).all() or (costs < 0).any():
        raise SuppressionFailed(
            f"The column {cost} has costs that are missing, infinite or negative. Give every cell a cost of 0 or more."
        )
    return costs


def _rows(cells: Linked, verdicts: Sequence[pd.DataFrame], prior: float | None) -> pd.DataFrame:
    """What `Problem` says of every cell. An empty cell is published unless a rule forbids it: it is known."""
    primary, needs = np.zeros(len(cells), bool), np.zeros((2, len(cells)))
    for verdict, numbers in zip(verdicts, cells.of, strict=True):
        np.logical_or.at(primary, numbers, verdict["primary"].to_numpy(dtype=bool))
        for need, side in zip(needs, SIDES, strict=False):
            np.maximum.at(need, numbers, verdict[side].to_numpy(dtype="float64"))
    room_down, room_up = _room(cells, prior)
    empty = (cells.value == 0) & ((cells.facts["units"].to_numpy() == 0) if "units" in cells.facts else True)
    return pd.DataFrame(
        {
            "value": cells.value,
            "room_down": room_down,
            "room_up": room_up,
            "need_down": needs[0],
            "need_up": needs[1],
            "primary": primary,
            "candidate": primary | ~empty,
            "virtual": False,
        }
    )


def _room(cells: Linked, prior: float | None) -> tuple[Numbers, Numbers]:
    """How far below and above the truth somebody has to reckon who has not seen the tables."""
    below, endless = cells.value - cells.floor, np.full(len(cells), np.inf)
    if prior is None:
        return below, endless
    share = prior * np.abs(cells.value)
    return np.minimum(below, share), share


def _virtual(cells: pd.DataFrame, unions: Sequence[Union]) -> pd.DataFrame:
    """The unions as cells of their own."""
    rows = [
        {
            "value": union.value,
            "room_down": cells["room_down"].to_numpy()[union.cells].sum(),
            "room_up": cells["room_up"].to_numpy()[union.cells].sum(),
            "need_down": min(union.lower, cells["room_down"].to_numpy()[union.cells].sum()),
            "need_up": union.upper,
            "primary": True,
            "candidate": True,
            "virtual": True,
            "cost": 0.0,
            "knower": NOBODY,
        }
        for union in unions
    ]
    return pd.DataFrame(rows, columns=cells.columns).astype(cells.dtypes)


def _problem(cells: pd.DataFrame, kept: Mask, equations: Equations, barred: Indices) -> Problem:
    scale = np.abs(cells["value"]).max() or 1.0
    amounts = ("room_down", "room_up", "need_down", "need_up")
    return Problem(
        values=significant(cells["value"].to_numpy() / scale),
        **{name: significant(cells[name].to_numpy() / scale) for name in amounts},
        primary=cells["primary"].to_numpy(dtype=bool) | kept,
        candidate=cells["candidate"].to_numpy(dtype=bool),
        cost=significant(cells["cost"].to_numpy(dtype="float64")),
        equations=equations,
        knower=cells["knower"].to_numpy(dtype=np.int64),
        exempt=barred,
        virtual=cells["virtual"].to_numpy(dtype=bool),
    )


def _require_room(problem: Problem, prior: float | None) -> None:
    short = (problem.need_up > problem.room_up * (1 + 1e-9)) | (problem.need_down > problem.room_down * (1 + 1e-9))
    if short.any():
        raise Unprotectable(
            f"{int(short.sum())} cells need more protection than a prior of {prior} leaves to the attacker's doubt. "
            "Suppress with a wider prior, or with prior=None."
        )


def _smallest(size: Numbers) -> float:
    """The smallest that is not zero; 1 if all are."""
    return float(size[size > 0].min(initial=np.inf)) if (size > 0).any() else 1.0


def significant(numbers: Numbers) -> Numbers:
    """The numbers to `DIGITS` significant digits."""
    rounded = np.array(numbers, dtype="float64")
    at = np.isfinite(rounded) & (rounded != 0)
    shift = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(rounded[at]))))
    rounded[at] = np.round(rounded[at] * shift) / shift
    return rounded
