"""A small dataset with every kind of column, hostile values for it, and plans of every shape over it."""

from typing import Any

import duckdb

from disclosure_control import PrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import (
    Clamp,
    Column,
    Compare,
    Cut,
    Expression,
    IsMissing,
    Not,
    Number,
    Person,
)
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import (
    CountRows,
    CountUnits,
    Mean,
    Quantile,
    Regression,
    Sum,
    Variance,
)
from disclosure_control.privacy.plan import Price, UnknownKeys

SITES = ("North", "East", "South", "West")
DATASET = PublicDataset(
    name="visits",
    version=1,
    table="visits",
    unit="person",
    columns=(
        PublicColumn(name="site", kind="category", labels=SITES, key=True),
        PublicColumn(name="ward", kind="integer", lower=1, upper=3, key=True),
        PublicColumn(name="female", kind="boolean", key=True),
        PublicColumn(name="age", kind="integer", lower=0, upper=100, missing=False),
        PublicColumn(name="spending", kind="decimal", lower="-20", upper="50", places=2),
        PublicColumn(name="unbounded", kind="decimal"),
    ),
    most_units=1_000_000,
)
CREATE = """
    CREATE TABLE visits (
        person BIGINT, site VARCHAR, ward SMALLINT, female BOOLEAN, age INTEGER, spending DOUBLE, unbounded DOUBLE
    )
"""
Row = tuple[Any, ...]

NAN, INF = float("nan"), float("inf")
HOSTILE_NUMBERS = [None, NAN, INF, -INF, 1e308, -1e308, 5e-324, -0.0, 0.005, -0.005, 49.999, 50.001, 1e17]
HOSTILE_INTEGERS = [None, -(2**31), 2**31 - 1, 0, -1, 100, 101, 37]
HOSTILE_SITES = [None, "", "Nowhere", "north", "'; DROP TABLE visits; --", *SITES]
HOSTILE_WARDS = [None, -32768, 32767, 0, 1, 2, 3, 4]

SITE, WARD, FEMALE, AGE, SPENDING = (Column(name=each) for each in ("site", "ward", "female", "age", "spending"))


def table_of(rows: list[Row]) -> duckdb.DuckDBPyConnection:
    """A connection to these rows (person, site, ward, female, age, spending)."""
    connection = duckdb.connect()
    connection.execute(CREATE)
    fill(connection, rows)
    return connection


def fill(connection: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    connection.execute("DELETE FROM visits")
    if rows:
        one = "(?, ?, ?, ?, ?, ?, NULL)"
        query = f"INSERT INTO visits VALUES {', '.join([one] * len(rows))}"
        connection.execute(query, [value for row in rows for value in row])


def adult() -> Expression:
    return Compare(operator=">=", left=AGE, right=Number(value=18))


def plan(**facts: Any) -> PrivatePlan:
    given: dict[str, Any] = {"measures": [CountUnits(name="persons")], "price": Price(nano_rho=100_000_000)}
    return PrivatePlan.of(DATASET, **(given | facts))


def key(of: Expression, name: str = "k") -> Key:
    return Key(name=name, of=of)


ALL_MEASURES = [
    CountUnits(name="units"),
    CountRows(name="rows"),
    Sum(name="total", of=AGE),
    Mean(name="mean", of=SPENDING),
    Variance(name="deviation", kind="standard_deviation", of=SPENDING),
    Quantile(name="median", of=SPENDING, steps=7),
    Regression(name="line", of=SPENDING, on=(AGE,)),
]

SHAPES: dict[str, PrivatePlan] = {
    "all at once, by site": plan(by=[key(SITE)], measures=ALL_MEASURES, groups_per_unit=2, rows_per_unit=2),
    "all at once, no keys": plan(measures=ALL_MEASURES, rows_per_unit=3),
    "two keys": plan(
        by=[key(SITE, "a"), key(FEMALE, "b")],
        measures=[CountUnits(name="units"), Sum(name="total", of=SPENDING)],
        groups_per_unit=3,
        rows_per_unit=1,
    ),
    "filtered": plan(by=[key(WARD)], where=adult(), measures=[CountRows(name="n"), Mean(name="m", of=SPENDING)]),
    "not missing": plan(where=Not(of=IsMissing(of=SPENDING)), by=[key(FEMALE)], rows_per_unit=4),
    "by an interval": plan(by=[key(Cut(of=SPENDING, edges=("0", "10.5")))], groups_per_unit=2, rows_per_unit=2),
    "by a feature": plan(
        by=[key(Cut(of=Person(feature="count", upper="9"), edges=("2", "4")))],
        measures=[CountUnits(name="units"), Sum(name="total", of=Person(feature="sum", of=AGE, lower=0, upper=150))],
    ),
    "a feature as filter": plan(
        by=[key(SITE)], where=Person(feature="any", where=adult()), groups_per_unit=4, rows_per_unit=2
    ),
    "narrowed": plan(
        by=[key(SITE)],
        measures=[Sum(name="total", of=Clamp(of=SPENDING, lower="-1.5", upper="3"))],
        groups_per_unit=2,
        rows_per_unit=5,
    ),
    "persons with totals": plan(by=[key(SITE, "a"), key(FEMALE, "b")], margins=True, price=Price(nano_rho=300_000_000)),
    "rows with totals": plan(
        by=[key(SITE, "a"), key(WARD, "b"), key(FEMALE, "c")],
        measures=[CountRows(name="n")],
        groups_per_unit=3,
        rows_per_unit=2,
        margins=True,
    ),
    "unknown keys": plan(
        by=[key(AGE)],
        unknown_keys=UnknownKeys(),
        measures=[CountRows(name="n"), Mean(name="m", of=SPENDING), Quantile(name="q", of=SPENDING, steps=5)],
        groups_per_unit=3,
        rows_per_unit=2,
    ),
}
