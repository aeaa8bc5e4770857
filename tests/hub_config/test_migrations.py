"""The migrated schema is that of the models, and the database itself refuses to rewrite history (I8)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from disclosure_control.privacy.ledger import Guarantee
from governance import audit
from governance.database import open_database, reading, transaction
from hub_config.migrations import migrate
from hub_config.migrations.models import METADATA
from safe_outputs.standing import record_standing, standings


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/migrated.sqlite")
    migrate(engine)
    yield engine
    engine.dispose()


def test_the_migrated_schema_equals_the_models(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_again_changes_nothing_and_keeps_what_is_there(migrated: Engine) -> None:
    with transaction(migrated) as session:
        audit.record(session, "ada", "thing.done", "thing:1")
    migrate(migrated)
    with reading(migrated) as session:
        assert audit.verify(session) == 1


def test_a_register_of_the_first_release_is_brought_up_and_loses_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/first.sqlite")
    migrate(engine, "0001")
    with transaction(engine) as session:
        audit.record(session, "ada", "thing.done", "thing:1")
    with reading(engine) as session, pytest.raises(OperationalError, match="no such table"):
        standings(session, ["visits"])
    migrate(engine)
    with transaction(engine) as session:
        assert audit.verify(session) == 1
        assert standings(session, ["visits"]) == ()
        record_standing(session, "visits", Guarantee("dataset:visits", 10**18, 0, 0, None))
    engine.dispose()


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET actor = 'eve'", "DELETE FROM audit_event", "UPDATE audit_event SET detail = 1"]
)
def test_the_database_refuses_to_change_an_audit_event(migrated: Engine, change: str) -> None:
    with transaction(migrated) as session:
        audit.record(session, "ada", "thing.done", "thing:1")
    with pytest.raises(IntegrityError, match="never changed or removed"), migrated.begin() as connection:
        connection.execute(text(change))
