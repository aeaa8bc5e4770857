"""The disclosure control stage for exact statistics: compute the cells, apply the rule profile, say what was found."""

import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import duckdb
import pandas as pd

from datasets.columns import Column as CatalogueColumn
from disclosure_control import Finding as RuleFinding
from disclosure_control import cell_facts, suppress_primary
from safe_outputs.answers import Cell, Column, Finding, TableOfCells, Verdict
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.population import codes_of, dimension_of, measure_of, population_of
from safe_outputs.differencing import with_earlier_releases
from safe_outputs.errors import MalformedPlan
from safe_outputs.statistics import Crosstab

MEAN_DECIMALS = 2
MAX_CELLS = 2_000


def protected_table(
    connection: duckdb.DuckDBPyConnection, plan: Crosstab, evidence: Evidence
) -> tuple[TableOfCells, list[Finding]]:
    """The table that a crosstab asks for, protected by the evidence's rule profile.

    Raises:
        MalformedPlan: a name or constant that the catalogue does not have.
        EmptyTable: nobody is in the population.
    """
    catalogue = evidence.catalogue
    dimensions = [dimension_of(catalogue, name) for name in plan.dimensions]
    _require_size(dimensions)
    value = measure_of(catalogue, plan.measure.column) if plan.measure else None
    facts = cell_facts(
        connection,
        population_of(catalogue, plan.where),
        {each.name: list(codes_of(each)) for each in dimensions},
        value.name if value else None,
    )
    protected, found = suppress_primary(facts, evidence.profile, catalogue.unit.plural)
    measures = _measures(plan, value, catalogue.unit.plural)
    table = TableOfCells(
        dimensions=tuple(Column(name=each.name, label=each.label) for each in dimensions),
        measures=measures,
        cells=tuple(_cell(row, dimensions, plan, len(measures)) for row in protected.to_dict("records")),
    )
    return table, [*(_finding(each) for each in found), *with_earlier_releases(evidence.released_before)]


def _require_size(dimensions: list[CatalogueColumn]) -> None:
    cells = math.prod(len(codes_of(each)) for each in dimensions)
    if cells > MAX_CELLS:
        raise MalformedPlan(
            f"This table would have {cells:,} cells; nobody can review more than {MAX_CELLS:,} at once. Leave a "
            "dimension out, or choose a smaller population."
        )


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


def _cell(row: dict[Any, Any], dimensions: list[CatalogueColumn], plan: Crosstab, measures: int) -> Cell:
    codes = tuple(codes_of(each)[row[each.name]] for each in dimensions)
    if row["status"] != "published":
        return Cell(codes=codes, status=row["status"], reason=row["reason"], values=(None,) * measures)
    values: tuple[int | float | None, ...] = (int(row["units"]),)
    if plan.measure is not None:
        values = (*values, _aggregate(row, plan.measure.aggregate))
    return Cell(codes=codes, status="published", values=values)


def _aggregate(row: dict[Any, Any], aggregate: str) -> float | int | None:
    """The exact aggregate, rounded once (half to even), as it is published (I5)."""
    if not row["valued_rows"] or pd.isna(row["total"]):
        return None
    total = Decimal(str(row["total"]))
    if aggregate == "sum":
        return float(total) if total % 1 else int(total)
    mean = total / Decimal(int(row["valued_rows"]))
    return float(mean.quantize(Decimal(1).scaleb(-MEAN_DECIMALS), rounding=ROUND_HALF_EVEN))


def _finding(found: RuleFinding) -> Finding:
    return Finding(
        rule=found.rule,
        verdict=Verdict(found.severity),
        sentence=found.sentence,
        value=found.value,
        limit=found.limit,
        source=found.source,
        fix=found.fix,
    )
