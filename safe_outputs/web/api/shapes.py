"""The forms that every endpoint's JSON has: bodies that are taken strictly, answers, lists, and the one error."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


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


def _plain_number(value: object) -> object:
    """Digits and nothing else: “+1”, “1.0” and “1_0” are other spellings than the description has."""
    if isinstance(value, str) and not (value and set(value) <= _DIGITS):
        raise ValueError("has to be a whole number")
    return value


PlainNumber = Annotated[int, BeforeValidator(_plain_number)]


class Paged(Query):
    """Which page of a list."""

    page: Annotated[PlainNumber, Field(ge=1, le=1_000_000, description="which page, from 1 on")] = 1
    limit: Annotated[PlainNumber, Field(ge=1, le=MOST_ON_A_PAGE, description="how many on a page")] = 50

    @property
    def first(self) -> int:
        """How many come before this page."""
        return (self.page - 1) * self.limit

    @property
    def places(self) -> slice:
        return slice(self.first, self.first + self.limit)


Yes = Literal["yes"]
"""A filter that is on when it stands in the query."""
