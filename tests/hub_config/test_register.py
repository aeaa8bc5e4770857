"""What the hub reads from the register."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from governance.agreements import agreement_in_force
from governance.audit import AuditEvent
from governance.database import reading, transaction
from governance.errors import NotFound
from governance.people import Person, Role
from hub_config import register
from hub_config.session import MalformedSession
from tests.hub_config.house import House


def test_home_page_lists_projects_with_the_reason_where_one_is_closed(house: House) -> None:
    with transaction(house.engine) as session:
        house.project(session, "crane", ("ada",))
        agreement = agreement_in_force(session, "crane", "rand_hie")
        session.delete(agreement)
    page = register.home_page(house.engine, "ada")
    assert (page.full_name, page.role) == ("Ada Example", Role.RESEARCHER)
    assert [(line.id, line.reason is None) for line in page.projects] == [("crane", False), ("heron", True)]


def test_home_page_of_a_stranger_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        register.home_page(house.engine, "nobody")


def test_why_no_session_follows_the_register(house: House) -> None:
    assert register.why_no_session(house.engine, "ada", "heron") is None
    assert "do not belong" in (register.why_no_session(house.engine, "ada", "wren") or "")
    with transaction(house.engine) as session:
        session.get_one(Person, "ada").training_until = register.today() - timedelta(days=1)
    assert "training ended" in (register.why_no_session(house.engine, "ada", "heron") or "")


def test_description_has_what_the_agreement_covers(house: House) -> None:
    house.provide_data("heron")
    session = register.describe_session(house.settings, house.engine, "ada", "heron")
    assert [(copy.dataset, copy.version, copy.rows) for copy in session.copies] == [("rand_hie", 1, 20190)]
    assert session.copies[0].path.is_file()
    assert session.folder == house.settings.sessions / "ada--heron"
    assert session.sockets.parent == house.settings.run
    assert session.training_until == date(2099, 12, 31)


def test_agreement_on_a_version_that_is_not_there_is_said_so(house: House) -> None:
    with pytest.raises(NotFound, match="no version 1"):
        register.describe_session(house.settings, house.engine, "ada", "heron")


def test_name_that_cannot_be_a_path_is_refused(house: House) -> None:
    """The register refuses such a name itself; one that got there all the same makes no path."""
    with house.engine.begin() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text("UPDATE person SET name = '../ada' WHERE name = 'ada'"))
        connection.execute(text("UPDATE membership SET person_name = '../ada' WHERE person_name = 'ada'"))
    with pytest.raises(MalformedSession):
        register.describe_session(house.settings, house.engine, "../ada", "heron")


def test_audit_event_of_a_session(house: House) -> None:
    register.record_session(house.engine, "ada", "heron", "session.ended", reason="Your training ended.")
    with reading(house.engine) as session:
        event = session.query(AuditEvent).order_by(AuditEvent.sequence.desc()).first()
        assert event is not None
        assert (event.actor, event.action, event.subject) == ("ada", "session.ended", "project:heron")
