"""Groups, files, evidence and the checklist of requests; a release for each audience of a request.

Revision 0015, 2026-11-26. A request that is there becomes one of one group, with its own title, purpose and audience,
so that the hash that its votes are bound to stays what it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ONE_GROUP = """
INSERT INTO request_group (request_id, position, title, context, audience)
SELECT id, 1, title, purpose, audience FROM release_request
"""
_FIRST_RELEASES = """
DELETE FROM release WHERE EXISTS (
    SELECT 1 FROM release AS other WHERE other.request_id = release.request_id AND other.audience > release.audience)
"""
_IN_GROUP = ["request_id", "in_group"]
_GROUP = ["request_group.request_id", "request_group.position"]
_FILE = ["output_file.id", "output_file.role"]


def upgrade() -> None:
    # nullable, so that SQLite adds the columns in place: a table that others refer to is never made anew
    op.add_column("release_request", sa.Column("checklist", sa.JSON(), nullable=True))
    op.add_column("release_request", sa.Column("notebook", sa.Text(), nullable=True))
    op.add_column("release_request", sa.Column("holds_files", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "request_group",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_request_group_request_id"),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_request_group"),
    )
    op.execute(_ONE_GROUP)
    with op.batch_alter_table("request_item") as table:
        table.add_column(sa.Column("in_group", sa.Integer(), nullable=False, server_default="1"))
        table.create_foreign_key(
            "fk_request_item_request_id_in_group", "request_group", _IN_GROUP, ["request_id", "position"]
        )
    op.create_table(
        "request_file",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("in_group", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        _role(),
        sa.Column("statement", sa.JSON(), nullable=False),
        sa.CheckConstraint("role = 'output'", name="ck_request_file_role"),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_request_file_request_id"),
        sa.ForeignKeyConstraint(_IN_GROUP, _GROUP, name="fk_request_file_request_id_in_group"),
        sa.ForeignKeyConstraint(["file_id", "role"], _FILE, name="fk_request_file_file_id_role"),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_request_file"),
    )
    op.create_table(
        "request_evidence",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        _role(),
        sa.Column("notebook", sa.Boolean(), nullable=False),
        sa.CheckConstraint("role = 'evidence'", name="ck_request_evidence_role"),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_request_evidence_request_id"),
        sa.ForeignKeyConstraint(["file_id", "role"], _FILE, name="fk_request_evidence_file_id_role"),
        sa.PrimaryKeyConstraint("request_id", "position", name="pk_request_evidence"),
    )
    with op.batch_alter_table("release") as table:
        table.drop_constraint("uq_release_request_id", type_="unique")
        table.create_unique_constraint("uq_release_request_id_audience", ["request_id", "audience"])


def _role() -> sa.Column[str]:
    return sa.Column(
        "role", sa.Enum("output", "evidence", name="filerole", native_enum=False, length=32), nullable=False
    )


def downgrade() -> None:
    """Groups, files and answers are forgotten; of two releases of a request, that for a named team is."""
    op.execute(_FIRST_RELEASES)
    with op.batch_alter_table("release") as table:
        table.drop_constraint("uq_release_request_id_audience", type_="unique")
        table.create_unique_constraint("uq_release_request_id", ["request_id"])
    op.drop_table("request_evidence")
    op.drop_table("request_file")
    with op.batch_alter_table("request_item") as table:
        table.drop_constraint("fk_request_item_request_id_in_group", type_="foreignkey")
        table.drop_column("in_group")
    op.drop_table("request_group")
    for column in ("holds_files", "notebook", "checklist"):
        op.execute(f"ALTER TABLE release_request DROP COLUMN {column}")
