"""Why a request was returned or rejected, as a category that can be counted.

Revision 0010, 2026-11-26. What was returned before has none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_CATEGORIES = (
    "small_counts",
    "dominance",
    "class_disclosure",
    "differencing",
    "individuals",
    "context_missing",
    "wrong_audience",
    "not_what_was_asked",
    "other_form",
    "other",
)
_TABLES = ("checker_vote", "request_remark")


def upgrade() -> None:
    kind = sa.Enum(*_CATEGORIES, name="category", native_enum=False, length=32)
    for table in _TABLES:
        op.add_column(table, sa.Column("category", kind, nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN category")
