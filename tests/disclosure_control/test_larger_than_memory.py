"""Microdata that do not fit in memory: the same table, and nothing readable is left on the disk."""

import stat
import tempfile
import threading
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from disclosure_control import Table, microdata, unitrows

ROWS = 1_500_000
WORD = "secret-unit"


@pytest.fixture
def companies(tmp_path: Path) -> Path:
    """Two rows of each of 750,000 companies, far apart, in the same region; their names are long."""
    columns = f"'{WORD}-' || (i % {ROWS // 2}) AS company, i % 3 AS region, i % 100 AS turnover"
    duckdb.sql(f"SELECT {columns} FROM range({ROWS}) t(i)").write_parquet(str(tmp_path / "companies.parquet"))
    return tmp_path / "companies.parquet"


class Watch:
    """Looks at a folder again and again: the files in it, whether a word was in one, who might open its folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: set[str] = set()
        self.modes: set[int] = set()
        self.readable = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for path in self.folder.rglob("*"):
                try:
                    self._note(path)
                except OSError:  # gone in the meantime
                    continue

    def _note(self, path: Path) -> None:
        if path.is_dir():
            self.modes.add(stat.S_IMODE(path.stat().st_mode))
        else:
            self.files.add(path.name)
            self.readable |= WORD.encode() in path.read_bytes()


@pytest.fixture
def little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library's own DuckDB has 80 MB; its temporary folder is returned."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(microdata, "SETTINGS", (*microdata.SETTINGS, "SET memory_limit = '80MB'"))
    monkeypatch.setattr(unitrows, "SMALLEST", ROWS // 4)
    return folder


def test_what_goes_to_the_disk_is_unreadable_and_private_and_is_removed(companies: Path, little_memory: Path) -> None:
    with Watch(little_memory) as watch:
        table = Table.from_microdata(companies, {"region": None}, value="turnover", unit="company")
    assert list(table.cells["units"]) == [ROWS // 2, *[ROWS // 6] * 3]
    assert watch.files  # it did spill
    assert not watch.readable
    assert watch.modes == {stat.S_IRWXU}
    assert not list(little_memory.iterdir())


def test_little_memory_gives_the_same_table(companies: Path, little_memory: Path) -> None:
    with duckdb.connect() as connection:
        plenty = connection.read_parquet(str(companies))
        expected = Table.from_microdata(plenty, {"region": None}, value="turnover", unit="company").cells
    found = Table.from_microdata(companies, {"region": None}, value="turnover", unit="company").cells
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_an_error_leaves_nothing_on_the_disk(companies: Path, little_memory: Path) -> None:
    with pytest.raises(Exception, match="no number"):
        Table.from_microdata(companies, {"region": None}, value="company")
    assert not list(little_memory.iterdir())
