"""The checkers' clock of requests that were decided before it was kept.

Revision 0019, 2026-11-26. They had a clock of nought, which makes medians too short. Before revision 0007 there were
no questions, so the move was the checkers' from the last submission to the decision; earlier turns are not known.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SECONDS = {
    "sqlite": "CAST(strftime('%s', decided_at) AS INTEGER) - CAST(strftime('%s', submitted_at) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM decided_at - submitted_at) AS INTEGER)",
}


def upgrade() -> None:
    seconds = _SECONDS[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE release_request SET checkers_seconds = {seconds} WHERE checkers_seconds = 0 "  # noqa: S608 - ours
        "AND submitted_at IS NOT NULL AND decided_at > submitted_at "
        "AND state IN ('approved', 'released', 'recalled', 'rejected')"
    )


def downgrade() -> None:
    """What is known stays known."""
