"""Which rules' findings stand on which cells, as the checker marks them."""

from collections.abc import Iterator

import duckdb
import pytest

from disclosure_control import Population, RuleProfile
from safe_outputs.checker.protection import Pattern, protected_cells

DIMENSIONS = {"site": ["A", "B"], "plan": ["x", "y"]}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def pattern(connection: duckdb.DuckDBPyConnection, units: dict[tuple[str, str], int], value: str | None) -> Pattern:
    """Protected by the ONS rules: a threshold of 10, class disclosure is for a person to judge."""
    connection.execute("CREATE TABLE visits (person INTEGER, site VARCHAR, plan VARCHAR, spent DECIMAL(9, 2))")
    rows = [(n, *codes) for codes, number in units.items() for n in range(number)]
    numbered = [(place, site, plan, 10 + place % 7) for place, (_, site, plan) in enumerate(rows)]
    connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", numbered)
    population = Population("visits", "person")
    return protected_cells(connection, population, DIMENSIONS, value, RuleProfile.load("ons-srs"))


def marks(found: Pattern) -> dict[tuple[str, str], tuple[str, ...]]:
    rows = found.cells.to_dict("records")
    return {(str(row["site"]), str(row["plan"])): row["marks"] for row in rows}


@pytest.mark.parametrize("value", [None, "spent"])
def test_what_is_left_to_a_person_is_marked_on_published_cells(
    connection: duckdb.DuckDBPyConnection, value: str | None
) -> None:
    found = pattern(connection, {("A", "x"): 40, ("B", "x"): 30, ("B", "y"): 50}, value)
    told = marks(found)
    status = {(str(row["site"]), str(row["plan"])): row["status"] for row in found.cells.to_dict("records")}
    assert status["A", "y"] == "primary", "nobody is in it, and the rules do not let that out"
    assert "threshold" in told["A", "y"]
    assert all(("class_disclosure" in rules) <= (status[codes] == "published") for codes, rules in told.items())


def test_a_published_cell_with_everybody_of_its_group_is_marked(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE visits (person INTEGER, site VARCHAR)")
    connection.executemany("INSERT INTO visits VALUES (?, ?)", [(n, "A") for n in range(40)])
    population = Population("visits", "person")
    rules = RuleProfile.from_toml(ZERO_IS_SAFE, "rules.toml")
    found = protected_cells(connection, population, {"site": ["A", "B"]}, None, rules)
    rows = found.cells.to_dict("records")
    assert {str(row["site"]): (row["status"], row["marks"]) for row in rows} == {
        "A": ("published", ("class_disclosure",)),
        "B": ("published", ()),
        "_T": ("published", ()),
    }


ZERO_IS_SAFE = """\
name = "test"
version = "1"
title = "A threshold at which an empty cell is safe, and class disclosure for a person to judge"

[threshold]
units = 10
strict = false
zero_is_safe = true
source = "a test"

[class_disclosure]
all_but = 0
action = "refer"
source = "a test"
"""
