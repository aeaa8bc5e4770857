"""What stands is kept by population, which several datasets may share.

Revision 0003, 2026-11-25. The table is made anew and begins empty: the checker fills it from the ledger when it starts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_anew("population")


def downgrade() -> None:
    """What the table says is in the ledger."""
    _make_anew("dataset")


def _make_anew(key: str) -> None:
    op.drop_table("population_standing")
    op.create_table(
        "population_standing",
        sa.Column(key, sa.Text(), nullable=False),
        sa.Column("nano_rho", sa.BigInteger(), nullable=False),
        sa.Column("nano_delta", sa.BigInteger(), nullable=False),
        sa.Column("exact", sa.Integer(), nullable=False),
        sa.Column("void_since", sa.DateTime(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint(key, name="pk_population_standing"),
    )
