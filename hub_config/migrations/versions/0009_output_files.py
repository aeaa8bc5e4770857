"""Files that people hand in from their sessions: outputs, and evidence that never leaves.

Revision 0009, 2026-11-26. The table begins empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "output_file",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("role", sa.Enum("output", "evidence", name="filerole", native_enum=False, length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_output_file_project_id"),
        sa.ForeignKeyConstraint(["author"], ["person.name"], name="fk_output_file_author"),
        sa.PrimaryKeyConstraint("id", name="pk_output_file"),
        sa.UniqueConstraint("id", "role", name="uq_output_file_id_role"),
    )
    op.create_index("ix_output_file_project_id_at", "output_file", ["project_id", "at"])
    op.create_index("ix_output_file_project_id_digest", "output_file", ["project_id", "digest"])


def downgrade() -> None:
    """The bytes stay in the store, and that they were handed in, in the chain of audit events."""
    op.drop_table("output_file")
