"""The OpenAPI 3.1 description, made from what each endpoint states. The same text for the same code."""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from safe_outputs.web.access import Audience
from safe_outputs.web.api.shapes import Problem
from safe_outputs.web.api.statement import UNCHANGED, Media, Operation, operation_of
from safe_outputs.web.stamp import SCHEME

Mode = Literal["validation", "serialization"]
Model = tuple[type[BaseModel], Mode]
Schemas = Mapping[Any, dict[str, Any]]
"""By model and mode."""

VERSION = "1"
JSON, PROBLEM = "application/json", "application/problem+json"
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<bounds>[^)]*)\))?:)?(?P<name>\w+)>")

ABOUT = """Everything that a page of Saferoom's outputs service does, as JSON, for the same people, by the same rules.

Call it with a token of the hub (`Authorization: Bearer …`), or with the cookie of a browser that is signed in; a change
then needs the `csrf_token` of `GET /api/me` in the header `X-CSRF-Token`. Every refusal is a problem (RFC 9457) whose
`detail` says what, why and what to do next. What can be changed has an `ETag`; a change names it in `If-Match`."""

SECURITY: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of the hub, for a program."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "saferoom-outputs", "description": "A signed-in browser."},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "From GET /api/me."},
    "gate": {"type": "http", "scheme": SCHEME, "description": "The stamp of a session's gate: who, for which project."},
}


def describe(app: Flask) -> dict[str, Any]:
    """The description of all endpoints of this application."""
    stated = sorted(_stated(app), key=lambda each: (each[0].rule, each[1].method))
    models = sorted(_models(operation for _, operation in stated), key=lambda each: (each[0].__name__, each[1]))
    schemas, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for rule, operation in stated:
        paths.setdefault(path_of(rule.rule), {})[operation.method.lower()] = _described(rule, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Saferoom: safe outputs", "version": VERSION, "description": ABOUT},
        "servers": [{"url": app.config["SESSION_COOKIE_PATH"].rstrip("/") or "/"}],
        "tags": [{"name": name} for name in sorted({operation.tag for _, operation in stated})],
        "paths": paths,
        "components": {"schemas": definitions.get("$defs", {}), "securitySchemes": SECURITY},
    }


def path_of(rule: str) -> str:
    """A route as the description writes it: `/api/requests/{request_id}`."""
    return _PARAMETER.sub(r"{\g<name>}", rule)


def _stated(app: Flask) -> Iterator[tuple[Rule, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            yield rule, operation


def _models(operations: Iterable[Operation]) -> set[Model]:
    found: set[Model] = {(Problem, "serialization")}
    for each in operations:
        found |= {(model, "validation") for model in (each.body, each.query) if model is not None}
        if isinstance(each.answer, type):
            found.add((each.answer, "serialization"))
    return found


def _described(rule: Rule, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    parameters = [*_path_parameters(rule), *_query_parameters(operation), *_headers(operation)]
    found: dict[str, Any] = {
        "operationId": rule.endpoint.removeprefix("api_").replace(".", "_"),
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security(operation.audience, changes=operation.changes),
        "parameters": parameters,
        "responses": _responses(operation, schemas, has_path="<" in rule.rule),
    }
    if operation.body is not None:
        content = {JSON: {"schema": schemas[operation.body, "validation"]}}
        found["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.raw:
        found["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return found


def security(audience: Audience, *, changes: bool) -> list[dict[str, list[str]]]:
    """How a caller of this audience proves who she is: any one of these."""
    match audience:
        case "public":
            return []
        case "gate":
            return [{"gate": []}]
        case _:
            return [{"token": []}, {"cookie": [], "csrf": []} if changes else {"cookie": []}]


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for found in _PARAMETER.finditer(rule.rule):
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if found["kind"] == "int":
            bounds = dict(each.strip().split("=") for each in (found["bounds"] or "").split(",") if each)
            schema = {"type": "integer", "minimum": int(bounds.get("min", 0))}
            schema |= {"maximum": int(bounds["max"])} if "max" in bounds else {}
        yield {"name": found["name"], "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.query is None:
        return
    schema = operation.query.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, each in schema.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    version = {"type": "string"}
    if operation.if_match:
        about = "The ETag of the version that you have read."
        yield {"name": "If-Match", "in": "header", "required": True, "schema": version, "description": about}
    if operation.etag and not operation.changes:
        about = "The ETag of the version that you have; 304 where it still is the present one."
        yield {"name": "If-None-Match", "in": "header", "required": False, "schema": version, "description": about}


def _responses(operation: Operation, schemas: Schemas, *, has_path: bool) -> dict[str, Any]:
    statuses = (operation.status, *operation.also)
    found: dict[str, Any] = {str(status): _answer(operation, status, schemas) for status in statuses}
    if operation.etag and not operation.changes:
        found[str(UNCHANGED)] = {"description": "You have the present version.", "headers": _ETAG}
    problem = {PROBLEM: {"schema": schemas[Problem, "serialization"]}}
    for status in operation.refusals(has_path=has_path):
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return found


_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version of this answer.", "required": True}}
_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Where it is to be found.", "required": True}}


def _answer(operation: Operation, status: int, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    headers = (_ETAG if operation.etag else {}) | (_LOCATION if operation.location else {})
    found |= {"headers": headers} if headers else {}
    match operation.answer:
        case None:
            return found
        case Media(types):
            return found | {"content": {each: {} for each in types}}
        case model:
            return found | {"content": {JSON: {"schema": schemas[model, "serialization"]}}}
