"""From a crosstab to protected tables: cells with margins, one pattern for counts and values, attacked before release.

Whatever is not proven to be protected raises: nothing is released then (I3, I4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control import EmptyTable, Finding, Hierarchy, Population, RuleProfile, Table
from disclosure_control.attack import attack, passes
from disclosure_control.cellfacts import quoted
from disclosure_control.rules import broken
from disclosure_control.suppression import ProtectedTable, suppress
from safe_outputs.answers import TOTAL
from safe_outputs.errors import MalformedPlan, NotProtected

MAX_CELLS = 2_000
SECONDS = 300.0
SECONDARY_RULE = "secondary suppression"
PUBLISHED, PRIMARY, SECONDARY = "published", "primary", "secondary"
_COST = "left_to_pay"


@dataclass(frozen=True)
class Pattern:
    """One row per cell, margins included: the codes, `status`, `reason`, `marks`, `units`, and what is told of a value.

    `marks`: the rules whose finding is about the cell. Of a value: `rows`, those that have one; `total` over these;
    `shares`: what the largest unit, the two largest and so on contribute to it, as parts, None where there is nothing.
    `findings` are those of all tables, each once.
    """

    cells: pd.DataFrame
    findings: tuple[Finding, ...]


def protected_cells(
    connection: duckdb.DuckDBPyConnection,
    population: Population,
    dimensions: Mapping[str, Sequence[str]],
    value: str | None,
    profile: RuleProfile,
) -> Pattern:
    """The cells of the cross of these codes and their totals, and which of them are withheld.

    Raises:
        MalformedPlan: more cells than a table may have.
        EmptyTable: nobody is in the population.
        NotProtected, DisclosureControlError: no pattern is proven to protect the table.
    """
    _require_size(dimensions)
    tables = _tables(connection, population, dimensions, value)
    protected = _one_pattern(tables, profile)
    _require_protected(protected)
    cells = _cells(protected, dimensions)
    return Pattern(cells, _findings(protected, cells))


def _require_size(dimensions: Mapping[str, Sequence[str]]) -> None:
    cells = prod(len(codes) + 1 for codes in dimensions.values())
    if cells > MAX_CELLS:
        raise MalformedPlan(
            f"This table would have {cells:,} cells, totals included; nobody can review more than {MAX_CELLS:,} at "
            "once. Leave a dimension out."
        )


def _tables(
    connection: duckdb.DuckDBPyConnection,
    population: Population,
    dimensions: Mapping[str, Sequence[str]],
    value: str | None,
) -> list[Table]:
    """The table of units and, if asked, that of the value, over the same cells. Unknown categories are in neither."""
    query, parameters = population.sql()
    known = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in dimensions)
    query = f"SELECT * FROM ({query}) WHERE {known}"  # noqa: S608 - names are quoted, values are bound
    data = connection.sql(query, params=parameters)
    separate = _recurring(data, population.unit, list(dimensions))
    hierarchies = {name: Hierarchy.flat(codes, TOTAL) for name, codes in dimensions.items()}
    return [
        Table.from_microdata(data, hierarchies, value=each, unit=population.unit, empty_codes=True, separate=separate)
        for each in ([None] if value is None else [None, value])
    ]


def _recurring(data: duckdb.DuckDBPyRelation, unit: str, dimensions: list[str]) -> list[str]:
    """The dimensions along which some unit has several codes: there the units of the parts do not add up to a total's.

    Such a table has no total along that dimension, so no equation along it either. Raises `EmptyTable`.
    """
    most = ", ".join(f"max(_{place})" for place in range(len(dimensions)))
    codes = ", ".join(f"count(DISTINCT {quoted(name)}) AS _{place}" for place, name in enumerate(dimensions))
    by_unit = f"SELECT {codes} FROM population GROUP BY {quoted(unit)}"  # noqa: S608 - names are quoted identifiers
    row = data.query("population", f"SELECT {most} FROM ({by_unit})").fetchone()  # noqa: S608 - as above
    if row is None or row[0] is None:
        raise EmptyTable(
            "Nobody is in the population that you asked for. Widen the conditions, and check their spelling."
        )
    return [name for name, codes_of_one in zip(dimensions, row, strict=True) if codes_of_one > 1]


def _one_pattern(tables: list[Table], profile: RuleProfile) -> list[ProtectedTable]:
    """The tables, all with the union of their patterns. Cells that one table withholds cost nothing in the next."""
    done: list[ProtectedTable] = []
    hidden = np.zeros(len(tables[0].cells), bool)
    for table in tables:
        left = np.where(hidden, 0, np.log1p(table.cells["value"].abs()) + 1)
        priced = replace(table, cells=table.cells.assign(**{_COST: left}))
        done.append(suppress(priced, profile, cost=_COST, seconds=SECONDS))
        hidden |= done[-1].withheld
    return [replace(each, cells=each.cells.assign(value=each.cells["value"].mask(hidden))) for each in done]


def _require_protected(protected: list[ProtectedTable]) -> None:
    """The release gate: an attack, apart from the suppressor, on each table as it would be published."""
    for each in protected:
        if not (passes(each) and attack(each)["protected"].all()):
            raise NotProtected(
                "An attack on the table showed more of a withheld cell than the rules allow. Nothing was released. "
                "Merge small categories or leave out a dimension, and tell the operator."
            )


def _cells(protected: list[ProtectedTable], dimensions: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    counts, last = protected[0], protected[-1]
    hidden = counts.cells["value"].isna()
    primary = _any([each.cells["status"] == PRIMARY for each in protected])
    reasons = last.cells["reason"].where(last.cells["status"] == PRIMARY, counts.cells["reason"])
    cells = counts.cells[list(dimensions)].assign(
        status=np.where(primary, PRIMARY, np.where(hidden, SECONDARY, PUBLISHED)),
        reason=reasons.fillna(last.cells["reason"]),
        units=counts.table.cells["units"],
        marks=_marks(protected, np.where(primary, PRIMARY, np.where(hidden, SECONDARY, PUBLISHED))),
    )
    if len(protected) > 1:
        facts = last.table.cells
        cells = cells.assign(rows=facts["rows"] - facts["missing"], total=facts["value"], shares=_shares(facts))
    return _in_order(cells, dimensions)


def _marks(protected: list[ProtectedTable], status: NDArray[np.str_]) -> pd.Series:
    """By cell, the rules whose finding is about it: those that withhold it, or leave it to a person.

    What is left to a person is told of published cells alone, so that it says nothing more of a withheld one.
    """
    found: dict[str, NDArray[np.bool_]] = {SECONDARY_RULE: status == SECONDARY}
    for each in protected:
        left_to_a_person = {finding.rule for finding in each.findings if finding.severity == "refer"}
        for rule, cells in broken(each.table, each.profile).items():
            told = cells & (status == PUBLISHED) if rule in left_to_a_person else cells
            found[rule] = found.get(rule, np.zeros(len(status), bool)) | told
    names = list(found)
    table = np.array(list(found.values())).T
    return pd.Series([tuple(name for name, here in zip(names, row, strict=True) if here) for row in table])


def _shares(facts: pd.DataFrame) -> pd.Series:
    """What the largest units contribute to each cell, one after the other taken together, as parts of it."""
    largest = facts[[name for name in facts if str(name).startswith("largest_")]].fillna(0).to_numpy(float)
    whole = facts["absolute"].to_numpy(float)
    added = largest.cumsum(axis=1)
    return pd.Series([tuple(row / total) if total > 0 else None for row, total in zip(added, whole, strict=True)])


def _any(each: list[pd.Series]) -> pd.Series:
    return pd.concat(each, axis=1).any(axis=1)


def _in_order(cells: pd.DataFrame, dimensions: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """In the order of the codes, totals last."""
    places = {name: {code: place for place, code in enumerate([*codes, TOTAL])} for name, codes in dimensions.items()}
    order = pd.DataFrame({name: cells[name].map(places[name]) for name in dimensions})
    return cells.loc[order.sort_values(list(dimensions)).index].reset_index(drop=True)


def _findings(protected: list[ProtectedTable], cells: pd.DataFrame) -> tuple[Finding, ...]:
    """What the rules found in any of the tables, each once, and what was withheld to protect that."""
    of_rules = [each for table in protected for each in table.findings if each.rule != SECONDARY_RULE]
    secondary = [each for table in protected for each in table.findings if each.rule == SECONDARY_RULE]
    more, primary = (int((cells["status"] == status).sum()) for status in (SECONDARY, PRIMARY))
    merged = replace(
        secondary[0],
        severity="protected" if primary else "safe",
        sentence=f"{more} more cells are withheld to protect {primary}." if primary else "No cell needs protection.",
        value=f"{more} secondary cells",
    )
    return tuple(dict.fromkeys([*of_rules, merged]))
