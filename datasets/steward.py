"""The steward's work in one call: from a catalogue and the owner's file to a version that was scanned."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy.orm import Session

from datasets import sql
from datasets.catalogue import Catalogue, load_catalogue
from datasets.deidentify import Built, build_version
from datasets.errors import CatalogueError, WrongRole
from datasets.files import PRIVATE_FOLDER, file_digest, publish_folder, scratch, sweep
from datasets.populations import why_not_population
from datasets.pseudonyms import dataset_key, key_check
from datasets.scan import ScanReport, scan
from datasets.sources import OwnersFile, locate
from datasets.versions import (
    DATA,
    MANIFEST,
    DatasetVersion,
    VersionState,
    make_move,
    versions_of,
    why_not_role,
)
from datasets.workbench import workbench
from governance import audit
from governance.database import now
from governance.people import Role

RECIPE = 1  # a number of its own for every change that makes other bytes of the same inputs


def take_in(
    session: Session,
    catalogue_path: Path,
    *,
    folder: Path,
    search: tuple[Path, ...],
    secret: bytes,
    actor: str,
) -> DatasetVersion:
    """A version of the owner's file: `scanned`, or `quarantined` where the scan found what must not be there.

    `folder` holds the datasets; the version's own folder appears in it whole, or not at all. `search` holds the
    places of installed packages and wheels (see `sources.locate`), `secret` is the installation's for pseudonyms.
    The same file, catalogue and secret give the version that is there already, unless it was withdrawn.

    Raises:
        CatalogueError, SourceError: the catalogue or the file is not right, or the population is not the one of
            earlier versions; nothing was kept.
        WrongRole: the person is no data steward.
    """
    if (reason := why_not_role(session, Role.DATA_STEWARD, actor)) is not None:
        raise WrongRole(reason)
    catalogue = load_catalogue(catalogue_path)
    if (reason := why_not_population(session, catalogue)) is not None:
        raise CatalogueError(f"{catalogue_path.name}, population: {reason}")
    home = folder / catalogue.name
    home.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    sweep(home)
    with scratch(home) as making:
        owners_file = locate(catalogue.source, beside=catalogue_path.parent, search=search, scratch=making)
        key = dataset_key(secret, catalogue.name)
        inputs = inputs_digest(catalogue, owners_file, key)
        existing = versions_of(session, catalogue.name)
        for version in existing:
            if version.inputs_digest == inputs and version.state is not VersionState.WITHDRAWN:
                version.data()
                return version
        number = existing[-1].number + 1 if existing else 1
        made = _make(catalogue, owners_file, key, making, number)
        target = _publish(made.folder, home / f"v{number}")
    return _record(session, catalogue, made, inputs, target, number, actor)


def inputs_digest(catalogue: Catalogue, owners_file: OwnersFile, key: bytes) -> str:
    """One digest for the same catalogue, file, key and recipe."""
    inputs = [RECIPE, catalogue.digest, owners_file.digest, key_check(key)]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


@dataclass(frozen=True)
class _Made:
    folder: Path
    built: Built
    report: ScanReport
    data_digest: str
    manifest_digest: str


def _make(catalogue: Catalogue, owners_file: OwnersFile, key: bytes, making: Path, number: int) -> _Made:
    folder = making / "version"
    folder.mkdir(mode=PRIVATE_FOLDER)
    data, manifest = folder / DATA, folder / MANIFEST
    with workbench(making) as connection:
        built = build_version(connection, catalogue=catalogue, owners_file=owners_file, key=key, target=data)
        report = scan(connection, catalogue, f"read_parquet({sql.text(str(data))})")
    text = _manifest(catalogue, owners_file, built, report, file_digest(data), number)
    manifest.write_text(json.dumps(text, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return _Made(folder, built, report, file_digest(data), file_digest(manifest))


def _manifest(
    catalogue: Catalogue,
    owners_file: OwnersFile,
    built: Built,
    report: ScanReport,
    data_digest: str,
    number: int,
) -> dict[str, Any]:
    return {
        "dataset": catalogue.name,
        "version": number,
        "made_at": now().isoformat(timespec="seconds"),
        "made_with": {"duckdb": duckdb.__version__, "recipe": RECIPE},
        "source": {"file": owners_file.origin, "sha256": owners_file.digest},
        "catalogue": json.loads(catalogue.to_json()),
        "content_digest": built.content_digest,
        "files": {DATA: data_digest},
        "rows": built.rows,
        "units": built.units,
        "counts": asdict(built.counts),
        "scan": report.as_json(),
    }


def _publish(made: Path, target: Path) -> Path:
    """Give the version's folder its name. What lies there already was never recorded, so it goes first."""
    if target.exists():
        target.chmod(PRIVATE_FOLDER)
        shutil.rmtree(target)
    for path in made.iterdir():
        path.chmod(0o440)
    publish_folder(made, target, 0o750)
    return target


def _record(
    session: Session, catalogue: Catalogue, made: _Made, inputs: str, target: Path, number: int, actor: str
) -> DatasetVersion:
    version = DatasetVersion(
        dataset=catalogue.name,
        number=number,
        state=VersionState.QUARANTINED,
        catalogue_json=catalogue.to_json(),
        inputs_digest=inputs,
        content_digest=made.built.content_digest,
        data_digest=made.data_digest,
        manifest_digest=made.manifest_digest,
        folder=str(target),
        rows=made.built.rows,
        units=made.built.units,
        scan=made.report.as_json(),
        made_at=now(),
    )
    session.add(version)
    session.flush()
    audit.record(
        session,
        actor,
        "version.quarantined",
        version.subject,
        content_digest=version.content_digest,
        manifest_digest=version.manifest_digest,
        findings=len(made.report.findings),
    )
    if made.report.passes:
        make_move(session, version, "scan", actor=actor)
    return version
