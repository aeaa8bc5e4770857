"""Projects: a purpose, the people who work for it, and whether it may be worked on."""

from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base, once, shared
from governance.errors import Conflict, Invalid, NotFound
from governance.names import require_name
from governance.people import Person, Role, find_person


class PurposeClass(StrEnum):
    """The class of a project's purpose. Data opens for research and official statistics only."""

    RESEARCH = "research"
    OFFICIAL_STATISTICS = "official_statistics"
    PUBLIC_SERVICE = "public_service"
    FRAUD_AND_DEBT = "fraud_and_debt"


OPEN_PURPOSES = frozenset({PurposeClass.RESEARCH, PurposeClass.OFFICIAL_STATISTICS})


class ProjectState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    AGREED = "agreed"
    ACCREDITED = "accredited"
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


def _enum(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, length=32, values_callable=lambda values: [value.value for value in values])


class Project(Base):
    """A named purpose. `id` is a lower-case slug; it is part of paths and addresses."""

    __tablename__ = "project"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    purpose_class: Mapped[PurposeClass] = mapped_column(_enum(PurposeClass))
    state: Mapped[ProjectState] = mapped_column(_enum(ProjectState))


class Membership(Base):
    __tablename__ = "membership"

    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    person_name: Mapped[str] = mapped_column(ForeignKey("person.name"), primary_key=True)


def create_project(
    session: Session, *, project_id: str, name: str, purpose: str, purpose_class: PurposeClass, actor: str
) -> Project:
    """A project in draft.

    Raises:
        Conflict: the id is taken.
        Invalid: the purpose is none that data may be used for here, or the id cannot be part of an address.
    """
    if purpose_class not in OPEN_PURPOSES:
        raise Invalid(
            f"Data here may be used for research or official statistics only, not for “{purpose_class.value}”. "
            "Ask the data owner which other legal route fits this purpose."
        )
    require_name(project_id, "a project's id")
    if session.get(Project, project_id) is not None:
        raise Conflict(f"There is a project “{project_id}” already. Choose another id.")
    project = Project(id=project_id, name=name, purpose=purpose, purpose_class=purpose_class, state=ProjectState.DRAFT)
    session.add(project)
    audit.record(session, actor, "project.created", f"project:{project_id}", purpose_class=purpose_class.value)
    return project


TRANSITIONS: dict[ProjectState, frozenset[ProjectState]] = {
    ProjectState.DRAFT: frozenset({ProjectState.SUBMITTED}),
    ProjectState.SUBMITTED: frozenset({ProjectState.AGREED, ProjectState.DRAFT}),
    ProjectState.AGREED: frozenset({ProjectState.ACCREDITED, ProjectState.DRAFT}),
    ProjectState.ACCREDITED: frozenset({ProjectState.ACTIVE}),
    ProjectState.ACTIVE: frozenset({ProjectState.PAUSED, ProjectState.CLOSED}),
    ProjectState.PAUSED: frozenset({ProjectState.ACTIVE, ProjectState.CLOSED}),
    ProjectState.CLOSED: frozenset(),
}


def move(session: Session, project: Project, state: ProjectState, *, actor: str) -> None:
    """Take the project to `state`, with its audit event. Raises `Conflict` where no transition leads there."""
    if state not in TRANSITIONS[project.state]:
        raise Conflict(
            f"The project “{project.id}” is {project.state.value}; it cannot become {state.value} from there. "
            f"Possible next: {', '.join(sorted(TRANSITIONS[project.state])) or 'nothing, it has ended'}."
        )
    audit.record(session, actor, f"project.{state.value}", f"project:{project.id}", before=project.state.value)
    project.state = state


def add_member(session: Session, project: Project, person_name: str, *, actor: str) -> None:
    """Let a researcher work in the project. A second call changes nothing. Raises `NotFound`, `Invalid`."""
    person = find_person(session, person_name)
    if person.role is not Role.RESEARCHER:
        raise Invalid(f"{person.full_name} is no researcher ({person.role.value}); only researchers join projects.")
    if session.get(Membership, (project.id, person_name)) is None:
        session.add(Membership(project_id=project.id, person_name=person_name))
        audit.record(session, actor, "project.member_added", f"project:{project.id}", person=person_name)


def known_project(session: Session, project_id: str) -> Project | None:
    """The project of that id, or None."""
    return shared(session, ("project", project_id), lambda: session.get(Project, project_id))


def find_project(session: Session, project_id: str) -> Project:
    """The project of that id. Raises `NotFound`."""
    project = known_project(session, project_id)
    if project is None:
        raise NotFound(f"There is no project “{project_id}” here. Check the name, or ask the operator.")
    return project


def is_member(session: Session, person_name: str, project_id: str) -> bool:
    def ask() -> bool:
        return session.get(Membership, (project_id, person_name)) is not None

    return once(session, ("is_member", project_id, person_name), ask)


def members(session: Session, project_id: str) -> list[Person]:
    """The people of a project, by name."""
    query = (
        select(Person)
        .join(Membership, Membership.person_name == Person.name)
        .where(Membership.project_id == project_id)
        .order_by(Person.name)
    )
    return list(session.scalars(query))


def projects_of(session: Session, person_name: str) -> list[Project]:
    """The projects in which a person works, by id."""
    query = (
        select(Project)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.person_name == person_name)
        .order_by(Project.id)
    )
    return list(session.scalars(query))
