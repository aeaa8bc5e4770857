"""The process that does what time brings: one at a time, each task by itself, and nothing lost when it is killed."""

import threading
from datetime import UTC
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.preferences import Preference
from safe_outputs import rounds
from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.message import Letterhead
from safe_outputs.notifications.post import MailFolder
from safe_outputs.rounds import AnotherRound, RoundsSettings, attempt, run
from tests.safe_outputs.house import House


def settings_of(house: House) -> RoundsSettings:
    return RoundsSettings(
        database_url=house.engine.url.render_as_string(),
        lock=house.folder / "rounds.lock",
        zone=UTC,
        head=Letterhead("saferoom@example.org", "http://127.0.0.1:8000/", UTC),
        post=MailFolder(house.folder / "mail"),
        seconds=0.05,
    )


def until(stop: threading.Event, folder: Path) -> None:
    """Set `stop` once a message lies in the folder."""
    while not list(folder.glob("*.eml")) and not stop.wait(0.02):
        pass
    stop.set()


def test_it_sends_what_waits_until_it_is_stopped(house: House) -> None:
    house.do(lambda session: session.add(Preference(person_name="rosa", email="rosa@example.org")))
    house.do(lambda session: telling.tell(session, Kind.RETURNED, ["rosa"], subject="r-1", project="heron"))
    stop = threading.Event()
    watcher = threading.Thread(target=until, args=(stop, house.folder / "mail"))
    watcher.start()
    run(settings_of(house), stop)
    watcher.join()
    assert len(list((house.folder / "mail").glob("*.eml"))) == 1


def test_there_is_one_at_a_time(house: House) -> None:
    stopped = threading.Event()
    stopped.set()
    with rounds._alone(house.folder / "rounds.lock"), pytest.raises(AnotherRound):
        run(settings_of(house), stopped)
    run(settings_of(house), stopped)


def test_a_task_that_fails_is_told_by_its_kind_alone(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_engine: Engine) -> None:
        raise ValueError("four people in Dayton")

    attempt(broken, engine)
    assert "broken: ValueError" in caplog.text and "Dayton" not in caplog.text
