"""People whom data owners let see and take what was released of their data.

Revision 0020, 2026-11-26. The table begins empty: nobody was named before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owner_delegate",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["person.name"], name="fk_owner_delegate_owner"),
        sa.ForeignKeyConstraint(["delegate"], ["person.name"], name="fk_owner_delegate_delegate"),
        sa.PrimaryKeyConstraint("owner", "delegate", name="pk_owner_delegate"),
    )


def downgrade() -> None:
    """Who was named is also in the chain of audit events."""
    op.drop_table("owner_delegate")
