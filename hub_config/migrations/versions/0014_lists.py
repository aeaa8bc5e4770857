"""What lists need of a request and of a statistic as columns of their own, and the exact tables that were released.

Revision 0014, 2026-11-26. Everything is made of what is there.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("statistic", sa.Column("dataset", sa.Text(), nullable=False, server_default="")),
    ("statistic", sa.Column("exact", sa.Boolean(), nullable=False, server_default=sa.false())),
    ("release_request", sa.Column("due", sa.DateTime(), nullable=True)),
    ("release_request", sa.Column("rank", sa.Integer(), nullable=False, server_default="3")),
    ("release_request", sa.Column("holds", sa.Integer(), nullable=False, server_default="0")),
    ("release_request", sa.Column("voted", sa.Integer(), nullable=False, server_default="0")),
    ("release_request", sa.Column("asked", sa.Integer(), nullable=False, server_default="0")),
    ("release_request", sa.Column("stands_on", sa.Text(), nullable=False, server_default="[]")),
)
_INDEXES = (
    ("statistic", ("dataset", "exact"), "ix_statistic_dataset_exact"),
    ("release_request", ("move_of", "rank", "move_since", "id", "due"), "ix_release_request_desk"),
    ("release_request", ("move_of", "move_since", "id"), "ix_release_request_age"),
    (
        "release_request",
        ("move_of", "project_id", "stands_on", "state", "author", "voted", "checkers_needed", "turn", "id"),
        "ix_release_request_votable",
    ),
    ("request_item", ("statistic_id",), "ix_request_item_statistic_id"),
    ("release", ("released_at",), "ix_release_released_at"),
)
_HOURS = {"publication": 120, "pre_publication": 72}
_VERDICTS = ("safe", "protected", "refer", "blocked")
_REFER = _VERDICTS.index("refer")
_ENDED = frozenset({"released", "recalled", "rejected", "withdrawn"})


class _Held(NamedTuple):
    dataset: str
    exact: bool
    plan_hash: str
    version: int | None
    verdict: str | None


def upgrade() -> None:
    for table, column in _COLUMNS:
        op.add_column(table, column)
    op.create_table(
        "released_table",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("dataset", "plan_hash", "version", name="pk_released_table"),
    )
    for table, columns, name in _INDEXES:
        op.create_index(name, table, list(columns))
    connection = op.get_bind()
    _repeat_plans(connection)
    _enter_released(connection)
    _keep(connection)


def _rows(connection: sa.Connection, query: str) -> Iterator[Any]:
    return iter(connection.execute(sa.text(query)).all())


def _write(connection: sa.Connection, statement: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.text(statement), rows)


def _repeat_plans(connection: sa.Connection) -> None:
    found = []
    for row in _rows(connection, "SELECT id, plan FROM statistic"):
        plan = json.loads(row.plan) if isinstance(row.plan, str) else row.plan
        found.append({"id": row.id, "dataset": plan["dataset"], "exact": plan["kind"] == "crosstab"})
    _write(connection, "UPDATE statistic SET dataset = :dataset, exact = :exact WHERE id = :id", found)


def _enter_released(connection: sa.Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO released_table (dataset, plan_hash, version) "
            "SELECT DISTINCT s.dataset, s.plan_hash, s.version FROM statistic s "
            "JOIN request_item i ON i.statistic_id = s.id JOIN release r ON r.request_id = i.request_id "
            "WHERE s.exact AND s.version IS NOT NULL"
        )
    )


def _keep(connection: sa.Connection) -> None:
    held: dict[str, list[_Held]] = {}
    for row in _rows(
        connection,
        "SELECT i.request_id, s.dataset, s.exact, s.plan_hash, s.version, s.verdict "
        "FROM request_item i JOIN statistic s ON s.id = i.statistic_id",
    ):
        held.setdefault(row[0], []).append(_Held(*row[1:]))
    voted = _counted(
        connection,
        "SELECT r.id, COUNT(DISTINCT v.checker) FROM release_request r "
        "JOIN checker_vote v ON v.request_id = r.id AND v.turn = r.turn GROUP BY r.id",
    )
    asked = _counted(
        connection,
        "SELECT r.id, COUNT(*) FROM release_request r "
        "JOIN request_remark q ON q.request_id = r.id AND q.turn = r.turn WHERE q.kind = 'question' "
        "AND NOT EXISTS (SELECT 1 FROM request_remark a WHERE a.answers = q.id) GROUP BY r.id",
    )
    people = _people(connection)
    released = {tuple(row) for row in _rows(connection, "SELECT dataset, plan_hash, version FROM released_table")}
    found = []
    for row in _rows(
        connection, "SELECT id, state, audience, move_of, move_since, checkers_seconds FROM release_request"
    ):
        holds = held.get(row.id, [])
        found.append(
            {
                "id": row.id,
                "due": _due(row),
                "rank": _rank(holds, people, set() if row.state in _ENDED else released),
                "holds": len(holds),
                "voted": voted.get(row.id, 0),
                "asked": asked.get(row.id, 0),
                "stands_on": _stands_on(holds),
            }
        )
    statement = sa.text(
        "UPDATE release_request SET due = :due, rank = :rank, holds = :holds, voted = :voted, asked = :asked, "
        "stands_on = :stands_on WHERE id = :id"
    ).bindparams(sa.bindparam("due", type_=sa.DateTime()))
    if found:
        connection.execute(statement, found)


def _counted(connection: sa.Connection, query: str) -> dict[str, int]:
    return {row[0]: row[1] for row in _rows(connection, query)}


def _people(connection: sa.Connection) -> dict[str, str]:
    """The population of each dataset, as the catalogue of its newest version names it."""
    rows = _rows(connection, "SELECT dataset, catalogue_json FROM dataset_version ORDER BY dataset, number")
    return {dataset: json.loads(catalogue).get("population") or dataset for dataset, catalogue in rows}


def _due(row: Any) -> datetime | None:
    if row.move_of != "checkers":
        return None
    since = datetime.fromisoformat(row.move_since) if isinstance(row.move_since, str) else row.move_since
    return since + timedelta(hours=_HOURS[row.audience], seconds=-row.checkers_seconds)


def _rank(holds: list[_Held], people: dict[str, str], released: set[tuple[Any, ...]]) -> int:
    """The worst verdict (0: worst of all) of the statistics, of them together, and beside what was released."""
    worst = max((_VERDICTS.index(each.verdict) for each in holds if each.verdict is not None), default=0)
    exact = {(each.dataset, each.plan_hash, each.version) for each in holds if each.exact}
    of_exact = [people.get(dataset, dataset) for dataset, _, _ in exact]
    private = {people.get(each.dataset, each.dataset) for each in holds if not each.exact}
    others = {people.get(dataset, dataset) for dataset, *_ in released - exact}
    together = len(set(of_exact)) < len(of_exact) or set(of_exact) & (private | others)
    return len(_VERDICTS) - 1 - max(worst, _REFER if together else 0)


def _stands_on(holds: list[_Held]) -> str:
    used = {(each.dataset, each.version) for each in holds}
    return json.dumps(sorted(used, key=lambda each: (each[0], each[1] or 0)), separators=(",", ":"))


def downgrade() -> None:
    for table, _, name in reversed(_INDEXES):
        op.drop_index(name, table)
    op.drop_table("released_table")
    for table, column in reversed(_COLUMNS):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.name}")
