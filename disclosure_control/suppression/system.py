"""One problem out of tables: their cells by name, their equations, what the rules ask for, and who knows what.

Linked tables share cells and so become one system; solved one after another they are unsafe.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from disclosure_control.errors import MalformedTable, SuppressionFailed, UnknownColumn, Unprotectable
from disclosure_control.findings import Finding
from disclosure_control.profiles import RuleProfile
from disclosure_control.rules import assess
from disclosure_control.structure import Relation
from disclosure_control.suppression.problem import NOBODY, Equations, Indices, Mask, Numbers, Problem
from disclosure_control.suppression.unions import Union, sensitive_unions
from disclosure_control.table import Table

Key = tuple[Hashable, ...]
SIDES = ("lower_protection", "upper_protection", "sliding_protection")

COSTS = ("number", "value", "information")
DIGITS = 12  # significant; what differs less is equal, so that the unit of the values changes nothing
FLOOR = 0.01  # of its value: the least protection of a primary cell, where the rule that it breaks asks for none


@dataclass(frozen=True, eq=False)
class System:
    """The cells of all tables, each once, in the order of their names; virtual ones at the end.

    Attributes:
        of: for every table, the number in the system of each of its cells.
        verdicts: for every table, what `assess` said of its cells, with the protection levels that are used.
        problem: in a unit of its own, the largest value being 1.
    """

    tables: tuple[Table, ...]
    of: tuple[Indices, ...]
    verdicts: tuple[pd.DataFrame, ...]
    findings: tuple[tuple[Finding, ...], ...]
    problem: Problem


def system_of(tables: Sequence[Table], profile: RuleProfile, cost: str, prior: float | None) -> System:
    """The system of these tables. `prior`: the attacker knows every value to within this part of it; None: its sign.

    Raises:
        MalformedTable: a cell that two tables share has two values, or a total is not the sum of its parts.
        UnknownColumn: there is no such cost.
        Unprotectable: a cell needs more protection than the prior leaves room for.
    """
    judged = [assess(table, profile) for table in tables]
    of, count = _numbers(tables)
    facts = _facts(tables, of, count)
    smallest = _smallest(np.abs(facts["value"].to_numpy()))
    verdicts = tuple(_with_floor(verdict, table, smallest) for (verdict, _), table in zip(judged, tables, strict=True))
    relations = _relations(tables, of)
    _require_sums(relations, facts["value"].to_numpy())
    cells = _cells(tables, of, verdicts, facts, prior)
    cells["cost"] = np.where(cells["primary"], 0, _costs(tables, of, cost, np.abs(facts["value"].to_numpy())))
    cells["knower"] = _knowers(relations, _lone(tables[0], facts) & cells["candidate"].to_numpy())
    unions = sensitive_unions(relations, facts, cells["primary"].to_numpy(), tables[0], profile)
    cells = pd.concat([cells, _virtual(cells, unions)], ignore_index=True)
    exempt = _exempt(relations, cells["knower"].to_numpy(dtype=np.int64), facts, unions)
    problem = _problem(cells, _equations(relations, unions, count), exempt)
    _require_room(problem, prior)
    return System(tuple(tables), of, verdicts, tuple(tuple(found) for _, found in judged), problem)


def _numbers(tables: Sequence[Table]) -> tuple[tuple[Indices, ...], int]:
    """Each cell's number: the place of its name among all names, so that the order of rows does not matter."""
    keys: list[list[Key]] = [[(table.value_name or "", *key) for key in Table.keys(table)] for table in tables]
    names = sorted({key for each in keys for key in each}, key=lambda key: (len(key), key))
    place = {key: number for number, key in enumerate(names)}
    return tuple(np.array([place[key] for key in each], np.int64) for each in keys), len(names)


def _facts(tables: Sequence[Table], of: Sequence[Indices], count: int) -> pd.DataFrame:
    """What is known of every cell; of one that tables share, from the first that has it."""
    columns = list(dict.fromkeys(name for table in tables for name in table.cells if name not in table.dimensions))
    facts = pd.DataFrame(np.nan, index=range(count), columns=columns)
    for table, numbers in zip(tables, of, strict=True):
        given = table.cells.drop(columns=list(table.dimensions)).select_dtypes("number").astype("float64")
        given.index = pd.Index(numbers)
        _require_same(facts["value"], given["value"])
        facts = facts.combine_first(given)
    return facts


def _require_same(known: pd.Series, given: pd.Series) -> None:
    before, now = known.loc[given.index].to_numpy(), given.to_numpy()
    if not np.isfinite(now).all():
        raise MalformedTable("A cell has no value, so the table cannot be protected. Give every cell a number.")
    differs = ~np.isnan(before) & ~np.isclose(before, now, rtol=1e-9, atol=0)
    if differs.any():
        raise MalformedTable(
            f"{int(differs.sum())} cells that the tables share have two values. Make the tables from the same data."
        )


def _require_sums(relations: Sequence[Relation], value: Numbers) -> None:
    off = [
        abs(value[total] - value[parts].sum()) > 1e-6 * max(abs(value[total]), np.abs(value[parts]).sum())
        for total, parts in relations
    ]
    if any(off):
        raise MalformedTable(
            f"{sum(off)} totals are not the sum of their parts, so what can be derived from them is not known. Where "
            "units are counted that belong to several cells, count what belongs to one, such as rows or local units."
        )


def _with_floor(verdict: pd.DataFrame, table: Table, smallest: float) -> pd.DataFrame:
    """The verdict with the protection used: at least a little, and not below zero where all know that."""
    value, primary = np.abs(table.cells["value"].to_numpy(dtype="float64")), verdict["primary"].to_numpy(dtype=bool)
    floor = np.where(primary, FLOOR * np.maximum(value, smallest), 0)
    lower, upper, sliding = (np.where(primary, verdict[side], 0.0) for side in SIDES)
    lower, upper = np.maximum(lower, floor), np.maximum(upper, floor)
    lower = lower if _signed([table]) else np.minimum(lower, value)
    upper = upper + np.maximum(sliding - lower - upper, 0)
    return verdict.assign(lower_protection=lower, upper_protection=upper, sliding_protection=sliding)


def _signed(tables: Sequence[Table]) -> bool:
    """Whether a value can be negative, so that nobody knows that it is not."""
    return any(
        bool((table.cells["value"] < 0).any() or ("negatives" in table.cells and (table.cells["negatives"] > 0).any()))
        for table in tables
    )


def _relations(tables: Sequence[Table], of: Sequence[Indices]) -> list[Relation]:
    """All equations over the numbers of the cells, in an order of their own."""
    found = {}
    for table, numbers in zip(tables, of, strict=True):
        for total, parts in table.relations:
            relation = Relation(int(numbers[total]), np.sort(numbers[parts]))
            found[relation.total, relation.parts.tobytes()] = relation
    return sorted(found.values(), key=lambda each: (each.total, each.parts.tolist()))


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
        np.maximum.at(costs, numbers, table.cells[cost].to_numpy(dtype="float64"))
    if not np.isfinite(costs).all() or (costs < 0).any():
        raise SuppressionFailed(f"The costs in the column {cost} are to be finite numbers, 0 or more.")
    return costs


def _cells(
    tables: Sequence[Table],
    of: Sequence[Indices],
    verdicts: Sequence[pd.DataFrame],
    facts: pd.DataFrame,
    prior: float | None,
) -> pd.DataFrame:
    """What `Problem` says of every cell. An empty cell is published unless a rule forbids it: it is known."""
    value = facts["value"].to_numpy()
    primary, needs = np.zeros(len(facts), bool), np.zeros((2, len(facts)))
    for verdict, numbers in zip(verdicts, of, strict=True):
        np.logical_or.at(primary, numbers, verdict["primary"].to_numpy(dtype=bool))
        for need, side in zip(needs, SIDES, strict=False):
            np.maximum.at(need, numbers, verdict[side].to_numpy(dtype="float64"))
    if prior is not None:
        needs[:, value == 0] = 0
    empty = (value == 0) & ((facts["units"].to_numpy() == 0) if "units" in facts else True)
    room_down, room_up = _room(value, _signed(tables), prior)
    return pd.DataFrame(
        {
            "value": value,
            "room_down": room_down,
            "room_up": room_up,
            "need_down": needs[0],
            "need_up": needs[1],
            "primary": primary,
            "candidate": primary | ~empty,
            "virtual": False,
        }
    )


def _room(value: Numbers, signed: bool, prior: float | None) -> tuple[Numbers, Numbers]:
    if prior is not None:
        return prior * np.abs(value), prior * np.abs(value)
    endless = np.full(len(value), np.inf)
    return endless if signed else value, endless


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


def _equations(relations: Sequence[Relation], unions: Sequence[Union], count: int) -> Equations:
    """Every relation, and every union with its parts, as a row that sums to zero."""
    rows = [*relations, *(Relation(count + place, union.cells) for place, union in enumerate(unions))]
    cells = [np.concatenate(([row.total], row.parts)) for row in rows]
    signs = [np.concatenate(([-1.0], np.ones(len(row.parts)))) for row in rows]
    starts = np.concatenate(([0], np.cumsum([len(each) for each in cells], dtype=np.int64)))
    return Equations(starts, np.concatenate(cells), np.concatenate(signs))


def _problem(cells: pd.DataFrame, equations: Equations, exempt: Indices) -> Problem:
    scale = np.abs(cells["value"]).max() or 1.0
    amounts = ("room_down", "room_up", "need_down", "need_up")
    return Problem(
        values=significant(cells["value"].to_numpy() / scale),
        **{name: significant(cells[name].to_numpy() / scale) for name in amounts},
        primary=cells["primary"].to_numpy(dtype=bool),
        candidate=cells["candidate"].to_numpy(dtype=bool),
        cost=significant(cells["cost"].to_numpy(dtype="float64")),
        equations=equations,
        knower=cells["knower"].to_numpy(dtype=np.int64),
        exempt=exempt,
        virtual=cells["virtual"].to_numpy(dtype=bool),
    )


def _require_room(problem: Problem, prior: float | None) -> None:
    short = (problem.need_up > problem.room_up * (1 + 1e-9)) | (problem.need_down > problem.room_down * (1 + 1e-9))
    if short.any():
        raise Unprotectable(
            f"{int(short.sum())} cells need more protection than a prior of {prior} leaves to the attacker's doubt. "
            "Suppress with a wider prior, or with prior=None."
        )


def _lone(table: Table, facts: pd.DataFrame) -> Mask:
    """The cells of one contributor, who knows the value. In a table of frequencies there is nothing to know."""
    if table.value_name is None or "units" not in facts:
        return np.zeros(len(facts), bool)
    return np.asarray(facts["units"].to_numpy() == 1)


def _knowers(relations: Sequence[Relation], lone: Mask) -> Indices:
    """Numbers the lone contributors. In a total and a part of it that both have one contributor, it is the same one."""
    leader = np.arange(len(lone))
    for total, parts in relations:
        for part in parts[lone[parts]].tolist() if lone[total] else ():
            leader[leader == leader[part]] = leader[total]
    numbers = np.full(len(lone), NOBODY, np.int64)
    numbers[lone] = np.unique(leader[lone], return_inverse=True)[1]
    return numbers


def _exempt(relations: Sequence[Relation], knower: Indices, facts: pd.DataFrame, unions: Sequence[Union]) -> Indices:
    """Who is no attacker where: the largest contributor on a cell that hers is part of, and each on unions of hers.

    The protection level of a cell guards its largest contributor's value, which she knows; what the others in it
    contribute is guarded by the cells that are parts of it. A union stands to its cells as a total to its parts.
    """
    count = len(facts)
    pairs = {(count + place, int(each)) for place, union in enumerate(unions) for each in knower[union.cells]}
    value = facts["value"].to_numpy()
    largest = facts["largest_1"].to_numpy() if "largest_1" in facts else value / 2
    largest = np.concatenate([largest, [largest[union.cells].max() for union in unions]])
    above: dict[int, list[int]] = {}
    for total, parts in (*relations, *((count + place, union.cells) for place, union in enumerate(unions))):
        for part in parts.tolist():
            above.setdefault(part, []).append(total)
    for cell in np.flatnonzero(knower != NOBODY).tolist():
        pairs |= {
            (total, int(knower[cell]))
            for total in _ancestors(cell, above)
            if cell < count and value[cell] >= largest[total] * (1 - 1e-9)
        }
    return np.array(sorted(each for each in pairs if each[1] != NOBODY), np.int64).reshape(-1, 2)


def _ancestors(cell: int, above: dict[int, list[int]]) -> set[int]:
    """All cells that this one is part of."""
    found: set[int] = set()
    waiting = [cell]
    while waiting:
        new = [each for each in above.get(waiting.pop(), ()) if each not in found]
        found.update(new)
        waiting.extend(new)
    return found


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
