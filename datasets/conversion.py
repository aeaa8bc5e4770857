"""From the text in the owner's file to typed values: SQL expressions made from the catalogue, in three layers.

    texts     every source column trimmed, and as a number (DOUBLE) where it is one
    values    every column of the catalogue: its typed value, and whether the file has anything there
    kept      the value that goes into the version, misfits treated as the catalogue says

Nothing here reads data. An expression yields NULL, and never an error, for a value that does not fit; `sources.check`
counts those first, so that nothing becomes NULL unseen.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

from datasets import sql
from datasets.columns import MOST_DIGITS, Category, Column, ColumnType, Misfit, Rounding

_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"


def sql_type(column: Column) -> str:
    """The type of a column in versions and copies: labels and pseudonyms are VARCHAR."""
    match column.type:
        case ColumnType.INTEGER if column.is_variable:
            return "BIGINT"
        case ColumnType.DECIMAL:
            return f"DECIMAL(18, {column.decimal_places})"
        case ColumnType.BOOLEAN:
            return "BOOLEAN"
        case _:
            return "VARCHAR"


def values_query(columns: tuple[Column, ...], source: str) -> str:
    """The query of the values: for each column its value under its name, and `present(column)`.

    `source` is a table with the file's columns as VARCHAR.
    """
    from_file = dict.fromkeys(name for column in columns for name in column.sources)
    trimmed = ", ".join(f"nullif(trim({sql.name(name)}), '') AS {_text(name)}" for name in from_file)
    numbers = ", ".join(f"{_text(name)}, {_parsed(_text(name))} AS {_number(name)}" for name in from_file)
    values = ", ".join(
        f"{_value(column)} AS {sql.name(column.name)}, {_present(column)} AS {present(column)}" for column in columns
    )
    return f"SELECT {values} FROM (SELECT {numbers} FROM (SELECT {trimmed} FROM {source}))"


def present(column: Column) -> str:
    """The name of the column that says whether the file has anything there."""
    return sql.name(f"{column.name} present")


def is_unreadable(column: Column) -> str:
    """Whether the file has something that is no value of the column."""
    return f"({present(column)} AND {sql.name(column.name)} IS NULL)"


def is_outside(column: Column) -> str:
    """Whether the value lies beyond a bound."""
    if column.lower is None or column.upper is None:
        return "false"
    return f"coalesce({sql.name(column.name)} NOT BETWEEN {column.lower:f} AND {column.upper:f}, false)"


def kept(column: Column) -> str:
    """The value that goes into the version."""
    value = sql.name(column.name)
    if column.misfit is Misfit.NULL:
        value = f"CASE WHEN NOT {is_outside(column)} THEN {value} END"
    elif column.misfit is Misfit.CLAMP and column.lower is not None and column.upper is not None:
        bounded = f"least(greatest({value}, {column.lower:f}), {column.upper:f})"
        value = f"CASE WHEN {is_outside(column)} THEN {bounded} ELSE {value} END"
    return f"CAST({value} AS {sql_type(column)})"


def _text(source: str) -> str:
    return sql.name(f"text {source}")


def _number(source: str) -> str:
    return sql.name(f"number {source}")


def _parsed(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN TRY_CAST({text} AS DOUBLE) END"


def _present(column: Column) -> str:
    return "(" + " AND ".join(f"{_text(source)} IS NOT NULL" for source in column.sources) + ")"


def _value(column: Column) -> str:
    source = column.source or ""
    match column.type:
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            target = sql_type(column)  # VARCHAR for a unit, so that no later step takes it for a number
            return f"CAST({_rounded(column, source)} AS {target})"
        case ColumnType.BOOLEAN:
            return f"CASE WHEN {_means(source, 'true')} THEN true WHEN {_means(source, 'false')} THEN false END"
        case ColumnType.CATEGORY:
            return _label(column)
        case ColumnType.TEXT:
            return _text(source)


def _rounded(column: Column, source: str) -> str:
    """A number at the column's scale, from the text itself so that halves round exactly.

    NULL where it has more digits than a version can hold, or where rounding is `none` and digits would be lost.
    """
    number = _number(source)
    nearest = f"TRY_CAST({_text(source)} AS DECIMAL({MOST_DIGITS}, {column.decimal_places}))"
    match column.rounding or (Rounding.NEAREST if column.type is ColumnType.DECIMAL else Rounding.NONE):
        case Rounding.NEAREST:
            return f"CASE WHEN {number} IS NOT NULL THEN {nearest} END"
        case Rounding.DOWN:
            step = f"{10**-column.decimal_places:.{column.decimal_places}f}"
            down = f"CASE WHEN {nearest} > {number} THEN {nearest} - {step} ELSE {nearest} END"
            return f"CASE WHEN {number} IS NOT NULL THEN {down} END"
        case Rounding.NONE:
            return f"CASE WHEN {nearest} = {number} THEN {nearest} END"


def _means(source: str, answer: str) -> str:
    return f"({_number(source)} = {int(answer == 'true')} OR lower({_text(source)}) = '{answer}')"


def _label(column: Column) -> str:
    flags = [category.flag for category in column.categories if category.flag is not None]
    cases = " ".join(
        f"WHEN {_is_in(category, column.source or '', flags)} THEN {sql.text(category.label)}"
        for category in column.categories
    )
    return f"CASE {cases} END"


def _is_in(category: Category, source: str, flags: list[str]) -> str:
    """Whether a row is in a category. With flags: this one is 1 and the others are 0; otherwise: all are 0."""
    if category.codes:
        numeric = isinstance(category.codes[0], int)
        codes = ", ".join(str(code) if numeric else sql.text(str(code)) for code in category.codes)
        return f"{_number(source) if numeric else _text(source)} IN ({codes})"
    return "(" + " AND ".join(f"{_number(flag)} = {int(flag == category.flag)}" for flag in flags) + ")"
