"""What the API refuses before a view is asked: bodies, queries and preconditions that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from governance.errors import Invalid, SaferoomError


@dataclass(frozen=True)
class Flaw:
    """What is wrong at one place of a body or query; `pointer` is a JSON pointer (RFC 6901) behind a `#`."""

    pointer: str
    detail: str


class Unreadable(SaferoomError):
    """The body is no JSON."""

    status = 400

    def __init__(self) -> None:
        super().__init__("The body is no JSON that can be read, so nothing was changed. Send JSON in UTF-8.")


class NotAsDescribed(Invalid):
    """Body or query are not what the description says. `flaws` names the places."""

    def __init__(self, what: str, flaws: Sequence[Flaw]) -> None:
        places = "; ".join(f"{each.pointer}: {each.detail}" for each in flaws)
        super().__init__(f"This {what} is not as /api/openapi.json describes it, so nothing was changed: {places}.")
        self.flaws = tuple(flaws)

    @property
    def members(self) -> dict[str, Any]:
        return {"errors": [{"pointer": each.pointer, "detail": each.detail} for each in self.flaws]}


class NoVersionNamed(SaferoomError):
    """A change does not say which version it is about."""

    status = 428

    def __init__(self) -> None:
        super().__init__(
            "Say which version you have read, so that nobody’s work is lost: send its ETag in the header “If-Match”. "
            "Nothing was changed."
        )


class Stale(SaferoomError):
    """A change is about another version than the present one."""

    status = 412

    def __init__(self) -> None:
        super().__init__("This was changed after you read it, so nothing was done. Read it again, then decide anew.")
