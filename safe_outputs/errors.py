"""Errors of the outputs service that a person may see; see `governance.errors` for the tree's root."""

from datetime import datetime
from typing import Any

from governance.errors import Conflict, Invalid, NotFound, Refused, SaferoomError, Unavailable


class MalformedPlan(Invalid):
    """The statistic that was asked for is not one that can be computed here."""


class MalformedRequest(Invalid):
    """The release request says or holds something that cannot be kept."""


class EmptyPopulation(Invalid):
    """Nobody is in the population that was asked for."""


class NotProtected(Invalid):
    """A table is not proven to keep its withheld cells. Nothing is released of it."""


class DoesNotAddUp(Invalid):
    """A private table that was paid for is not proven to add up. Asked again, it costs nothing."""


class NotPermitted(Refused):
    """The release policy or a right does not allow this."""


class NoSuchThing(NotFound):
    """No statistic, request, release or content of this name, or none that this person may see."""


class WrongState(Conflict):
    """The action exists, but not in the present state."""


class Tampered(SaferoomError):
    """Stored content does not have the hash under which it was stored. Nothing is released from it."""


class UnusableKey(Invalid):
    """A file or secret that should hold a release key does not."""


class NotWritten(Unavailable):
    """A release package could not be written. Nothing was released and no state changed."""


class Recalled(Refused):
    """The release was recalled, so none of its files are handed out. `at` is aware."""

    status = 410

    def __init__(
        self, sentence: str, *, release: str = "", at: datetime | None = None, reason: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.release, self.at, self.reason = release, at, reason

    @property
    def members(self) -> dict[str, Any]:
        return {
            "release": self.release,
            "recalled_at": self.at.isoformat() if self.at else None,
            "reason": self.reason,
        }
