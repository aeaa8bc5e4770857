"""The states of a request to bring something in, as tables: who moves it, from where, to where."""

from dataclasses import dataclass
from enum import StrEnum


class IngressState(StrEnum):
    ASKED = "asked"
    SCANNED = "scanned"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Mover(StrEnum):
    """Whose move it is."""

    AUTHOR = "author"
    STEWARD = "steward"
    SYSTEM = "system"
    NOBODY = "nobody"


class Action(StrEnum):
    SCAN = "scan"
    TURN_AWAY = "turn_away"
    ACCEPT = "accept"
    DECLINE = "decline"
    DELIVER = "deliver"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Move:
    """A step from one of some states to another, and who takes it."""

    before: frozenset[IngressState]
    after: IngressState
    mover: Mover


S = IngressState
MOVES: dict[Action, Move] = {
    Action.SCAN: Move(frozenset({S.ASKED}), S.SCANNED, Mover.SYSTEM),
    Action.TURN_AWAY: Move(frozenset({S.ASKED}), S.DECLINED, Mover.SYSTEM),
    Action.ACCEPT: Move(frozenset({S.SCANNED}), S.ACCEPTED, Mover.STEWARD),
    Action.DECLINE: Move(frozenset({S.SCANNED}), S.DECLINED, Mover.STEWARD),
    Action.DELIVER: Move(frozenset({S.ACCEPTED}), S.DELIVERED, Mover.SYSTEM),
    Action.WITHDRAW: Move(frozenset({S.ASKED, S.SCANNED}), S.WITHDRAWN, Mover.AUTHOR),
}

OWNERS: dict[IngressState, Mover] = {
    S.ASKED: Mover.SYSTEM,
    S.SCANNED: Mover.STEWARD,
    S.ACCEPTED: Mover.SYSTEM,
    S.DELIVERED: Mover.NOBODY,
    S.DECLINED: Mover.NOBODY,
    S.WITHDRAWN: Mover.NOBODY,
}

IN_WORDS: dict[IngressState, str] = {
    S.ASKED: "asked for and not scanned yet",
    S.SCANNED: "waiting for a data steward",
    S.ACCEPTED: "accepted and about to be delivered",
    S.DELIVERED: "delivered",
    S.DECLINED: "declined",
    S.WITHDRAWN: "withdrawn",
}
