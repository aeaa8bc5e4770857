"""Signing in: name, password and one-time code, as the register has them.

There are no hub administrators: nobody is ever given the role, whatever a configuration says.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers import BaseHandler
from sqlalchemy.exc import SQLAlchemyError
from tornado import web
from traitlets import Instance

from governance import presence
from governance.database import now, reading, transaction
from governance.errors import SaferoomError
from governance.people import Person
from governance.sign_in import Claim, LoginFailed
from governance.sign_in import sign_in as prove
from hub_config.installation import Installation
from hub_config.operator_page import OPERATOR_HANDLERS
from hub_config.origin import address, known_device, remember_device
from hub_config.sign_out import SERVERS_OWN, SignOut, leave, void_sign_ins

LONGEST_FIELD = 1024
"""Longer names, passwords and codes are wrong without a look: argon2 would have to work through them."""

_hashing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign-in")
"""Threads of its own for passwords: strangers who guess take two hashes' memory, and hold up nothing else here."""

CANNOT_CHECK = "Signing in does not work at the moment. Nothing is lost; try again in a minute, then tell the operator."


class OfTheRegister(Authenticator):
    """What holds however people prove who they are: the register says whether they still may (I10)."""

    installation = Instance(Installation, help="The register and the seal of its one-time secrets.").tag(config=True)

    async def refresh_user(self, user: Any, handler: web.RequestHandler | None = None) -> bool:
        """False, which signs the person out, once nobody of that name is in the register or she was away for long.

        A call of a running notebook server, with the token that the hub gave it, is no visit of the person's.
        """
        visiting = not _comes_from_a_server(handler)
        reason = await asyncio.to_thread(why_not_signed_in, self.installation, user.name, visiting=visiting)
        if reason is None:
            return True
        void_sign_ins(user)
        await asyncio.to_thread(leave, self.installation, user.name, "person.sign_in_ended", reason=reason)
        return False

    def is_admin(self, handler: web.RequestHandler, authentication: dict[str, Any]) -> bool:
        return False

    def normalize_username(self, username: str) -> str:
        """The name as the register has it: it is an identifier, not something to be guessed at."""
        return username

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """Signing in and out, the operator's page, and in place of the hub's token page its absence."""
        ours = [("/logout", SignOut), ("/token", NoTokens), *OPERATOR_HANDLERS]
        return [*ours, *super().get_handlers(app)]


class RegisterAuthenticator(OfTheRegister):
    """Asks the register at sign-in, and again whenever a signed-in person comes back."""

    async def authenticate(self, handler: web.RequestHandler, data: dict[str, str]) -> dict[str, Any]:
        """The person who signs in, for the hub. Raises HTTP 403 with the same sentence for every cause."""
        try:
            seal = self.installation.secrets.seal
            claim = self._claim(handler, data, seal)
            loop = asyncio.get_running_loop()
            person = await loop.run_in_executor(_hashing, sign_in, self.installation, claim, seal)
        except LoginFailed as failure:
            raise web.HTTPError(failure.status, failure.sentence) from None
        except (SaferoomError, SQLAlchemyError, OSError):
            self.log.exception("Signing in failed for a reason of our own")
            raise web.HTTPError(503, CANNOT_CHECK) from None
        remember_device(handler, person.name, seal)
        return auth_model(person)

    def _claim(self, handler: web.RequestHandler, data: dict[str, str], seal: bytes) -> Claim:
        """What came with the form. Raises `LoginFailed` for a field that is too long."""
        name, password, code = (data.get(field) or "" for field in ("username", "password", "otp"))
        if max(len(name), len(password), len(code)) > LONGEST_FIELD:
            raise LoginFailed
        forwarded = handler.request.headers.get("X-Forwarded-For", "")
        origin = address(forwarded, self.installation.settings.servers_in_front)
        return Claim(name, password, code, origin, known_device(handler, name, seal))


class NoTokens(BaseHandler):
    """The page where JupyterHub would let people make API tokens."""

    async def prepare(self) -> None:
        await super().prepare()
        raise web.HTTPError(404, "Nobody makes access tokens here. Work in a session, or use the pages.")


def sign_in(installation: Installation, claim: Claim, seal: bytes) -> Person:
    """The person whose claim holds, marked as present. Raises `LoginFailed`."""
    person = prove(installation.engine, claim, at=now(), seal=seal)
    with transaction(installation.engine) as session:
        presence.arrive(session, person.name, now())
    return person


def why_not_signed_in(installation: Installation, name: str, *, visiting: bool) -> str | None:
    """Why this person is signed in no longer, or None. A visit of hers is written down."""
    at, limit = now(), timedelta(minutes=installation.settings.idle_sign_in_minutes)
    with reading(installation.engine) as session:
        if session.get(Person, name) is None:
            return "Nobody of that name is in the register any more."
        if not visiting:
            return None
        reason = presence.why_not_here(session, name, at, limit)
        due = reason is None and presence.is_due(session, name, at)
    if due:
        with transaction(installation.engine) as session:
            presence.arrive(session, name, at)
    return reason


def auth_model(person: Person) -> dict[str, Any]:
    """What the hub is told of a person who has proved who she is."""
    return {"name": person.name, "admin": False, "user_info": user_info(person)}


def user_info(person: Person) -> dict[str, str]:
    """What a notebook server shows of a person, and where the hub leads her first."""
    initials = "".join(word[0] for word in person.full_name.split()[:2]).upper()
    return {"name": person.full_name, "display_name": person.full_name, "initials": initials, "role": person.role.value}


def _comes_from_a_server(handler: Any) -> bool:
    token = None if handler is None else handler.get_token()
    return token is not None and token.client_id == SERVERS_OWN
