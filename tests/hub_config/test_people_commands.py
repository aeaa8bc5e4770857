"""`saferoom people email`: where a person can be written to is set by the operator, and the chain keeps that it was."""

import argparse
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance import audit
from governance.database import reading, transaction
from governance.errors import Invalid, NotFound
from hub_config import people_commands
from hub_config.settings import Settings
from tests.governance.people_factory import a_person


def people(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    people_commands.arguments(parser)
    return people_commands.run(Settings(state=tmp_path), parser.parse_args(words))


@pytest.fixture
def ada(engine: Engine) -> Engine:
    with transaction(engine) as session:
        a_person(session, "ada")
    return engine


def test_an_address_is_set_shown_and_taken_away(
    ada: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (("ada@example.org",), (), ("--none",), ()):
        assert people(tmp_path, "email", "ada", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["ada is written to at ada@example.org."] * 2 + ["ada is not written to by e-mail."] * 2
    with reading(ada) as session:
        events = [each for each in audit.events_about(session, "person:ada") if each.action == "person.email_set"]
    assert [each.detail["given"] for each in events] == [True, False]
    assert not any("example" in str(each.detail) for each in events)


def test_what_is_no_address_or_nobody_is_refused(ada: Engine, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no e-mail address"):
        people(tmp_path, "email", "ada", "ada@example.org\nBcc: eve@example.org")
    with pytest.raises(NotFound):
        people(tmp_path, "email", "eve", "eve@example.org")
