"""Who may work, read and review; each predicate says why not (I9, I10)."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from governance import access, projects
from governance.agreements import agree, agreement_in_force, withdraw
from governance.database import transaction
from governance.errors import Conflict, Invalid, Refused
from governance.people import Person, Role, find_person
from governance.projects import ProjectState, PurposeClass
from tests.governance.people_factory import a_person

TODAY = date(2026, 11, 22)
TO_ACTIVE = (ProjectState.SUBMITTED, ProjectState.AGREED, ProjectState.ACCREDITED, ProjectState.ACTIVE)


def a_project(session: Session) -> projects.Project:
    project = projects.create_project(
        session, project_id="wren", name="Wren", purpose="To learn", purpose_class=PurposeClass.RESEARCH, actor="lead"
    )
    for state in TO_ACTIVE:
        projects.move(session, project, state, actor="panel")
    return project


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        a_person(session, "ada")
        a_person(session, "owner", Role.DATA_OWNER)
        a_person(session, "cleo", Role.OUTPUT_CHECKER)
        projects.add_member(session, a_project(session), "ada", actor="lead")
        agree(session, project_id="wren", dataset="rand_hie", version=1, columns=["site"], owner="owner")
    with Session(engine) as session:
        yield session


def test_a_member_with_every_right_may_work(session: Session) -> None:
    assert access.why_not_session(session, "ada", "wren", TODAY) is None


def accreditation_ends(session: Session) -> None:
    access_person(session).accredited_until = date(2026, 11, 21)


def training_ends(session: Session) -> None:
    access_person(session).training_until = date(2026, 11, 21)


def project_pauses(session: Session) -> None:
    projects.move(session, projects.find_project(session, "wren"), ProjectState.PAUSED, actor="panel")


def agreement_ends(session: Session) -> None:
    agreement = agreement_in_force(session, "wren", "rand_hie")
    assert agreement is not None
    withdraw(session, agreement, owner="owner")


def access_person(session: Session) -> Person:
    return find_person(session, "ada")


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (accreditation_ends, "Your accreditation ended on 21 November 2026"),
        (training_ends, "Your training ended on 21 November 2026"),
        (project_pauses, "Wren is paused, not active"),
        (agreement_ends, "no agreement in force"),
    ],
)
def test_a_right_that_ends_says_so(session: Session, ending: Callable[[Session], None], reason: str) -> None:
    ending(session)
    assert reason in str(access.why_not_session(session, "ada", "wren", TODAY))


@pytest.mark.parametrize(
    ("person", "project", "reason"),
    [
        ("ada", "heron", "do not belong to a project “heron”"),
        ("cleo", "wren", "Only researchers work in sessions"),
        ("nobody", "wren", "not in the register"),
    ],
)
def test_others_may_not_work(session: Session, person: str, project: str, reason: str) -> None:
    assert reason in str(access.why_not_session(session, person, project, TODAY))


def test_only_checkers_from_outside_the_project_review(session: Session) -> None:
    assert access.why_not_review(session, "cleo", "wren", TODAY) is None
    assert "Only output checkers" in str(access.why_not_review(session, "ada", "wren", TODAY))
    session.add(projects.Membership(project_id="wren", person_name="cleo"))
    assert "You belong to this project" in str(access.why_not_review(session, "cleo", "wren", TODAY))


def test_data_opens_for_research_and_official_statistics_only(session: Session) -> None:
    with pytest.raises(Invalid, match="research or official statistics only"):
        projects.create_project(
            session,
            project_id="debt",
            name="Debt",
            purpose="Collect",
            purpose_class=PurposeClass.FRAUD_AND_DEBT,
            actor="lead",
        )


def test_only_a_data_owner_agrees_and_once(session: Session) -> None:
    with pytest.raises(Refused, match="Only a data owner"):
        agree(session, project_id="wren", dataset="other", version=1, columns=[], owner="ada")
    with pytest.raises(Conflict, match="in force already"):
        agree(session, project_id="wren", dataset="rand_hie", version=2, columns=[], owner="owner")


@pytest.mark.parametrize("before", list(ProjectState))
@pytest.mark.parametrize("after", list(ProjectState))
def test_a_project_moves_only_as_the_table_says(session: Session, before: ProjectState, after: ProjectState) -> None:
    project = projects.find_project(session, "wren")
    project.state = before
    if after in projects.TRANSITIONS[before]:
        projects.move(session, project, after, actor="panel")
        assert project.state is after
    else:
        with pytest.raises(Conflict, match="cannot become"):
            projects.move(session, project, after, actor="panel")
