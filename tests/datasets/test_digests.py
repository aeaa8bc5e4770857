"""The digest of a table's content tells any two tables apart, and does not depend on how a table is stored."""

from pathlib import Path

import pytest

from datasets import digests
from datasets.digests import content_digest
from tests.datasets.factories import bench

TABLES = [
    "SELECT 'ab' AS a, 'c' AS b",
    "SELECT 'a' AS a, 'bc' AS b",
    "SELECT '' AS a, 'abc' AS b",
    "SELECT NULL::VARCHAR AS a, 'abc' AS b",
    "SELECT '-' AS a, 'abc' AS b",
    "SELECT 'ab' AS b, 'c' AS a",
    "SELECT 'ab' AS a, 'c' AS b UNION ALL SELECT 'ab', 'c'",
    "SELECT 1 AS a, 2 AS b",
    "SELECT 1::DECIMAL(4, 1) AS a, 2 AS b",
    "SELECT 'a' AS a, 'b' AS b UNION ALL SELECT 'c', 'd'",
    "SELECT 'c' AS a, 'd' AS b UNION ALL SELECT 'a', 'b'",
    "SELECT 'x' AS a, 'y' AS b WHERE false",
]


def digest(query: str, folder: Path) -> str:
    with bench(folder) as connection:
        connection.execute(f"CREATE TABLE made AS {query}")
        columns = [row[0] for row in connection.execute("DESCRIBE made").fetchall()]
        return content_digest(connection, table="made", order="rowid", columns=columns)


def test_no_two_tables_share_a_digest(tmp_path: Path) -> None:
    assert len({digest(query, tmp_path) for query in TABLES}) == len(TABLES)


def test_a_change_far_down_is_seen(tmp_path: Path) -> None:
    rows = 3 * digests.CHUNK
    one, other = (f"SELECT range AS a, range = {n} AS b FROM range({rows})" for n in (rows - 1, rows - 2))
    assert digest(one, tmp_path) == digest(one, tmp_path) != digest(other, tmp_path)


@pytest.mark.parametrize("rows", [digests.CHUNK - 1, digests.CHUNK, digests.CHUNK + 1])
def test_rows_around_a_chunk_count(rows: int, tmp_path: Path) -> None:
    assert digest(f"SELECT range AS a FROM range({rows})", tmp_path) != digest(
        f"SELECT range AS a FROM range({rows + 1})", tmp_path
    )
