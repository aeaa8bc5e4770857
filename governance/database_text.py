"""Text with nulls in PostgreSQL, which keeps none in text: what a person sent stays as it was, as it does in SQLite.

In JSON it would keep them, and then refuse to read any part of the value: one row would break a query over all of them.

U+E000, which stands for nothing, is the escape; it is escaped itself, so every text comes back whole.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, String
from sqlalchemy.engine.interfaces import Dialect

_ESCAPE, _NULL, _ITSELF = "\ue000", "\ue000\ue002", "\ue000\ue001"


def without_nulls(text: str) -> str:
    """The text as PostgreSQL keeps it; `with_nulls` makes it what it was."""
    return text.replace(_ESCAPE, _ITSELF).replace("\0", _NULL)


def with_nulls(text: str) -> str:
    return text.replace(_NULL, "\0").replace(_ITSELF, _ESCAPE)


def json_without_nulls(value: Any) -> str:
    """The value as JSON with no null in it; `json_with_nulls` makes it what it was."""
    return json.dumps(_each_text(value, without_nulls))


def json_with_nulls(text: str) -> Any:
    return _each_text(json.loads(text), with_nulls)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [_each_text(each, change) for each in value]
        case dict():
            return {_each_text(name, change): _each_text(each, change) for name, each in value.items()}
        case _:
            return value


def keep_nulls(engine: Engine) -> None:
    """Let every text of this engine's statements go through `without_nulls`, and every one of its results back."""
    dialect: Any = engine.dialect
    own: Any = dialect.colspecs[String]

    class KeepsNulls(own):  # type: ignore[misc]  # the dialect's class is known at run time only
        def bind_processor(self, _dialect: Dialect) -> Callable[[Any], Any]:
            return lambda value: without_nulls(value) if isinstance(value, str) else value

        def result_processor(self, _dialect: Dialect, _kind: object) -> Callable[[Any], Any]:
            return lambda value: with_nulls(value) if isinstance(value, str) else value

    dialect.colspecs = {**dialect.colspecs, String: KeepsNulls}
