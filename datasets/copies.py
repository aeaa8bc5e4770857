"""Project copies: one DuckDB file for one project, with the columns of its agreement and pseudonyms of its own.

The pseudonyms of two projects cannot be linked (I11): each project has its own key, derived from the installation's
secret for copies. A copy lies under a name with its version and digest, is written once, and never changes.
"""

# Names and texts in queries are quoted by datasets.sql.
# ruff: noqa: S608

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from sqlalchemy import ForeignKey, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from datasets import sql
from datasets.catalogue import Catalogue
from datasets.deidentify import pseudonymised
from datasets.errors import DamagedFile, DatasetsError, NoAgreement, WithdrawnVersion, WrongRole, WrongState
from datasets.files import file_digest, publish_file, scratch, sweep
from datasets.pseudonyms import make_pseudonyms, project_key
from datasets.versions import DatasetVersion, VersionState, find_version
from datasets.workbench import workbench
from governance import audit
from governance.agreements import Agreement, agreement_in_force, agreements_of
from governance.database import Base, UtcDateTime, now
from governance.people import find_person
from governance.projects import find_project

READ_ONLY = 0o440
PROJECT_FOLDER = 0o750


class ProjectCopy(Base):
    """A copy that was made: where it lies, its SHA-256, and what it holds."""

    __tablename__ = "project_copy"
    __table_args__ = (UniqueConstraint("project_id", "dataset", "version", "catalogue_digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    dataset: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    catalogue_digest: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    rows: Mapped[int]
    units: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def catalogue_path(self) -> Path:
        """The JSON file beside the copy: the catalogue, with the approved columns only."""
        return Path(self.path).with_suffix(".json")

    def verified(self) -> Path:
        """The path of the copy, when copy and catalogue are the files that were made. Raises `DamagedFile`."""
        path = Path(self.path)
        if not path.is_file() or file_digest(path) != self.digest or self._catalogue_digest() != self.catalogue_digest:
            raise DamagedFile(
                f"The copy of {self.dataset} for {self.project_id} is missing or was changed after it was made. "
                "Nothing was read from it. Ask the operator to look into it; once the file is removed, the data "
                "steward can make the copy again."
            )
        return path

    def catalogue(self) -> Catalogue:
        """The catalogue beside the copy. Raises `DamagedFile` where it is not the recorded one."""
        self.verified()
        return Catalogue.from_json(self.catalogue_path.read_text(encoding="utf-8"))

    def _catalogue_digest(self) -> str | None:
        return file_digest(self.catalogue_path) if self.catalogue_path.is_file() else None


def provision(
    session: Session, project_id: str, dataset: str, *, folder: Path, secret: bytes, actor: str
) -> ProjectCopy:
    """The project's copy of a dataset, as its agreement in force says: made now, or the one that is there already.

    `folder` holds the copies of all projects, `secret` is the installation's for copies. A copy whose file is gone
    is made again; one whose file was changed is refused.

    Raises:
        NoAgreement: the project may not use the dataset.
        WithdrawnVersion, WrongState: the agreement's version is not available.
        DamagedFile: the version's file, or the copy's, is not the recorded one.
    """
    agreement = _agreement(session, project_id, dataset)
    version = _available(session, agreement)
    catalogue = version.catalogue.approved(agreement.columns)
    copy = _recorded(session, agreement, catalogue)
    if copy is not None and Path(copy.path).exists() and copy.catalogue_path.exists():
        copy.verified()
        return copy
    if copy is not None:  # what is left of it
        copy.catalogue_path.unlink(missing_ok=True)
        Path(copy.path).unlink(missing_ok=True)
    made = _make(version, catalogue, folder / project_id, project_key(secret, project_id, dataset))
    return _record(session, agreement, catalogue, made, copy, actor)


def current_copies(session: Session, project_id: str) -> list[ProjectCopy]:
    """The copies that a project may use now: agreement in force, version available, columns as agreed."""
    copies = []
    for agreement in agreements_of(session, project_id):
        version = find_version(session, agreement.dataset, agreement.version)
        if version.state is VersionState.AVAILABLE:
            copy = _recorded(session, agreement, version.catalogue.approved(agreement.columns))
            copies += [copy] if copy is not None else []
    return copies


def _agreement(session: Session, project_id: str, dataset: str) -> Agreement:
    project = find_project(session, project_id)
    agreement = agreement_in_force(session, project_id, dataset)
    if agreement is None:
        raise NoAgreement(
            f"{project.name} has no agreement in force on “{dataset}”, so no copy can be made for it. Ask the data "
            "owner to agree first."
        )
    return agreement


def _available(session: Session, agreement: Agreement) -> DatasetVersion:
    """The agreement's version, when it may be copied and the agreement was its owner's to make."""
    version = find_version(session, agreement.dataset, agreement.version)
    if version.state is VersionState.WITHDRAWN:
        raise WithdrawnVersion(
            f"Version {version.number} of {version.dataset} was withdrawn by its data owner, so no copy of it is made "
            "or used. Ask the owner to agree on another version."
        )
    if version.state is not VersionState.AVAILABLE:
        raise WrongState(
            f"Version {version.number} of {version.dataset} is {version.state.value}, not available. Its owner has to "
            "approve it, and the data steward to make it available, before it is copied."
        )
    if find_person(session, agreement.owner).organisation != version.catalogue.owner:
        raise WrongRole(
            f"{version.dataset} belongs to {version.catalogue.owner}, and the agreement was made by somebody of "
            "another organisation. Ask a data owner from there to agree."
        )
    return version


def _recorded(session: Session, agreement: Agreement, catalogue: Catalogue) -> ProjectCopy | None:
    query = select(ProjectCopy).where(
        ProjectCopy.project_id == agreement.project_id,
        ProjectCopy.dataset == agreement.dataset,
        ProjectCopy.version == agreement.version,
        ProjectCopy.catalogue_digest == catalogue.digest,
    )
    return session.scalars(query).one_or_none()


@dataclass(frozen=True)
class _Made:
    path: Path
    digest: str
    rows: int
    units: int


def _make(version: DatasetVersion, catalogue: Catalogue, folder: Path, key: bytes) -> _Made:
    """Write copy and catalogue under their names; the copy appears last, so that it is never there alone."""
    data = version.data()
    folder.mkdir(parents=True, exist_ok=True, mode=PROJECT_FOLDER)
    sweep(folder)
    with scratch(folder) as making:
        made = making / "copy.duckdb"
        with _writing(making, made) as connection:
            rows, units = _fill(connection, catalogue, data, key)
        described = making / "copy.json"
        described.write_text(catalogue.to_json(), encoding="utf-8")
        digest = file_digest(made)
        target = folder / f"{version.dataset}-v{version.number}-{digest[:12]}.duckdb"
        publish_file(described, target.with_suffix(".json"), READ_ONLY)
        publish_file(made, target, READ_ONLY)
    return _Made(target, digest, rows, units)


@contextmanager
def _writing(making: Path, made: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A workbench with the new file attached as `copy`; afterwards everything is in that one file."""
    with workbench(making) as connection:
        connection.execute(f"ATTACH {sql.text(str(made))} AS copy")
        yield connection
        connection.execute("CHECKPOINT copy")
        connection.execute("DETACH copy")
    if made.with_name(f"{made.name}.wal").exists():
        raise DatasetsError("A copy was not written completely. Nothing was kept; try again.")


def _fill(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, data: Path, key: bytes) -> tuple[int, int]:
    """Create the table, ordered by unit. Returns the numbers of rows and units."""
    source, unit = f"read_parquet({sql.text(str(data))})", sql.name(catalogue.unit.column)
    units = make_pseudonyms(connection, identifiers=f"SELECT {unit} FROM {source}", into="pseudonyms", key=key)
    table = f"copy.{sql.name(catalogue.table)}"
    query = pseudonymised(catalogue.columns, unit=catalogue.unit.column, source=source)
    connection.execute(f"CREATE TABLE {table} AS {query}")
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(row[0]), units


def _record(
    session: Session,
    agreement: Agreement,
    catalogue: Catalogue,
    made: _Made,
    earlier: ProjectCopy | None,
    actor: str,
) -> ProjectCopy:
    """Enter the copy into the register; one whose file was gone keeps its entry."""
    copy = earlier or ProjectCopy(
        project_id=agreement.project_id,
        dataset=agreement.dataset,
        version=agreement.version,
        catalogue_digest=catalogue.digest,
    )
    copy.path, copy.digest = str(made.path), made.digest
    copy.rows, copy.units, copy.made_at = made.rows, made.units, now()
    session.add(copy)
    session.flush()
    audit.record(
        session,
        actor,
        "copy.made" if earlier is None else "copy.made_again",
        f"project:{agreement.project_id}",
        dataset=agreement.dataset,
        version=agreement.version,
        digest=made.digest,
    )
    return copy
