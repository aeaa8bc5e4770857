"""What output checkers answered to practice cases.

Revision 0017, 2026-11-26.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_VOTES = ("approve", "request_changes", "reject")


def upgrade() -> None:
    op.create_table(
        "practice_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("vote", sa.Enum(*_VOTES, name="vote", native_enum=False, length=32), nullable=False),
        sa.Column("marked", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name="fk_practice_answer_person"),
        sa.PrimaryKeyConstraint("id", name="pk_practice_answer"),
        sa.UniqueConstraint(
            "person", "case_id", "version", "attempt", name="uq_practice_answer_person_case_id_version_attempt"
        ),
    )
    op.create_index("ix_practice_answer_person", "practice_answer", ["person"])


def downgrade() -> None:
    op.drop_table("practice_answer")
