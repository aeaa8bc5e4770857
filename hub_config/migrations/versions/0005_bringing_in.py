"""What researchers ask to bring in, and the packages that they ask for.

Revision 0005, 2026-11-25. All three tables begin empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ingress_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "scanned",
                "accepted",
                "delivered",
                "declined",
                "withdrawn",
                name="ingressstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_ingress_request_project_id"),
        sa.ForeignKeyConstraint(["author"], ["person.name"], name="fk_ingress_request_author"),
        sa.PrimaryKeyConstraint("id", name="pk_ingress_request"),
    )
    op.create_index("ix_ingress_request_project_id", "ingress_request", ["project_id"])
    op.create_index("ix_ingress_request_state", "ingress_request", ["state"])
    op.create_table(
        "ingress_file",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("scan", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["ingress_request.id"], name="fk_ingress_file_request_id"),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_ingress_file"),
    )
    op.create_table(
        "package_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("asked", "accepted", "installed", "declined", name="packagestate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("installed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["author"], ["person.name"], name="fk_package_request_author"),
        sa.PrimaryKeyConstraint("id", name="pk_package_request"),
    )
    op.create_index("ix_package_request_state", "package_request", ["state"])


def downgrade() -> None:
    """What was asked for is forgotten; what was delivered stays in its folder."""
    op.drop_table("package_request")
    op.drop_table("ingress_file")
    op.drop_table("ingress_request")
