"""Errors of a catalogue in words: file, line, key, what is wrong, what was expected."""

import tomllib
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from datasets.columns import Problem
from datasets.errors import CatalogueError
from datasets.toml_lines import Path, line_of, syntax_error_line

_UNION_TAGS = frozenset({"int", "str", "[key]"})
_LONGEST_INPUT = 60
_WRONG = {"missing": "is missing", "extra_forbidden": "is no key of the catalogue"}


def syntax_error(error: tomllib.TOMLDecodeError, text: str, file_name: str) -> CatalogueError:
    """The error of a text that is no TOML at all."""
    line = syntax_error_line(error, text)
    return CatalogueError(f"{file_name}, line {line}: this is not TOML ({error}); expected key = value.")


def catalogue_error(error: ValidationError, text: str, file_name: str, model: type[BaseModel]) -> CatalogueError:
    """One error that tells of every problem, in the order of the file."""
    found: dict[tuple[int, str], str] = {}
    for problem in _problems(error, model):
        line, key = line_of(text, problem.path), key_name(problem.path)
        sentence = f"{file_name}, line {line}, {key}: {problem.wrong}; expected {problem.expected}."
        found.setdefault((line, key), sentence)
    return CatalogueError("\n".join(found[place] for place in sorted(found)))


def key_name(path: Path) -> str:
    """A path as a person would write it: `columns[3].lower`; `the whole file` for the root."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or "the whole file"


def _problems(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        path = tuple(part for part in details["loc"] if part not in _UNION_TAGS)
        if details["type"] == "problems":
            for problem in details["ctx"]["problems"]:
                yield problem.model_copy(update={"path": path + problem.path})
        else:
            yield Problem(path=path, wrong=_wrong(details), expected=_expected(model, path, details))


def _wrong(details: ErrorDetails) -> str:
    if details["type"] in _WRONG:
        return _WRONG[details["type"]]
    given: Any = details["input"]
    if isinstance(given, dict | list):
        return f"is a {'table' if isinstance(given, dict) else 'list'}"
    text = repr(given) if isinstance(given, str) else str(given).lower()
    return f"is {text[:_LONGEST_INPUT]}" + ("…" if len(text) > _LONGEST_INPUT else "")


def _expected(model: type[BaseModel], path: Path, details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        known = _fields(_type_at(model, path[:-1]))
        return f"one of {', '.join(known)}" if known else "nothing here"
    return _described(model, path)


def _described(model: type[BaseModel], path: Path) -> str:
    """The description of the nearest field that has one, from the path's end upwards."""
    for length in range(len(path), 0, -1):
        owner = _type_at(model, path[: length - 1])
        field = _fields(owner).get(str(path[length - 1]))
        if field is None:
            continue
        if field.description:
            return str(field.description)
        inner = _fields(_model_in(field.annotation))
        return f"a table with {', '.join(inner)}"
    return "a table with the keys of a catalogue"


def _type_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that a path leads to, or None where it leads to a plain value."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        field = _fields(here).get(part)
        here = _model_in(field.annotation) if field is not None else None
    return here


def _fields(model: type[BaseModel] | None) -> dict[str, Any]:
    return {} if model is None else dict(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation like `tuple[Column, ...]` or `Budget`, or None."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for inner in typing.get_args(annotation) if (found := _model_in(inner))), None)
