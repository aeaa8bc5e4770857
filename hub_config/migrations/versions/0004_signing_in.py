"""Tries at signing in, and when a signed-in person was last here.

Revision 0004, 2026-11-25. Both tables begin empty: everybody signs in once more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column(
            "kind",
            sa.Enum("person", "stranger", "device", "origin", name="kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("last_try", sa.DateTime(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_kind_last_try", "sign_in_attempts", ["kind", "last_try"])
    op.create_table(
        "presence",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("last_seen", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_presence"),
    )


def downgrade() -> None:
    """Locks and sign-ins are forgotten."""
    op.drop_table("presence")
    op.drop_table("sign_in_attempts")
