"""The people of the demo, and `demo.json`, which holds what is needed to be any of them. For demonstrations only."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.database import now
from governance.durable import write_durably
from governance.errors import Conflict, NotFound
from governance.people import Person, Role, enrol
from governance.preferences import set_email
from safe_outputs.assignment.skills import Skill, set_skill

PROJECT = "cost-sharing"
MAIL_DOMAIN = "saferoom.invalid"
"""Nothing is sent there: the demo's messages become files."""
DATA_OWNER_ORGANISATION = "RAND Corporation"

MEMBERS: tuple[tuple[str, str, Role, str], ...] = (
    ("researcher", "Demo researcher", Role.RESEARCHER, "University of the demo"),
    ("checker-one", "First demo checker", Role.OUTPUT_CHECKER, "Saferoom demo"),
    ("checker-two", "Second demo checker", Role.OUTPUT_CHECKER, "Saferoom demo"),
    ("owner", "Demo data owner", Role.DATA_OWNER, DATA_OWNER_ORGANISATION),
    ("steward", "Demo data steward", Role.DATA_STEWARD, "Saferoom demo"),
    ("operator", "Demo operator", Role.OPERATOR, "Saferoom demo"),
)
"""Name, full name, role and organisation."""


@dataclass(frozen=True)
class User:
    """One person's way in. `project` is None for those who belong to none."""

    name: str
    role: str
    project: str | None
    password: str
    totp_secret: str


@dataclass(frozen=True)
class Cast:
    """Everybody, by name."""

    users: tuple[User, ...]

    def user(self, name: str) -> User:
        """The user of that name. Raises `NotFound`."""
        found = next((user for user in self.users if user.name == name), None)
        if found is None:
            names = ", ".join(user.name for user in self.users)
            raise NotFound(f"Nobody called “{name}” is in the demo. There are: {names}.")
        return found

    def of_role(self, role: Role) -> list[User]:
        return [user for user in self.users if user.role == role.value]


def read_or_make(file: Path) -> Cast:
    """The cast in `demo.json`, or a new one with fresh passwords and secrets, written there (mode 600)."""
    if file.exists():
        return Cast(tuple(User(**each) for each in read(file)["users"]))
    cast = Cast(tuple(_new_user(name, role) for name, _, role, _ in MEMBERS))
    write(file, {"users": [asdict(user) for user in cast.users]})
    return cast


def read(file: Path) -> dict[str, Any]:
    """What `demo.json` holds."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def write(file: Path, facts: dict[str, Any]) -> None:
    """Write `demo.json` whole, readable by this user alone."""
    write_durably(file, json.dumps(facts, indent=2).encode() + b"\n", mode=0o600)


def enrol_everybody(session: Session, cast: Cast, seal: bytes) -> None:
    """Enter the cast into the register; who is there already stays as she is.

    Raises:
        Conflict: the register has people whose passwords `demo.json` does not hold.
    """
    until = (now() + timedelta(days=365)).date()
    for name, full_name, role, organisation in MEMBERS:
        user, present = cast.user(name), session.get(Person, name)
        if present is None:
            enrol(
                session,
                name=name,
                full_name=full_name,
                role=role,
                organisation=organisation,
                accredited_until=until,
                training_until=until,
                password=user.password,
                totp_secret=user.totp_secret,
                seal=seal,
                actor="demo",
            )
            session.flush()
            set_email(session, name, f"{name}@{MAIL_DOMAIN}", actor="demo")
            for skill in Skill if role is Role.OUTPUT_CHECKER else ():
                set_skill(session, name, skill, until, actor="demo")


def require_nobody(session: Session, file: Path) -> None:
    """Raise `Conflict` when there are people but no `demo.json`: their passwords cannot be had back."""
    if not file.exists() and session.scalars(select(Person).limit(1)).first() is not None:
        raise Conflict(
            f"The state in {file.parent} has people, but {file.name} with their passwords is gone. "
            "Choose another folder with STATE=, or put the file back."
        )


def _new_user(name: str, role: Role) -> User:
    project = PROJECT if role is Role.RESEARCHER else None
    return User(name, role.value, project, secrets.token_urlsafe(12), pyotp.random_base32())
