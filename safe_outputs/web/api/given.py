"""Bodies and queries, read strictly by the models that the description is made from."""

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from safe_outputs.web.api.errors import Flaw, NotAsDescribed, Unreadable

M = TypeVar("M", bound=BaseModel)

MOST_FLAWS = 5


def read_body(model: type[M]) -> M:
    """The body as this model. Raises `UnsupportedMediaType`, `Unreadable` (no JSON) and `NotAsDescribed`."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_input=False, include_url=False)):
            raise Unreadable from None
        raise NotAsDescribed("body", _flaws(error)) from None


def read_query(model: type[M]) -> M:
    """The query as this model. Raises `NotAsDescribed`, also for a parameter that is unknown or comes twice."""
    given: dict[str, Any] = {}
    for name, values in request.args.to_dict(flat=False).items():
        if len(values) > 1:
            raise NotAsDescribed("query", [Flaw(f"#/{_escaped(name)}", "can be given once only")])
        given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise NotAsDescribed("query", _flaws(error)) from None


def _flaws(error: ValidationError) -> list[Flaw]:
    """The first places that are wrong, without the values that stand there."""
    found = error.errors(include_input=False, include_url=False, include_context=False)[:MOST_FLAWS]
    return [Flaw("#/" + "/".join(map(_escaped, each["loc"])), each["msg"]) for each in found]


def _escaped(part: object) -> str:
    """One step of a JSON pointer; what cannot be written as UTF-8 is written out."""
    text = str(part).encode("utf-8", "backslashreplace").decode()
    return text[:60].replace("~", "~0").replace("/", "~1")
