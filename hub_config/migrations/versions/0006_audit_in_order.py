"""Audit events are added at the end of the chain only, which the database itself holds to.

Revision 0006, 2026-11-25. SQLite's INSERT OR REPLACE took an event's place without a word to the trigger on deleting.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFUSAL = "audit events are added at the end of the chain only"
FITS = (
    "NEW.sequence = coalesce((SELECT max(sequence) FROM audit_event), 0) + 1 AND NEW.previous_hash = "
    "coalesce((SELECT hash FROM audit_event ORDER BY sequence DESC LIMIT 1), '0000000000000000000000000000000000000000"
    "000000000000000000000000')"
)


def upgrade() -> None:
    {"sqlite": _guard_sqlite, "postgresql": _guard_postgresql}[op.get_bind().dialect.name]()


def _guard_sqlite() -> None:
    op.execute(
        f"CREATE TRIGGER audit_event_in_order BEFORE INSERT ON audit_event WHEN NOT ({FITS}) "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_event_follows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NOT ({FITS}) THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_in_order BEFORE INSERT ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION audit_event_follows()"
    )


def downgrade() -> None:
    """The order is then held by the code alone."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_event_in_order ON audit_event")
        op.execute("DROP FUNCTION audit_event_follows()")
    else:
        op.execute("DROP TRIGGER audit_event_in_order")
