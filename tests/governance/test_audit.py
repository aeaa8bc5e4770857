"""I8: the chain of audit events shows every edit, removal, and reordering."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from governance import audit
from governance.audit import AuditEvent
from governance.database import Base, open_database, reading, transaction


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
        ("UPDATE audit_event SET sequence = -1 WHERE sequence = 2", "event 1 is missing: the chain goes on with -1"),
        ("UPDATE audit_event SET sequence = 9 WHERE sequence = 3", "event 3 is missing"),
        ("UPDATE audit_event SET at = '2001-02-03 04:05:06.000007' WHERE sequence = 2", "event 2 was changed"),
        ("UPDATE audit_event SET detail = 'null' WHERE sequence = 2", "event 2 was changed"),
        ("UPDATE audit_event SET previous_hash = 'x' WHERE sequence = 1", "event 1 does not follow"),
        ("UPDATE audit_event SET hash = 'x' WHERE sequence = 3", "event 3 was changed"),
    ],
)
def test_a_touched_chain_names_the_place(engine: Engine, change: str, named: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(audit.BrokenChain, match=named):
        verified(engine)


def test_two_events_that_changed_places_are_noticed(engine: Engine) -> None:
    with engine.begin() as connection:
        for change in ("9 WHERE sequence = 2", "2 WHERE sequence = 3", "3 WHERE sequence = 9"):
            connection.execute(text(f"UPDATE audit_event SET sequence = {change}"))
    with pytest.raises(audit.BrokenChain, match="event 2 does not follow"):
        verified(engine)


def test_an_event_whose_hash_was_made_anew_does_not_fit_the_next(engine: Engine) -> None:
    with transaction(engine) as session:
        event = session.get_one(AuditEvent, 2)
        event.actor = "eve"
        event.hash = audit.event_hash(event)
    with pytest.raises(audit.BrokenChain, match="event 3 does not follow"):
        verified(engine)


@pytest.mark.parametrize("damage", ["detail = '{'", "detail = x'00'", "at = 5", "at = 'x'", "actor = x'ff'"])
def test_a_row_that_cannot_be_read_is_a_changed_one(tmp_path: Path, damage: str) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/damaged.sqlite")  # PostgreSQL keeps no such thing
    Base.metadata.create_all(engine)
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:1")
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE audit_event SET {damage}"))
    with pytest.raises(audit.BrokenChain, match="event 1 was changed"):
        verified(engine)
    engine.dispose()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text(st.characters(codec="utf-8")),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
@example("a \0 and its escape \ue000\ue002", ["\0", {"\0": "\ue000\ue002\ue001"}])
def test_whatever_is_recorded_verifies(engine: Engine, subject: str, detail: Any) -> None:
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", subject, detail=detail)
    assert verified(engine) > 3


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_does_not_have_is_not_recorded(engine: Engine, number: float) -> None:
    with pytest.raises(ValueError, match="JSON"), transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:1", number=number)
    assert verified(engine) == 3


def test_the_last_event_of_a_subject(engine: Engine) -> None:
    with reading(engine) as session:
        found = audit.last_about(session, "thing:1")
        assert found is not None and found.sequence == 2
        assert audit.last_about(session, "thing:9") is None


def record_and_fail(engine: Engine) -> None:
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:lost")
        raise RuntimeError


def test_an_event_goes_with_the_change_it_tells_of(engine: Engine) -> None:
    with pytest.raises(RuntimeError):
        record_and_fail(engine)
    assert verified(engine) == 3
