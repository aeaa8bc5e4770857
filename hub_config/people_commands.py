"""`saferoom people …`: what an operator does to the register's people at the command line."""

import argparse
import getpass

from governance import attempts
from governance.database import open_database, transaction
from hub_config.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="what")
    part = parts.add_parser("unlock", help="let a person sign in again at once after too many wrong tries")
    part.add_argument("name", metavar="NAME", help="the person's name in the register")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Lift the lock of a person. The audit chain keeps which account of this machine did it.

    Raises:
        NotFound: nobody of that name is in the register.
    """
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
