"""People for tests: everything has a default, so that a test names only what it is about."""

from datetime import date
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy.orm import Session

from governance.people import Person, Role, enrol

SEAL = Fernet.generate_key()
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "correct horse battery staple"
FAR = date(2099, 12, 31)


def a_person(session: Session, name: str, role: Role = Role.RESEARCHER, **facts: Any) -> Person:
    """An enrolled person, accredited and trained for long."""
    defaults: dict[str, Any] = {
        "full_name": name.capitalize(),
        "organisation": "University",
        "accredited_until": FAR,
        "training_until": FAR,
        "password": PASSWORD,
        "totp_secret": TOTP_SECRET,
        "seal": SEAL,
        "actor": "operator",
    }
    return enrol(session, name=name, role=role, **{**defaults, **facts})
