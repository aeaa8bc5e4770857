"""What a plan can measure, and which sums over bounded contributions (series) each measure is made of.

Measures share series: the mean of x and the number of rows cost no more than the sum of x and the number of rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import WORD, Exact, Frozen, Name
from disclosure_control.privacy.compiled import Compiler, NumberType
from disclosure_control.privacy.expressions import Expression

FINEST = 16
BIN_WEIGHT = 1 << 10
"""A row of a quantile's histogram; a unit's rows beyond M are scaled down in parts of it."""


class _Measure(Frozen):
    """`share`: how many parts of the price go to this measure."""

    name: Name
    share: Annotated[int, Field(ge=1, le=1000)] = 1


class CountUnits(_Measure):
    kind: Literal["count_units"] = "count_units"


class CountRows(_Measure):
    kind: Literal["count_rows"] = "count_rows"


class Sum(_Measure):
    kind: Literal["sum"] = "sum"
    of: Expression


class Mean(_Measure):
    """The mean over rows; each unit's rows beyond M count as M rows of their mean."""

    kind: Literal["mean"] = "mean"
    of: Expression


class Variance(_Measure):
    """The variance over rows (divided by their number), and its root with `kind` standard_deviation."""

    kind: Literal["variance", "standard_deviation"] = "variance"
    of: Expression


class Quantile(_Measure):
    """The candidate that leaves a share `q` of the rows below, of `steps` + 1 candidates from bound to bound."""

    kind: Literal["quantile"] = "quantile"
    of: Expression
    q: Exact = Decimal("0.5")
    steps: Annotated[int, Field(ge=1, le=10_000)] = 200


class Regression(_Measure):
    """Least squares of a number on an intercept and other numbers, through noisy moments."""

    kind: Literal["regression"] = "regression"
    of: Expression
    on: Annotated[tuple[Expression, ...], Field(min_length=1, max_length=8)]


Measure: TypeAlias = Annotated[
    CountUnits | CountRows | Sum | Mean | Variance | Quantile | Regression, Field(discriminator="kind")
]


MEASURES = (CountUnits, CountRows, Sum, Mean, Variance, Quantile, Regression)


@dataclass(frozen=True)
class Factor:
    """A number less its centre, in multiples of 2^coarse of its own; at most `most` of these."""

    of: Expression
    centre: int
    coarse: int
    places: int
    most: int

    @property
    def unit(self) -> Fraction:
        """What one multiple is worth."""
        return Fraction(1 << self.coarse, 10**self.places)


@dataclass(frozen=True)
class Series:
    """One whole number for each group: a sum over bounded contributions, in multiples of `unit`.

    kind "units": distinct units. "rows": rows in which nothing of `given` is missing. "moment": over these rows, the
    product of the factors, times 2^shift. "bins": a histogram of `given[0]` on `grid`, in parts of `BIN_WEIGHT`.
    `largest`: the most that one row adds.
    """

    kind: Literal["units", "rows", "moment", "bins"]
    given: tuple[Expression, ...] = ()
    factors: tuple[Factor, ...] = ()
    shift: int = 0
    largest: int = 1
    grid: "Grid | None" = None

    @property
    def unit(self) -> Fraction:
        found = Fraction(1, 1) / (Fraction(2) ** self.shift)
        for factor in self.factors:
            found *= factor.unit
        return found

    @property
    def candidates(self) -> "Grid":
        """The candidates of a quantile's series. Raises `TypeError` for any other series."""
        if self.grid is None:
            raise TypeError("only histograms have a grid")
        return self.grid

    def per_group(self, rows_per_unit: int) -> int:
        """The most that one unit adds to one group."""
        if self.kind == "units":
            return 1
        if self.kind == "bins":
            return rows_per_unit * BIN_WEIGHT
        return rows_per_unit * (self.largest << self.shift if self.shift >= 0 else -(-self.largest >> -self.shift))


@dataclass(frozen=True)
class Grid:
    """Candidates of a quantile: `lower`, `lower` + `step`, … (`count` of them), in multiples of 10^-places."""

    lower: int
    step: int
    count: int
    places: int

    @property
    def bins(self) -> int:
        """Bin 2j holds what equals candidate j, bin 2j + 1 what lies between it and the next."""
        return 2 * self.count

    def candidate(self, place: int) -> Fraction:
        return Fraction(self.lower + place * self.step, 10**self.places)


UNITS = Series("units")
ROWS = Series("rows")


@dataclass(frozen=True)
class Room:
    """What headroom is proven against: how many units there can be, and how many rows of each count."""

    units: int
    rows_per_unit: int

    def shift(self, largest: int) -> int:
        """The finest power of two in which a sum of all contributions stays within 2⁶¹.

        Raises:
            MalformedPrivatePlan: it would be coarser than a millionth of the largest contribution.
        """
        most, limit = self.units * self.rows_per_unit * max(largest, 1), WORD // 2
        fits = most <= limit
        shift = min(FINEST, (limit // most).bit_length() - 1) if fits else -((most - 1) // limit).bit_length()
        if shift < 0 and largest >> -shift < 1_000_000:
            raise MalformedPrivatePlan(
                f"So many units ({self.units}) with {self.rows_per_unit} rows each do not fit into 64 bits. Ask for "
                "fewer rows per unit, or ask the data steward for a lower ceiling of units."
            )
        return shift


def factor_of(compiler: Compiler, of: Expression, *, centred: bool, what: str) -> Factor:
    """The number as a factor of moments, about the middle of its bounds if centred."""
    _, kind = compiler.number(of, what)
    centre = (kind.lower + kind.upper) // 2 if centred else 0
    most = max(abs(kind.lower - centre), abs(kind.upper - centre))
    return Factor(of, centre, 0, kind.places, max(most, 1))


def moment(room: Room, given: tuple[Expression, ...], factors: Sequence[Factor]) -> Series:
    """The sum of the factors' product over rows in which nothing of `given` is missing."""
    bits = 62 // max(len(factors), 1)
    fitted = tuple(_coarsened(each, bits) for each in factors)
    largest = 1
    for factor in fitted:
        largest *= factor.most
    return Series("moment", given, fitted, room.shift(largest), largest)


def _coarsened(factor: Factor, bits: int) -> Factor:
    coarse = max(0, factor.most.bit_length() - (bits - 1))
    return Factor(factor.of, factor.centre, coarse, factor.places, (factor.most >> coarse) + (coarse > 0))


def rows_of(compiler: Compiler, given: tuple[Expression, ...]) -> Series:
    """How many rows have all of these; all rows, where none of them can be missing."""
    missing = tuple(each for each in given if compiler.compile(each).type.missing)
    return Series("rows", missing)


def series_of(measure: Measure, compiler: Compiler, room: Room, summed: frozenset[Expression]) -> tuple[Series, ...]:
    """What the measure is made of, the number of its rows (or units) first.

    Args:
        summed: numbers of which the plan asks the sum; means and variances of these use it.

    Raises:
        MalformedPrivatePlan: it asks the mean of something that is no number, and the like.
    """
    match measure:
        case CountUnits():
            return (UNITS,)
        case CountRows():
            return (ROWS,)
        case Sum():
            factor = factor_of(compiler, measure.of, centred=False, what="A sum")
            return (moment(room, rows_of(compiler, (measure.of,)).given, [factor]),)
        case Mean() | Variance():
            return _about_the_middle(measure, compiler, room, centred=measure.of not in summed)
        case Quantile():
            return (Series("bins", (measure.of,), grid=grid_of(measure, compiler)),)
        case _:
            return _moments(measure, compiler, room)


def _about_the_middle(measure: Mean | Variance, compiler: Compiler, room: Room, *, centred: bool) -> tuple[Series, ...]:
    factor = factor_of(compiler, measure.of, centred=centred, what=f"A {measure.kind.replace('_', ' ')}")
    rows = rows_of(compiler, (measure.of,))
    first = moment(room, rows.given, [factor])
    if isinstance(measure, Mean):
        return (rows, first)
    return (rows, first, moment(room, rows.given, [factor, factor]))


def _moments(measure: Regression, compiler: Compiler, room: Room) -> tuple[Series, ...]:
    """Rows, then all first moments, then all second ones: (i, j) with i ≤ j, the outcome last."""
    of = (*measure.on, measure.of)
    if len(set(of)) != len(of):
        raise MalformedPrivatePlan("A regression needs variables that differ. Leave the repeated one out.")
    factors = [factor_of(compiler, each, centred=True, what="A regression") for each in of]
    rows = rows_of(compiler, of)
    first = [moment(room, rows.given, [each]) for each in factors]
    second = [moment(room, rows.given, [a, b]) for place, a in enumerate(factors) for b in factors[place:]]
    return (rows, *first, *second)


def grid_of(measure: Quantile, compiler: Compiler) -> Grid:
    """The candidates. Raises `MalformedPrivatePlan` where the bounds leave fewer than two."""
    _, kind = compiler.number(measure.of, "A quantile")
    if not 0 < measure.q < 1 or measure.q * 1000 % 1:
        raise MalformedPrivatePlan("A quantile lies between 0 and 1, in thousandths, for example 0.25.")
    step = max(1, -(-(kind.upper - kind.lower) // measure.steps))
    count = (kind.upper - kind.lower) // step + 1
    if count < 2:
        raise MalformedPrivatePlan("The bounds leave a quantile only one candidate. Use wider ones.")
    return Grid(kind.lower, step, count, kind.places)


def number_type(compiler: Compiler, of: Expression) -> NumberType:
    """The type of an expression that is known to be a number."""
    return compiler.number(of, "A measure")[1]
