"""The migrated schema is that of the models, and the database itself refuses to rewrite history (I8)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from disclosure_control.privacy.ledger import Guarantee
from governance import audit
from governance.audit import AuditEvent
from governance.database import open_database, reading, transaction
from governance.people import Person
from hub_config.migrations import configuration, migrate
from hub_config.migrations.models import METADATA
from safe_outputs.evidence.standing import record_standing, standings
from tests.governance.people_factory import a_person

COPY = (
    "(sequence, previous_hash, hash, at, actor, action, subject, detail)"
    " SELECT {}, at, 'eve', action, subject, detail FROM audit_event WHERE sequence = {}"
)
REVISIONS = [each.revision for each in ScriptDirectory.from_config(configuration()).walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, of both kinds."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/register.sqlite"
    else:
        url = request.getfixturevalue("postgresql_server").new_database()
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def migrated(empty: Engine) -> Engine:
    migrate(empty)
    return empty


def an_event(engine: Engine, number: int = 1) -> None:
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", f"thing:{number}", number=number, words="ünïcode “quoted”")


def test_the_migrated_schema_equals_the_models(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_again_changes_nothing_and_keeps_what_is_there(migrated: Engine) -> None:
    an_event(migrated)
    migrate(migrated)
    with reading(migrated) as session:
        assert audit.verify(session) == 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_register_of_any_release_is_brought_up_and_loses_nothing(empty: Engine, revision: str) -> None:
    migrate(empty, revision)
    with transaction(empty) as session:
        a_person(session, "ada")
    an_event(empty)
    migrate(empty)
    an_event(empty, 2)
    with transaction(empty) as session:
        assert audit.verify(session) == 3
        assert session.get_one(Person, "ada").full_name == "Ada"
        assert standings(session, ["visits"]) == ()
        record_standing(session, "visits", Guarantee("dataset:visits", 10**18, 0, 0, None))
    with empty.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_migration_that_fails_leaves_what_was_there(empty: Engine) -> None:
    migrate(empty, "0001")
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE presence (stray INTEGER)"))
    with pytest.raises(DBAPIError, match="presence"):
        migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("DROP TABLE presence"))
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
    migrate(empty)


CHANGES = (
    ("both", "UPDATE audit_event SET actor = 'eve'"),
    ("both", "UPDATE audit_event SET detail = '1'"),
    ("both", "DELETE FROM audit_event"),
    ("both", "DELETE FROM audit_event WHERE sequence = 2"),
    ("sqlite", "INSERT OR REPLACE INTO audit_event " + COPY.format("1, previous_hash, hash", 1)),
    ("postgresql", "TRUNCATE audit_event"),
    ("both", "INSERT INTO audit_event " + COPY.format("4, hash, 'new'", 2)),
    ("both", "INSERT INTO audit_event " + COPY.format("3, previous_hash, 'new'", 2)),
    ("both", "INSERT INTO audit_event " + COPY.format("0, previous_hash, 'new'", 1)),
)
"""In which database, and how somebody tries."""


BEFORE_REVIEWS = "0006"
STATES = {
    "draft": ("author", "2026-11-20 08:00:00"),
    "in_review": ("checkers", "2026-11-21 08:00:00"),
    "approved": ("system", "2026-11-22 08:00:00"),
    "changes_requested": ("author", "2026-11-22 08:00:00"),
    "rejected": ("nobody", "2026-11-22 08:00:00"),
}


def test_requests_under_review_are_brought_up_with_their_votes(empty: Engine) -> None:
    """Whose move it is comes from the state, the clock of what is decided from its times; votes are first ballots."""
    migrate(empty, BEFORE_REVIEWS)
    with empty.begin() as connection:
        for statement in _first_requests():
            connection.execute(text(statement))
    migrate(empty)
    with empty.connect() as connection:
        moves = connection.execute(text("SELECT state, move_of, move_since, checkers_seconds FROM release_request"))
        found = {state: (move, str(since)[:19], seconds) for state, move, since, seconds in moves}
        assert {state: each[:2] for state, each in found.items()} == STATES
        decided = {"approved", "rejected"}
        assert {state: each[2] for state, each in found.items()} == {
            state: 24 * 3600 if state in decided else 0 for state in STATES
        }
        votes = connection.execute(text("SELECT request_id, checker, ballot FROM checker_vote"))
        assert {tuple(each) for each in votes} == {(state, "cleo", 1) for state in STATES}


def _first_requests() -> list[str]:
    person = (
        "INSERT INTO person VALUES ('cleo', 'Cleo', 'output_checker', 'O', '2027-01-01', '2027-01-01', 'x', 'x', 0)"
    )
    project = "INSERT INTO project VALUES ('heron', 'Heron', 'P', 'research', 'active')"
    request = (
        "INSERT INTO release_request (id, project_id, author, title, purpose, audience, state, turn, checkers_needed, "
        "created_at, submitted_at, decided_at) VALUES ('{0}', 'heron', 'cleo', 'T', 'P', 'publication', '{0}', 1, 2, "
        "'2026-11-20 08:00:00', '2026-11-21 08:00:00', '2026-11-22 08:00:00')"
    )
    vote = (
        "INSERT INTO checker_vote (request_id, turn, checker, vote, comment, content_hash, at) "
        "VALUES ('{0}', 1, 'cleo', 'approve', '', 'x', '2026-11-21 09:00:00')"
    )
    return [person, project, *(each.format(state) for state in STATES for each in (request, vote))]


BEFORE_GROUPS = "0014"


def test_requests_of_before_groups_become_requests_of_one_group(empty: Engine) -> None:
    """Each keeps its statistics, its release and its audience; two audiences can have a release each from then on."""
    migrate(empty, BEFORE_REVIEWS)
    plan = '{"dataset": "visits", "kind": "crosstab"}'
    statistic = (
        "INSERT INTO statistic (id, project_id, author, plan, plan_hash, code, state, attempts, asked_at) VALUES "
        f"('s-1', 'heron', 'cleo', '{plan}', 'x', '', 'answered', 1, '2026-11-20 08:00:00')"
    )
    item = "INSERT INTO request_item (request_id, position, statistic_id) VALUES ('approved', 1, 's-1')"
    release = (
        "INSERT INTO release (id, request_id, project_id, title, audience, package, record_hash, released_at) VALUES "
        "('{0}', 'approved', 'heron', 'T', '{1}', '{0}', 'x', '2026-11-23 08:00:00')"
    )
    with empty.begin() as connection:
        for statement in (*_first_requests(), statistic, item, release.format("approved", "publication")):
            connection.exec_driver_sql(statement)
    migrate(empty, BEFORE_GROUPS)
    migrate(empty)
    with empty.begin() as connection:
        groups = connection.execute(text("SELECT request_id, position, title, context, audience FROM request_group"))
        assert {tuple(each) for each in groups} == {(state, 1, "T", "P", "publication") for state in STATES}
        items = connection.execute(text("SELECT request_id, position, statistic_id, in_group FROM request_item"))
        assert [tuple(each) for each in items] == [("approved", 1, "s-1", 1)]
        connection.exec_driver_sql(release.format("approved-pre-publication", "pre_publication"))
    with pytest.raises(IntegrityError), empty.begin() as connection:
        connection.exec_driver_sql(release.format("again", "publication"))


@pytest.mark.parametrize(
    ("empty", "change"),
    [(kind, change) for where, change in CHANGES for kind in ("sqlite", "postgresql") if where in {"both", kind}],
    indirect=["empty"],
)
def test_the_database_refuses_to_change_its_history(migrated: Engine, change: str) -> None:
    an_event(migrated, 1)
    an_event(migrated, 2)
    with pytest.raises(DBAPIError, match=r"never changed or removed|end of the chain"), migrated.begin() as connection:
        connection.execute(text(change))
    with reading(migrated) as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == audit.verify(session) == 2
