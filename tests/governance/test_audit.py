"""I8: the chain of audit events shows every edit, removal, and reordering."""

import pytest
from sqlalchemy import Engine, text

from governance import audit
from governance.database import reading, transaction


@pytest.fixture(autouse=True)
def _three_events(engine: Engine) -> None:
    with transaction(engine) as session:
        for number in range(3):
            audit.record(session, "ada", "thing.done", f"thing:{number}", number=number)


def verified(engine: Engine) -> int:
    with reading(engine) as session:
        return audit.verify(session)


def test_an_untouched_chain_verifies(engine: Engine) -> None:
    assert verified(engine) == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE audit_event SET actor = 'eve' WHERE sequence = 2", "event 2 was changed"),
        ("UPDATE audit_event SET detail = '{\"number\": 9}' WHERE sequence = 1", "event 1 was changed"),
        ("DELETE FROM audit_event WHERE sequence = 2", "event 2 is missing"),
        ("DELETE FROM audit_event WHERE sequence = 1", "event 1 is missing"),
        ("UPDATE audit_event SET subject = 'thing:9' WHERE sequence = 3", "event 3 was changed"),
    ],
)
def test_a_touched_chain_names_the_place(engine: Engine, change: str, named: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(audit.BrokenChain, match=named):
        verified(engine)


def record_and_fail(engine: Engine) -> None:
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:lost")
        raise RuntimeError


def test_an_event_goes_with_the_change_it_tells_of(engine: Engine) -> None:
    with pytest.raises(RuntimeError):
        record_and_fail(engine)
    assert verified(engine) == 3
