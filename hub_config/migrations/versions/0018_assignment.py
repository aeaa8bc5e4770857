"""Who is asked to review, by skill and load; who is away; and the checkers' clock.

Revision 0018, 2026-11-26. Requests that are under review get their checkers at the next round, and keep their hours.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_HOURS = """
UPDATE release_request SET clock_hours = CASE WHEN audience = 'pre_publication' THEN 72 ELSE 120 END
"""


def upgrade() -> None:
    op.add_column("release_request", sa.Column("clock_hours", sa.Integer(), nullable=False, server_default="120"))
    op.execute(_HOURS)
    op.create_table(
        "assignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("checker", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_assignment_request_id"),
        sa.ForeignKeyConstraint(["checker"], ["person.name"], name="fk_assignment_checker"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
        sa.UniqueConstraint("request_id", "turn", "checker", name="uq_assignment_request_id_turn_checker"),
    )
    op.create_index("ix_assignment_checker_ended_at", "assignment", ["checker", "ended_at"])
    op.create_table(
        "checker_skill",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_checker_skill_person"),
        sa.PrimaryKeyConstraint("person", "skill", name="pk_checker_skill"),
    )
    op.create_table(
        "dataset_skill",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "skill", name="pk_dataset_skill"),
    )
    op.create_table(
        "absence",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_absence_person"),
        sa.PrimaryKeyConstraint("person", name="pk_absence"),
    )
    op.create_table(
        "clock_rule",
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("audience", name="pk_clock_rule"),
    )
    op.create_table(
        "escalation",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_escalation_request_id"),
        sa.PrimaryKeyConstraint("request_id", "turn", "stage", name="pk_escalation"),
    )


def downgrade() -> None:
    """Who was assigned, and what was escalated, is also in the chain of audit events."""
    for table in ("escalation", "clock_rule", "absence", "dataset_skill", "checker_skill", "assignment"):
        op.drop_table(table)
    op.execute("ALTER TABLE release_request DROP COLUMN clock_hours")
