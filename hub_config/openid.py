"""Signing in at the person's organisation, with OpenID Connect: authorization code, PKCE, state, nonce, second factor.

The organisation proves who somebody is; the register says what she may do here, as with passwords (I10). What is
needed to finish a sign-in (state, nonce, verifier) stays in the hub's memory and is good once, for ten minutes, in the
browser that began it.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyterhub.handlers import BaseHandler
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthLoginHandler
from sqlalchemy.exc import SQLAlchemyError
from tornado import web
from tornado.httpclient import HTTPClientError
from tornado.httputil import url_concat
from traitlets import Instance, default

from governance import audit, presence
from governance.attempts import mark
from governance.database import now, transaction
from governance.errors import Refused, SaferoomError
from governance.people import Person
from hub_config.authenticator import CANNOT_CHECK, OfTheRegister, auth_model
from hub_config.id_token import NoSecondFactor, UnprovenSignIn, require_second_factor, verified_claims
from hub_config.installation import Installation
from hub_config.openid_provider import OpenIDProvider
from hub_config.origin import address
from hub_config.secrets import given_secret
from hub_config.sign_out import SignOut

CLIENT_SECRET_FILE = "openid_client"  # noqa: S105 - the file's name
STATE_COOKIE = "saferoom-openid"
SECONDS_TO_SIGN_IN = 600
MOST_BEGUN = 1000

NOT_SIGNED_IN = "Your organisation did not sign you in. Try again; if it stays, ask its help desk."
STRANGE = (
    "This sign-in was not begun in this browser, was finished already, or took longer than ten minutes. Sign in again."
)


class NotHere(Refused):
    """The organisation knows her, the register does not."""

    def __init__(self) -> None:
        super().__init__(
            "Your organisation signed you in, but nobody of that name is in the register here. Ask the operator to "
            "enrol you."
        )


@dataclass(frozen=True)
class Begun:
    """A sign-in under way. Times are of `time.monotonic`."""

    next_page: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    at: float = field(default_factory=time.monotonic)

    @property
    def challenge(self) -> str:
        """The verifier's, by S256 (RFC 7636)."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class SignInsBegun:
    """The sign-ins under way, at most `MOST_BEGUN`, the oldest dropped first."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, Begun] = OrderedDict()

    def add(self, begun: Begun) -> None:
        self._begun[begun.state] = begun
        while len(self._begun) > MOST_BEGUN:
            self._begun.popitem(last=False)

    def take(self, state: str) -> Begun | None:
        """The sign-in with that state, once."""
        begun = self._begun.pop(state, None)
        return begun if begun and time.monotonic() - begun.at <= SECONDS_TO_SIGN_IN else None


class BeginSignIn(OAuthLoginHandler):
    """Sends the browser to the organisation."""

    def get(self) -> None:
        authenticator = self.authenticator
        begun = Begun(self._get_next_url() or self.hub.base_url)
        authenticator.begun.add(begun)
        # The organisation sends the browser back from another site, where a strict cookie would stay behind.
        options = {**self.settings.get("cookie_options", {}), "samesite": "Lax"}
        self.set_secure_cookie(STATE_COOKIE, begun.state, expires_days=None, path=self.hub.base_url, **options)
        self.redirect(url_concat(authenticator.authorize_url, authenticator.question(begun)))


class FinishSignIn(BaseHandler):
    """Where the organisation sends the browser back to."""

    async def get(self) -> None:
        begun = self._begun()
        issuer = self.authenticator.provider.issuer
        if self.get_argument("iss", issuer) != issuer:
            raise web.HTTPError(403, STRANGE)  # RFC 9207: another provider's answer
        code = self.get_argument("code", "")
        if "error" in self.request.arguments or not code:
            raise web.HTTPError(403, NOT_SIGNED_IN)
        user = await self.login_user({"code": code, "begun": begun})
        self._jupyterhub_user = user
        # The page leads on, not a redirect: what follows a redirect from another site goes without strict cookies.
        self.finish(await self.render_template("signed_in.html", next_page=begun.next_page))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A refusal, without the address, which holds the provider's code."""
        if isinstance(value, web.HTTPError):
            self.log.warning("%s %s: %s", value.status_code, self.request.path, value.log_message)
        else:
            super().log_exception(typ, value, tb)

    def _begun(self) -> Begun:
        """The sign-in that this browser began. It is used up, whatever comes of it."""
        state = self.get_argument("state", "")
        cookie = self.get_secure_cookie(STATE_COOKIE, max_age_days=1) or b""
        self.clear_cookie(STATE_COOKIE, path=self.hub.base_url)
        if not state or not hmac.compare_digest(cookie, state.encode()):
            raise web.HTTPError(403, STRANGE)
        begun: Begun | None = self.authenticator.begun.take(state)
        if begun is None:
            raise web.HTTPError(403, STRANGE)
        return begun


class OpenIDAuthenticator(OfTheRegister, GenericOAuthenticator):
    """oauthenticator's exchange with the provider, with the checks that it leaves out."""

    login_handler = BeginSignIn
    callback_handler = FinishSignIn
    logout_handler = SignOut

    provider = Instance(OpenIDProvider, help="The organisation that signs people in.").tag(config=True)

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.begun = SignInsBegun()

    @default("client_secret")
    def _client_secret_default(self) -> str:
        return client_secret(self.installation.settings.secrets)

    def question(self, begun: Begun) -> dict[str, str]:
        """What the browser takes to the organisation."""
        acr = {"acr_values": " ".join(self.provider.required_acr)} if self.provider.required_acr else {}
        return acr | {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.oauth_callback_url,
            "scope": " ".join(self.scope),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }

    async def authenticate(self, handler: Any, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """The person of the register whom the organisation has proved. Raises HTTP errors with a sentence."""
        if not data or not isinstance(data.get("begun"), Begun):
            raise web.HTTPError(403, STRANGE)  # the hub's API offers to sign in with what somebody sends
        try:
            claims = await self._claims(handler, data["code"], data["begun"])
            forwarded = handler.request.headers.get("X-Forwarded-For", "")
            origin = address(forwarded, self.installation.settings.servers_in_front)
            person = await asyncio.to_thread(admit, self.installation, self.provider, claims, origin)
        except UnprovenSignIn as error:
            self.log.warning("Signing in with OpenID was refused: %s", error.why)
            raise web.HTTPError(error.status, error.sentence) from None
        except Refused as error:
            raise web.HTTPError(error.status, error.sentence) from None
        except (SaferoomError, SQLAlchemyError, OSError):
            self.log.exception("Signing in failed for a reason of our own")
            raise web.HTTPError(503, CANNOT_CHECK) from None
        return auth_model(person)

    async def _claims(self, handler: Any, code: str, begun: Begun) -> dict[str, Any]:
        """What the provider has signed about the person; her name from its user data where the token has none."""
        exchange = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.oauth_callback_url,
            "code_verifier": begun.verifier,
        }
        answer = await _asked("token", self.get_token_info(handler, exchange))
        keys = await _asked("keys", self.httpfetch(self.provider.keys_url, method="GET"))
        access_token = str(answer.get("access_token"))
        claims = verified_claims(
            str(answer.get("id_token")),
            keys,
            self.provider,
            nonce=begun.nonce,
            access_token=access_token,
            now=time.time(),
        )
        if self.provider.username_claim not in claims and self.provider.userdata_url:
            about = await _asked(
                "user data", self.token_to_user({"access_token": access_token, "token_type": "Bearer"})
            )
            if about.get("sub") != claims["sub"]:
                raise UnprovenSignIn("the user data are somebody else's (sub)")
            claims[self.provider.username_claim] = about.get(self.provider.username_claim)
        return claims


def admit(installation: Installation, provider: OpenIDProvider, claims: dict[str, Any], origin: str) -> Person:
    """The person of the register whom these claims name, marked as present.

    Raises:
        NoSecondFactor: the claims do not say that one was used.
        NotHere: nobody of that name is in the register.
    """
    name = claims.get(provider.username_claim)
    with transaction(installation.engine) as session:
        person = session.get(Person, name) if isinstance(name, str) else None
        refusal = _why_not_admitted(person, claims, provider)
        if refusal is None and person is not None:
            presence.arrive(session, person.name, now())
            audit.record(session, person.name, "person.signed_in", f"person:{person.name}", origin=origin, by="openid")
            return person
        seal = installation.secrets.seal
        subject = f"person:{person.name}" if person else f"unknown-name:{mark(seal, str(name))[:8]}"
        audit.record(session, "unknown", "sign_in.failed", subject, origin=origin, why=type(refusal).__name__)
    raise refusal or NotHere()


def client_secret(folder: Path) -> str:
    """The secret that the provider gave us, out of its file. Raises `UnsafeSecret`."""
    return given_secret(folder / CLIENT_SECRET_FILE, "the OpenID provider")


def _why_not_admitted(person: Person | None, claims: dict[str, Any], provider: OpenIDProvider) -> Refused | None:
    try:
        require_second_factor(claims, provider)
    except NoSecondFactor as refusal:
        return refusal
    return None if person is not None else NotHere()


async def _asked(what: str, answer: Any) -> dict[str, Any]:
    """The provider's answer. What oauthenticator says of a failure may hold tokens, so it goes no further."""
    try:
        found = await answer
    except (web.HTTPError, HTTPClientError, OSError, ValueError) as error:
        raise UnprovenSignIn(f"asking the provider for {what} failed: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise UnprovenSignIn(f"the provider's answer about {what} is no JSON object")
    return found
