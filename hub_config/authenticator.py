"""Signing in: name, password and one-time code, as the register has them.

There are no hub administrators: nobody is ever given the role, whatever a configuration says.
"""

import asyncio
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers import BaseHandler
from sqlalchemy.exc import SQLAlchemyError
from tornado import web
from traitlets import Instance

from governance.database import now
from governance.errors import SaferoomError
from governance.people import LoginFailed, Person, authenticate
from hub_config.installation import Installation
from hub_config.register import role_of

LONGEST_FIELD = 1024
"""Longer names, passwords and codes are wrong without a look: argon2 would have to work through them."""

CANNOT_CHECK = "Signing in does not work at the moment. Nothing is lost; try again in a minute, then tell the operator."


class RegisterAuthenticator(Authenticator):
    """Asks the register at sign-in, and again whenever a signed-in person comes back (I10)."""

    installation = Instance(Installation, help="The register and the seal of its one-time secrets.").tag(config=True)

    async def authenticate(self, handler: web.RequestHandler, data: dict[str, str]) -> dict[str, Any]:
        """The person who signs in, for the hub. Raises HTTP 403 with the same sentence for every cause."""
        try:
            person = await asyncio.to_thread(sign_in, self.installation, data)
        except LoginFailed as failure:
            raise web.HTTPError(failure.status, failure.sentence) from None
        except (SaferoomError, SQLAlchemyError, OSError):
            self.log.exception("Signing in failed for a reason of our own")
            raise web.HTTPError(503, CANNOT_CHECK) from None
        return {"name": person.name, "admin": False, "user_info": user_info(person)}

    async def refresh_user(self, user: Any, handler: web.RequestHandler | None = None) -> bool:
        """False, which signs the person out, once nobody of that name is in the register."""
        return await asyncio.to_thread(role_of, self.installation.engine, user.name) is not None

    def is_admin(self, handler: web.RequestHandler, authentication: dict[str, Any]) -> bool:
        return False

    def normalize_username(self, username: str) -> str:
        """The name as the register has it: it is an identifier, not something to be guessed at."""
        return username

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """The sign-in page, and in place of the hub's token page its absence: nobody mints tokens here."""
        return [*super().get_handlers(app), ("/token", NoTokens)]


class NoTokens(BaseHandler):
    """The page where JupyterHub would let people make API tokens."""

    async def prepare(self) -> None:
        await super().prepare()
        raise web.HTTPError(404, "Nobody makes access tokens here. Work in a session, or use the pages.")


def sign_in(installation: Installation, data: dict[str, str]) -> Person:
    """The person whose name, password and one-time code came with the form. Raises `LoginFailed`."""
    name, password, code = (data.get(field) or "" for field in ("username", "password", "otp"))
    if max(len(name), len(password), len(code)) > LONGEST_FIELD:
        raise LoginFailed
    return authenticate(
        installation.engine, name=name, password=password, code=code, at=now(), seal=installation.secrets.seal
    )


def user_info(person: Person) -> dict[str, str]:
    """What a notebook server shows of a person, and where the hub leads her first."""
    initials = "".join(word[0] for word in person.full_name.split()[:2]).upper()
    return {"name": person.full_name, "display_name": person.full_name, "initials": initials, "role": person.role.value}
