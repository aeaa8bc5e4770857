"""Errors that a person may see.

    SaferoomError             500  base; its text is a sentence: what, why, what to do next
    ├── Invalid               422  the request is malformed or asks for something that does not exist here
    ├── Refused               403  a right is missing
    ├── NotFound              404
    ├── Conflict              409  possible in general, but not in the present state
    └── Unavailable           503  a part of Saferoom does not answer; nothing was lost

Every package derives its own tree from these. No text holds a microdata value or a secret.
"""

from typing import Any, ClassVar


class SaferoomError(Exception):
    """An error with a sentence for a person and the HTTP status that says the same."""

    status: ClassVar[int] = 500

    @property
    def sentence(self) -> str:
        return str(self.args[0]) if self.args else "Something went wrong in Saferoom. Nothing was released."

    @property
    def members(self) -> dict[str, Any]:
        """What a program is told besides the sentence: more members of the problem details (RFC 9457)."""
        return {}


class Invalid(SaferoomError):
    status = 422


class Refused(SaferoomError):
    status = 403


class NotFound(SaferoomError):
    status = 404


class Conflict(SaferoomError):
    status = 409


class Unavailable(SaferoomError):
    status = 503
