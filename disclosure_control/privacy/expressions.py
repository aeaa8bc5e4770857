"""Expressions of a plan: frozen nodes, JSON in and out. What they mean for every possible row is in `compiled`.

Truth has three values, as in SQL: a comparison with something missing is missing, and a filter keeps rows for which
it is true. Numbers are decimals of a fixed number of places within bounds that are known without looking at the data.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from disclosure_control.privacy.catalogue import MOST_PLACES, Exact, Frozen, Name

Places: TypeAlias = Annotated[int, Field(ge=0, le=MOST_PLACES)]
Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Feature: TypeAlias = Literal["any", "min", "max", "count", "sum"]
MOST_TERMS = 1000


class Column(Frozen):
    """A column of the catalogue, clamped to its bounds; NaN is missing."""

    op: Literal["column"] = "column"
    name: Name


class Number(Frozen):
    op: Literal["number"] = "number"
    value: Exact


class Text(Frozen):
    op: Literal["text"] = "text"
    value: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class Truth(Frozen):
    op: Literal["truth"] = "truth"
    value: bool


class Compare(Frozen):
    op: Literal["compare"] = "compare"
    operator: Comparison
    left: "Expression"
    right: "Expression"


class IsIn(Frozen):
    """Whether it equals one of these constants."""

    op: Literal["in"] = "in"
    of: "Expression"
    values: Annotated[tuple[Number | Text, ...], Field(min_length=1, max_length=MOST_TERMS)]


class And(Frozen):
    op: Literal["and"] = "and"
    terms: "Several"


class Or(Frozen):
    op: Literal["or"] = "or"
    terms: "Several"


class Not(Frozen):
    op: Literal["not"] = "not"
    of: "Expression"


class IsMissing(Frozen):
    op: Literal["missing"] = "missing"
    of: "Expression"


class Arithmetic(Frozen):
    """Sum, difference or product; exact. Missing where either side is."""

    op: Literal["arithmetic"] = "arithmetic"
    operator: Literal["+", "-", "*"]
    left: "Expression"
    right: "Expression"


class Divide(Frozen):
    """A quotient with these decimal places, rounded towards zero. Missing where it is divided by zero."""

    op: Literal["divide"] = "divide"
    left: "Expression"
    right: "Expression"
    places: Places


class Clamp(Frozen):
    """What is below `lower` becomes it, what is above `upper` becomes that."""

    op: Literal["clamp"] = "clamp"
    of: "Expression"
    lower: Exact
    upper: Exact

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise ValueError("the lower bound is above the upper one")
        return self


class Round(Frozen):
    """The same number with these decimal places; half is rounded away from zero."""

    op: Literal["round"] = "round"
    of: "Expression"
    places: Places


class When(Frozen):
    condition: "Expression"
    value: "Expression"


class Case(Frozen):
    """The value of the first condition that is true, else `otherwise`, else missing."""

    op: Literal["case"] = "case"
    whens: Annotated[tuple[When, ...], Field(min_length=1, max_length=100)]
    otherwise: "Expression | None" = None


class Coalesce(Frozen):
    """The first that is not missing."""

    op: Literal["coalesce"] = "coalesce"
    terms: "Several"


class Cut(Frozen):
    """In which interval a number lies: under the first edge, from one edge to under the next, from the last edge on."""

    op: Literal["cut"] = "cut"
    of: "Expression"
    edges: Annotated[tuple[Exact, ...], Field(min_length=1, max_length=MOST_TERMS)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("the edges of a cut rise")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        edges = [f"{edge:f}" for edge in self.edges]
        inner = (f"{low} to under {high}" for low, high in pairwise(edges))
        return (f"under {edges[0]}", *inner, f"{edges[-1]} and over")


class Person(Frozen):
    """One value for a unit, the same in all its rows, from those of its rows that satisfy `where`.

    `any`: whether `where` is true in one of them; `count`: how many there are, at most `upper`; `sum`: of `of`, clamped
    to `lower` and `upper`; `min` and `max`: of `of`, missing where no row has a value.
    """

    op: Literal["person"] = "person"
    feature: Feature
    of: "Expression | None" = None
    where: "Expression | None" = None
    lower: Exact | None = None
    upper: Exact | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.of is not None) != (self.feature in {"min", "max", "sum"}):
            raise ValueError("min, max and sum of a unit's rows are of something; any and count are not")
        if self.feature == "any" and self.where is None:
            raise ValueError("any asks whether something is true: give it `where`")
        if (self.upper is not None) != (self.feature in {"count", "sum"}):
            raise ValueError("count and sum over a unit's rows need an upper bound, and nothing else has one")
        if (self.lower is not None) != (self.feature == "sum"):
            raise ValueError("a sum over a unit's rows needs a lower bound, and nothing else has one")
        if self.upper is not None and self.upper < (self.lower or 0):
            raise ValueError("the upper bound is below the lower one")
        return self


Expression: TypeAlias = Annotated[
    Column
    | Number
    | Text
    | Truth
    | Compare
    | IsIn
    | And
    | Or
    | Not
    | IsMissing
    | Arithmetic
    | Divide
    | Clamp
    | Round
    | Case
    | Coalesce
    | Cut
    | Person,
    Field(discriminator="op"),
]
Several: TypeAlias = Annotated[tuple[Expression, ...], Field(min_length=1, max_length=MOST_TERMS)]

for _node in (Compare, IsIn, And, Or, Not, IsMissing, Arithmetic, Divide, Clamp, Round, When, Case, Coalesce, Cut):
    _node.model_rebuild()
Person.model_rebuild()


def nodes(expression: Frozen) -> Iterator[Frozen]:
    """The node and all below it."""
    yield expression
    for name in type(expression).model_fields:
        value = getattr(expression, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Frozen):
                yield from nodes(each)


def columns_of(expression: Frozen) -> set[str]:
    """The names of all columns in it."""
    return {each.name for each in nodes(expression) if isinstance(each, Column)}


def all_of(*conditions: Expression) -> Expression:
    """One condition that is true where all are: flat, whatever was joined before."""
    terms = [term for each in conditions for term in (each.terms if isinstance(each, And) else (each,))]
    return terms[0] if len(terms) == 1 else And(terms=tuple(terms))


def any_of(*conditions: Expression) -> Expression:
    """One condition that is true where one is: flat, whatever was joined before."""
    terms = [term for each in conditions for term in (each.terms if isinstance(each, Or) else (each,))]
    return terms[0] if len(terms) == 1 else Or(terms=tuple(terms))
