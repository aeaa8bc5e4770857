"""Dataset versions: what was made of an owner's file once, and the states it passes through.

    quarantined --scan--> scanned --approve--> approved --make_available--> available --withdraw--> withdrawn

The moves are a table. Each is made by a person with the right role, and leaves its audit event in the same
transaction (I8). A version is never changed, only moved on; a new file makes a new version.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Enum, Text, UniqueConstraint, bindparam, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from datasets.catalogue import Catalogue
from datasets.errors import DamagedFile, UnknownVersion, WrongRole, WrongState
from datasets.files import file_digest
from governance import access, audit
from governance.database import Base, UtcDateTime, now, shared
from governance.people import Role, find_person

DATA = "data.parquet"
MANIFEST = "manifest.json"


class VersionState(StrEnum):
    QUARANTINED = "quarantined"
    SCANNED = "scanned"
    APPROVED = "approved"
    AVAILABLE = "available"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Move:
    """A step from one of some states to another, and the role that may take it."""

    before: frozenset[VersionState]
    after: VersionState
    role: Role


S = VersionState
MOVES: dict[str, Move] = {
    "scan": Move(frozenset({S.QUARANTINED}), S.SCANNED, Role.DATA_STEWARD),
    "approve": Move(frozenset({S.SCANNED}), S.APPROVED, Role.DATA_OWNER),
    "make_available": Move(frozenset({S.APPROVED}), S.AVAILABLE, Role.DATA_STEWARD),
    "withdraw": Move(frozenset({S.SCANNED, S.APPROVED, S.AVAILABLE}), S.WITHDRAWN, Role.DATA_OWNER),
}


class DatasetVersion(Base):
    """One version. Its folder holds the data (Parquet) and a manifest; their digests stand here too."""

    __tablename__ = "dataset_version"
    __table_args__ = (UniqueConstraint("dataset", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(Text, index=True)
    number: Mapped[int]
    state: Mapped[VersionState] = mapped_column(
        Enum(
            VersionState,
            native_enum=False,
            length=32,
            values_callable=lambda states: [s.value for s in states],
        )
    )
    catalogue_json: Mapped[str] = mapped_column(Text)
    inputs_digest: Mapped[str] = mapped_column(Text)
    content_digest: Mapped[str] = mapped_column(Text)
    data_digest: Mapped[str] = mapped_column(Text)
    manifest_digest: Mapped[str] = mapped_column(Text)
    folder: Mapped[str] = mapped_column(Text)
    rows: Mapped[int]
    units: Mapped[int]
    scan: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def catalogue(self) -> Catalogue:
        return _catalogue_of(self.catalogue_json)

    @property
    def subject(self) -> str:
        """What audit events name."""
        return f"dataset:{self.dataset}:v{self.number}"

    def data(self) -> Path:
        """The Parquet file, checked against its digest. Raises `DamagedFile`."""
        path = Path(self.folder) / DATA
        if not path.is_file() or file_digest(path) != self.data_digest:
            raise DamagedFile(
                f"The file of {self.dataset} version {self.number} is missing or was changed after it was made. "
                "Nothing was read from it. Restore it from a backup, or take the owner's file in again."
            )
        return path


@lru_cache(maxsize=256)
def _catalogue_of(text: str) -> Catalogue:
    """A catalogue is frozen, and the same text is the same catalogue."""
    return Catalogue.from_json(text)


def versions_of(session: Session, dataset: str) -> list[DatasetVersion]:
    """All versions of a dataset, oldest first."""
    query = select(DatasetVersion).where(DatasetVersion.dataset == dataset).order_by(DatasetVersion.number)
    return list(session.scalars(query))


def all_datasets(session: Session) -> list[str]:
    """The names of the datasets that have a version, whatever its state."""
    return list(session.scalars(select(DatasetVersion.dataset).distinct().order_by(DatasetVersion.dataset)))


def newest_versions(session: Session) -> list[DatasetVersion]:
    """The newest version of every dataset, whatever its state, by dataset."""
    return list(shared(session, "newest_versions", lambda: session.scalars(_NEWEST).all()))


_OTHER = aliased(DatasetVersion)
_NEWEST = (
    select(_OTHER)
    .where(
        _OTHER.number
        == select(func.max(DatasetVersion.number)).where(DatasetVersion.dataset == _OTHER.dataset).scalar_subquery()
    )
    .order_by(_OTHER.dataset)
)


_VERSION = select(DatasetVersion).where(
    DatasetVersion.dataset == bindparam("dataset"), DatasetVersion.number == bindparam("number")
)


def find_version(session: Session, dataset: str, number: int) -> DatasetVersion:
    """A version. Raises `UnknownVersion`."""
    told = {"dataset": dataset, "number": number}
    found = shared(session, ("find_version", dataset, number), lambda: session.scalars(_VERSION, told).one_or_none())
    if found is not None:
        return found
    raise UnknownVersion(f"There is no version {number} of a dataset “{dataset}” here. Check the name and the number.")


def is_available(session: Session, dataset: str, number: int | None) -> bool:
    """Whether this version may be used now; without a number, whether any may."""
    usable = {version.number for version in versions_of(session, dataset) if version.state is VersionState.AVAILABLE}
    return number in usable if number is not None else bool(usable)


def why_not_state(version: DatasetVersion, move: str) -> str | None:
    """Why the version's state does not allow the move, or None."""
    if version.state in MOVES[move].before:
        return None
    before = " or ".join(sorted(state.value for state in MOVES[move].before))
    return (
        f"Version {version.number} of {version.dataset} is {version.state.value}; to {move.replace('_', ' ')} it, it "
        f"has to be {before}."
    )


def why_not_role(session: Session, role: Role, actor: str) -> str | None:
    """Why this person does not act in that role today, or None. Raises `NotFound` for nobody known."""
    person = find_person(session, actor)
    if (reason := access.why_not_active(person, now().date())) is not None:
        return reason
    if person.role is not role:
        return (
            f"Only a {role.value.replace('_', ' ')} can do this; “{actor}” is a {person.role.value.replace('_', ' ')}."
        )
    return None


def why_not_person(session: Session, version: DatasetVersion, move: str, actor: str) -> str | None:
    """Why this person may not make the move, or None. An owner moves what belongs to her organisation only."""
    role = MOVES[move].role
    if (reason := why_not_role(session, role, actor)) is not None:
        return reason
    if role is Role.DATA_OWNER and find_person(session, actor).organisation != version.catalogue.owner:
        return f"{version.dataset} belongs to {version.catalogue.owner}. Ask a data owner from there."
    return None


def make_move(session: Session, version: DatasetVersion, move: str, *, actor: str) -> None:
    """Take a version one step on, with its audit event; an approval's holds the hash of the release terms.

    Raises:
        WrongRole: the person may not.
        WrongState: the step does not start from the version's state.
    """
    if (reason := why_not_person(session, version, move, actor)) is not None:
        raise WrongRole(reason)
    if (reason := why_not_state(version, move)) is not None:
        raise WrongState(reason)
    before, version.state = version.state, MOVES[move].after
    terms = {"release_terms": version.catalogue.release.digest} if version.state is VersionState.APPROVED else {}
    audit.record(session, actor, f"version.{version.state.value}", version.subject, before=before.value, **terms)


def approve(session: Session, version: DatasetVersion, *, actor: str) -> None:
    """The owner approves a scanned version. Raises as `make_move` does."""
    make_move(session, version, "approve", actor=actor)


def make_available(session: Session, version: DatasetVersion, *, actor: str) -> None:
    """The steward opens an approved version for project copies. Raises as `make_move` does."""
    make_move(session, version, "make_available", actor=actor)


def withdraw(session: Session, version: DatasetVersion, *, actor: str) -> None:
    """The owner withdraws a version: no copy is made or used from now on. Raises as `make_move` does."""
    make_move(session, version, "withdraw", actor=actor)
