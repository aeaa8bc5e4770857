"""What expressions mean, in plain Python, one row at a time; an implementation with nothing in common with the SQL."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import (
    And,
    Arithmetic,
    Case,
    Clamp,
    Coalesce,
    Column,
    Compare,
    Cut,
    Divide,
    IsIn,
    IsMissing,
    Not,
    Number,
    Or,
    Person,
    Round,
    Text,
    Truth,
)

Record = dict[str, Any]
COMPARISONS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def value_of(  # noqa: C901, PLR0911, PLR0912 - one arm for each kind of node
    node: Any, row: Record, unit_rows: Sequence[Record], dataset: PublicDataset
) -> Any:
    """A Decimal, a text, a truth value, or None for missing."""

    def of(each: Any) -> Any:
        return value_of(each, row, unit_rows, dataset)

    match node:
        case Column():
            return read(dataset.column(node.name), row[node.name])
        case Number() | Text() | Truth():
            return node.value
        case Compare():
            left, right = of(node.left), of(node.right)
            return None if left is None or right is None else COMPARISONS[node.operator](left, right)
        case IsIn():
            left = of(node.of)
            return None if left is None else any(left == each.value for each in node.values)
        case And():
            values = [of(each) for each in node.terms]
            return False if False in values else (None if None in values else True)
        case Or():
            values = [of(each) for each in node.terms]
            return True if True in values else (None if None in values else False)
        case Not():
            value = of(node.of)
            return None if value is None else not value
        case IsMissing():
            return of(node.of) is None
        case Arithmetic():
            left, right = of(node.left), of(node.right)
            if left is None or right is None:
                return None
            return {"+": left + right, "-": left - right, "*": left * right}[node.operator]
        case Divide():
            left, right = of(node.left), of(node.right)
            if left is None or not right:
                return None
            whole = abs(left * 10**node.places) // abs(right)
            return (whole if (left < 0) == (right < 0) else -whole).scaleb(-node.places)
        case Clamp():
            value = of(node.of)
            return None if value is None else min(max(value, node.lower), node.upper)
        case Round():
            value = of(node.of)
            return None if value is None else value.quantize(Decimal(1).scaleb(-node.places), ROUND_HALF_UP)
        case Case():
            for when in node.whens:
                if of(when.condition) is True:
                    return of(when.value)
            return None if node.otherwise is None else of(node.otherwise)
        case Coalesce():
            return next((value for value in map(of, node.terms) if value is not None), None)
        case Cut():
            value = of(node.of)
            return None if value is None else node.labels[sum(value >= edge for edge in node.edges)]
        case Person():
            return feature_of(node, unit_rows, dataset)
    raise TypeError(type(node))


def feature_of(node: Person, unit_rows: Sequence[Record], dataset: PublicDataset) -> Any:
    kept = [each for each in unit_rows if node.where is None or value_of(node.where, each, unit_rows, dataset) is True]
    if node.feature == "any":
        return bool(kept)
    if node.feature == "count":
        return Decimal(min(len(kept), int(node.upper or 0)))
    values = [value_of(node.of, each, unit_rows, dataset) for each in kept]
    present = [value for value in values if value is not None]
    if node.feature == "sum":
        return min(max(sum(present, Decimal(0)), node.lower or Decimal(0)), node.upper or Decimal(0))
    return (min if node.feature == "min" else max)(present) if present else None


def read(column: PublicColumn | None, raw: Any) -> Any:
    """A value of the data as the catalogue describes it: clamped, NaN missing."""
    assert column is not None
    if column.kind == "boolean":
        return raw if raw is not None or column.missing else False
    if column.kind == "category":
        known = raw if raw in column.labels else None
        return known if known is not None or column.missing else column.labels[0]
    assert column.lower is not None and column.upper is not None
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return None if column.missing else column.lower
    near = min(max(raw, type(raw)(column.lower)), type(raw)(column.upper))
    scaled = Decimal(near) if isinstance(raw, int) else Decimal(near * float(10**column.places))
    if isinstance(raw, int):
        return Decimal(near)
    whole = scaled.to_integral_value(ROUND_HALF_UP)
    return min(max(whole.scaleb(-column.places), column.lower), column.upper)
