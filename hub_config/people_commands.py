"""`saferoom people …`: what an operator does to the register's people at the command line."""

import argparse
import getpass

from governance import attempts, preferences
from governance.addresses import require_address
from governance.database import open_database, transaction
from hub_config.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="what")
    part = parts.add_parser("unlock", help="let a person sign in again at once after too many wrong tries")
    part.add_argument("name", metavar="NAME", help="the person's name in the register")
    part = parts.add_parser("email", help="set, show or take away (--none) the address to which a person is written")
    part.add_argument("name", metavar="NAME", help="the person's name in the register")
    part.add_argument("address", metavar="ADDRESS", nargs="?", help="like ada@example.org; without: show it")
    part.add_argument("--none", action="store_true", help="write to her no more")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """What was asked for, by the table of this module. The audit chain keeps which account of this machine did it.

    Raises:
        NotFound: nobody of that name is in the register.
        Invalid: the address is none.
    """
    return {"unlock": _unlock, "email": _email}[given.what](settings, given)


def _email(settings: Settings, given: argparse.Namespace) -> int:
    engine = open_database(settings.database_url)
    with transaction(engine) as session:
        if given.address is not None or given.none:
            address = None if given.none else require_address(given.address)
            preferences.set_email(session, given.name, address, actor="operator", account=getpass.getuser())
        present = preferences.preference_of(session, given.name).email
    engine.dispose()
    print(f"{given.name} is written to at {present}." if present else f"{given.name} is not written to by e-mail.")
    return 0


def _unlock(settings: Settings, given: argparse.Namespace) -> int:
    """Lift the lock of a person."""
    engine = open_database(settings.database_url)
    with transaction(engine) as session:
        lifted = attempts.unlock(session, given.name, actor="operator", account=getpass.getuser())
    engine.dispose()
    print(
        f"{given.name} can try again at once."
        if lifted
        else f"Nothing held {given.name} up. If it still fails, her network address may be held up: wait 15 minutes."
    )
    return 0
