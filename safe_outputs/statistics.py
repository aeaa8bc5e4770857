"""What can be asked: the plan of a statistic, in one form for the notebook client and for the checker.

A plan says what to compute and never how: no SQL, no code, no number from a kernel (I2). Plans are frozen and
validate when they are made; unknown fields and kinds are refused. `canonical` gives the bytes that are hashed,
so that the same question has the same identity whoever asks it.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Scalar = bool | int | float | str

OPERATORS = {
    "==": "is",
    "!=": "is not",
    "<": "is under",
    "<=": "is at most",
    ">": "is over",
    ">=": "is at least",
    "in": "is one of",
}
"""The comparisons a population filter knows, and how they read in a sentence."""

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in"]
Aggregate = Literal["mean", "sum"]

MAX_DIMENSIONS = 5
MAX_CONDITIONS = 20


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Condition(_Frozen):
    """One comparison of a column with a constant. `values` holds one constant, or several for "in"."""

    column: Name
    operator: Operator
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=1000, strict=False)]

    @model_validator(mode="after")
    def _one_value_unless_in(self) -> "Condition":
        if self.operator != "in" and len(self.values) != 1:
            raise ValueError(f"the comparison {self.operator} takes one value, not {len(self.values)}")
        return self

    def in_words(self) -> str:
        return f"{self.column} {OPERATORS[self.operator]} {', '.join(str(value) for value in self.values)}"


class Measure(_Frozen):
    """An aggregate of a numeric column over the rows of a cell."""

    column: Name
    aggregate: Aggregate


Conditions = Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS, strict=False)]


class Crosstab(_Frozen):
    """Distinct units, and if asked an aggregate, for every combination of the dimensions' categories."""

    kind: Literal["crosstab"] = "crosstab"
    dataset: Name
    dimensions: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_DIMENSIONS, strict=False)]
    measure: Measure | None = None
    where: Conditions = ()

    @field_validator("dimensions")
    @classmethod
    def _distinct(cls, dimensions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(dimensions)) != len(dimensions):
            raise ValueError("each dimension can be named once only")
        return dimensions


Node = dict[str, JsonValue]
"""An expression or a measure of a private statistic, as JSON. The checker knows which there are, and refuses others."""

MOST_CHARACTERS = 100_000


class PrivateKey(_Frozen):
    """What a private table is made by; `values`: these public values alone."""

    name: Name
    of: Node
    values: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None


class UnknownKeys(_Frozen):
    """The keys' values are not public: those are told of that enough units have. It costs billionths of δ beside ρ."""

    nano_delta: Annotated[int, Field(ge=1, lt=1_000_000_000)] = 1000


class Private(_Frozen):
    """Measures with calibrated noise, in all or for every combination of the keys' public values.

    `groups_per_unit` and `rows_per_unit` (K and M) bound in how many groups, and with how many rows in each, one unit
    counts. `margins`: counts with their totals over every choice of keys, made to add up. `price` is what it may cost,
    or the accuracy that it must have. `preview`: made-up data of the same form, and what it would cost; free, and never
    released.
    """

    kind: Literal["private"] = "private"
    dataset: Name
    filter: Node | None = None
    by: Annotated[tuple[PrivateKey, ...], Field(max_length=MAX_DIMENSIONS, strict=False)] = ()
    unknown_keys: UnknownKeys | None = None
    margins: bool = False
    groups_per_unit: Annotated[int, Field(ge=1, le=100_000)] = 1
    rows_per_unit: Annotated[int, Field(ge=1, le=100_000)] = 1
    measures: Annotated[tuple[Node, ...], Field(min_length=1, max_length=20, strict=False)]
    mechanism: Literal["gaussian", "laplace"] = "gaussian"
    price: Node
    preview: bool = False

    @model_validator(mode="after")
    def _plain_json(self) -> "Private":
        if len(canonical(self.question())) > MOST_CHARACTERS:
            raise ValueError("this question is too long")
        return self

    def question(self) -> dict[str, Any]:
        """What is asked of the dataset, without its name: the question of a private plan."""
        value = self.model_dump(mode="json", exclude={"kind", "dataset", "filter", "preview"})
        return value | {"where": self.filter}


Plan = Annotated[Crosstab | Private, Field(discriminator="kind")]
_plan: TypeAdapter[Crosstab | Private] = TypeAdapter(Plan)


def plan_from_json(value: Any) -> Crosstab | Private:
    """The plan that this decoded JSON states. Raises `pydantic.ValidationError` for anything else."""
    return _plan.validate_python(value)


LATER: dict[str, JsonValue] = {"unknown_keys": None, "margins": False}
"""Fields that private plans did not always have, and what stands for their absence."""


def plan_to_json(plan: Crosstab | Private) -> dict[str, Any]:
    """The plan as JSON values: every field, but later ones only where they say something, so that hashes last."""
    value = plan.model_dump(mode="json")
    return {name: each for name, each in value.items() if name not in LATER or each != LATER[name]}


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, no NaN. The bytes that are stored and hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plan_hash(plan: Crosstab | Private) -> str:
    """SHA-256 of the plan's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(plan_to_json(plan))).hexdigest()


def in_words(plan: Crosstab | Private, units: str = "units") -> str:
    """What is asked, in one plain sentence; `units` is the plural of whom the data is about."""
    chosen = population_in_words(plan)
    return f"{_asked(plan, units)}{f', where {chosen}' if chosen else ''}."


def population_in_words(plan: Crosstab | Private) -> str:
    """Which rows a plan looks at: “site is Dayton and year is at least 2”; empty when it looks at all."""
    match plan:
        case Crosstab():
            return " and ".join(each.in_words() for each in plan.where)
        case Private():
            return "" if plan.filter is None else said(plan.filter)


def _asked(plan: Crosstab | Private, units: str) -> str:
    match plan:
        case Crosstab():
            measure = f" and the {plan.measure.aggregate} of {plan.measure.column}" if plan.measure else ""
            return f"Number of {units}{measure} in {plan.dataset}, by {' and '.join(plan.dimensions)}"
        case Private():
            most = "one group" if plan.groups_per_unit == 1 else f"{plan.groups_per_unit} groups"
            by = " and ".join(said(key.of) for key in plan.by)
            told = f" (those values that enough {units} have)" if plan.unknown_keys is not None else ""
            totals = ", with totals that add up" if plan.margins else ""
            groups = f", by {by}{told}{totals}, each counted in {most} at most" if by else ""
            measures = ", ".join(_measure_in_words(each, units) for each in plan.measures)
            return f"Differentially private {measures} in {plan.dataset}{groups}"


_MEASURES = {
    "count_rows": "number of records",
    "sum": "sum of {of}",
    "mean": "mean of {of}",
    "variance": "variance of {of}",
    "standard_deviation": "standard deviation of {of}",
    "quantile": "{q} quantile of {of}",
    "regression": "regression of {of} on {on}",
}


def _measure_in_words(measure: Node, units: str) -> str:
    kind, on = str(measure.get("kind")), measure.get("on")
    if kind == "count_units":
        return f"number of {units}"
    named = {"of": said(measure.get("of")), "q": measure.get("q", "0.5")}
    return _MEASURES.get(kind, kind).format(**named, on=" and ".join(map(said, on)) if isinstance(on, list) else "")


_SAID = {
    "column": "{name}",
    "number": "{value}",
    "text": "{value}",
    "truth": "{value}",
    "compare": "{left} {operator} {right}",
    "in": "{of} is one of {values}",
    "not": "not ({of})",
    "missing": "{of} is missing",
    "arithmetic": "({left} {operator} {right})",
    "divide": "({left} / {right})",
    "clamp": "{of} (kept between {lower} and {upper})",
    "round": "{of} (rounded to {places} places)",
    "cut": "{of} (in intervals from {edges})",
}


def said(node: JsonValue) -> str:
    """An expression as a person reads it. Raises nothing: what it does not know it names."""
    if isinstance(node, list):
        return ", ".join(map(said, node))
    if not isinstance(node, dict):
        return str(node)
    op, terms = str(node.get("op")), node.get("terms")
    if op in {"and", "or"} and isinstance(terms, list):
        return f" {op} ".join(map(said, terms))
    operator = str(node.get("operator", ""))
    parts = {name: said(value) for name, value in node.items() if value is not None}
    parts["operator"] = OPERATORS.get(operator, operator) if op == "compare" else operator
    if op in _SAID:
        return _SAID[op].format_map(_Known(parts))
    inside = (f"{name}: {value}" for name, value in parts.items() if name not in {"op", "operator"})
    return f"{op} ({', '.join(inside)})"


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
