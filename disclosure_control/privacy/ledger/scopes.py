"""Whose budget it is. Each form has its text; what has another form is refused.

    dataset:POPULATION           all releases from a population, by every project: this bounds the real guarantee
    project:PROJECT/POPULATION   a project's share of it
    person:PERSON/POPULATION     what one researcher may spend of it, whatever the project: a ration, not a guarantee
    person:PERSON                what one researcher may spend of all populations of this ledger

A population is named, not one of its versions: the versions of a dataset, and datasets about the same people, share one
dataset scope, since what each of them gives away about a person adds up.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from disclosure_control.errors import LedgerError, UnknownScope

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,126}")


@dataclass(frozen=True)
class DatasetScope:
    """All releases from a population."""

    population: str

    def __post_init__(self) -> None:
        _require(_NAME, self.population)

    def __str__(self) -> str:
        return f"dataset:{self.population}"


@dataclass(frozen=True)
class ProjectScope:
    """What one project takes from a population."""

    project: str
    population: str

    def __post_init__(self) -> None:
        _require(_NAME, self.project)
        _require(_NAME, self.population)

    def __str__(self) -> str:
        return f"project:{self.project}/{self.population}"


@dataclass(frozen=True)
class PersonScope:
    """What one researcher spends: of one population, or without one of all together."""

    person: str
    population: str | None = None

    def __post_init__(self) -> None:
        _require(_PERSON, self.person)
        if self.population is not None:
            _require(_NAME, self.population)

    def __str__(self) -> str:
        return f"person:{self.person}" + (f"/{self.population}" if self.population is not None else "")


Scope: TypeAlias = DatasetScope | ProjectScope | PersonScope

_FORMS: dict[str, Callable[..., Scope]] = {"dataset": DatasetScope, "project": ProjectScope, "person": PersonScope}
_PARTS = {"dataset": {1}, "project": {2}, "person": {1, 2}}


def parse_scope(scope: Scope | str) -> Scope:
    """The scope that a text names; a scope is returned as it is. Raises `UnknownScope`."""
    if isinstance(scope, DatasetScope | ProjectScope | PersonScope):
        return scope
    kind, colon, rest = str(scope).partition(":")
    parts = rest.split("/")
    if not colon or kind not in _FORMS or len(parts) not in _PARTS[kind]:
        raise _unknown(str(scope))
    return _FORMS[kind](*parts)


def scopes_of_a_charge(scopes: Iterable[Scope | str]) -> tuple[str, ...]:
    """The texts of the scopes that a charge names, sorted, each once.

    Raises:
        UnknownScope: one of another form.
        LedgerError: no dataset scope, or a share of a population whose own scope is not charged.
    """
    if isinstance(scopes, str):
        raise LedgerError("A charge names a list of scopes, and this is one text.")
    wanted = {parse_scope(scope) for scope in scopes}
    populations = {scope.population for scope in wanted if isinstance(scope, DatasetScope)}
    shares = {scope.population for scope in wanted if not isinstance(scope, DatasetScope)} - {None}
    if not populations or not shares <= populations:
        raise LedgerError(
            "A charge names the dataset scope of every population that it takes from: without it, the guarantee to "
            "the people in the data would not hold across projects."
        )
    return tuple(sorted(map(str, wanted)))


def without_persons(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes that belong to nobody in particular."""
    return tuple(scope for scope in scopes if not isinstance(parse_scope(scope), PersonScope))


def _require(form: re.Pattern[str], name: Any) -> None:
    if not isinstance(name, str) or not form.fullmatch(name):
        raise _unknown(str(name))


def _unknown(text: str) -> UnknownScope:
    return UnknownScope(
        f"“{text[:60]}” names no budget. The forms are dataset:POPULATION, project:PROJECT/POPULATION, "
        "person:PERSON/POPULATION and person:PERSON, with letters, digits, “-” and “_” in the names (a person's also "
        "with “.”, “@” and “+”)."
    )
