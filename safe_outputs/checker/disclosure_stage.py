"""The disclosure control stage for exact statistics: cells and margins, protected by the rule profile, and why."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import duckdb

from datasets.catalogue import UnitOfCount
from datasets.columns import Column as CatalogueColumn
from disclosure_control import Finding as RuleFinding
from safe_outputs.answers import TOTAL, Cell, Column, Finding, TableOfCells, Verdict
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.population import codes_of, dimension_of, measure_of, population_of
from safe_outputs.checker.protection import PUBLISHED, protected_cells
from safe_outputs.errors import NotProtected
from safe_outputs.evidence.differencing import with_earlier_releases
from safe_outputs.evidence.underlying import CountedCell, Underlying, underlying
from safe_outputs.statistics import Crosstab

MEAN_DECIMALS = 2
SHARE_DECIMALS = 4


def protected_table(
    connection: duckdb.DuckDBPyConnection, plan: Crosstab, evidence: Evidence
) -> tuple[TableOfCells, list[Finding], Underlying]:
    """The table that a crosstab asks for, protected by the evidence's rule profile, and what lies behind its cells.

    Raises:
        MalformedPlan: a name or constant that the catalogue does not have.
        EmptyTable: nobody is in the population.
        NotProtected, DisclosureControlError: the table is not proven to be protected.
    """
    catalogue = evidence.catalogue
    dimensions = [dimension_of(catalogue, name) for name in plan.dimensions]
    value = measure_of(catalogue, plan.measure.column) if plan.measure else None
    pattern = protected_cells(
        connection,
        population_of(catalogue, plan.where),
        {each.name: list(codes_of(each)) for each in dimensions},
        value.name if value else None,
        evidence.profile,
    )
    measures = _measures(plan, value, catalogue.unit.plural)
    made = _Made(dimensions, plan, value.decimal_places if value else 0, len(measures), catalogue.unit)
    rows = pattern.cells.to_dict("records")
    table = TableOfCells(
        dimensions=tuple(Column(name=each.name, label=each.label) for each in dimensions),
        measures=measures,
        cells=tuple(_cell(row, made) for row in rows),
    )
    found = [_finding(each, catalogue.unit) for each in pattern.findings]
    behind = underlying(plan, (_counted(row, made) for row in rows))
    return table, [*found, *with_earlier_releases(evidence.released_before)], behind


@dataclass(frozen=True)
class _Made:
    """What every cell is made by."""

    dimensions: list[CatalogueColumn]
    plan: Crosstab
    decimals: int
    measures: int
    unit: UnitOfCount


def _measures(plan: Crosstab, value: CatalogueColumn | None, unit_plural: str) -> tuple[Column, ...]:
    counted = Column(name=unit_plural, label=unit_plural.capitalize())
    if plan.measure is None or value is None:
        return (counted,)
    mean = plan.measure.aggregate == "mean"
    aggregated = Column(
        name=f"{plan.measure.aggregate}_{value.name}",
        label=f"Mean {_inside(value.label)} per record" if mean else f"Total {_inside(value.label)}",
        unit=value.unit,
        decimals=MEAN_DECIMALS if mean else value.scale or 0,
    )
    return (counted, aggregated)


def _inside(label: str) -> str:
    """A label as it stands inside a sentence; abbreviations keep their capitals."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _cell(row: dict[Any, Any], made: _Made) -> Cell:
    codes = _codes(row, made)
    marks = row["marks"]
    if row["status"] != PUBLISHED:
        reason = _of_units(row["reason"], made.unit)
        return Cell(codes=codes, status=row["status"], reason=reason, values=(None,) * made.measures, marks=marks)
    values: tuple[int | float | None, ...] = (int(row["units"]),)
    if made.plan.measure is not None:
        values = (*values, _aggregate(row, made.plan.measure.aggregate, made.decimals))
    return Cell(codes=codes, status=PUBLISHED, values=values, marks=marks)


def _codes(row: dict[Any, Any], made: _Made) -> tuple[str, ...]:
    return tuple({**codes_of(each), TOTAL: TOTAL}[row[each.name]] for each in made.dimensions)


def _counted(row: dict[Any, Any], made: _Made) -> CountedCell:
    shares = tuple(round(each, SHARE_DECIMALS) for each in row.get("shares") or ())
    return CountedCell(codes=_codes(row, made), units=int(row["units"]), shares=shares)


def _aggregate(row: dict[Any, Any], aggregate: str, decimals: int) -> float | int | None:
    """The exact aggregate, rounded once (half to even), as it is published (I5)."""
    if not row["rows"]:
        return None
    total = _exact(row["total"], decimals)
    if aggregate == "sum":
        return float(total) if total % 1 else int(total)
    mean = total / Decimal(int(row["rows"]))
    return float(mean.quantize(Decimal(1).scaleb(-MEAN_DECIMALS), rounding=ROUND_HALF_EVEN))


def _exact(total: float, decimals: int) -> Decimal:
    """The decimal number that this float stands for. Raises `NotProtected` where a float has no room for it."""
    if abs(total) * 10**decimals >= 2**53:
        raise NotProtected("A total of the table is too large to be exact. Nothing was released. Use a larger unit.")
    return Decimal(repr(float(total))).quantize(Decimal(1).scaleb(-decimals))


def _finding(found: RuleFinding, unit: UnitOfCount) -> Finding:
    return Finding(
        rule=found.rule,
        verdict=Verdict(found.severity),
        sentence=_of_units(found.sentence, unit),
        value=_of_units(found.value, unit),
        limit=_of_units(found.limit, unit),
        source=found.source,
        fix=_of_units(found.fix, unit),
    )


def _of_units(text: str, unit: UnitOfCount) -> str:
    """The rules' words about units, in the catalogue's: persons, businesses."""
    return re.sub(r"\bunit\b", unit.singular, re.sub(r"\bunits\b", unit.plural, text))
