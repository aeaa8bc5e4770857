"""`saferoom checkers`: skills, absences and what datasets need, set at the command line and kept in the audit chain."""

import argparse
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance import audit
from governance.database import now, reading, transaction
from governance.errors import Invalid, NotFound
from governance.people import Role
from hub_config import checker_commands, review_commands
from hub_config.settings import Settings
from safe_outputs.assignment.clock import hours_for
from tests.governance.people_factory import a_person

LATER = (now().date() + timedelta(days=30)).isoformat()


@pytest.fixture
def cleo(engine: Engine) -> Engine:
    with transaction(engine) as session:
        a_person(session, "cleo", Role.OUTPUT_CHECKER)
        a_person(session, "rosa")
    return engine


def checkers(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    checker_commands.arguments(parser)
    return checker_commands.run(Settings(state=tmp_path), parser.parse_args(words))


def test_skills_absences_and_needs_are_set_shown_and_on_record(
    cleo: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checkers(tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == ["cleo: no special skill"]
    assert checkers(tmp_path, "skill", "cleo", "regressions", "--until", LATER) == 0
    assert checkers(tmp_path, "away", "cleo", "--until", LATER) == 0
    assert checkers(tmp_path, "need", "visits", "vulnerable_groups") == 0
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert lines == [f"cleo: regressions; away until {LATER}", "dataset visits needs vulnerable_groups"]
    for words in (
        ("skill", "cleo", "regressions", "--none"),
        ("away", "cleo", "--none"),
        ("need", "visits", "vulnerable_groups", "--none"),
    ):
        assert checkers(tmp_path, *words) == 0
    assert capsys.readouterr().out.splitlines()[-1:] == ["cleo: no special skill"]
    with reading(cleo) as session:
        actions = [each.action for each in audit.events_about(session, "person:cleo")]
    assert actions[1:] == ["checker.skill_set", "checker.away"] * 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("skill", "cleo", "juggling", "--none"), Invalid),
        (("skill", "cleo", "files", "--until", "soon"), Invalid),
        (("skill", "rosa", "files", "--until", LATER), Invalid),
        (("skill", "nobody", "files", "--until", LATER), NotFound),
        (("away", "cleo", "--until", "2020-01-01"), Invalid),
    ],
)
def test_what_makes_no_sense_is_refused(
    cleo: Engine, tmp_path: Path, words: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        checkers(tmp_path, *words)


def test_hours_of_the_clock_are_set_by_audience(
    cleo: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    review_commands.arguments(parser)
    given = parser.parse_args(["--hours", "48", "--audience", "publication"])
    assert review_commands.run(Settings(state=tmp_path), given) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["pre_publication: 72 hours", "publication: 48 hours"]
    with reading(cleo) as session:
        assert hours_for(session, "publication") == 48
        assert [each.action for each in audit.events_about(session, "audience:publication")] == ["clock.set"]
