"""The groups of a plan: the cross of its keys' public values, every one of them answered, empty or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from typing import Annotated

from pydantic import Field

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import Frozen, Name, plain
from disclosure_control.privacy.compiled import Compiler, NumberType, TextType, Type
from disclosure_control.privacy.expressions import Column, Expression

MOST_CELLS = 1_000_000


class Key(Frozen):
    """What a table is made by. `values`: these of the public values alone, in this order; None: all."""

    name: Name
    of: Expression
    values: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


@dataclass(frozen=True)
class Domain:
    """A key with its public values as text, in the order in which they are published; none for unknown keys."""

    name: str
    type: Type
    values: tuple[str, ...]


def domain_of(key: Key, compiler: Compiler, *, unknown: bool) -> Domain:
    """The key's public values.

    Raises:
        MalformedPrivatePlan: they are not public, or the plan names one that is none of them.
    """
    kind = compiler.compile(key.of).type
    if unknown:
        if key.values is not None:
            raise MalformedPrivatePlan(f"“{key.name}”: keys are either listed or unknown. Leave out the list.")
        return Domain(key.name, kind, ())
    public = _public_values(key, kind, compiler)
    if key.values is None:
        return Domain(key.name, kind, public)
    stray = [value for value in key.values if value not in set(public)]
    if stray or len(set(key.values)) != len(key.values):
        shown = ", ".join(public[:20]) + (", …" if len(public) > 20 else "")
        raise MalformedPrivatePlan(
            f"“{(stray or key.values)[0]}” is no public value of “{key.name}”, or is named twice. There are: {shown}."
        )
    return Domain(key.name, kind, key.values)


def _public_values(key: Key, kind: Type, compiler: Compiler) -> tuple[str, ...]:
    if isinstance(key.of, Column):
        column = compiler.dataset.column(key.of.name)
        if column is None or not column.key:
            public = ", ".join(each.name for each in compiler.dataset.columns if each.key) or "none"
            raise MalformedPrivatePlan(f"The values of “{key.of.name}” are no public keys. Public keys: {public}.")
    if isinstance(kind, TextType):
        return kind.labels
    if isinstance(kind, NumberType):
        if kind.upper - kind.lower >= MOST_CELLS:
            raise MalformedPrivatePlan(f"“{key.name}” has too many values for a table. Cut it into intervals.")
        return tuple(plain(Decimal(each).scaleb(-kind.places)) for each in range(kind.lower, kind.upper + 1))
    return ("false", "true")


def cells_of(domains: Sequence[Domain], *, margins: bool = False) -> int:
    """How many groups there are, with their totals if wanted. Raises `MalformedPrivatePlan` where they are too many."""
    cells = prod(len(domain.values) + margins for domain in domains)
    if cells > MOST_CELLS:
        raise MalformedPrivatePlan(
            f"This makes {cells:,} groups, and {MOST_CELLS:,} are the most. Leave a key out, or ask for unknown keys."
        )
    return cells


def codes_of(domains: Sequence[Domain]) -> list[tuple[str, ...]]:
    """The groups in their order: the last key runs fastest."""
    return list(product(*(domain.values for domain in domains)))


def place_of(codes: Sequence[str], domains: Sequence[Domain]) -> tuple[Decimal | int | str, ...]:
    """What a group of unknown keys is sorted by: its numbers, or the places of its labels. No data decides it."""
    return tuple(_place(code, domain.type) for code, domain in zip(codes, domains, strict=True))


def _place(code: str, kind: Type) -> Decimal | int | str:
    if isinstance(kind, NumberType):
        return Decimal(code)
    return kind.labels.index(code) if isinstance(kind, TextType) else code
