"""What a reading spills is encrypted, within its limit, and gone afterwards, also when it was killed."""

import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasets import engines
from datasets.engines import ENCRYPTED, Workspace, memory_by_machine, opened_copy

MARK = "a-name-that-nobody-may-find"
ROWS = 1_500_000
SPILLING = f"CREATE TEMP TABLE t AS SELECT name || md5(range::VARCHAR) AS m FROM stay, range({ROWS}) ORDER BY m"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE stay AS SELECT '{MARK}' AS name")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    return Workspace(memory_mb=60, temp=tmp_path / "temp", temp_gb=1)


def spill(copy: Path, workspace: Workspace, spilled: Any) -> None:
    with opened_copy(copy, workspace) as connection:
        connection.execute(SPILLING)
        spilled.set()
        time.sleep(600)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_does_not_fit_into_memory_is_computed_and_leaves_nothing(copy: Path, small: Workspace) -> None:
    assert small.cleared() == 0
    with opened_copy(copy, small) as connection:
        connection.execute(SPILLING)
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (ROWS,)
        assert sum(path.stat().st_size for path in files_in(small.temp or copy)) > 1_000_000
    assert files_in(small.temp or copy) == []
    with opened_copy(copy, Workspace(memory_mb=60)) as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(SPILLING)


def test_what_a_killed_process_spilled_cannot_be_read_and_is_swept_at_start(copy: Path, small: Workspace) -> None:
    context = multiprocessing.get_context("spawn")
    spilled = context.Event()
    process = context.Process(target=spill, args=(copy, small, spilled))
    process.start()
    assert spilled.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    left = files_in(small.temp or copy)
    assert sum(path.stat().st_size for path in left) > 1_000_000
    assert not any(MARK.encode() in path.read_bytes() for path in left)
    assert small.cleared() == 1
    assert files_in(small.temp or copy) == []


def test_the_mark_is_found_where_nothing_is_encrypted(
    copy: Path, small: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would show nothing."""
    monkeypatch.setattr(engines, "ENCRYPTED", {})
    with opened_copy(copy, small) as connection:
        connection.execute(SPILLING)
        assert any(MARK.encode() in path.read_bytes() for path in files_in(small.temp or copy))


def test_the_folder_has_a_limit_and_is_for_this_user_alone(copy: Path, small: Workspace) -> None:
    assert small.temp is not None
    small.temp.mkdir(mode=0o755)
    small.cleared()
    assert stat.S_IMODE(small.temp.stat().st_mode) == 0o700
    with opened_copy(copy, small) as connection:
        (own,) = small.temp.iterdir()
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        names = ("max_temp_directory_size", "memory_limit", *ENCRYPTED)
        found = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert [found[name] for name in names] == ["953.6 MiB", "57.2 MiB", "true", "true"]
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute("SET temp_file_encryption = false")


def test_memory_goes_by_the_machine_and_by_the_control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "CGROUPS", ())
    whole = memory_by_machine()
    assert whole == max(1000, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2_000_000)
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(engines, "CGROUPS", (tmp_path / "none", limit))
    for text, expected in (("max", whole), ("3000000000", min(whole, 1500)), ("1000000", 1000)):
        limit.write_text(f"{text}\n")
        assert memory_by_machine() == expected
