"""A project copy can be read, and through it nothing else can be read, written or set."""

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from datasets.engines import LOCKED, open_copy
from datasets.errors import CopyUnreadable


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE stay AS SELECT range AS patient, range % 3 AS nights FROM range(1000)")
    path.chmod(0o440)
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE secret AS SELECT 1 AS value")
    (tmp_path / "other.csv").write_text("value\n1\n")
    return path


@pytest.fixture
def connection(copy: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_copy(copy) as connection:
        yield connection


def test_the_copy_can_be_read(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("SELECT count(*), sum(nights) FROM stay").fetchone() == (1000, 999)
    assert connection.execute("SELECT * FROM stay LIMIT 1").df().shape == (1, 2)


REFUSED = [
    # out of the engine
    "COPY stay TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "COPY stay TO '{folder}/out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{folder}/exported'",
    # into the engine
    "ATTACH '{folder}/other.duckdb' AS other",
    "ATTACH '{folder}/other.duckdb' AS other (READ_ONLY)",
    "ATTACH ':memory:' AS other",
    "SELECT * FROM read_csv('{folder}/other.csv')",
    "SELECT * FROM '{folder}/other.csv'",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM read_parquet('{folder}/*.parquet')",
    "SELECT * FROM read_json('{folder}/other.csv')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('{folder}/other.csv')",
    "IMPORT DATABASE '{folder}'",
    "SELECT * FROM frame",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/any.duckdb_extension'",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    # writing
    "INSERT INTO stay VALUES (1, 1)",
    "UPDATE stay SET nights = 1",
    "DELETE FROM stay",
    "DROP TABLE stay",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "ALTER TABLE stay ADD COLUMN more INTEGER",
    "COMMENT ON TABLE stay IS 'x'",
    # opening the lock
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET enable_external_access = true",
    "SET python_enable_replacements = true",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "PRAGMA threads = 64",
    "SET temp_directory = '{folder}'",
    "SET allowed_directories = ['{folder}']",
    "SET profiling_output = '{folder}/out.json'",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_refused(statement: str, connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1]})
    before = sorted(tmp_path.iterdir())
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(folder=tmp_path)).fetchall()
    assert sorted(tmp_path.iterdir()) == before and len(frame) == 1
    assert connection.execute("SELECT count(*) FROM stay").fetchone() == (1000,)


@pytest.mark.parametrize("name", LOCKED)
def test_every_setting_of_the_lock_holds_and_stays(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT value FROM duckdb_settings() WHERE name = ?"
    assert connection.execute(query, [name]).fetchone() == (LOCKED[name],)
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        connection.execute(f"SET {name} = {'false' if LOCKED[name] == 'true' else 'true'}")


def test_cursors_and_later_connections_are_locked_as_well(connection: duckdb.DuckDBPyConnection, copy: Path) -> None:
    frame = pd.DataFrame({"x": [1]})
    query = "SELECT name, value FROM duckdb_settings() WHERE list_contains(?, name)"
    with open_copy(copy) as later, connection.cursor() as cursor:
        for each in (later, cursor):
            assert dict(each.execute(query, [list(LOCKED)]).fetchall()) == LOCKED
            with pytest.raises(duckdb.CatalogException):
                each.execute("SELECT * FROM frame")
    assert len(frame) == 1


def test_the_copy_is_open_many_times_at_once(copy: Path) -> None:
    results: list[object] = []

    def ask() -> None:
        with open_copy(copy) as connection:
            results.append(connection.execute("SELECT count(*) FROM stay").fetchone())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(1000,)] * 8


def test_memory_is_bounded_and_nothing_is_spilled_without_a_folder(copy: Path) -> None:
    with open_copy(copy, memory_limit="100MB") as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("SELECT md5(range::VARCHAR) AS m FROM range(5000000) ORDER BY m").fetchall()
    assert not list(copy.parent.glob("*.tmp"))


def test_what_does_not_fit_goes_into_the_private_folder(copy: Path, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    with open_copy(copy, memory_limit="150MB", temp=spill) as connection:
        query = "SELECT count(*) FROM (SELECT md5(range::VARCHAR) AS m FROM range(3000000) ORDER BY m LIMIT 2900000)"
        assert connection.execute(query).fetchone() == (2900000,)
        assert spill.is_dir()


@pytest.mark.parametrize("content", [None, b"", b"this is no database" * 1000])
def test_a_file_that_is_no_copy_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "no.duckdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CopyUnreadable, match=r"The project copy no\.duckdb cannot be opened") as refused:
        open_copy(path)
    assert refused.value.status == 503


def test_an_engine_that_cannot_be_locked_is_closed(copy: Path) -> None:
    """Somebody in this process opened the copy before, and locked it without closing it off."""
    with duckdb.connect(str(copy), read_only=True) as earlier:
        earlier.execute("SET lock_configuration = true")
        with pytest.raises(CopyUnreadable, match="cannot be locked"):
            open_copy(copy)
