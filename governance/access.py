"""May this person, now? One predicate per right; each returns the reason why not, or None.

Pages, buttons, the API and the command line all ask here (I13), and ask again at every call (I10).
"""

from datetime import date

from sqlalchemy.orm import Session

from governance.agreements import agreements_of
from governance.people import Person, Role, known_person
from governance.projects import OPEN_PURPOSES, Project, ProjectState, is_member, known_project


def why_not_active(person: Person | None, today: date) -> str | None:
    """Why this person has no standing at all today."""
    if person is None:
        return "You are not in the register. Ask the operator to enrol you."
    if person.accredited_until < today:
        return f"Your accreditation ended on {person.accredited_until:%-d %B %Y}. Ask the operator to renew it."
    if person.training_until < today:
        return f"Your training ended on {person.training_until:%-d %B %Y}. Take the course again, then come back."
    return None


def why_not_session(session: Session, person_name: str, project_id: str, today: date) -> str | None:
    """Why this person cannot work in this project today: neither start a session nor make a call from one."""
    person, project = known_person(session, person_name), known_project(session, project_id)
    if (reason := why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role is not Role.RESEARCHER:
        return "Only researchers work in sessions. Your role is another one."
    if project is None or not is_member(session, person_name, project_id):
        return f"You do not belong to a project “{project_id}”. Choose one of yours, or ask its lead to add you."
    return why_not_open(session, project)


def why_not_open(session: Session, project: Project) -> str | None:
    """Why nobody can work in this project now."""
    return why_closed(project, agreed=bool(agreements_of(session, project.id)))


def why_closed(project: Project, *, agreed: bool) -> str | None:
    """The same; `agreed`: an agreement with a data owner is in force."""
    if project.purpose_class not in OPEN_PURPOSES:
        return f"{project.name} has a purpose ({project.purpose_class.value}) for which no data opens here."
    if project.state is not ProjectState.ACTIVE:
        return f"{project.name} is {project.state.value}, not active. Ask the project's lead what is missing."
    if not agreed:
        return (
            f"{project.name} has no agreement in force with a data owner, so there is no data to work with. "
            "Ask a data owner to agree first."
        )
    return None


def why_not_operate(person: Person | None, today: date) -> str | None:
    """Why this person is no operator today."""
    if (reason := why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role is not Role.OPERATOR:
        return "Only operators see which sessions run and stop them, and decide on packages. Your role is another one."
    return None


def why_not_numbers(person: Person | None, today: date) -> str | None:
    """Why this person does not read the numbers of the review today."""
    if (reason := why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role not in {Role.OUTPUT_CHECKER, Role.OPERATOR}:
        return "Only output checkers and operators read the numbers of the review. Your role is another one."
    return None


def why_not_steward(person: Person | None, today: date) -> str | None:
    """Why this person is no data steward today."""
    if (reason := why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role is not Role.DATA_STEWARD:
        return "Only data stewards decide on what is brought in. Your role is another one."
    return None


def why_not_check(person: Person | None, today: date) -> str | None:
    """Why this person is no output checker today."""
    if (reason := why_not_active(person, today)) is not None:
        return reason
    if person is None or person.role is not Role.OUTPUT_CHECKER:
        return "Only output checkers review requests. Your role is another one."
    return None


def why_not_review(session: Session, person_name: str, project_id: str, today: date) -> str | None:
    """Why this person cannot review a request of this project (I9)."""
    person = known_person(session, person_name)
    return why_not_reviewer(person, today, member=person is not None and is_member(session, person_name, project_id))


def why_not_reviewer(person: Person | None, today: date, *, member: bool) -> str | None:
    """The same of somebody who is known; `member`: she belongs to the project."""
    if (reason := why_not_check(person, today)) is not None:
        return reason
    if member:
        return "You belong to this project, so another output checker has to review its requests."
    return None


def why_not_read_request(session: Session, person_name: str, project_id: str, today: date) -> str | None:
    """Why this person cannot read a release request: only checkers and the project's own people do."""
    if (reason := why_not_active(known_person(session, person_name), today)) is not None:
        return reason
    person = known_person(session, person_name)
    if is_member(session, person_name, project_id) or (person and person.role is Role.OUTPUT_CHECKER):
        return None
    return "Only the people of the project and output checkers can read this request."
