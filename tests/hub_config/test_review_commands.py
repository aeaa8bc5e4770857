"""`saferoom review`: the number of checkers is policy data, set at the command line and kept in the audit chain."""

import argparse
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance import audit
from governance.database import reading
from hub_config import review_commands
from hub_config.settings import Settings
from safe_outputs.checkers_rules import checkers_by_rule
from safe_outputs.errors import MalformedRequest


def review(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    review_commands.arguments(parser)
    return review_commands.run(Settings(state=tmp_path), parser.parse_args(words))


def test_a_rule_is_set_shown_and_on_record(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert review(tmp_path) == 0
    assert "No rule" in capsys.readouterr().out
    assert review(tmp_path, "3", "--audience", "publication") == 0
    assert "* publication: 3 checkers" in capsys.readouterr().out
    with reading(engine) as session:
        assert checkers_by_rule(session, "heron", "publication") == 3
        assert checkers_by_rule(session, "heron", "pre_publication") == 2
        (event,) = audit.events_about(session, "project:*")
        assert (event.action, event.detail["checkers"]) == ("checkers.set", 3)


def test_fewer_than_two_are_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(MalformedRequest, match="from 2 to 9"):
        review(tmp_path, "1")
    with reading(engine) as session:
        assert audit.events_about(session, "project:*") == []
