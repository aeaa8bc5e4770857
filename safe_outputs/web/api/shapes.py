"""The forms that every endpoint's JSON has: bodies that are taken strictly, answers, lists, and the one error."""

import base64
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError


class Body(BaseModel):
    """What a caller sends: exactly these fields, of exactly these types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Query(BaseModel):
    """What stands behind the question mark: these parameters, each once, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """What is answered. It can be made from any object with attributes of these names."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class PlaceOfError(Answer):
    """One place of a body or query; `pointer` is a JSON pointer behind a #."""

    pointer: str
    detail: str


class Problem(Answer):
    """Why nothing was done, as problem details (RFC 9457); `detail` says what, why and what to do next.

    An error may have members of its own beside these.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: list[PlaceOfError] | None = None


MOST_ON_A_PAGE = 200

_DIGITS = frozenset("0123456789")
_BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def _digits(value: object) -> object:
    if isinstance(value, str) and not (value and set(value) <= _DIGITS):
        raise PydanticCustomError("whole_number", "has to be a whole number, of digits alone")
    return value


DIGITS = BeforeValidator(_digits)
"""Last in a query's number: “+1”, “1.0” and “1_0” are other spellings than the description has."""


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii") if isinstance(value, str) else b"!", validate=True)
    except ValueError:
        raise PydanticCustomError("base64", "has to be base64 (RFC 4648), without spaces or line breaks") from None


Base64 = Annotated[
    bytes,
    BeforeValidator(_bytes),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "pattern": _BASE64}, mode="validation"),
]
"""Bytes in a body."""


class Paged(Query):
    """Which page of a list."""

    page: Annotated[int, Field(ge=1, le=1_000_000, description="which page, from 1 on"), DIGITS] = 1
    limit: Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE, description="how many on a page"), DIGITS] = 50

    @property
    def first(self) -> int:
        """How many come before this page."""
        return (self.page - 1) * self.limit

    @property
    def places(self) -> slice:
        return slice(self.first, self.first + self.limit)


Yes = Literal["yes"]
"""A filter that is on when it stands in the query."""
