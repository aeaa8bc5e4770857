"""The cells of several tables, each once: their names, what is known of them, and the equations between them.

Tables that share cells show parts of one picture. Cells are the same where they are named alike, so all tables have to
be of the same variable and of the same units, and their totals have to mean the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from disclosure_control.errors import MalformedTable
from disclosure_control.structure import Relation
from disclosure_control.suppression.problem import Indices, Numbers
from disclosure_control.table import Table

Key = tuple[tuple[str, str], ...]

SAME = 1e-9  # of a value: two tables' values of a shared cell
SUMS = 1e-6  # of the values: a total and the sum of its parts


@dataclass(frozen=True, eq=False)
class Linked:
    """The cells in the order of their names, so that the order of rows and of tables does not matter.

    Attributes:
        of: for every table, the number here of each of its cells.
        facts: what is known of every cell, numbers only; of one that tables share, from the first that has it.
        floor: what everybody knows the value is not below; −∞ where nothing is known.
        relations: all equations, over the numbers of the cells.
    """

    tables: tuple[Table, ...]
    of: tuple[Indices, ...]
    facts: pd.DataFrame
    floor: Numbers
    relations: tuple[Relation, ...]

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def value(self) -> Numbers:
        return self.facts["value"].to_numpy(dtype="float64")


def linked(tables: Sequence[Table]) -> Linked:
    """The cells and equations of these tables.

    Raises:
        MalformedTable: the tables are of different variables, units or populations; a shared cell has two values; a
            total is not the sum of its parts.
    """
    _require_one_variable(tables)
    _require_one_total(tables)
    names = [table.keys() for table in tables]
    keys = sorted({key for each in names for key in each}, key=lambda key: (len(key), key))
    place = {key: number for number, key in enumerate(keys)}
    of = tuple(np.array([place[key] for key in each], np.int64) for each in names)
    facts = _facts(tables, of, keys)
    relations = _relations(tables, of)
    _require_sums(relations, facts["value"].to_numpy(), keys)
    return Linked(tuple(tables), of, facts, _floor(tables, of, facts["value"].to_numpy()), relations)


def named(key: Key) -> str:
    """A cell as a message names it."""
    return "(" + ", ".join(f"{name} = {code}" for name, code in key) + ")" if key else "of the grand total"


def _require_one_variable(tables: Sequence[Table]) -> None:
    """Cells of turnover and of counts are different numbers, though their codes are the same."""
    variables = dict.fromkeys(table.value_name or "the number of units" for table in tables)
    if len(variables) > 1:
        raise MalformedTable(
            f"The tables are of different variables: {', '.join(variables)}. What one shows bounds no cell of the "
            "other: protect them one by one. To withhold the same cells in all, withhold in each what any of them "
            "withholds; withholding more never makes a table less safe."
        )
    units = dict.fromkeys(table.unit_name for table in tables if table.unit_name is not None)
    if len(units) > 1:
        raise MalformedTable(
            f"The tables count different units: {', '.join(units)}. A cell would have two contributors in one table "
            "and one in another. Make all tables with the same unit; name an owner of several units as holding."
        )


def _require_one_total(tables: Sequence[Table]) -> None:
    """A root stands for all there is. A table of a part of it would take the part's total for the whole."""
    roots = {(name, each[0].root): table for table in tables for name, each in table.dimensions.items()}
    for table in tables:
        for name, hierarchies in table.dimensions.items():
            parts = {code for each in hierarchies for code in each.codes} - {hierarchies[0].root}
            for code in sorted(parts):
                if (name, code) in roots:
                    raise MalformedTable(
                        f"“{code}” of {name} is the total of one table and a part in another, so that one table is of "
                        "a part of the population. Give it the whole hierarchy, or protect the larger table alone "
                        "with this detail in it."
                    )


def _facts(tables: Sequence[Table], of: Sequence[Indices], keys: Sequence[Key]) -> pd.DataFrame:
    numeric = [table.cells.drop(columns=list(table.dimensions)).select_dtypes("number") for table in tables]
    columns = list(dict.fromkeys(name for each in numeric for name in each))
    facts = pd.DataFrame(np.nan, index=range(len(keys)), columns=columns)
    for each, numbers in zip(numeric, of, strict=True):
        given = each.astype("float64")
        given.index = pd.Index(numbers)
        _require_values(given["value"], keys)
        for name in ("value", "units", "holdings"):
            if name in given:
                _require_same(facts[name], given[name], name, keys)
        facts = facts.combine_first(given)
    return facts


def _require_values(value: pd.Series, keys: Sequence[Key]) -> None:
    wrong = value.index[~np.isfinite(value.to_numpy())]
    if len(wrong):
        raise MalformedTable(
            f"{len(wrong)} cells have no finite value, the first is {named(keys[wrong[0]])}, so the table cannot be "
            "protected. Give every cell a number."
        )


def _require_same(known: pd.Series, given: pd.Series, what: str, keys: Sequence[Key]) -> None:
    before, now = known.loc[given.index].to_numpy(), given.to_numpy()
    differs = np.flatnonzero(~np.isnan(before) & ~np.isclose(before, now, rtol=SAME, atol=0))
    if len(differs):
        raise MalformedTable(
            f"The {what} of {len(differs)} cells that the tables share differ, the first is "
            f"{named(keys[given.index[differs[0]]])}. Make all tables from the same rows, with the same conditions, "
            "weights and units."
        )


def _relations(tables: Sequence[Table], of: Sequence[Indices]) -> tuple[Relation, ...]:
    """All equations, in an order of their own."""
    found = {}
    for table, numbers in zip(tables, of, strict=True):
        for total, parts in table.relations:
            relation = Relation(int(numbers[total]), np.sort(numbers[parts]))
            found[relation.total, relation.parts.tobytes()] = relation
    return tuple(sorted(found.values(), key=lambda each: (each.total, each.parts.tolist())))


def _require_sums(relations: Sequence[Relation], value: Numbers, keys: Sequence[Key]) -> None:
    off = [
        total
        for total, parts in relations
        if abs(value[total] - value[parts].sum()) > SUMS * max(abs(value[total]), np.abs(value[parts]).sum())
    ]
    if off:
        raise MalformedTable(
            f"{len(off)} totals are not the sum of their parts, the first is {named(keys[off[0]])}, so what can be "
            "derived from them is not known. Where units are counted that belong to several cells, count what belongs "
            "to one, such as rows or local units."
        )


def _floor(tables: Sequence[Table], of: Sequence[Indices], value: Numbers) -> Numbers:
    """The greatest lower bound that any of the tables states; never above the value."""
    floor = np.full(len(value), -np.inf if _signed(tables) else 0.0)
    for table, numbers in zip(tables, of, strict=True):
        if "floor" in table.cells:
            given = table.cells["floor"].to_numpy(dtype="float64")
            np.maximum.at(floor, numbers, np.where(np.isfinite(given), given, -np.inf))
    return np.asarray(np.minimum(floor, value), np.float64)


def _signed(tables: Sequence[Table]) -> bool:
    """Whether a value can be negative, so that nobody knows that it is not."""
    return any(
        bool((table.cells["value"] < 0).any() or ("negatives" in table.cells and (table.cells["negatives"] > 0).any()))
        for table in tables
    )
