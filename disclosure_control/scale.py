"""Amounts as whole numbers, so that sums are exact and do not depend on the order of the rows.

Integers and decimals are taken as they are, floating-point numbers that are short decimals (money in a DOUBLE
column) as decimals. Other floating-point numbers become multiples of a power of two that is chosen once for the
column: an amount is then off by at most 2⁻⁶¹ of the column's total of absolute amounts.

The first rows suggest a scale (`suggested`); whoever reads all rows anyway checks there whether it holds, by `Checks`.
Only where it does not is the whole column looked at first (`certain`). Both find the same scale.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log2

import duckdb
import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.unitfacts import Integers

LIMIT = 1 << 62  # above every sum of a column's absolute amounts
_SEEN = 1000  # rows that suggest a scale
_DECIMALS = (0, 2, 4, 6, 9)
_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|BOOLEAN|HUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_SHORT = 18  # digits of a decimal that DuckDB holds in one word


@dataclass(frozen=True)
class Scale:
    """How amounts become whole numbers.

    Attributes:
        amount: the SQL expression of the amounts.
        sql: that of the whole numbers: NULL where an amount is, or where it is too large.
        factor: what made them whole.
        decimals: whether every amount has to be its whole number over the factor; otherwise it is rounded.
    """

    amount: str
    sql: str
    factor: Fraction
    decimals: bool = False

    @property
    def inexact(self) -> str:
        """The condition of a row that its amount is not its whole number over the factor."""
        return f"{self.amount} <> {self.sql} / {float(self.factor):e}" if self.decimals else "false"

    def amounts(self, whole: Integers) -> NDArray[np.float64]:
        """The amounts of these whole numbers, each the nearest floating-point number."""
        up, down = self.factor.denominator, self.factor.numerator
        return np.array([int(each) * up / down for each in whole.ravel()], dtype=np.float64).reshape(whole.shape)


@dataclass(frozen=True)
class Column:
    """A numeric expression over the rows of a view, and what it is called in errors."""

    data: duckdb.DuckDBPyRelation
    view: str
    expression: str
    what: str

    @cached_property
    def kind(self) -> str:
        """The name of its type."""
        return str(self.query(f"SELECT {self.expression} FROM {self.view} LIMIT 0").types[0])  # noqa: S608 - quoted names

    def query(self, query: str) -> duckdb.DuckDBPyRelation:
        return self.data.query(self.view, query)

    def row(self, wanted: str) -> tuple[int, ...]:
        """One row of aggregates of `x`."""
        source = f"(SELECT ({self.expression})::DOUBLE AS x FROM {self.view})"  # noqa: S608 - quoted names
        return tuple(self.query(f"SELECT {wanted} FROM {source}").fetchall()[0])  # noqa: S608 - as above


def absolute(whole: str) -> str:
    """The absolute value of a whole number, NULL where a word does not hold it."""
    return f"TRY(abs({whole}))"


def suggested(column: Column) -> Scale | None:
    """The scale that the type or the first rows suggest: the only one that may hold, but it may not. None: nothing."""
    whole = _whole(column)
    if whole is not None:
        return whole
    found = _possible(column)
    return found[0] if found else None


def certain(column: Column) -> Scale:
    """The scale that holds for all rows.

    Raises:
        MalformedTable: the column is NaN or infinite in some row.
    """
    whole = _whole(column)
    candidates = ([] if whole is None else [whole]) + _possible(column)
    for scale in candidates:
        if _holds(scale, column):
            return scale
    return _binary(column)


def require_number(column: Column) -> None:
    """Raise `MalformedTable` unless the column is of a numeric type."""
    kind = column.kind
    if not (_INTEGER.fullmatch(kind) or _DECIMAL.fullmatch(kind) or kind in {"DOUBLE", "FLOAT"}):
        raise MalformedTable(
            f"The {column.what} is of type {kind}, which is no number. Choose a numeric column, or convert it."
        )


def _whole(column: Column) -> Scale | None:
    """The scale of integers and short decimals."""
    kind, amount = column.kind, f"({column.expression})"
    decimal = _DECIMAL.fullmatch(kind)
    if decimal and int(decimal[1]) <= _SHORT:
        factor = Fraction(10 ** int(decimal[2]))
        wide = (
            f"({amount}::DECIMAL(38, {decimal[2]}) * {factor})::BIGINT"  # ten times slower, so only where it has to be
        )
        return Scale(amount, f"coalesce(TRY(({amount} * {factor})::BIGINT), {wide})", factor)
    if _INTEGER.fullmatch(kind):
        return Scale(amount, f"TRY_CAST({amount} AS BIGINT)", Fraction(1))
    return None


def _possible(column: Column) -> list[Scale]:
    """The scales of short decimals that the first rows do not rule out, the smallest first."""
    query = f"SELECT x::DOUBLE FROM (SELECT {column.expression} AS x FROM {column.view}) WHERE isfinite(x::DOUBLE)"  # noqa: S608 - quoted names
    seen = np.array(column.query(f"{query} LIMIT {_SEEN}").fetchall(), dtype=np.float64)
    amount = f"({column.expression})::DOUBLE"
    return [
        Scale(amount, f"TRY_CAST({amount} * 1e{places} AS BIGINT)", Fraction(10**places), decimals=True)
        for places in _DECIMALS
        if _short(seen, places)
    ]


def _short(amounts: NDArray[np.float64], places: int) -> bool:
    """Whether they have no more decimals than these."""
    with np.errstate(over="ignore"):
        return bool((np.rint(amounts * 10.0**places) / 10.0**places == amounts).all())


def _holds(scale: Scale, column: Column) -> bool:
    query = f"""
        SELECT count(x) - count(a) + count(*) FILTER (off), coalesce(sum(a), 0) FROM (
            SELECT {scale.amount} AS x, {absolute(scale.sql)} AS a, {scale.inexact} AS off FROM {column.view})
    """  # noqa: S608 - quoted names
    wrong, total = column.query(query).fetchall()[0]
    return not wrong and int(total) < LIMIT


def _binary(column: Column) -> Scale:
    """A power of two, from the total of absolute amounts, as large as a word allows."""
    greatest, nans, infinities = column.row(
        "max(abs(x)) FILTER (isfinite(x)), count(*) FILTER (isnan(x)), count(*) FILTER (isinf(x))"
    )
    _require_finite(nans, infinities, column.what)
    # A total that is exact, and so the same for every order of the rows, bounds the one in floating point.
    step = Fraction(2) ** (ceil(log2(greatest)) - 40)
    bound = column.row(f"sum(ceil(abs(x) / {float(step)!r})::HUGEINT)")[0] * step
    factor = Fraction(2) ** (61 - ceil(log2(bound)))
    amount = f"({column.expression})::DOUBLE"
    return Scale(amount, f"round({amount} * {float(factor)!r})::BIGINT", factor)


def _require_finite(nans: int, infinities: int, what: str) -> None:
    for count, name in ((nans, "NaN"), (infinities, "infinite")):
        if count:
            raise MalformedTable(f"The {what} is {name} in {count} rows. Correct them, or make them missing (NULL).")
