"""The conversation about a request, whose move it is, ballots that can be changed, and how many checkers.

Revision 0007, 2026-11-25. Requests that are there get whose move it is from their state, and since when from their
times; the clock of the checkers begins at nought.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OWNERS = sa.Enum("author", "checkers", "system", "nobody", name="owner", native_enum=False, length=32)
_KINDS = ("question", "answer", "comment", "note", "returned", "lapsed", "recalled")
_FIRST_UNIQUE = "uq_checker_vote_request_id_turn_checker"
_UNIQUE = "uq_checker_vote_request_id_turn_checker_ballot"

_WHOSE_MOVE = """
UPDATE release_request SET
    move_of = CASE
        WHEN state IN ('draft', 'changes_requested') THEN 'author'
        WHEN state IN ('submitted', 'in_review') THEN 'checkers'
        WHEN state = 'approved' THEN 'system'
        ELSE 'nobody' END,
    move_since = CASE
        WHEN state = 'draft' THEN created_at
        WHEN state IN ('submitted', 'in_review') THEN COALESCE(submitted_at, created_at)
        ELSE COALESCE(decided_at, submitted_at, created_at) END
"""


def upgrade() -> None:
    # with defaults, so that SQLite adds the columns in place: a table that others refer to is never made anew
    op.add_column("release_request", sa.Column("move_of", _OWNERS, nullable=False, server_default="author"))
    op.add_column(
        "release_request", sa.Column("move_since", sa.DateTime(), nullable=False, server_default="2026-11-25 00:00:00")
    )
    op.add_column("release_request", sa.Column("checkers_seconds", sa.Integer(), nullable=False, server_default="0"))
    op.execute(_WHOSE_MOVE)
    with op.batch_alter_table("checker_vote") as table:
        table.add_column(sa.Column("ballot", sa.Integer(), nullable=False, server_default="1"))
        table.drop_constraint(_FIRST_UNIQUE, type_="unique")
        table.create_unique_constraint(_UNIQUE, ["request_id", "turn", "checker", "ballot"])
    op.create_table(
        "request_remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Enum(*_KINDS, name="remarkkind", native_enum=False, length=32), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["release_request.id"], name="fk_request_remark_request_id"),
        sa.ForeignKeyConstraint(["answers"], ["request_remark.id"], name="fk_request_remark_answers"),
        sa.PrimaryKeyConstraint("id", name="pk_request_remark"),
    )
    op.create_index("ix_request_remark_request_id", "request_remark", ["request_id"])
    op.create_table(
        "checkers_rule",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("checkers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "audience", name="pk_checkers_rule"),
    )


def downgrade() -> None:
    """The conversation is forgotten, and of each checker's ballots in a turn all but the last."""
    op.drop_table("checkers_rule")
    op.drop_table("request_remark")
    op.execute(
        "DELETE FROM checker_vote WHERE EXISTS (SELECT 1 FROM checker_vote AS later WHERE "
        "later.request_id = checker_vote.request_id AND later.turn = checker_vote.turn AND "
        "later.checker = checker_vote.checker AND later.ballot > checker_vote.ballot)"
    )
    with op.batch_alter_table("checker_vote") as table:
        table.drop_constraint(_UNIQUE, type_="unique")
        table.drop_column("ballot")
        table.create_unique_constraint(_FIRST_UNIQUE, ["request_id", "turn", "checker"])
    for column in ("checkers_seconds", "move_since", "move_of"):
        op.execute(f"ALTER TABLE release_request DROP COLUMN {column}")
