"""Agreements: a data owner lets one project use named columns of one version of a dataset."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Enum, ForeignKey, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from governance import audit
from governance.database import Base, UtcDateTime, now, shared
from governance.errors import Conflict, Refused
from governance.people import Role, find_person
from governance.projects import find_project


class AgreementState(StrEnum):
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class Agreement(Base):
    """The owner's word. At most one agreement per project and dataset is in force."""

    __tablename__ = "agreement"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    dataset: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    owner: Mapped[str] = mapped_column(ForeignKey("person.name"))
    columns: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[AgreementState] = mapped_column(
        Enum(AgreementState, native_enum=False, length=32, values_callable=lambda states: [s.value for s in states])
    )
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)


def agree(
    session: Session, *, project_id: str, dataset: str, version: int, columns: list[str], owner: str
) -> Agreement:
    """An agreement in force, made by the data owner herself.

    Raises:
        NotFound: no such project or person.
        Refused: the person is no data owner.
        Conflict: an agreement on this dataset is in force already.
    """
    find_project(session, project_id)
    if find_person(session, owner).role is not Role.DATA_OWNER:
        raise Refused(f"Only a data owner can agree to the use of data; “{owner}” is none.")
    if agreement_in_force(session, project_id, dataset) is not None:
        raise Conflict(
            f"An agreement between “{project_id}” and the owner of “{dataset}” is in force already. "
            "Withdraw it before you make another."
        )
    agreement = Agreement(
        project_id=project_id,
        dataset=dataset,
        version=version,
        owner=owner,
        columns=columns,
        state=AgreementState.IN_FORCE,
        agreed_at=now(),
    )
    session.add(agreement)
    audit.record(
        session, owner, "agreement.made", f"project:{project_id}", dataset=dataset, version=version, columns=columns
    )
    return agreement


def withdraw(session: Session, agreement: Agreement, *, owner: str) -> None:
    """End an agreement. Sessions that stand on it end (I10). Raises `Refused` for anyone but its owner."""
    if agreement.owner != owner:
        raise Refused("Only the data owner who made an agreement can withdraw it.")
    agreement.state = AgreementState.WITHDRAWN
    audit.record(
        session,
        owner,
        "agreement.withdrawn",
        f"project:{agreement.project_id}",
        dataset=agreement.dataset,
        version=agreement.version,
    )


def agreements_of(session: Session, project_id: str) -> list[Agreement]:
    """The agreements of a project that are in force, by dataset."""
    query = (
        select(Agreement)
        .where(Agreement.project_id == project_id, Agreement.state == AgreementState.IN_FORCE)
        .order_by(Agreement.dataset)
    )
    return list(shared(session, ("agreements_of", project_id), lambda: session.scalars(query).all()))


def agreement_in_force(session: Session, project_id: str, dataset: str) -> Agreement | None:
    """The agreement that lets a project use a dataset now, or None."""
    return next((each for each in agreements_of(session, project_id) if each.dataset == dataset), None)
