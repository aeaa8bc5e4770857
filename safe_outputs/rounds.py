"""The process that does what time brings: it counts past hours, looks after clocks and absences, and sends e-mail.

It reads the register's database and nothing else: no data, no content, and of the secrets the mail server's alone. Each
task is tried by itself; one that fails says so in the log and is tried again, and the others go on. Killed at any
moment, it takes up what was left. One runs on a state at a time.
"""

import fcntl
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from sqlalchemy import Engine

from governance.database import open_database, transaction
from governance.errors import Conflict, SaferoomError
from safe_outputs.assignment.clock import look_after_reviews
from safe_outputs.notifications.message import Letterhead
from safe_outputs.notifications.outbox import send_waiting
from safe_outputs.notifications.post import Post
from safe_outputs.releases.public_downloads import count_past_hours, hours_wait

log = logging.getLogger("saferoom.rounds")


@dataclass(frozen=True)
class RoundsSettings:
    """What the process is told. `post` is the way for e-mail to leave; None where there is none."""

    database_url: str
    lock: Path
    zone: tzinfo
    head: Letterhead | None = None
    post: Post | None = None
    seconds: float = 20.0


class AnotherRound(Conflict):
    """Such a process runs on this state already."""


Task = Callable[[Engine], object]


def run(settings: RoundsSettings, stop: threading.Event) -> None:
    """Do all tasks again and again until `stop` is set. A slow mail server holds up e-mail alone.

    Raises:
        AnotherRound: one runs already.
    """
    with _alone(settings.lock):
        engine = open_database(settings.database_url)
        mail = threading.Thread(target=_again, args=(mail_tasks(settings), engine, settings, stop), daemon=True)
        mail.start()
        _again(TASKS, engine, settings, stop)
        engine.dispose()


def _again(tasks: tuple[Task, ...], engine: Engine, settings: RoundsSettings, stop: threading.Event) -> None:
    while not stop.is_set():
        for task in tasks:
            attempt(task, engine)
        stop.wait(settings.seconds)


def attempt(task: Task, engine: Engine) -> None:
    """Do a task; whatever goes wrong is for the log, by its kind alone, and for the next round."""
    try:
        task(engine)
    except SaferoomError as error:
        log.warning("%s: %s", task.__name__, error.sentence)
    except Exception as error:  # noqa: BLE001 - the other tasks go on
        log.warning("%s: %s", task.__name__, type(error).__name__)


def mail_tasks(settings: RoundsSettings) -> tuple[Task, ...]:
    """Sending what waits, where there is a way for it."""
    post, head = settings.post, settings.head
    if post is None or head is None:
        return ()

    def send(engine: Engine) -> None:
        send_waiting(engine, post, head)

    return (send,)


def count_hours(engine: Engine) -> None:
    """Tell the audit chain of downloads without signing in, once their hour is over."""
    if hours_wait(engine):
        with transaction(engine) as session:
            count_past_hours(session)


TASKS: tuple[Task, ...] = (count_hours, look_after_reviews)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRound("Saferoom makes its rounds on this state already. Stop that one first.") from None
        yield
