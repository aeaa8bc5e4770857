"""A charge and its states. The transitions are data: code, database triggers and tests go by the same table."""

from dataclasses import dataclass
from enum import StrEnum


class ChargeState(StrEnum):
    """Every state but `void` counts as spent."""

    RESERVED = "reserved"
    """Paid, and the data not read yet, as far as is known."""
    READING = "reading"
    """Paid, and the data may have been read: it can never be given back."""
    COMMITTED = "committed"
    """Paid, and the result stored."""
    VOID = "void"
    """Given back: provably no data was read."""


TRANSITIONS: dict[ChargeState, frozenset[ChargeState]] = {
    ChargeState.RESERVED: frozenset({ChargeState.READING, ChargeState.COMMITTED, ChargeState.VOID}),
    ChargeState.READING: frozenset({ChargeState.COMMITTED}),
    ChargeState.COMMITTED: frozenset(),
    ChargeState.VOID: frozenset(),
}


@dataclass(frozen=True)
class Charge:
    """One payment. `result` is what it paid for, once committed; `at` is when it was reserved (UTC, ISO 8601).

    `nano_delta`: billionths of δ that it costs beside ρ, for mechanisms that need some (approximate zCDP).
    """

    id: str
    request: str
    scopes: tuple[str, ...]
    nano_rho: int
    state: ChargeState
    at: str
    result: bytes | None = None
    nano_delta: int = 0
