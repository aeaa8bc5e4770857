"""What a catalogue says of one column: frozen, and valid once made."""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, model_validator
from pydantic_core import PydanticCustomError

from datasets.toml_lines import Path

MOST_DIGITS = 18  # of a DECIMAL that DuckDB keeps in 64 bits

Identifier: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{0,47}$",
        description="a name of at most 48 lower-case letters, digits and underscores that starts with a letter",
    ),
]
Text: TypeAlias = Annotated[str, Field(min_length=1, description="some text")]


def _exact(value: Any) -> Decimal:
    """The decimal that was written; no text or truth value is one, as they are for pydantic."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        raise PydanticCustomError("number", "is no number")
    return Decimal(str(value))


Bound: TypeAlias = Annotated[Decimal, BeforeValidator(_exact)]

# The words that DuckDB reserves; a column of that name would have to be quoted in every query.
_WORDS = """
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default
deferrable desc desc_p describe distinct do else end except false fetch for foreign from group having in initially
intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing
primary qualify references returning select show some summarize symmetric table then to trailing true union unique
unpivot using variadic when where window with
"""
RESERVED_WORDS = frozenset(_WORDS.split())


class Problem(BaseModel):
    """Something wrong at one key, and what belongs there."""

    model_config = ConfigDict(frozen=True)

    path: Path
    wrong: str
    expected: str


class Part(BaseModel):
    """A part of the catalogue. Unknown keys, other types than the stated ones and later changes are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def problems(self) -> Iterator[Problem]:
        """What is wrong between keys that are each right by themselves."""
        return iter(())

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = list(self.problems())
        if problems:
            raise PydanticCustomError("problems", "keys do not fit together", {"problems": problems})
        return self


class ColumnRole(StrEnum):
    UNIT = "unit"
    DIRECT_IDENTIFIER = "direct_identifier"
    VARIABLE = "variable"


class ColumnType(StrEnum):
    INTEGER = "integer"
    DECIMAL = "decimal"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    TEXT = "text"


class Rounding(StrEnum):
    """How a number loses the digits that its scale has no room for. `none`: such digits are a misfit."""

    NONE = "none"
    NEAREST = "nearest"
    DOWN = "down"


class Missing(StrEnum):
    """What becomes of rows in which the column is empty."""

    REJECT = "reject"
    ALLOW = "allow"


class Misfit(StrEnum):
    """What becomes of values that do not fit: the file is refused, the value moved to its bound, or emptied."""

    REJECT = "reject"
    CLAMP = "clamp"
    NULL = "null"


NUMERIC = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
KEYS = frozenset({ColumnType.CATEGORY, ColumnType.BOOLEAN})


class Category(Part):
    """One label. Its rows hold one of the codes; or have the flag column set; or (otherwise) no flag of the column."""

    label: Text
    codes: Annotated[tuple[int | str, ...], Field(description="a list of whole numbers or of texts")] = ()
    flag: Annotated[str | None, Field(min_length=1, description="the name of a 0/1 column of the file")] = None
    otherwise: Annotated[bool, Field(description="true or false")] = False

    def problems(self) -> Iterator[Problem]:
        ways = [bool(self.codes), self.flag is not None, self.otherwise]
        if sum(ways) != 1:
            yield Problem(
                path=(),
                wrong="a category needs one way to be recognised",
                expected="codes, or flag, or otherwise",
            )
        if len({type(code) for code in self.codes}) > 1:
            yield Problem(
                path=("codes",),
                wrong="codes of two kinds",
                expected="either whole numbers only or texts only",
            )


class Column(Part):
    """One column: where it comes from, what it may hold, and what it means.

    Numbers have a unit and bounds, and decimals a scale (decimal places); the bounds are public, so they come from
    what is known of the subject, not from the file. Categories carry labels; `key` says that the list of categories
    is public and that every one of them is answered, empty or not.
    """

    name: Identifier
    label: Text
    description: Text
    role: Annotated[ColumnRole, Field(description='"unit", "direct_identifier" or "variable"')]
    type: Annotated[ColumnType, Field(description='"integer", "decimal", "category", "boolean" or "text"')]
    source: Annotated[str | None, Field(min_length=1, description="the name of a column of the file")] = None
    unit: Annotated[str | None, Field(min_length=1, description='a unit of measurement, like "US dollars"')] = None
    lower: Annotated[Bound | None, Field(description="a number")] = None
    upper: Annotated[Bound | None, Field(description="a number")] = None
    scale: Annotated[int | None, Field(ge=0, le=9, description="a number of decimal places from 0 to 9")] = None
    rounding: Annotated[Rounding | None, Field(description='"none", "nearest" or "down"')] = None
    categories: Annotated[tuple[Category, ...], Field(description="a list of categories")] = ()
    key: Annotated[bool, Field(description="true or false")] = False
    missing: Annotated[Missing, Field(description='"reject" or "allow"')] = Missing.REJECT
    misfit: Annotated[Misfit, Field(description='"reject", "clamp" or "null"')] = Misfit.REJECT

    @property
    def is_variable(self) -> bool:
        return self.role is ColumnRole.VARIABLE

    @property
    def is_number(self) -> bool:
        return self.type in NUMERIC

    @property
    def decimal_places(self) -> int:
        return self.scale or 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the categories, in the catalogue's order."""
        return tuple(category.label for category in self.categories)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the file that this one is made from."""
        flags = tuple(category.flag for category in self.categories if category.flag is not None)
        return flags if self.source is None else (self.source, *flags)

    @field_serializer("lower", "upper", when_used="json")
    def _as_number(self, bound: Decimal | None) -> int | float | None:
        if bound is None:
            return None
        return int(bound) if bound == bound.to_integral_value() else float(bound)

    def problems(self) -> Iterator[Problem]:
        if self.name in RESERVED_WORDS:
            yield Problem(path=("name",), wrong=f"“{self.name}” is a word of SQL", expected="another name")
        yield from _role_problems(self)
        yield from _number_problems(self) if self.is_number else _no_number_problems(self)
        yield from (_category_problems(self) if self.type is ColumnType.CATEGORY else _no_category_problems(self))
        if self.key and self.type not in KEYS:
            yield Problem(path=("key",), wrong=f"{_a(self)} cannot be a key", expected="a category or a boolean")
        if self.misfit is Misfit.NULL and self.missing is Missing.REJECT:
            yield Problem(
                path=("misfit",),
                wrong="misfits become missing, which is rejected",
                expected='missing = "allow"',
            )
        if self.misfit is Misfit.CLAMP and not self.is_number:
            yield Problem(path=("misfit",), wrong=f"{_a(self)} has no bounds", expected='"reject" or "null"')


def _role_problems(column: Column) -> Iterator[Problem]:
    if column.is_variable and column.type is ColumnType.TEXT:
        yield Problem(
            path=("type",),
            wrong="free text cannot be de-identified, so it cannot be a variable",
            expected='"category" with a list of categories, or role = "direct_identifier"',
        )
    if column.role is ColumnRole.UNIT and column.type not in (ColumnType.INTEGER, ColumnType.TEXT):
        yield Problem(path=("type",), wrong=f"{_a(column)} cannot name a unit", expected='"integer" or "text"')
    for key in ("missing", "misfit"):
        if not column.is_variable and getattr(column, key).value != "reject":
            yield Problem(
                path=(key,),
                wrong="only variables have it",
                expected="nothing here; see unit.missing for the unit",
            )
    if column.source is None and not any(category.flag for category in column.categories):
        yield Problem(path=("source",), wrong="is missing", expected="the name of a column of the file")


def _number_problems(column: Column) -> Iterator[Problem]:
    if not column.is_variable:
        return
    for key, described in (("unit", "a unit of measurement"), ("lower", "a number"), ("upper", "a number")):
        if getattr(column, key) is None:
            yield Problem(path=(key,), wrong="is missing", expected=f"{described}, which every number has")
    if column.type is ColumnType.DECIMAL and column.scale is None:
        yield Problem(path=("scale",), wrong="is missing", expected="the number of decimal places to keep")
    if column.type is ColumnType.INTEGER and column.scale:
        yield Problem(path=("scale",), wrong="an integer has no decimal places", expected='type = "decimal"')
    if column.lower is not None and column.upper is not None and column.lower >= column.upper:
        yield Problem(
            path=("lower",), wrong=f"{column.lower} is not below {column.upper}", expected="lower below upper"
        )
    for key in ("lower", "upper"):
        yield from _bound_problems(column, key, getattr(column, key))


def _bound_problems(column: Column, key: str, bound: Decimal | None) -> Iterator[Problem]:
    if bound is None:
        return
    steps = bound.scaleb(column.decimal_places)
    if steps != steps.to_integral_value():
        yield Problem(
            path=(key,),
            wrong="has more decimal places than scale",
            expected=f"at most {column.decimal_places}",
        )
    elif abs(steps) >= 10**MOST_DIGITS:
        yield Problem(
            path=(key,),
            wrong="is too large to be kept exactly",
            expected=f"at most {MOST_DIGITS} digits in all",
        )


def _no_number_problems(column: Column) -> Iterator[Problem]:
    for key in ("lower", "upper", "scale", "rounding", "unit"):
        if getattr(column, key) is not None:
            yield Problem(path=(key,), wrong=f"{_a(column)} has none", expected="an integer or a decimal")


def _category_problems(column: Column) -> Iterator[Problem]:
    if not column.categories:
        yield Problem(path=("categories",), wrong="there is none", expected="at least one category")
    yield from _repeated(column, "label", list(column.labels), "labels that differ")
    codes = [str(code) for category in column.categories for code in category.codes]
    yield from _repeated(column, "codes", codes, "each code in one category")
    kinds = {type(code) for category in column.categories for code in category.codes}
    by_flag = any(category.flag is not None for category in column.categories)
    if len(kinds) > 1 or (by_flag and kinds):
        yield Problem(
            path=("categories",),
            wrong="codes of two kinds",
            expected="numbers, or texts, or flags in all of them",
        )
    if sum(category.otherwise for category in column.categories) > by_flag:
        yield Problem(path=("categories",), wrong="otherwise has no single meaning", expected="one, beside flags")
    if by_flag and column.source is not None:
        yield Problem(path=("source",), wrong="the flags are the source", expected="no source beside flags")


def _repeated(column: Column, key: str, values: list[str], expected: str) -> Iterator[Problem]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    for value in repeated:
        numbers = [
            number
            for number, category in enumerate(column.categories)
            if value == category.label or value in map(str, category.codes)
        ]
        yield Problem(path=("categories", numbers[-1], key), wrong=f"“{value}” is there twice", expected=expected)


def _no_category_problems(column: Column) -> Iterator[Problem]:
    if column.categories:
        yield Problem(path=("categories",), wrong=f"{_a(column)} has none", expected='type = "category"')


def _a(column: Column) -> str:
    word: Any = column.type.value
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
