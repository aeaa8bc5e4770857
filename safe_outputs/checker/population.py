"""From a plan to a population: every name and constant is checked against the catalogue before data is read."""

from decimal import Decimal

from datasets.catalogue import Catalogue
from datasets.columns import Column
from disclosure_control import Condition, Population
from safe_outputs.errors import MalformedPlan
from safe_outputs.statistics import Condition as AskedCondition
from safe_outputs.statistics import Scalar

_CONSTANTS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "decimal": (int, float),
    "boolean": (bool,),
    "category": (str,),
}


def column_of(catalogue: Catalogue, name: str) -> Column:
    """The approved column of that name. Raises `MalformedPlan`, which lists those there are."""
    found = next((column for column in catalogue.columns if column.name == name), None)
    if found is None:
        names = ", ".join(column.name for column in catalogue.columns)
        raise MalformedPlan(f"Your copy of {catalogue.name} has no column “{name}”. It has: {names}.")
    return found


_BOOLEAN_LABELS = {"false": "no", "true": "yes"}


def codes_of(column: Column) -> dict[str, str]:
    """What the copy holds (as text) → what is published, for every category; empty for what has no categories."""
    return dict(_BOOLEAN_LABELS) if column.type == "boolean" else {label: label for label in column.labels}


def dimension_of(catalogue: Catalogue, name: str) -> Column:
    """The column, if a table can be made by it. Raises `MalformedPlan`."""
    column = column_of(catalogue, name)
    if not codes_of(column):
        usable = ", ".join(each.name for each in catalogue.columns if codes_of(each))
        raise MalformedPlan(f"“{name}” has no categories, so no table can be made by it. Use one of: {usable}.")
    return column


def measure_of(catalogue: Catalogue, name: str) -> Column:
    """The column, if it can be summed. Raises `MalformedPlan`."""
    column = column_of(catalogue, name)
    if not (column.is_number and column.is_variable):
        usable = ", ".join(each.name for each in catalogue.variables if each.is_number)
        raise MalformedPlan(f"“{name}” is not a number that can be summed. Use one of: {usable}.")
    return column


def population_of(catalogue: Catalogue, where: tuple[AskedCondition, ...]) -> Population:
    """The population that the conditions select. Raises `MalformedPlan`."""
    return Population(catalogue.table, catalogue.unit.column, [_condition(catalogue, each) for each in where])


def _condition(catalogue: Catalogue, asked: AskedCondition) -> Condition:
    column = column_of(catalogue, asked.column)
    if not column.is_variable:
        raise MalformedPlan(
            f"“{column.name}” names single {catalogue.unit.plural}; a population cannot be chosen by it. "
            "Choose by a variable."
        )
    for value in asked.values:
        _require_constant(column, value)
    if column.type in {"category", "boolean"} and asked.operator not in {"==", "!=", "in"}:
        raise MalformedPlan(f"“{column.name}” has no order; compare it with ==, != or in.")
    return Condition(asked.column, asked.operator, asked.values)


def _require_constant(column: Column, value: Scalar) -> None:
    if type(value) not in _CONSTANTS.get(column.type.value, ()):
        raise MalformedPlan(f"“{column.name}” is of type {column.type.value}; compare it with constants of that type.")
    if isinstance(value, (int, float)) and column.is_number:
        _require_within(column, value)
    if column.labels and value not in column.labels:
        raise MalformedPlan(f"“{value}” is no category of “{column.name}”. Its categories: {', '.join(column.labels)}.")


def _require_within(column: Column, value: float) -> None:
    """A constant outside of the bounds could make a comparison fail on some data and not on other."""
    lower, upper = column.lower, column.upper
    if lower is None or upper is None or not lower <= Decimal(value) <= upper:
        raise MalformedPlan(
            f"“{column.name}” lies between {lower} and {upper}; compare it with constants within these bounds."
        )
