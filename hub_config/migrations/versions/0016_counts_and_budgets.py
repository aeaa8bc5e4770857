"""The counts behind exact statistics, by their hash, and what is left in each privacy budget.

Revision 0016, 2026-11-26. Statistics that are there have no counts: they were not kept. The checker enters what is left
in the budgets when it starts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statistic", sa.Column("underlying", sa.Text(), nullable=True))
    op.create_table(
        "budget_left",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("nano_delta", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_budget_left"),
    )


def downgrade() -> None:
    """What the store keeps stays there; what is left in the budgets is in the ledger."""
    op.drop_table("budget_left")
    op.drop_column("statistic", "underlying")
