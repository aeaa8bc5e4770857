"""What costs a service little, since it happens once, and tests much, since they begin thousands of times.

Nothing is left out: each engine runs its own statements on its own database, each application has its own routes. What
they share is text made from text: the SQL of a statement, and the code that writes a route's address.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from argon2 import PasswordHasher
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapper
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from governance import database, people

_OPENED: WeakSet[Dialect] = WeakSet()
"""Of the engines of `open_database`: the same statement is the same SQL in all of a kind."""


def be_quick() -> None:
    """From here on, for the whole process. Passwords get real argon2id hashes, of the least cost."""
    people._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    database.create_engine = _engine  # type: ignore[attr-defined]
    Mapper._compiled_cache = property(lambda _mapper: _STATEMENTS)  # type: ignore[assignment]
    Rule._compile_builder = _known_builder(Rule._compile_builder)  # type: ignore[method-assign]
    event.listen(Engine, "do_connect", _without_encryption)


class _Statements(LRUCache[Any, Any]):
    """SQLAlchemy's cache of compiled statements, whose keys begin with an engine's dialect: here, with its kind."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_a_kind(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_of_a_kind(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_a_kind(key), value)


_STATEMENTS = _Statements(5000)


def _of_a_kind(key: Any) -> Any:
    return (key[0].name, *key[1:]) if key[0] in _OPENED else key


def _engine(*where: Any, **options: Any) -> Engine:
    engine = create_engine(*where, **options)
    _OPENED.add(engine.dialect)
    engine.update_execution_options(compiled_cache=_STATEMENTS)
    return engine


def _without_encryption(_dialect: Dialect, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    """Do not ask PostgreSQL for it on a socket, where it has none: pg8000 reads all authorities before it asks."""
    if "unix_sock" in options:
        options.setdefault("ssl_context", False)


def _known_builder(build: Callable[..., Any]) -> Callable[..., Any]:
    """The same function for the same rule, which takes the rule's converters from whom it is called on."""
    known: dict[Any, Any] = {}

    def builder(rule: Any, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return build(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in known:
            known[key] = build(rule, append_unknown)
        return known[key]

    return builder
