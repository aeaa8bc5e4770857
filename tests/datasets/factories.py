"""Makers of people, projects, catalogues and owners' files for the tests of this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
from sqlalchemy.orm import Session

from datasets import copies, steward, versions
from datasets.catalogue import Catalogue, parse_catalogue
from datasets.versions import DatasetVersion
from datasets.workbench import workbench
from governance import agreements
from governance.agreements import Agreement
from governance.database import transaction
from governance.people import Person, Role
from governance.projects import Project, ProjectState, PurposeClass
from tests.registers import new_register

ROOT = Path(__file__).parents[2]
RAND_HIE = ROOT / "examples" / "rand_hie.toml"
FAR = date(2100, 1, 1)
SECRET = b"a secret for tests, of 32 bytes."
OTHER_SECRET = b"another secret for tests, of 32."
PEOPLE = {
    "steward": (Role.DATA_STEWARD, "Saferoom"),
    "owner": (Role.DATA_OWNER, "RAND Corporation"),
    "other-owner": (Role.DATA_OWNER, "Somebody Else"),
    "researcher": (Role.RESEARCHER, "A University"),
    "checker": (Role.OUTPUT_CHECKER, "Saferoom"),
    "operator": (Role.OPERATOR, "Saferoom"),
}

SMALL = """\
name = "stays"
title = "Stays in a hospital"
description = "A small file."
owner = "RAND Corporation"
steward = "The data steward"
table = "stay"

[source]
file = "stays.csv"
citation = "Made for tests."
licence = "None."

[unit]
column = "patient"
singular = "patient"
plural = "patients"

[[columns]]
name = "patient"
source = "Patient No"
role = "unit"
type = "text"
label = "Patient"
description = "The patient."

[[columns]]
name = "full_name"
source = "name"
role = "direct_identifier"
type = "text"
label = "Name"
description = "The patient's name."

[[columns]]
name = "ward"
source = "ward"
role = "variable"
type = "category"
label = "Ward"
description = "The ward."
key = true
categories = [{ label = "North", codes = ["N"] }, { label = "South", codes = ["S", "SE"] }]

[[columns]]
name = "cost"
source = "cost"
role = "variable"
type = "decimal"
label = "Cost"
description = "What the stay cost."
unit = "pounds"
lower = 0
upper = 1000
scale = 2

[[columns]]
name = "nights"
source = "nights"
role = "variable"
type = "integer"
label = "Nights"
description = "The number of nights."
unit = "nights"
lower = 0
upper = 365

[[columns]]
name = "emergency"
source = "emergency"
role = "variable"
type = "boolean"
label = "Emergency"
description = "Whether it was an emergency."

[release]
rule_profile = "ons-srs"
checkers = 2

[release.policy]
count = { pre_publication = "exact", publication = "private" }
mean = { publication = "refused" }

[release.budget]
dataset_rho = 1.0
project_rho = 0.5
"""

STAYS = """\
Patient No,name,ward,cost,nights,emergency
P-1001,Ann Example,N,10.005,1,0
P-1002,Ben Example,S,0,0,1
P-1001,Ann Example,SE,999.99,12,true
P-1003,"Example, Cat",N,5,3,FALSE
"""


def edited(text: str, *changes: tuple[str, str]) -> str:
    """A text with parts replaced, each of which has to be there."""
    for old, new in changes:
        if old not in text:
            raise ValueError(f"“{old}” is not in the text.")
        text = text.replace(old, new, 1)
    return text


def small_catalogue(*changes: tuple[str, str]) -> Catalogue:
    return parse_catalogue(edited(SMALL, *changes), "stays.toml")


def write_small(folder: Path, *changes: tuple[str, str], stays: str = STAYS) -> Path:
    """A small catalogue and the owner's file beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stays.csv").write_text(stays, encoding="utf-8")
    path = folder / "stays.toml"
    path.write_text(edited(SMALL, *changes), encoding="utf-8")
    return path


def site_packages() -> tuple[Path, ...]:
    """Where statsmodels, and so the real data, is installed: the researchers' environment."""
    found = tuple((ROOT / ".session" / "lib").glob("python3*/site-packages"))
    if not any((place / "statsmodels").is_dir() for place in found):
        raise FileNotFoundError("The researchers' environment is not there yet. Run “make setup” first.")
    return found


def rand_hie_file() -> Path:
    return site_packages()[0] / "statsmodels" / "datasets" / "randhie" / "src" / "randhie.csv"


@contextmanager
def register(folder: Path) -> Iterator[Session]:
    """A real register in a new file, in which the people above are enrolled. Everything is one transaction."""
    engine = new_register(folder)
    with transaction(engine) as session:
        for name, (role, organisation) in PEOPLE.items():
            session.add(person(name, role, organisation))
        session.flush()
        yield session
    engine.dispose()


def person(name: str, role: Role, organisation: str, until: date = FAR) -> Person:
    return Person(
        name=name,
        full_name=name.title(),
        role=role,
        organisation=organisation,
        accredited_until=until,
        training_until=until,
        password_hash="",
        totp_sealed=b"",
    )


def project(session: Session, project_id: str) -> Project:
    made = Project(
        id=project_id,
        name=project_id.title(),
        purpose="To test.",
        purpose_class=PurposeClass.RESEARCH,
        state=ProjectState.ACTIVE,
    )
    session.add(made)
    session.flush()
    return made


def take_in(session: Session, catalogue: Path, state: Path, secret: bytes = SECRET) -> DatasetVersion:
    return steward.take_in(
        session,
        catalogue,
        folder=state / "datasets",
        search=site_packages() if catalogue == RAND_HIE else (),
        secret=secret,
        actor="steward",
    )


def available(session: Session, catalogue: Path, state: Path) -> DatasetVersion:
    """A version that went all the way."""
    version = take_in(session, catalogue, state)
    versions.approve(session, version, actor="owner")
    versions.make_available(session, version, actor="steward")
    return version


def agreed(
    session: Session, project_id: str, version: DatasetVersion, columns: list[str], owner: str = "owner"
) -> Agreement:
    """A project and its agreement on a version."""
    project(session, project_id)
    return agree(session, project_id, version, columns, owner)


def agree(
    session: Session, project_id: str, version: DatasetVersion, columns: list[str], owner: str = "owner"
) -> Agreement:
    return agreements.agree(
        session,
        project_id=project_id,
        dataset=version.dataset,
        version=version.number,
        columns=columns,
        owner=owner,
    )


def provision(session: Session, project_id: str, dataset: str, state: Path) -> copies.ProjectCopy:
    return copies.provision(session, project_id, dataset, folder=state / "copies", secret=OTHER_SECRET, actor="steward")


@contextmanager
def bench(folder: Path, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    with workbench(folder, threads=threads) as connection:
        yield connection
