"""From the data owner's file to a project that can begin: every step once, taken up where it was left (I8, I11)."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue, load_catalogue
from datasets.copies import ProjectCopy, provision
from datasets.steward import take_in
from datasets.versions import DatasetVersion, VersionState, approve, make_available
from disclosure_control import Ledger
from disclosure_control.privacy.ledger import allowance_of, delta_allowance_of
from governance import projects
from governance.agreements import agree, agreement_in_force
from governance.database import transaction
from governance.projects import Project, ProjectState, PurposeClass
from hub_config.demo import cast
from hub_config.demo.cast import PROJECT, Cast
from hub_config.secrets import Secrets
from hub_config.settings import Settings
from safe_outputs.checker.privacy_stage import dataset_scope, project_scope

CATALOGUE = "rand_hie.toml"
PROJECT_NAME = "Project Cost Sharing"
PURPOSE = "How the share of cost that families pay themselves changes their use of medical care."

NOT_APPROVED = frozenset({"income", "education", "family_size"})
"""Columns that this project did not ask for: its copy does not hold them."""

TO_ACTIVE = (
    (ProjectState.SUBMITTED, "researcher"),
    (ProjectState.AGREED, "owner"),
    (ProjectState.ACCREDITED, "operator"),
    (ProjectState.ACTIVE, "operator"),
)


def furnish(settings: Settings, engine: Engine, people: Cast) -> ProjectCopy:
    """People, dataset version, project, agreement, project copy and budgets. Called again, it changes nothing."""
    secrets = Secrets(settings.secrets)
    catalogue_path = settings.examples / CATALOGUE
    with transaction(engine) as session:
        cast.enrol_everybody(session, people, secrets.seal)
    with transaction(engine) as session:
        version = _version(session, settings, catalogue_path, secrets.pseudonym)
    catalogue = load_catalogue(catalogue_path)
    with transaction(engine) as session:
        _project(session, version, catalogue)
    with Ledger(settings.ledger_url, key=secrets.ledger) as ledger:
        _budgets(ledger, catalogue)
    with transaction(engine) as session:
        return provision(
            session, PROJECT, catalogue.name, folder=settings.copies, secret=secrets.copies, actor="steward"
        )


def _version(session: Session, settings: Settings, catalogue_path: Path, secret: bytes) -> DatasetVersion:
    """The steward takes the file in, the owner approves it, the steward makes it available."""
    version = take_in(
        session,
        catalogue_path,
        folder=settings.datasets,
        search=installed_packages(settings),
        secret=secret,
        actor="steward",
    )
    if version.state is VersionState.SCANNED:
        approve(session, version, actor="owner")
    if version.state is VersionState.APPROVED:
        make_available(session, version, actor="steward")
    return version


def installed_packages(settings: Settings) -> tuple[Path, ...]:
    """The folders of packages of the researchers' environment, where the demo's data is."""
    return tuple(sorted((settings.session_python.parent.parent / "lib").glob("python3.*/site-packages")))


def _project(session: Session, version: DatasetVersion, catalogue: Catalogue) -> Project:
    project = session.get(Project, PROJECT)
    if project is None:
        project = projects.create_project(
            session,
            project_id=PROJECT,
            name=PROJECT_NAME,
            purpose=PURPOSE,
            purpose_class=PurposeClass.RESEARCH,
            actor="researcher",
        )
        for state, actor in TO_ACTIVE:
            projects.move(session, project, state, actor=actor)
        projects.add_member(session, project, "researcher", actor="operator")
    if agreement_in_force(session, PROJECT, catalogue.name) is None:
        columns = [column.name for column in catalogue.variables if column.name not in NOT_APPROVED]
        agree(
            session,
            project_id=PROJECT,
            dataset=catalogue.name,
            version=version.number,
            columns=columns,
            owner="owner",
        )
    return project


def _budgets(ledger: Ledger, catalogue: Catalogue) -> None:
    """The owner grants what her catalogue says, once."""
    budget = catalogue.release.budget
    for scope, rho in (
        (dataset_scope(catalogue.people), budget.dataset_rho),
        (project_scope(PROJECT, catalogue.people), budget.project_rho),
    ):
        if ledger.granted(scope) == 0:
            delta = delta_allowance_of(budget.delta)
            ledger.grant(scope, allowance_of(rho), granted_by="owner", nano_delta=delta)
