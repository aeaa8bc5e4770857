"""Bounding as a whole: equal to plain Python, whatever the units are, and however the work is divided."""

import random
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from disclosure_control import PrivatePlan, PrivateReleaseFailed
from disclosure_control.privacy import bounded as sharing
from disclosure_control.privacy import rows as reading
from disclosure_control.privacy import words
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import Column
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows, CountUnits, Mean, Quantile, Regression, Sum
from disclosure_control.privacy.plan import Price, UnknownKeys
from disclosure_control.privacy.rows import source_of
from tests.disclosure_control.privacy import bounding
from tests.disclosure_control.privacy.bounding import expected
from tests.disclosure_control.privacy.shapes import (
    AGE,
    HOSTILE_INTEGERS,
    HOSTILE_NUMBERS,
    HOSTILE_SITES,
    HOSTILE_WARDS,
    SHAPES,
    SITE,
    SITES,
    SPENDING,
    WARD,
    fill,
    key,
    plan,
    table_of,
)

NAMES = ("person", "site", "ward", "female", "age", "spending")


def made_up(count: int, people: int, seed: int) -> list[tuple[Any, ...]]:
    chance = random.Random(seed)
    return [
        (
            chance.choice([None, *range(people)]),
            chance.choice([*HOSTILE_SITES, *SITES]),
            chance.choice(HOSTILE_WARDS),
            chance.choice([None, True, False]),
            chance.choice([*HOSTILE_INTEGERS, 18, 60]),
            chance.choice([*HOSTILE_NUMBERS, 12.5, -3.25]),
        )
        for _ in range(count)
    ]


def records_of(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("salt", [4, 1_000_003])
def test_every_shape_is_what_plain_python_makes_of_it(shape: str, salt: int) -> None:
    for seed in range(3):
        rows = made_up(160, 9, seed)
        with table_of(rows) as connection:
            assert SHAPES[shape].bounded(connection, salt) == expected(SHAPES[shape], records_of(rows), salt)


@pytest.mark.parametrize("salt", range(6))
def test_groups_of_the_same_chance_come_by_their_codes(salt: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the reverse with every other salt, so that no group is favoured over the salts."""
    monkeypatch.setattr(words, "CHANCE_BITS", 1)
    monkeypatch.setattr(bounding, "CHANCE_BITS", 1)
    rows = made_up(160, 9, 1)
    for shape in ("all at once, by site", "unknown keys"):
        with table_of(rows) as connection:
            assert SHAPES[shape].bounded(connection, salt) == expected(SHAPES[shape], records_of(rows), salt)


# --------------------------------------------------------------------------------------------------- kinds of units

DENSE = list(range(40))
UNITS: dict[str, tuple[str, list[Any]]] = {
    "small": ("INTEGER", [each - 20 for each in DENSE]),
    "far apart": ("BIGINT", [-(2**63), 2**63 - 1, 0, *(each * 2**52 for each in DENSE[1:])]),
    "unsigned": ("UBIGINT", [2**64 - 1 - each for each in DENSE]),
    "huge": ("HUGEINT", [(each - 20) * 2**64 + 5 for each in DENSE]),
    "pseudonyms": ("VARCHAR", [f"{hash_of:032x}" for hash_of in np.random.default_rng(1).integers(0, 2**62, 40)]),
    "odd texts": ("VARCHAR", ["", " ", "a", "A", "ä", "'", "\\", "?", "$1", "NULL", *map(str, DENSE)]),
    "uuid": ("UUID", [uuid.UUID(int=each * 2**90 + 1) for each in DENSE]),
    "fractions": ("DOUBLE", [float("inf"), -1e300, *(each / 7 for each in DENSE)]),
    "days": ("DATE", [f"2026-01-{each % 28 + 1:02d}" for each in DENSE]),
    "bytes": ("BLOB", [bytes([each]) for each in DENSE]),
}
BY_SITE = plan(
    by=[key(SITE)],
    measures=[CountUnits(name="units"), CountRows(name="rows"), Mean(name="m", of=SPENDING)],
    groups_per_unit=2,
    rows_per_unit=2,
)


@pytest.fixture(params=UNITS)
def of_units(request: pytest.FixtureRequest) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[Any, int]]]:
    """A table whose units are of this kind, and what goes into the choice of a unit's groups."""
    kind, units = UNITS[request.param]
    chance = random.Random(3)
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE visits (person {kind}, site VARCHAR, ward SMALLINT, female BOOLEAN, age INTEGER, "
            "spending DOUBLE, unbounded DOUBLE)"
        )
        for row in made_up(400, 1, 8):
            unit = None if row[0] is None else chance.choice(units)
            connection.execute("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, NULL)", [unit, *row[1:]])
        signed = kind in {"INTEGER", "BIGINT"}
        hashes = connection.execute(
            f"SELECT DISTINCT person, {'person' if signed else 'hash(person)'} FROM visits WHERE person IS NOT NULL"
        )
        yield connection, {unit: number & 2**64 - 1 for unit, number in hashes.fetchall()}


def in_order(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = connection.execute(f"SELECT {', '.join(NAMES)} FROM visits").fetchall()
    return records_of(rows)


def test_units_of_any_kind_are_told_apart(of_units: Any) -> None:
    connection, hashes = of_units
    wanted = expected(BY_SITE, in_order(connection), 7, unit_hash=hashes.__getitem__)
    assert BY_SITE.bounded(connection, 7) == wanted
    assert sum(wanted["units"]) > 40


def test_a_unit_is_never_in_two_parts(of_units: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, _ = of_units
    whole = BY_SITE.bounded(connection, 7)
    monkeypatch.setattr(reading, "BYTES_IN_A_PART", 400)
    monkeypatch.setattr(reading, "SAMPLED", 3)
    parts = list(source_of(connection, BY_SITE.design).parts(40))
    assert len(parts) > 5
    seen: list[Any] = []
    for part in parts:
        found = f"SELECT DISTINCT person FROM visits WHERE person IS NOT NULL AND {part.condition}"
        seen += connection.execute(found, list(part.bounds)).fetchall()
    assert sorted(seen) == sorted(
        connection.execute("SELECT DISTINCT person FROM visits WHERE person NOTNULL").fetchall()
    )
    assert BY_SITE.bounded(connection, 7) == whole


def test_units_of_one_hash_are_two_units() -> None:
    """DuckDB's hash of a HUGEINT is that of its halves, XORed: some units have the same, and anyone can find them."""
    pairs = [(low << 64) + high for high in range(1, 6) for low in range(1, 6)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE visits (person HUGEINT, site VARCHAR, spending DOUBLE)")
        connection.executemany("INSERT INTO visits VALUES (?, 'North', 1)", [[each] for each in pairs])
        hashes = connection.execute("SELECT count(DISTINCT hash(person)) FROM visits").fetchall()
        assert hashes[0][0] < len(pairs)
        assert BY_SITE.bounded(connection, 7)["units"] == [len(pairs), 0, 0, 0]


# --------------------------------------------------------------------------------------------------- many keys

WIDE = PublicDataset(
    name="visits",
    version=1,
    table="visits",
    unit="person",
    columns=(
        PublicColumn(name="a", kind="integer", lower=-(10**15), upper=10**15, missing=False),
        PublicColumn(name="b", kind="decimal", lower=-(10**6), upper=10**6, places=3),
        PublicColumn(name="c", kind="category", labels=("x", "y"), key=True),
    ),
    most_units=10,
)
A, B, C = (Column(name=each) for each in "abc")


def wide_plan(by: list[Key], **facts: Any) -> PrivatePlan:
    return PrivatePlan.of(WIDE, by=by, price=Price(nano_rho=100_000_000), **facts)


def wide_table(rows: list[tuple[Any, ...]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE visits (person BIGINT, a BIGINT, b DOUBLE, c VARCHAR)")
    connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", rows)
    return connection


def wide_rows(seed: int) -> list[tuple[Any, ...]]:
    chance = random.Random(seed)
    hostile = [-(2**63), 2**63 - 1, 10**15, -(10**15), 0, 1, 7]
    return [
        (
            chance.randrange(6),
            chance.choice(hostile),
            chance.choice([-1e9, 1e9, 0.001, 0.25, None]),
            chance.choice("xyz"),
        )
        for _ in range(150)
    ]


@pytest.mark.parametrize("rows_per_unit", [1, 3, 40])
def test_sums_beyond_64_bits_on_the_way_are_exact(rows_per_unit: int) -> None:
    """Thousands of rows at the bounds, of one unit; to spread them over so few units leaves no room to spare."""
    measures = [Sum(name="a", of=A), Mean(name="m", of=B), Quantile(name="q", of=B, steps=9), CountUnits(name="units")]
    asked = wide_plan([Key(name="k", of=C)], measures=measures, rows_per_unit=rows_per_unit, groups_per_unit=2)
    rows = wide_rows(1) + [(6, 10**15, 1e9, "x")] * 30_000 + [(7, -(10**15) + 1, None, "y")] * 30_000
    records = [dict(zip(("person", "a", "b", "c"), row, strict=True)) for row in rows]
    with wide_table(wide_rows(1)) as connection:
        connection.execute("INSERT INTO visits SELECT 6, 10**15::BIGINT, 1e9, 'x' FROM range(30000)")
        connection.execute("INSERT INTO visits SELECT 7, -(10**15::BIGINT) + 1, NULL, 'y' FROM range(30000)")
        assert asked.bounded(connection, 2) == expected(asked, records, 2)


@pytest.mark.parametrize("salt", [6, 11])
@pytest.mark.parametrize("bytes_in_a_part", [256_000_000, 3000])
def test_unknown_keys_of_any_range_are_told_apart(
    salt: int, bytes_in_a_part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BYTES_IN_A_PART", bytes_in_a_part)
    monkeypatch.setattr(reading, "SAMPLED", 3)
    asked = wide_plan(
        [Key(name="a", of=A), Key(name="b", of=B)],
        measures=[CountRows(name="n"), Regression(name="r", of=A, on=(B,)), Quantile(name="q", of=B, steps=5)],
        unknown_keys=UnknownKeys(),
        groups_per_unit=4,
        rows_per_unit=2,
    )
    rows = wide_rows(2)
    with wide_table(rows) as connection:

        def key_hash(code: tuple[Any, ...]) -> int:
            numbers = [int(code[0]), int(code[1] * 1000)]
            found = connection.execute("SELECT hash(concat_ws('/', ?::BIGINT, ?::BIGINT))", numbers).fetchall()
            return int(found[0][0])

        found = asked.bounded(connection, salt)
        records = [dict(zip(("person", "a", "b", "c"), row, strict=True)) for row in rows]
        assert found == expected(asked, records, salt, key_hash=key_hash)


def test_a_unit_of_a_few_of_very_many_keys_is_as_often_in_each() -> None:
    """Which keys there are decides nothing: a hostile choice of them does not make one of them more likely."""
    asked = plan(by=[key(AGE)], unknown_keys=UnknownKeys(), groups_per_unit=1)
    with table_of([]) as connection:
        connection.execute(
            "INSERT INTO visits SELECT i, 'North', 1, true, a, 0, 0 "
            "FROM range(3000) t(i), (VALUES (0), (1), (2), (64), (96)) v(a)"
        )
        found = asked.bounded(connection, 5)["units"]
    assert sum(found) == 3000
    assert all(abs(each - 600) < 6 * 22 for each in found)


# --------------------------------------------------------------------------------------------------- large data


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limits", ["many parts", "many slices", "pairs early"])
def test_how_the_work_is_divided_makes_no_difference(shape: str, limits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made_up(300, 20, 5) + made_up(100, 1, 6)
    with table_of([]) as connection:
        fill(connection, rows)
        whole = SHAPES[shape].bounded(connection, 1)
        if limits == "many parts":
            monkeypatch.setattr(reading, "BYTES_IN_A_PART", 500)
            monkeypatch.setattr(reading, "SAMPLED", 5)
        else:
            monkeypatch.setattr(sharing, "ROWS_AT_ONCE", 7)
        if limits == "pairs early":
            monkeypatch.setattr(sharing, "BYTES_IN_A_PART", 300)
            monkeypatch.setattr(reading, "VECTORS", 1)
            connection.execute("CREATE TABLE more AS SELECT v.* FROM visits v, range(15)")
            connection.execute("DROP TABLE visits; ALTER TABLE more RENAME TO visits")
            records = records_of([row for row in rows for _ in range(15)])
            whole = expected(SHAPES[shape], records, 1)
        assert SHAPES[shape].bounded(connection, 1) == whole


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_makes_no_difference(threads: int) -> None:
    asked = SHAPES["all at once, by site"]
    with table_of(made_up(300, 20, 5)) as connection:
        whole = asked.bounded(connection, 1)
        connection.execute(f"SET threads = {threads}")
        assert asked.bounded(connection, 1) == whole


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were put together to be sorted, each time."""
    most: list[int] = []

    def joined(rows: Sequence[words.Rows]) -> words.Rows:
        most.append(sum(map(len, rows)))
        return words.joined(rows)

    monkeypatch.setattr(sharing, "joined", joined)
    return most


@pytest.mark.parametrize("unit", ["i % 80000", "hash(i % 80000)::VARCHAR"])
def test_more_data_than_memory_is_worked_through_without_a_file(
    unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is DuckDB's; it holds the rows of one part at most, and may write nothing."""
    monkeypatch.setattr(reading, "BYTES_IN_A_PART", 1_000_000)
    asked = plan(by=[key(SITE)], measures=[CountUnits(name="units"), Sum(name="total", of=AGE)], groups_per_unit=1)
    most = counted(monkeypatch)
    with duckdb.connect(config={"memory_limit": "40MB", "temp_directory": "", "threads": "2"}) as connection:
        connection.execute(
            f"CREATE VIEW visits AS SELECT {unit} AS person, 'East' AS site, 40 AS age, repeat('x', 200) AS more "
            "FROM range(400000) t(i)"
        )
        found = asked.bounded(connection)
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
    assert found["units"] == [0, 80_000, 0, 0]
    assert found["moment:total:0"][1] * asked.design.made_of["total"][0].unit == 80_000 * 40
    assert max(most) < 150_000


@pytest.mark.parametrize("unit", ["i // 5", "md5((i // 5)::VARCHAR)"])
def test_a_part_of_a_table_in_order_is_found_without_reading_all(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BYTES_IN_A_PART", 1_000_000)
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE visits AS SELECT {unit} AS person, 'East' AS site FROM range(1000000) t(i) ORDER BY 1"
        )
        source = source_of(connection, plan(by=[key(SITE)]).design)
        parts = list(source.parts(8))
        assert len(parts) == 8
        query = f"EXPLAIN (ANALYZE, FORMAT json) {source.query(parts[3], numbered=False)}".replace("_unit::BIGINT", "1")
        explained = connection.execute(query, list(parts[3].bounds)).fetchall()[0][1]
    scanned = [int(each) for each in re.findall(r'"operator_rows_scanned": (\d+)', explained)]
    assert 0 < sum(scanned) < 400_000


@pytest.mark.parametrize("unit", ["7", "'x'"])
def test_one_person_with_more_rows_than_memory_holds(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BYTES_IN_A_PART", 4_000_000)
    monkeypatch.setattr(sharing, "BYTES_IN_A_PART", 4_000_000)
    asked = plan(by=[key(WARD)], measures=[Sum(name="total", of=AGE)], groups_per_unit=2, rows_per_unit=3)
    with duckdb.connect(config={"memory_limit": "40MB", "temp_directory": "", "threads": "2"}) as connection:
        connection.execute(
            f"CREATE VIEW visits AS SELECT {unit} AS person, 1 + i % 2 AS ward, 40 + i % 2 AS age "
            "FROM range(3000000) t(i)"
        )
        most = counted(monkeypatch)
        found = asked.bounded(connection)["moment:total:0"]
    unit_of = asked.design.made_of["total"][0].unit
    assert [each * unit_of for each in found] == [3 * 40, 3 * 41, 0]
    assert max(most) < 700_000


def test_too_many_units_for_a_word_are_refused_not_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "NUMBERED_UNITS", 3)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE visits AS SELECT i::VARCHAR AS person, 'East' AS site FROM range(20) t(i)")
        with pytest.raises(PrivateReleaseFailed, match="more units or groups"):
            plan(by=[key(SITE)]).bounded(connection)
