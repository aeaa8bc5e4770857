"""De-identification: pseudonyms for identifiers, nothing else changed, and the same result every time."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasets import sources
from datasets.catalogue import Catalogue
from datasets.deidentify import Built, build_version
from datasets.pseudonyms import dataset_key, pseudonym
from tests.datasets.factories import OTHER_SECRET, SECRET, STAYS, bench, edited, small_catalogue, write_small

Rows = list[tuple[Any, ...]]
KEY = dataset_key(SECRET, "stays")


def build(folder: Path, catalogue: Catalogue, key: bytes = KEY, threads: int = 2) -> tuple[Built, Rows]:
    owners_file = sources.locate(catalogue.source, beside=folder, search=(), scratch=folder)
    target = folder / "data.parquet"
    with bench(folder, threads) as connection:
        built = build_version(connection, catalogue=catalogue, owners_file=owners_file, key=key, target=target)
    with duckdb.connect() as connection:
        return built, connection.execute(f"FROM '{target}'").fetchall()


def test_a_small_file_becomes_this_table(tmp_path: Path) -> None:
    write_small(tmp_path)
    built, rows = build(tmp_path, small_catalogue())
    first, second, third = (pseudonym(f"P-100{number}", KEY) for number in (1, 2, 3))
    expected = [
        (first, "North", Decimal("10.01"), 1, False),
        (first, "South", Decimal("999.99"), 12, True),
        (second, "South", Decimal("0.00"), 0, True),
        (third, "North", Decimal("5.00"), 3, False),
    ]
    assert sorted(rows) == sorted(expected)
    assert rows == sorted(rows)  # by pseudonym, then by the other columns
    assert (built.rows, built.units) == (4, 3)


def test_rows_without_a_unit_are_left_out_and_counted(tmp_path: Path) -> None:
    write_small(tmp_path, stays=edited(STAYS, ("P-1002", "")))
    dropping = small_catalogue(('plural = "patients"', 'plural = "patients"\nmissing = "drop"'))
    built, rows = build(tmp_path, dropping)
    assert (built.rows, built.units, built.counts.without_unit, len(rows)) == (3, 2, 1, 3)


def test_the_same_inputs_give_the_same_digest_in_any_order_and_with_any_number_of_threads(
    tmp_path: Path,
) -> None:
    digests = set()
    header, *lines = STAYS.strip().split("\n")
    for turn, threads in enumerate((1, 2, 4)):
        folder = tmp_path / str(turn)
        turned = [header, *lines[turn:], *lines[:turn]]
        write_small(folder, stays="\n".join(turned) + "\n")
        digests.add(build(folder, small_catalogue(), threads=threads)[0].content_digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "change",
    [("10.005", "10.02"), ("P-1002", "P-1003"), (",0,0,1", ",0,0,0"), ("Ben Example,S", "Ben Example,N")],
)
def test_another_value_gives_another_digest(change: tuple[str, str], tmp_path: Path) -> None:
    write_small(tmp_path / "a")
    write_small(tmp_path / "b", stays=edited(STAYS, change))
    one, other = (build(tmp_path / name, small_catalogue())[0].content_digest for name in "ab")
    assert one != other


def test_another_key_gives_other_pseudonyms_and_nothing_else(tmp_path: Path) -> None:
    write_small(tmp_path)
    _, rows = build(tmp_path, small_catalogue())
    _, others = build(tmp_path, small_catalogue(), dataset_key(OTHER_SECRET, "stays"))
    assert sorted(row[1:] for row in rows) == sorted(row[1:] for row in others)
    assert {row[0] for row in rows}.isdisjoint({row[0] for row in others})


def test_a_column_may_have_any_name_that_a_catalogue_allows(tmp_path: Path) -> None:
    write_small(tmp_path)
    renamed = small_catalogue(('name = "ward"', 'name = "identifier"'), ('name = "cost"', 'name = "pseudonym"'))
    assert build(tmp_path, renamed)[0].rows == 4


def test_the_direct_identifier_is_in_no_file(tmp_path: Path) -> None:
    write_small(tmp_path)
    build(tmp_path, small_catalogue())
    content = (tmp_path / "data.parquet").read_bytes()
    assert b"Example" not in content and b"P-100" not in content
