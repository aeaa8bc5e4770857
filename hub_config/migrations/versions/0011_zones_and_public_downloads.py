"""What people set for themselves, and how often each file of a release was taken without signing in.

Revision 0011, 2026-11-26. Nobody has set anything, and the table of downloads begins empty: those of before are
events of the audit chain, one each.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "preference",
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["person_name"], ["person.name"], name="fk_preference_person_name"),
        sa.PrimaryKeyConstraint("person_name", name="pk_preference"),
    )
    op.create_table(
        "public_download",
        sa.Column("release_id", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name="fk_public_download_release_id"),
        sa.PrimaryKeyConstraint("release_id", "file", "hour", name="pk_public_download"),
    )


def downgrade() -> None:
    """That each file was taken, and how often within an hour that is over, is also in the audit chain."""
    op.drop_table("public_download")
    op.drop_table("preference")
