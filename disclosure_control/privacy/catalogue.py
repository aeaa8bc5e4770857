"""What is public of a dataset, as its data steward published it: the unit, the columns, their bounds and their keys.

Sensitivities hang on these and on nothing that was seen in the data. A plan holds the part that it uses.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

MOST_UNITS = 1 << 31
MOST_PLACES = 9
WORD = 1 << 62
"""No number in a computation goes beyond this, so none overflows 64 bits."""


class Frozen(BaseModel):
    """Frozen, and valid when made; unknown fields, NaN and infinities are errors; JSON is read strictly by type."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def plain(value: Decimal) -> str:
    """A decimal as it is written in canonical JSON: no exponent, no trailing zeros."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("is no number")  # noqa: TRY004 - what pydantic turns into a message
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("is no number") from None
    if not found.is_finite() or abs(found) >= WORD:
        raise ValueError("is not finite, or too large")
    if -int(found.normalize().as_tuple().exponent) > MOST_PLACES:
        raise ValueError(f"has more than {MOST_PLACES} decimal places")
    return Decimal(plain(found))


Exact: TypeAlias = Annotated[Decimal, BeforeValidator(_decimal), PlainSerializer(plain, return_type=str)]
"""A decimal number of at most nine places; text in JSON, so that no reader rounds it."""

Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
Kind: TypeAlias = Literal["integer", "decimal", "category", "boolean"]


def whole(value: Decimal, places: int) -> int:
    """The value in units of 10^-places; rounded half away from zero if it has more places."""
    scaled = value.scaleb(places)
    return int(scaled.to_integral_value("ROUND_HALF_UP"))


class PublicColumn(Frozen):
    """A column. Numbers have bounds and decimal places, categories their labels; `key`: its values are public.

    `missing` False promises nothing of the data: a value that is missing all the same counts as the lower bound, the
    first category, or false.
    """

    name: Name
    kind: Kind
    lower: Exact | None = None
    upper: Exact | None = None
    places: Annotated[int, Field(ge=0, le=MOST_PLACES)] = 0
    labels: tuple[str, ...] = ()
    key: bool = False
    missing: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        number = self.kind in {"integer", "decimal"}
        if not number and (self.lower is not None or self.upper is not None or self.places):
            raise ValueError(f"{self.name}: only numbers have bounds and places")
        if (self.lower is None) != (self.upper is None):
            raise ValueError(f"{self.name}: a bound alone bounds nothing; give both")
        if self.lower is not None and self.upper is not None:
            if self.lower >= self.upper:
                raise ValueError(f"{self.name}: the lower bound is not below the upper one")
            if max(abs(self.lower), abs(self.upper)).scaleb(self.places) >= WORD:
                raise ValueError(f"{self.name}: bounds with these decimal places do not fit into 64 bits")
        if (self.kind == "category") != bool(self.labels):
            raise ValueError(f"{self.name}: a category has labels, and nothing else has")
        if len(set(self.labels)) != len(self.labels) or any("\0" in label for label in self.labels):
            raise ValueError(f"{self.name}: labels differ, and hold no zero byte")
        return self


class PublicDataset(Frozen):
    """A version of a dataset. `most_units` is a public ceiling on how many units it can have, not a count of them."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    table: Name
    unit: Name
    columns: tuple[PublicColumn, ...]
    most_units: Annotated[int, Field(ge=1, le=MOST_UNITS)] = MOST_UNITS

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names) or self.unit in names:
            raise ValueError("columns have names that differ, and the unit's column is none of them")
        return self

    def column(self, name: str) -> PublicColumn | None:
        return next((column for column in self.columns if column.name == name), None)

    def only(self, names: set[str]) -> Self:
        """The part with these columns, in the order of their names."""
        chosen = sorted((each for each in self.columns if each.name in names), key=lambda each: each.name)
        return self.model_copy(update={"columns": tuple(chosen)})
