"""Amounts as whole numbers, so that sums are exact and do not depend on the order of the rows.

Integers and decimals are taken as they are, floating-point numbers that are short decimals (money in a DOUBLE
column) as decimals. Other floating-point numbers become multiples of a power of two that is chosen once for the
column: an amount is then off by at most 2⁻⁶¹ of the column's total of absolute amounts.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2

import duckdb
import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import MalformedTable
from disclosure_control.unitfacts import Integers

_LIMIT = 1 << 62  # above every sum of a column's absolute amounts
_DECIMALS = (0, 2, 4, 6, 9)
_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|BOOLEAN|HUGEINT")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Scale:
    """An SQL expression that gives whole numbers (NULL stays NULL), and the factor that made them whole."""

    sql: str
    factor: Fraction

    def amounts(self, whole: Integers) -> NDArray[np.float64]:
        """The amounts of these whole numbers, each the nearest floating-point number."""
        up, down = self.factor.denominator, self.factor.numerator
        return np.array([int(each) * up / down for each in whole.ravel()], dtype=np.float64).reshape(whole.shape)


def scale_of(data: duckdb.DuckDBPyRelation, expression: str, what: str, view: str) -> Scale:
    """The scale of a numeric expression over these rows.

    Raises:
        MalformedTable: it is no number, or it is NaN or infinite in some row.
    """
    typed = f"SELECT {expression} AS x FROM {view} LIMIT 0"  # noqa: S608 - quoted names
    kind = str(data.query(view, typed).types[0])
    decimal = _DECIMAL.fullmatch(kind)
    if decimal or _INTEGER.fullmatch(kind):
        factor = Fraction(10 ** int(decimal[2])) if decimal else Fraction(1)
        added = f"SELECT sum(abs({expression}::DOUBLE)) FROM {view}"  # noqa: S608 - as above
        total = data.query(view, added).fetchall()[0][0] or 0
        if total * factor < _LIMIT / 2 and (decimal is None or int(decimal[1]) <= _SHORT):
            return Scale(f"(({expression}) * {factor})::BIGINT" if decimal else f"({expression})::BIGINT", factor)
        return _of_floats(data, f"({expression})::DOUBLE", what, view)
    if kind not in {"DOUBLE", "FLOAT"}:
        raise MalformedTable(
            f"The {what} is of type {kind}, which is no number. Choose a numeric column, or convert it."
        )
    return _of_floats(data, f"({expression})::DOUBLE", what, view)


_SHORT = 18  # digits of a decimal that DuckDB holds in one word


def _of_floats(data: duckdb.DuckDBPyRelation, expression: str, what: str, view: str) -> Scale:
    source = f"(SELECT {expression} AS x FROM {view})"  # noqa: S608 - quoted names
    greatest: float | None = None
    for places in _decimals(data, source, view):
        query = f"""
            SELECT max(abs(x)), sum(abs(x)), count(*) FILTER (x <> round(x, {places})),
                count(*) FILTER (isnan(x)), count(*) FILTER (isinf(x)) FROM {source}
        """  # noqa: S608 - as above
        greatest, total, rough, nans, infinities = data.query(view, query).fetchall()[0]
        _require_finite(nans, infinities, what)
        if not greatest:
            return _rounded(expression, Fraction(1))
        if not rough and total * 10**places < _LIMIT / 2:
            return _rounded(expression, Fraction(10**places))
    # A total that is exact, and so the same for every order of the rows, bounds the one in floating point.
    step = Fraction(2) ** (ceil(log2(greatest or 1)) - 40)
    query = f"SELECT sum(ceil(abs(x) / {float(step)!r})::HUGEINT) FROM {source}"  # noqa: S608 - as above
    bound = int(data.query(view, query).fetchall()[0][0]) * step
    return _rounded(expression, Fraction(2) ** (61 - ceil(log2(bound))))


def _decimals(data: duckdb.DuckDBPyRelation, source: str, view: str) -> tuple[int, ...]:
    """How many decimals the amounts may have, judged by some of them: fewer than these they cannot."""
    query = f"SELECT x FROM {source} WHERE isfinite(x) LIMIT 1000"  # noqa: S608 - as above
    seen = np.array([row[0] for row in data.query(view, query).fetchall()], dtype=np.float64)
    return tuple(places for places in _DECIMALS if (np.round(seen, places) == seen).all()) or _DECIMALS[-1:]


def _require_finite(nans: int, infinities: int, what: str) -> None:
    for count, name in ((nans, "NaN"), (infinities, "infinite")):
        if count:
            raise MalformedTable(f"The {what} is {name} in {count} rows. Correct them, or make them missing (NULL).")


def _rounded(expression: str, factor: Fraction) -> Scale:
    return Scale(f"round(({expression}) * {float(factor)!r})::BIGINT", factor)
