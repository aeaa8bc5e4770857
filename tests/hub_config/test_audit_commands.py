"""`saferoom audit`: each answer is a sentence and an exit status."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from governance import audit
from governance.database import open_database, reading, transaction
from hub_config.audit_commands import NOT_VERIFIED
from hub_config.commands import main
from hub_config.migrations import migrate
from hub_config.settings import load

SECRET_WORD = "not-to-be-shown"
Run = Callable[..., int]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    settings = load({"state": str(tmp_path / "state")}, environ={})
    (tmp_path / "state").mkdir(mode=0o700)
    engine = open_database(settings.database_url)
    migrate(engine)
    with transaction(engine) as session:
        for number in range(3):
            audit.record(session, "ada\n\u202e", "request.voted", f"request:r-{number}", comment=SECRET_WORD)
    engine.dispose()
    return engine


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *words: main(["audit", "--state", str(tmp_path / "state"), *map(str, words)])


def edit(engine: Engine, *changes: str) -> None:
    with engine.begin() as connection:
        for trigger in ("no_update", "no_delete", "in_order"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_event_{trigger}"))
        for change in changes:
            connection.execute(text(change))
    engine.dispose()


def test_a_whole_chain_is_said_to_hold(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify") == 0
    said = capsys.readouterr().out
    assert "holds: 3 events" in said and "No checkpoint" in said


def test_an_edited_chain_does_not(engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    edit(engine, "UPDATE audit_event SET actor = 'eve' WHERE sequence = 2")
    assert run("verify") == 1
    assert "event 2 was changed" in capsys.readouterr().err


def test_a_truncated_chain_shows_against_a_checkpoint_that_was_kept(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("checkpoint", tmp_path / "kept.json") == 0
    assert "3 events" in capsys.readouterr().out
    assert run("verify", "--checkpoint", tmp_path / "kept.json") == 0
    assert "has what 1 of its checkpoints name" in capsys.readouterr().out
    edit(engine, "DELETE FROM audit_event WHERE sequence = 3")
    assert run("verify") == 0
    assert run("verify", "--checkpoint", tmp_path / "kept.json") == 1
    assert "ends with event 2, and had 3" in capsys.readouterr().err


def test_what_cannot_be_looked_at_has_a_status_of_its_own(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("verify", "--checkpoint", tmp_path / "none.json") == NOT_VERIFIED
    assert "was not verified" in capsys.readouterr().err
    assert main(["audit", "--state", str(tmp_path / "elsewhere"), "verify"]) == NOT_VERIFIED
    assert "There is no register" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere" / "register.sqlite").exists()


def test_a_checkpoint_is_not_written_over(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("checkpoint", tmp_path / "kept.json") == 0
    assert run("checkpoint", tmp_path / "kept.json") == 1
    assert "not written over" in capsys.readouterr().err


def test_events_are_shown_without_their_content_and_the_showing_is_one(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", "--about", "request:r-1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "request.voted" in lines[0] and "ada\\n" in lines[0] and "request:r-1" in lines[0]
    assert SECRET_WORD not in lines[0] and "\u202e" not in lines[0]
    with reading(engine) as session:
        shown = audit.last_about(session, "audit")
        assert shown is not None and shown.action == "audit.shown" and shown.detail["about"] == "request:r-1"
    engine.dispose()


def test_the_newest_are_shown_and_that_there_are_more_is_said(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", "--most", "2") == 0
    said = capsys.readouterr().out
    assert "request:r-0" not in said and said.index("request:r-1") < said.index("request:r-2")
    assert "more than these 2" in said
    assert run("show", "--about", "request:none") == 0
    assert "no event about “request:none”" in capsys.readouterr().out
