"""How a column is read as its catalogue describes it: SQL that has a value, or is missing, for every row."""

from disclosure_control.cellfacts import quoted
from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, whole


def decoded(column: PublicColumn, physical: str) -> str:
    """SQL that reads a column of this DuckDB type as the catalogue describes it; total.

    Raises:
        MalformedPrivatePlan: a type that cannot hold what the catalogue says.
    """
    name = quoted(column.name)
    match column.kind:
        case "boolean":
            value = f"TRY_CAST({name} AS BOOLEAN)"
            return value if column.missing else f"coalesce({value}, false)"
        case "category":
            value = f"TRY_CAST({name} AS VARCHAR)"
            labels = ", ".join(text(label) for label in column.labels)
            kept = f"CASE WHEN {value} IN ({labels}) THEN {value} END"
            return kept if column.missing else f"coalesce({kept}, {text(column.labels[0])})"
        case _:
            return _decoded_number(column, name, physical)


_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_WIDE = {"UBIGINT", "HUGEINT"}


def _decoded_number(column: PublicColumn, name: str, physical: str) -> str:
    lower, upper = bounds_of(column)
    factor = 10**column.places
    if physical in _INTEGERS | _WIDE:
        kind = "BIGINT" if physical in _INTEGERS else "HUGEINT"
        low, high = -(-lower // factor), upper // factor  # whole numbers within the bounds
        value = clamped(f"{name}::{kind}", low, high, kind)
        value = f"({value})::BIGINT * {factor}" if factor > 1 else f"({value})::BIGINT"
    elif physical in {"DOUBLE", "FLOAT"} or physical.startswith("DECIMAL"):
        value = f"{name}::DOUBLE"
        edge = [repr(float(bound) / factor) for bound in (lower, upper)]
        near = f"greatest(least({value}, {edge[1]}::DOUBLE), {edge[0]}::DOUBLE)"
        exact = clamped(f"round({near} * {float(factor)!r}::DOUBLE)::BIGINT", lower, upper)
        value = f"CASE WHEN {name} IS NULL OR isnan({value}) THEN NULL ELSE {exact} END"
    else:
        raise MalformedPrivatePlan(
            f"“{column.name}” is a number in the catalogue and of type {physical} in the data. Ask the data steward."
        )
    missing = f"{name} IS NULL" if physical in _INTEGERS | _WIDE else "false"
    value = f"CASE WHEN {missing} THEN NULL ELSE {value} END"
    return value if column.missing else f"coalesce({value}, {integer(lower)})"


def bounds_of(column: PublicColumn) -> tuple[int, int]:
    if column.lower is None or column.upper is None:
        raise MalformedPrivatePlan(
            f"“{column.name}” has no bounds in the catalogue, so nothing bounds what one unit adds. "
            "Ask the data steward to publish bounds, or leave the column out."
        )
    return whole(column.lower, column.places), whole(column.upper, column.places)


def clamped(sql: str, lower: int, upper: int, kind: str = "BIGINT") -> str:
    return f"greatest(least({sql}, ({upper})::{kind}), ({lower})::{kind})"


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def integer(value: int) -> str:
    return f"({value})::BIGINT"
