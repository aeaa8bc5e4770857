"""Where the token of a call comes from: the session cookie of a browser or, on the API, what a program sends along.

A browser adds its cookie to every call, whoever's page made it. So a call of the API that changes something and comes
with a cookie has to bear a second token (CSRF) in a header, which only a page of this origin can have read and set:
another origin's page can do neither without our consent (CORS), and nothing here ever gives it. A browser adds no
bearer token by itself, so a call that bears one was made by who holds it, and needs no second one.
"""

from flask import current_app, request, session
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from governance.errors import Refused

TOKEN = "token"  # noqa: S105 - where the session cookie holds it
CSRF_HEADER = "X-CSRF-Token"
API = "/api/"
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ForgedCall(Refused):
    """A call with a browser's cookie does not prove that a page of ours made it."""

    def __init__(self) -> None:
        super().__init__(
            "This call came with a cookie and without its token, so nothing was changed. Send the header "
            f"“{CSRF_HEADER}” with the csrf_token that GET /api/me answers."
        )


def of_call() -> str | None:
    """The hub's token with which this call comes, or None. Whoever sends a header on the API is not her cookie."""
    if request.path.startswith(API) and "Authorization" in request.headers:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None
    kept = session.get(TOKEN)
    return kept if isinstance(kept, str) else None


def by_cookie() -> bool:
    """Whether this call comes with a browser's cookie alone."""
    return "Authorization" not in request.headers


def require_own_call() -> None:
    """Raise `ForgedCall` where a browser could have been made to send this call. Pages' forms bear their own token."""
    if not (request.path.startswith(API) and request.method in _CHANGES and by_cookie()):
        return
    if not current_app.config.get("WTF_CSRF_ENABLED", True):
        return
    try:
        validate_csrf(request.headers.get(CSRF_HEADER))
    except ValidationError:
        raise ForgedCall from None


def csrf_token() -> str | None:
    """The second token for the browser that asks; None for a program, which needs none."""
    return str(generate_csrf()) if by_cookie() else None
