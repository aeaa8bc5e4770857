"""What the hub asks the register: who may, what a session has, and what a person's home page shows.

These functions wait for the database; call them through `asyncio.to_thread` from the hub's event loop.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from datasets.copies import current_copies
from governance import audit
from governance.access import why_not_session
from governance.database import now, reading, transaction
from governance.people import Person, Role, find_person
from governance.projects import find_project, projects_of
from hub_config.programs import programs
from hub_config.protections import Protection, warnings
from hub_config.session import Copy, Limits, Session, session_folder, socket_folder
from hub_config.settings import Settings


def today() -> date:
    """The day on which rights are judged, in UTC like every time in the register."""
    return now().date()


def why_no_session(engine: Engine, person: str, project: str) -> str | None:
    """Why this person cannot work in this project now, or None (I10)."""
    with reading(engine) as database:
        return why_not_session(database, person, project, today())


def record_session(engine: Engine, person: str, project: str, action: str, **detail: str) -> None:
    """Leave an audit event about a session."""
    with transaction(engine) as database:
        audit.record(database, person, action, f"project:{project}", **detail)


def role_of(engine: Engine, person: str) -> Role | None:
    """The role of a person, or None if nobody of that name is in the register any more."""
    with reading(engine) as database:
        found = database.get(Person, person)
        return None if found is None else found.role


def describe_session(settings: Settings, engine: Engine, person: str, project: str) -> Session:
    """The description of a session as the register has it now.

    Raises:
        NotFound: no such person, project, or version of a dataset that an agreement names.
        MalformedSession: a name cannot be part of a path.
    """
    folder = session_folder(settings.sessions, person, project)
    with reading(engine) as database:
        who, what = find_person(database, person), find_project(database, project)
        return Session(
            person=who.name,
            full_name=who.full_name,
            project=what.id,
            project_name=what.name,
            training_until=who.training_until,
            copies=tuple(
                Copy(copy.dataset, copy.version, copy.rows, Path(copy.path))
                for copy in current_copies(database, project)
            ),
            notices=warnings(settings.does_without),
            folder=folder,
            shared=settings.projects / what.id,
            incoming=settings.incoming / what.id,
            sockets=socket_folder(settings.run, person, project),
            programs=programs(settings.session_python),
            limits=limits_of(settings),
            sandboxed=Protection.SANDBOX not in settings.does_without,
        )


def limits_of(settings: Settings) -> Limits:
    """What the operator lets a session use."""
    return Limits(
        memory=settings.session_memory_mb,
        processes=settings.session_processes,
        cpus=settings.session_cpu_percent,
        disk=settings.project_disk_mb,
        scratch=settings.session_scratch_mb,
        output=settings.session_output_mb,
        idle=settings.idle_session_minutes,
    )


def copies_in_use(engine: Engine, project: str) -> frozenset[str]:
    """The paths of the copies that a project may use now."""
    with reading(engine) as database:
        return frozenset(copy.path for copy in current_copies(database, project))


@dataclass(frozen=True)
class ProjectLine:
    """A project on its member's home page. `reason` says why she cannot work in it now, or is None."""

    id: str
    name: str
    reason: str | None


@dataclass(frozen=True)
class HomePage:
    """What a person finds after she signed in."""

    full_name: str
    role: Role
    projects: tuple[ProjectLine, ...]


def home_page(engine: Engine, person: str) -> HomePage:
    """A person's projects, each with the reason why it is closed to her, if it is. Raises `NotFound`."""
    with reading(engine) as database:
        who = find_person(database, person)
        lines = (
            ProjectLine(project.id, project.name, why_not_session(database, person, project.id, today()))
            for project in projects_of(database, person)
        )
        return HomePage(who.full_name, who.role, tuple(lines))
