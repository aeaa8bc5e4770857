"""What stands for the people in each dataset, as the privacy ledger says.

Revision 0002, 2026-11-25. The table begins empty: the checker fills it from the ledger when it starts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "population_standing",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("nano_delta", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.Integer(), nullable=False),
        sa.Column("void_since", sa.DateTime(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", name="pk_population_standing"),
    )


def downgrade() -> None:
    """What the table says is in the ledger."""
    op.drop_table("population_standing")
