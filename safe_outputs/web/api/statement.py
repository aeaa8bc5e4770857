"""One statement for each endpoint: the route, what it reads and answers, and its part of the description.

Behaviour and description are both made from it, so that they cannot drift apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, make_response, request
from pydantic import BaseModel

from governance.errors import Conflict, NotFound, Refused, SaferoomError, Unavailable
from safe_outputs.web import access as doors
from safe_outputs.web.access import Audience, NotSignedIn
from safe_outputs.web.api import etags
from safe_outputs.web.api.errors import NotAsDescribed, NoVersionNamed, Stale, Unreadable
from safe_outputs.web.api.given import read_body, read_query

V = TypeVar("V", bound=Callable[..., Any])
API = "/api"
_MARK = "saferoom_operation"
_SAFE = frozenset({"GET", "HEAD"})
UNSUPPORTED, TOO_LARGE, UNCHANGED = 415, 413, 304


class Undescribed(SaferoomError):
    """An endpoint answers something that its statement does not have."""


@dataclass(frozen=True)
class Media:
    """An answer that is a file: of these types (`*/*`: of any)."""

    types: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """An answer with more to it: what is put on record `before` anything is sent, and the `location` of what is new."""

    answer: BaseModel
    before: Callable[[], None] | None = None
    location: str | None = None


@dataclass(frozen=True)
class Operation:
    """What one endpoint takes, answers and refuses.

    `answer` with `status`, or with one that is `also` possible; None answers nothing (204). A body is a model, or any
    bytes (`raw`). `etag`: the answer has a version. `if_match`: a change of what has versions, so that the caller names
    the one she has read. `refuses`: errors beyond those that follow from the rest.
    """

    method: str
    tag: str
    summary: str
    answer: type[BaseModel] | Media | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    body: type[BaseModel] | None = None
    body_required: bool = True
    raw: bool = False
    query: type[BaseModel] | None = None
    etag: bool = False
    if_match: bool = False
    refuses: tuple[type[SaferoomError], ...] = ()
    audience: Audience = field(default="public")

    @property
    def location(self) -> bool:
        """Whether the answer says where to find what is new."""
        return self.status in {201, 202} and not self.raw

    @property
    def changes(self) -> bool:
        return self.method not in _SAFE

    def refusals(self, *, has_path: bool) -> tuple[int, ...]:
        """The statuses of all refusals, in order. `has_path`: something in its path may not exist."""
        found = {Unavailable.status, *(each.status for each in self.refuses)}
        found |= {NotSignedIn.status, Refused.status} if self.audience != "public" else set()
        found |= {NotFound.status} if has_path else set()
        found |= {NotAsDescribed.status} if self.query or self.body or self.raw else set()
        found |= {Unreadable.status, UNSUPPORTED, TOO_LARGE} if self.body or self.raw else set()
        found |= {NoVersionNamed.status, Stale.status} if self.if_match else set()
        return tuple(sorted(found | ({Conflict.status} if self.if_match else set())))


def api(name: str) -> Blueprint:
    """A group of endpoints below /api."""
    return Blueprint(f"api_{name}", __name__, url_prefix=API)


def endpoint(
    blueprint: Blueprint, method: str, path: str, access: Audience, summary: str, **facts: Any
) -> Callable[[V], V]:
    """Make a view an endpoint. It gets its path's parameters, and `body` and `query` where they are stated.

    It returns a model of the stated class, a `Reply` with one, or (for `Media`) a response; None for status 204. The
    facts are those of `Operation`. Where `if_match` is stated, the view has to call `etags.require_match`.
    """
    tag = blueprint.name.removeprefix("api_").replace("_", " ")
    operation = Operation(method, tag, summary, audience=access, **facts)

    def state(view: V) -> V:
        blueprint.add_url_rule(
            path,
            endpoint=view.__name__,
            view_func=_as_view(operation, view),
            methods=[method],
        )
        return view

    return state


def described(tag: str, method: str, summary: str, **facts: Any) -> Callable[[V], V]:
    """Describe a view of its own making: what its JSON is, for the description alone. Goes above `@access`."""

    def state(view: V) -> V:
        setattr(view, _MARK, Operation(method, tag, summary, audience=doors.declared(view) or "public", **facts))
        return view

    return state


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What a view states, or None when it is no endpoint."""
    return getattr(view, _MARK, None)


def _as_view(operation: Operation, view: Callable[..., Any]) -> Callable[..., Response]:
    @wraps(view)
    def answered(**given: Any) -> Response:
        if operation.if_match:
            etags.require_named()
        if operation.query is not None:
            given["query"] = read_query(operation.query)
        if operation.body is not None:
            given["body"] = read_body(operation.body)
        return _answered(operation, view(**given))

    setattr(answered, _MARK, operation)
    return doors.access(operation.audience)(answered)


def _answered(operation: Operation, found: Any) -> Response:
    if operation.if_match and not etags.was_compared():
        raise Undescribed(f"{request.endpoint} did not compare versions, so a change may be lost. Tell the operator.")
    if isinstance(found, Response):
        return found
    if found is None:
        return make_response("", 204)
    reply = found if isinstance(found, Reply) else Reply(found)
    if not isinstance(operation.answer, type) or not isinstance(reply.answer, operation.answer):
        raise Undescribed(f"{request.endpoint} answers another form than it describes. Tell the operator.")
    content = etags.content_of(reply.answer)
    if operation.etag and not operation.changes and etags.is_same(content):
        return _with_tag(current_app.response_class(status=UNCHANGED), content)
    if reply.before is not None:
        reply.before()
    response = current_app.response_class(content, operation.status, content_type="application/json")
    if reply.location is not None:
        response.headers["Location"] = reply.location
    return _with_tag(response, content) if operation.etag else response


def _with_tag(response: Response, content: bytes) -> Response:
    response.set_etag(etags.tag_of(content))
    return response
