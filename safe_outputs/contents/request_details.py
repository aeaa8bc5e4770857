"""What an author says of a request, as a session sends it: groups, files with statements, evidence, the checklist.

The form of before there were groups, with one audience and its statistics, is read as a request of one group.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from safe_outputs import limits
from safe_outputs.contents.statements import FileStatement
from safe_outputs.errors import MalformedRequest

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Id = Annotated[str, StringConstraints(max_length=64)]

NoNotebook = Literal["not_asked", "no_name", "not_found", "not_read", "too_large", "not_taken"]
"""Why a request has no notebook as evidence. It is the kernel that says so."""


_Kind = TypeVar("_Kind", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Notebook(_Frozen):
    """The notebook from which a request is made, as a file that was handed in as evidence; or why there is none."""

    notebook: Id | None
    no_notebook: NoNotebook | None


class FileUse(_Frozen):
    """A file that was handed in, and what its author says of it."""

    file: Id
    statement: FileStatement


class GroupDetails(_Frozen):
    """What leaves together for one audience. `context`: what this is, and what it is for."""

    title: Title
    context: Text
    audience: Literal["pre_publication", "publication"]
    statistics: tuple[Id, ...] = ()
    files: tuple[FileUse, ...] = ()


class RequestDetails(_Frozen):
    """All that an author says of her request. `answers` are those to the checklist, by question."""

    title: Title
    purpose: Text
    groups: tuple[GroupDetails, ...] = Field(min_length=1)
    evidence: tuple[Id, ...] = ()
    notebook: Id | None = None
    no_notebook: NoNotebook | None = None
    answers: dict[Id, Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]] = Field(
        default_factory=dict, max_length=50
    )

    @model_validator(mode="before")
    @classmethod
    def _one_group(cls, value: Any) -> Any:
        """The first form: title, purpose, audience and statistics of one group."""
        if not isinstance(value, Mapping) or "groups" in value or "audience" not in value:
            return value
        rest = dict(value)
        group = {name: rest.pop(name) for name in ("audience", "statistics", "files") if name in rest}
        return rest | {"groups": ({"title": rest.get("title"), "context": rest.get("purpose")} | group,)}

    @property
    def statistics(self) -> tuple[str, ...]:
        """All statistics, group by group."""
        return tuple(each for group in self.groups for each in group.statistics)

    @property
    def files(self) -> tuple[FileUse, ...]:
        """All files that are to leave, group by group."""
        return tuple(each for group in self.groups for each in group.files)


def read_details(value: Any) -> RequestDetails:
    """The details in a request's body. Raises `MalformedRequest`, which says where they are wrong."""
    _require_bounded(value)
    details = _read(RequestDetails, value)
    require_fitting(details)
    return details


def read_notebook(value: Any) -> Notebook:
    """The notebook in a submission's body. Raises `MalformedRequest`, which says where it is wrong."""
    return _read(Notebook, value)


def _read(kind: type[_Kind], value: Any) -> _Kind:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'request'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)[:5]
        )
        raise MalformedRequest(f"This release request cannot be kept: {places}.") from None


def require_fitting(details: RequestDetails) -> None:
    """Raise `MalformedRequest` for a request that holds nothing, too much, or the same thing twice."""
    for number, most, what in (
        (len(details.groups), limits.MOST_GROUPS, "groups"),
        (len(details.statistics), limits.MOST_STATISTICS, "statistics"),
        (len(details.files), limits.MOST_FILES, "files"),
        (len(details.evidence), limits.MOST_EVIDENCE, "files as evidence"),
    ):
        if (reason := limits.why_too_many(number, most, what)) is not None:
            raise MalformedRequest(reason)
    if any(not (group.statistics or group.files) for group in details.groups):
        raise MalformedRequest(
            "This release request cannot be kept: a group of it is empty. Put a statistic or a file into it."
        )
    for ids, what in ((details.statistics, "statistic"), ([each.file for each in details.files], "file")):
        if len(set(ids)) != len(ids):
            raise MalformedRequest(f"A {what} can be in a request once only. Remove the repetition.")


def _require_bounded(value: Any) -> None:
    """Before each part is looked at: a request of thousands of things is refused for their number."""
    if not isinstance(value, Mapping):
        return
    several = value.get("groups")
    groups = [each for each in (several if isinstance(several, list) else [value]) if isinstance(each, Mapping)]
    for name, most, what in (
        ("files", limits.MOST_FILES, "files"),
        ("statistics", limits.MOST_STATISTICS, "statistics"),
    ):
        number = sum(len(each[name]) for each in groups if isinstance(each.get(name), list))
        if (reason := limits.why_too_many(number, most, what)) is not None:
            raise MalformedRequest(reason)
    evidence = value.get("evidence")
    number = len(evidence) if isinstance(evidence, list) else 0
    if (reason := limits.why_too_many(number, limits.MOST_EVIDENCE, "files as evidence")) is not None:
        raise MalformedRequest(reason)
