"""Each submission of a request, as it was.

Revision 0012, 2026-11-26. The table begins empty: of earlier turns nobody kept what they held.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_turn",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("submission", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["release_request.id"], name="fk_request_turn_request_id_release_request"
        ),
        sa.PrimaryKeyConstraint("request_id", "turn", name="pk_request_turn"),
    )


def downgrade() -> None:
    """What the store keeps stays there."""
    op.drop_table("request_turn")
