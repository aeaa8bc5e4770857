"""`saferoom audit …`: verify the audit chain, export a checkpoint of it, and show who did what, without content."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from governance import audit, checkpoints
from governance.audit import AuditEvent, BrokenChain
from governance.checkpoints import Keeper, Key
from governance.database import open_database, reading, transaction
from governance.errors import NotFound, SaferoomError
from hub_config.secrets import Secrets
from hub_config.settings import Settings

NOT_VERIFIED = 3
"""The exit status where it could not be looked at; a chain that does not hold is 1."""
MOST_SHOWN = 200


def arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="what", required=True, metavar="what")
    part = parts.add_parser("verify", help="look whether every event is there, in order and unchanged")
    part.add_argument(
        "--checkpoint", type=Path, action="append", default=[], metavar="FILE", help="hold it against one"
    )
    part = parts.add_parser("checkpoint", help="verify, and write where the chain ends to a new file, signed")
    part.add_argument("file", type=Path, metavar="FILE", help="keep it where the database is not")
    part = parts.add_parser("show", help="show who did what to which subject, and when")
    part.add_argument("--about", metavar="SUBJECT", help="only of one subject, like request:r-0123456789ab")
    part.add_argument("--most", type=int, default=MOST_SHOWN, metavar="NUMBER", help="the newest so many (200)")


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Do one of the three.

    Raises:
        BrokenChain: the chain does not hold. Exit status 1.
        SaferoomError: anything else than verifying was refused.
    """
    return {"verify": verify, "checkpoint": checkpoint, "show": show}[given.what](settings, given)


def verify(settings: Settings, given: argparse.Namespace) -> int:
    """0: it holds. 1 (raised): it does not. 3: it could not be looked at."""
    try:
        return _verify(settings, given.checkpoint)
    except BrokenChain:
        raise
    except SaferoomError as error:
        print(f"saferoom: The audit chain was not verified. {error.sentence}", file=sys.stderr)
        return NOT_VERIFIED


def _verify(settings: Settings, files: list[Path]) -> int:
    key = key_of(settings)
    kept = Keeper(settings.checkpoint, key).newest()
    against = [*([] if kept is None else [kept]), *(checkpoints.read(each, key) for each in files)]
    with _reading(settings) as session:
        end = audit.verified(session)
        for each in against:
            checkpoints.require_holds(session, each)
    print(f"The audit chain holds: {_events(end.sequence)}, each where it was written and as it was written.")
    if against:
        newest = max(against, key=lambda each: each.at)
        print(f"It has what {len(against)} of its checkpoints name, the newest of {newest.at:%-d %B %Y, %H:%M} UTC.")
    else:
        print("No checkpoint was there to hold it against, so nothing says whether events are missing at its end.")
    return 0


def checkpoint(settings: Settings, given: argparse.Namespace) -> int:
    """Write one. Nothing is written of a chain that does not hold."""
    key = key_of(settings)
    with _reading(settings) as session:
        kept = Keeper(settings.checkpoint, key).newest()
        if kept is not None:
            checkpoints.require_holds(session, kept)
        made = checkpoints.export(session, given.file, key)
    print(
        f"{given.file} says that the audit chain had {_events(made.head.sequence)} on {made.at:%-d %B %Y, %H:%M} UTC."
    )
    print(f"Keep it where the database is not. It is signed; the public key is {made.public}.")
    return 0


def show(settings: Settings, given: argparse.Namespace) -> int:
    """The newest events, oldest of them first. That they were shown is an event, too."""
    with _reading(settings) as session:
        lines = list(_lines(session, given.about, given.most + 1))
    cut = len(lines) > given.most
    for line in lines[: given.most][::-1]:
        print(line)
    if cut:
        print(f"There are more than these {given.most}; ask for more with --most.")
    if not lines:
        print(f"There is no event about “{given.about}”." if given.about else "There is no event yet.")
    engine = open_database(settings.database_url)
    with transaction(engine) as session:
        about = {"about": given.about} if given.about else {}
        audit.record(session, "operator", "audit.shown", "audit", account=getpass.getuser(), **about)
    engine.dispose()
    return 0


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"


def key_of(settings: Settings) -> Key:
    """What this installation signs checkpoints with."""
    return Key.of(Secrets.load(settings.secrets).audit)


@contextmanager
def _reading(settings: Settings) -> Iterator[Session]:
    """A session on the register. Raises `NotFound` where there is none."""
    nothing = NotFound(f"There is no register in {settings.state}. Name its --state, or start Saferoom first.")
    if settings.register_database is None and not settings.database.exists():
        raise nothing
    engine = open_database(settings.database_url)
    try:
        with reading(engine) as session:
            if not inspect(session.connection()).has_table(AuditEvent.__tablename__):
                raise nothing
            yield session
    finally:
        engine.dispose()


def _lines(session: Session, about: str | None, most: int) -> Iterator[str]:
    """One for each event, newest first, without its detail. What people typed is shown with its odd characters told."""
    query = select(AuditEvent.sequence, AuditEvent.at, AuditEvent.actor, AuditEvent.action, AuditEvent.subject)
    if about is not None:
        query = query.where(AuditEvent.subject == about)
    for sequence, at, *words in session.execute(query.order_by(AuditEvent.sequence.desc()).limit(most)):
        actor, action, subject = (repr(each)[1:-1] for each in words)
        yield f"{sequence:>8}  {at:%Y-%m-%d %H:%M:%S}  {actor}  {action}  {subject}"
