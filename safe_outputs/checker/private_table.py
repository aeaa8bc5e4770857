"""Between the service and private plans: the catalogue as a plan sees it, and a release as the table that is shown."""

from collections.abc import Callable
from decimal import Decimal
from math import sqrt
from typing import Any

from datasets.columns import Column as CatalogueColumn
from datasets.columns import ColumnType, Missing
from disclosure_control import PrivatePlan
from disclosure_control.privacy.accuracy import Accuracy, Estimate
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.consistency import ConsistentTable
from disclosure_control.privacy.expressions import Column as ColumnNode
from disclosure_control.privacy.margins import consistent_errors, consistent_release, require_consistent
from disclosure_control.privacy.measures import (
    CountRows,
    CountUnits,
    Mean,
    Measure,
    Quantile,
    Regression,
    Sum,
    Variance,
)
from disclosure_control.privacy.release import PrivateRelease
from safe_outputs.answers import Cell, Column, MeasureError, TableOfCells
from safe_outputs.checker.evidence import Evidence
from safe_outputs.checker.population import codes_of
from safe_outputs.errors import MalformedPlan
from safe_outputs.statistics import said

ALL = "all"
INTERCEPT = "(intercept)"
NORMAL = 1.959964  # half the width of a 95 % interval, in standard errors


def public_dataset(evidence: Evidence) -> PublicDataset:
    """What is public of the project's copy: its variables, with their bounds and keys."""
    catalogue = evidence.catalogue
    return PublicDataset(
        name=catalogue.name,
        version=evidence.source.version,
        table=catalogue.table,
        unit=catalogue.unit.column,
        columns=tuple(_public(each) for each in catalogue.variables),
    )


def _public(column: CatalogueColumn) -> PublicColumn:
    number = column.is_number
    return PublicColumn(
        name=column.name,
        kind=column.type.value,
        lower=column.lower if number else None,
        upper=column.upper if number else None,
        places=column.decimal_places if number else 0,
        labels=column.labels,
        key=column.key,
        missing=column.missing is Missing.ALLOW,
    )


# ------------------------------------------------------------------------------------------------- tables


def require_table(asked: PrivatePlan) -> None:
    """Raise `MalformedPlan` for what does not go into one table; to be known before anything is charged.

    Raises:
        MalformedTable: a table with totals that could not be made to add up.
    """
    if asked.margins:
        require_consistent(asked)
    if len(asked.measures) > 1 and any(isinstance(each, Regression) for each in asked.measures):
        raise MalformedPlan("A regression is a statistic by itself. Ask for the other measures in another one.")


Consistent = dict[str, ConsistentTable]


def consistent_of(asked: PrivatePlan, released: PrivateRelease) -> Consistent:
    """The table of each count with totals, made to add up from noisy numbers alone; none for a plan without totals."""
    if not asked.margins:
        return {}
    return {each.name: consistent_release(asked, released, each.name) for each in asked.measures}


def table_of(asked: PrivatePlan, released: PrivateRelease, evidence: Evidence, consistent: Consistent) -> TableOfCells:
    """The noisy answers as they would be published, of a plan that `require_table` let through."""
    if any(isinstance(each, Regression) for each in asked.measures):
        return _coefficients(asked, released, evidence)
    measures = tuple(_measure(each, evidence, adds_up=asked.margins) for each in asked.measures)
    answers = {**released.answers, **{name: _estimates(table) for name, table in consistent.items()}}
    cells = []
    for place, codes in enumerate(released.codes):
        found = [answers[each.name][place] for each in asked.measures]
        cells.append(
            Cell(
                codes=_shown(codes, asked, evidence),
                status="published",
                values=tuple(each.value for each in found),
                ranges=tuple(_range(each) for each in found),
            )
        )
    return TableOfCells(dimensions=_dimensions(asked, evidence), measures=measures, cells=tuple(cells))


def _estimates(table: ConsistentTable) -> tuple[Estimate, ...]:
    columns = (table.cells[name].tolist() for name in ("value", "low", "high"))
    return tuple(Estimate(*each) for each in zip(*columns, strict=True))


def _range(estimate: Estimate) -> tuple[float, float] | None:
    return None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)


def _dimensions(asked: PrivatePlan, evidence: Evidence) -> tuple[Column, ...]:
    if not asked.by:
        return (Column(name="population", label="Population"),)
    return tuple(Column(name=key.name, label=_label(key.of, evidence)) for key in asked.by)


def _label(of: Any, evidence: Evidence) -> str:
    column = _column(of, evidence)
    return column.label if column is not None else said(of.model_dump(mode="json"))


def _column(of: Any, evidence: Evidence) -> CatalogueColumn | None:
    return evidence.catalogue.column(of.name) if isinstance(of, ColumnNode) else None


def _shown(codes: tuple[str, ...], asked: PrivatePlan, evidence: Evidence) -> tuple[str, ...]:
    """Codes as they are published: truth values as yes and no."""
    if not codes:
        return (ALL,)
    found = []
    for key, code in zip(asked.by, codes, strict=True):
        column = _column(key.of, evidence)
        truth = column is not None and column.type is ColumnType.BOOLEAN
        found.append(codes_of(column).get(code, code) if truth and column is not None else code)
    return tuple(found)


def _measure(measure: Measure, evidence: Evidence, *, adds_up: bool) -> Column:
    name, unit, decimals = NAMES[type(measure)](measure, evidence)
    label = f"{name[:1].upper()}{name[1:]} (with noise{', made to add up' if adds_up else ''})"
    return Column(name=measure.name, label=label, unit=unit, decimals=decimals)


def _counted(measure: Any, evidence: Evidence) -> tuple[str, str | None, int]:
    return (evidence.catalogue.unit.plural if isinstance(measure, CountUnits) else "records"), None, 0


def _of(words: str, more: int) -> Callable[[Any, Evidence], tuple[str, str | None, int]]:
    def named(measure: Any, evidence: Evidence) -> tuple[str, str | None, int]:
        column = _column(measure.of, evidence)
        places = column.decimal_places if column is not None else 0
        return (
            f"{words} {_lower(_label(measure.of, evidence))}",
            column.unit if column is not None else None,
            places + more,
        )

    return named


def _varied(measure: Any, evidence: Evidence) -> tuple[str, str | None, int]:
    words = "variance of" if measure.kind == "variance" else "standard deviation of"
    name, unit, decimals = _of(words, 1)(measure, evidence)
    return name, (f"({unit})²" if unit and measure.kind == "variance" else unit), decimals


def _quantile(measure: Any, evidence: Evidence) -> tuple[str, str | None, int]:
    return _of("median of" if measure.q == Decimal("0.5") else f"{measure.q} quantile of", 0)(measure, evidence)


NAMES: dict[type[Measure], Callable[[Any, Evidence], tuple[str, str | None, int]]] = {
    CountUnits: _counted,
    CountRows: _counted,
    Sum: _of("sum of", 0),
    Mean: _of("mean of", 1),
    Variance: _varied,
    Quantile: _quantile,
}
"""Measure → its name in words, its unit of measurement, and the decimals that are published."""


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _terms(regression: Regression, evidence: Evidence) -> list[str]:
    return [INTERCEPT, *(_label(each, evidence) for each in regression.on)]


def _coefficients(asked: PrivatePlan, released: PrivateRelease, evidence: Evidence) -> TableOfCells:
    """One line for each coefficient of each group, with its standard error (of sampling and noise together)."""
    regression = next(each for each in asked.measures if isinstance(each, Regression))
    terms = _terms(regression, evidence)
    cells = []
    for codes, fit in zip(released.codes, released.fits[regression.name], strict=True):
        for place, term in enumerate(terms):
            value, error = None, None
            if fit.coefficients is not None and fit.covariance is not None:
                value, error = fit.coefficients[place], sqrt(max(0.0, fit.covariance[place][place]))
            inside = None if value is None or error is None else (value - NORMAL * error, value + NORMAL * error)
            cells.append(
                Cell(
                    codes=(*(_shown(codes, asked, evidence) if codes else ()), term),
                    status="published",
                    values=(value, error),
                    ranges=(inside, None),
                )
            )
    by = _dimensions(asked, evidence) if asked.by else ()
    outcome = _label(regression.of, evidence)
    measures = (
        Column(name=regression.name, label=f"Coefficient for {_lower(outcome)} (with noise)", decimals=4),
        Column(name=f"{regression.name}_error", label="Standard error, of sampling and noise", decimals=4),
    )
    return TableOfCells(dimensions=(*by, Column(name="term", label="Term")), measures=measures, cells=tuple(cells))


# ------------------------------------------------------------------------------------------------- accuracy


EVENLY = "whose values are spread evenly between their bounds"
NO_COEFFICIENTS = "no coefficients, since at this price the noise would leave none of a group of {size:,} records"


def errors_of(asked: PrivatePlan, evidence: Evidence) -> tuple[MeasureError, ...]:
    """The 95 % error of each measure, and of each coefficient of a regression, in words and in its own units."""
    accuracy = asked.accuracy()
    return tuple(
        found
        for each in asked.measures
        for found in (
            _coefficient_errors(each, accuracy[each.name], evidence)
            if isinstance(each, Regression)
            else [_error(each, asked, accuracy[each.name], evidence)]
        )
    )


def _error(measure: Measure, asked: PrivatePlan, accuracy: Accuracy, evidence: Evidence) -> MeasureError:
    name, unit, _ = NAMES[type(measure)](measure, evidence)
    if asked.margins:
        return _error_that_adds_up(measure, asked, name)
    counted = isinstance(measure, (CountUnits, CountRows))
    what = f" {name}" if counted else f" {unit}" if unit else ""
    words = f"± {_number(accuracy.error or 0.0)}{what}{_if_a_group(accuracy)}"
    if accuracy.wrong_side is not None:
        words += (
            f", and whatever the data is, {_number(accuracy.wrong_side)} more records on the wrong side of the "
            f"{name.partition(' of ')[0]} than best"
        )
    return MeasureError(measure=measure.name, error=accuracy.error, words=words, basis=accuracy.basis)


def _error_that_adds_up(measure: Measure, asked: PrivatePlan, name: str) -> MeasureError:
    """Of the cell that least squares leaves the least exact, beside the error of each cell as it is drawn."""
    error = float(consistent_errors(asked, measure.name)["half_width"].max())
    drawn = asked.accuracy()[measure.name].error or 0.0
    words = (
        f"± {_number(error)} {name} in every cell once they add up (as drawn, ± {_number(drawn)}), before negative and "
        "broken numbers are made whole"
    )
    return MeasureError(measure=measure.name, error=error, words=words)


def _if_a_group(accuracy: Accuracy) -> str:
    """What the error supposes, in words."""
    if accuracy.group_size is None:
        return ""
    spread = f" {EVENLY}" if accuracy.basis == "dummy data" else ""
    return f" if a group has {accuracy.group_size:,} records{spread}"


def _coefficient_errors(measure: Regression, accuracy: Accuracy, evidence: Evidence) -> list[MeasureError]:
    """Of each coefficient, the intercept first; one sentence where the noise would leave none."""
    if not accuracy.coefficients:
        words = NO_COEFFICIENTS.format(size=accuracy.group_size or 0)
        return [MeasureError(measure=measure.name, error=None, words=words, basis=accuracy.basis)]
    return [
        MeasureError(
            measure=f"{measure.name}: {term}",
            error=error,
            words=f"± {_number(error)}{_if_a_group(accuracy)}",
            basis=accuracy.basis,
        )
        for term, error in zip(_terms(measure, evidence), accuracy.coefficients, strict=True)
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
