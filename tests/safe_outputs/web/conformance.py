"""Every answer of the API in every test is compared with the description: status, type, headers and form."""

from functools import cache
from typing import Any

from flask import Flask, Response, request
from jsonschema_rs import Draft202012Validator

from safe_outputs.web.api.description import PROBLEM, describe, path_of

_DESCRIPTIONS: dict[frozenset[str], dict[str, Any]] = {}


def compare_with_description(app: Flask) -> None:
    """Fail whatever test makes the service answer what it does not describe."""
    app.after_request(lambda response: _compared(app, response))


def description_of(app: Flask) -> dict[str, Any]:
    """The description, made once for all applications of the same routes."""
    routes = frozenset(map(str, app.url_map.iter_rules()))
    if routes not in _DESCRIPTIONS:
        _DESCRIPTIONS[routes] = describe(app)
    return _DESCRIPTIONS[routes]


def _compared(app: Flask, response: Response) -> Response:
    if request.path.startswith("/api/"):
        path = path_of(request.url_rule.rule) if request.url_rule is not None else ""
        if path in description_of(app)["paths"]:
            _compare(description_of(app), path, response)
        else:  # no route, or one of a test's own
            _require(response.content_type == PROBLEM, "an error that is no problem", response)
    return response


def _compare(description: dict[str, Any], path: str, response: Response) -> None:
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = description["paths"].get(path, {}).get(method)
    _require(operation is not None, "a route that is not described", response)
    described = operation["responses"].get(str(response.status_code))
    _require(described is not None, "a status that is not described", response)
    missing = set(described.get("headers", {})) - set(response.headers.keys())
    _require(not missing, f"without the headers {missing}", response)
    types = described.get("content", {})
    if not types:
        _require(not response.get_data() or "*/*" in types, "a body where none is described", response)
        return
    _require(response.mimetype in types or "*/*" in types, "a type that is not described", response)
    schema = types.get(response.mimetype, {}).get("schema")
    if schema and request.method != "HEAD":
        where = (path, method, str(response.status_code), response.mimetype)
        for error in _validator(id(description), where).iter_errors(response.get_json()):
            _require(False, f"at {error.instance_path}: {error.message[:300]}", response)


@cache
def _validator(description: int, where: tuple[str, str, str, str]) -> Draft202012Validator:
    whole = next(each for each in _DESCRIPTIONS.values() if id(each) == description)
    path, method, status, kind = where
    schema = whole["paths"][path][method]["responses"][status]["content"][kind]["schema"]
    return Draft202012Validator({**schema, "components": whole["components"]})


def _require(truth: bool, what: str, response: Response) -> None:
    if not truth:
        raise AssertionError(f"{request.method} {request.path} answers {response.status_code} with {what}")
