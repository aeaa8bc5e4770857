"""What the outputs service asks of JupyterHub: where to sign in, and whose token this is."""

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError

from governance.errors import Unavailable

SECONDS_TRUSTED = 20
"""How long an answer of the hub is used again: a person who signs out of the hub is out here after that."""

_LARGEST_CACHE = 10_000


class HubSilent(Unavailable):
    """The hub does not answer, or not as it should."""

    def __init__(self) -> None:
        super().__init__("Saferoom's hub does not answer, so nobody can be recognised. Nothing is lost; try again.")


@dataclass(frozen=True)
class Challenge:
    """A sign-in that began: where to send the browser, and what proves later that it is the same one."""

    address: str
    verifier: str


class Hub(Protocol):
    """Single sign-on (OAuth 2 with PKCE)."""

    def challenge(self, state: str) -> Challenge:
        """Begin a sign-in that will come back with `state`."""

    def token(self, code: str, verifier: str) -> str:
        """Exchange the code that came back. Raises `HubSilent`, also when the hub refuses it."""

    def name_of(self, token: str) -> str | None:
        """The person whose token this is, or None when it is no longer good. Raises `HubSilent`."""


class JupyterHub:
    """The hub that manages this service, found through the JUPYTERHUB_* variables that it sets."""

    def __init__(self, auth: HubOAuth | None = None) -> None:
        self._auth = auth or HubOAuth()
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str | None]] = {}

    def challenge(self, state: str) -> Challenge:
        verifier, challenge, method = self._auth.generate_pkce_code_challenge()
        query = urlencode({"state": state, "code_challenge": challenge, "code_challenge_method": method})
        return Challenge(f"{self._auth.login_url}&{query}", verifier)

    def token(self, code: str, verifier: str) -> str:
        return str(_asked(self._auth.token_for_code, code, code_verifier=verifier))

    def name_of(self, token: str) -> str | None:
        key = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            asked_at, name = self._known.get(key, (0.0, None))
        if asked_at and time.monotonic() - asked_at < SECONDS_TRUSTED:
            return name
        name = self._ask_name(token)
        with self._lock:
            if len(self._known) >= _LARGEST_CACHE:
                self._known.clear()
            self._known[key] = (time.monotonic(), name)
        return name

    def _ask_name(self, token: str) -> str | None:
        model = _asked(self._auth.user_for_token, token, use_cache=False)
        if model is None or model.get("kind") != "user":
            return None
        permitted = self._auth.check_scopes(self._auth.access_scopes, model)
        return str(model["name"]) if permitted else None


def _asked(question: Any, *arguments: Any, **named: Any) -> Any:
    """The hub's answer. `HubOAuth` speaks of every failure as a tornado `HTTPError`, with the reply's text in it."""
    try:
        return question(*arguments, **named)
    except HTTPError:
        raise HubSilent from None
