"""Signing out ends every cookie: the hub's, the notebook servers' and the outputs service's, in every browser."""

import asyncio
import functools
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers import LogoutHandler

from governance import audit, presence
from governance.database import transaction
from hub_config.installation import Installation

SERVERS_OWN = "jupyterhub"
"""The client of tokens that the hub gives to a notebook server itself; every other token came out of a sign-in."""


def void_sign_ins(user: Any) -> None:
    """Make every cookie and token worthless that this person has from signing in. Her sessions keep running."""
    database = user.db
    user.orm_user.cookie_id = orm.new_token()
    for table in (orm.APIToken, orm.OAuthCode):
        theirs = table.client_id != SERVERS_OWN
        for found in database.query(table).filter(table.user_id == user.orm_user.id, theirs):
            database.delete(found)
    database.commit()


def leave(installation: Installation, person: str, action: str, **detail: str) -> None:
    """Forget that she was here, and leave an event that says why."""
    with transaction(installation.engine) as session:
        presence.leave(session, person)
        audit.record(session, person, action, f"person:{person}", **detail)


class SignOut(LogoutHandler):
    """Where “Sign out” leads, also from a session and from the outputs service."""

    async def default_handle_logout(self) -> None:
        user = self.current_user
        await super().default_handle_logout()
        if user is not None:
            void_sign_ins(user)
            forget = functools.partial(leave, self.authenticator.installation, user.name, "person.signed_out")
            await asyncio.to_thread(forget)
