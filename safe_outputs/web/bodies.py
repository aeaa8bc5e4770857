"""JSON that a session sends: read strictly, and refused with a sentence."""

import json
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from governance.errors import Invalid

LARGEST_BODY = 1024 * 1024


class MalformedBody(Invalid):
    """The body is no JSON object with the fields that are expected."""


def json_object(*fields: str) -> dict[str, Any]:
    """The body's JSON object, which has exactly these fields. Raises `MalformedBody`."""
    value = _json()
    if not isinstance(value, dict) or set(value) != set(fields):
        raise MalformedBody(f"The body has to be a JSON object with exactly these fields: {', '.join(fields)}.")
    return value


def any_json(largest: int = LARGEST_BODY) -> Any:
    """The body's JSON, of at most so many bytes. Raises `MalformedBody`."""
    request.max_content_length = largest
    return _json()


def optional_object(*fields: str) -> dict[str, Any] | None:
    """The body's JSON object with exactly these fields, or None where no body was sent. Raises `MalformedBody`."""
    return json_object(*fields) if request.content_length else None


def words(value: Any, field: str, most: int, longest: int) -> dict[str, str]:
    """Texts by name. Raises `MalformedBody`."""
    if not isinstance(value, dict) or len(value) > most:
        raise MalformedBody(f"{field} has to be an object of at most {most} texts.")
    return {name: text(each, f"{field}.{name[:40]}", longest) for name, each in value.items()}


def text(value: Any, field: str, longest: int) -> str:
    """A text of at most `longest` characters. Raises `MalformedBody`."""
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedBody(f"{field} has to be a text of at most {longest:,} characters.")
    return value


def whole_number(value: Any, field: str) -> int:
    """A whole number that a database holds. Raises `MalformedBody`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise MalformedBody(f"{field} has to be a whole number.")
    return value


def _json() -> Any:
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        value = json.loads(request.get_data(), parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise MalformedBody("The body is no JSON that can be read. Ask through safe_outputs in the notebook.") from None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
