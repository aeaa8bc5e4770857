"""What can be asked: the plan of a statistic, in one form for the notebook client and for the checker.

A plan says what to compute and never how: no SQL, no code, no number from a kernel (I2). Plans are frozen and
validate when they are made; unknown fields and kinds are refused. `canonical` gives the bytes that are hashed,
so that the same question has the same identity whoever asks it.
"""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

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


class PrivateCount(_Frozen):
    """Distinct units with calibrated noise, in all or for every public key of one column.

    `nano_rho` is the price in billionths of ρ (zero-concentrated differential privacy).
    """

    kind: Literal["private_count"] = "private_count"
    dataset: Name
    by: Name | None = None
    groups_per_unit: Annotated[int, Field(ge=1, le=1000)] = 1
    nano_rho: Annotated[int, Field(ge=1, le=10**12)]
    where: Conditions = ()


Plan = Annotated[Crosstab | PrivateCount, Field(discriminator="kind")]
_plan: TypeAdapter[Crosstab | PrivateCount] = TypeAdapter(Plan)


def plan_from_json(value: Any) -> Crosstab | PrivateCount:
    """The plan that this decoded JSON states. Raises `pydantic.ValidationError` for anything else."""
    return _plan.validate_python(value)


def plan_to_json(plan: Crosstab | PrivateCount) -> dict[str, Any]:
    """The plan as JSON values, every field present."""
    return plan.model_dump(mode="json")


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, no NaN. The bytes that are stored and hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plan_hash(plan: Crosstab | PrivateCount) -> str:
    """SHA-256 of the plan's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(plan_to_json(plan))).hexdigest()


def in_words(plan: Crosstab | PrivateCount, units: str = "units") -> str:
    """What is asked, in one plain sentence; `units` is the plural of whom the data is about."""
    where = f", where {' and '.join(each.in_words() for each in plan.where)}" if plan.where else ""
    return f"{_asked(plan, units)}{where}."


def _asked(plan: Crosstab | PrivateCount, units: str) -> str:
    match plan:
        case Crosstab():
            measure = f" and the {plan.measure.aggregate} of {plan.measure.column}" if plan.measure else ""
            return f"Number of {units}{measure} in {plan.dataset}, by {' and '.join(plan.dimensions)}"
        case PrivateCount():
            most = "one group" if plan.groups_per_unit == 1 else f"{plan.groups_per_unit} groups"
            groups = f", by {plan.by}, each counted in {most} at most" if plan.by else ""
            return f"Differentially private number of {units} in {plan.dataset}{groups}"
