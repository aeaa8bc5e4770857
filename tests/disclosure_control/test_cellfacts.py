"""What is known of each cell: a small table in, its facts out."""

from collections.abc import Iterator

import duckdb
import pytest

from disclosure_control import Condition, EmptyTable, Population, UnknownColumn, cell_facts
from tests.disclosure_control.small_tables import as_text, in_duckdb, rows_of

MICRODATA = """
    | person | site | plan | year | spending |
    | 1      | A    | free | 1    | 10.00    |
    | 1      | A    | free | 2    | 30.00    |
    | 2      | A    | free | 1    | 5.50     |
    | 3      | A    | paid | 1    | -7.00    |
    | 4      | B    | free | 1    |          |
    | 4      | B    | free | 2    | 1.00     |
    | 5      | B    | free | 1    |          |
    |        | B    | paid | 1    | 99.00    |
    | 6      |      | paid | 1    | 99.00    |
"""
TYPES = "person INTEGER, site VARCHAR, plan VARCHAR, year INTEGER, spending DECIMAL(9, 2)"
BY = {"site": ["A", "B"], "plan": ["free", "paid"]}


@pytest.fixture
def microdata() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_duckdb(MICRODATA, TYPES) as connection:
        yield connection


def test_units_are_counted_once_and_every_cell_is_answered(microdata: duckdb.DuckDBPyConnection) -> None:
    facts = cell_facts(microdata, Population("data", "person"), BY, "spending")
    expected = """
        | site | plan | rows | units | valued_rows | valued_units | total | largest | second |
        | A    | free | 3    | 2     | 3           | 2            | 45.50 | 40.00   | 5.50   |
        | A    | paid | 1    | 1     | 1           | 1            | -7.00 | 7.00    | 0      |
        | B    | free | 3    | 2     | 1           | 1            | 1.00  | 1.00    | 0      |
        | B    | paid | 0    | 0     | 0           | 0            |       | 0       | 0      |
    """
    assert as_text(facts, list(rows_of(expected)[0])) == rows_of(expected)


def test_conditions_choose_the_population(microdata: duckdb.DuckDBPyConnection) -> None:
    population = Population("data", "person", [Condition("year", "==", (2,)), Condition("site", "in", ("A", "B"))])
    facts = cell_facts(microdata, population, BY)
    expected = """
        | site | plan | rows | units |
        | A    | free | 1    | 1     |
        | A    | paid | 0    | 0     |
        | B    | free | 1    | 1     |
        | B    | paid | 0    | 0     |
    """
    assert as_text(facts, list(rows_of(expected)[0])) == rows_of(expected)


def test_one_dimension_keeps_the_order_of_its_categories(microdata: duckdb.DuckDBPyConnection) -> None:
    facts = cell_facts(microdata, Population("data", "person"), {"plan": ["paid", "free"]})
    assert as_text(facts, ["plan", "units"]) == [{"plan": "paid", "units": "2"}, {"plan": "free", "units": "4"}]


def test_nobody_in_the_population_is_an_error(microdata: duckdb.DuckDBPyConnection) -> None:
    population = Population("data", "person", [Condition("year", ">", (90,))])
    with pytest.raises(EmptyTable, match="Nobody is in the population"):
        cell_facts(microdata, population, BY)


@pytest.mark.parametrize(
    ("population", "by", "value", "named"),
    [
        (Population("data", "person"), {"planet": ["A"]}, None, "planet"),
        (Population("data", "nobody"), BY, None, "nobody"),
        (Population("data", "person"), BY, "income", "income"),
        (Population("data", "person", [Condition("age", "==", (1,))]), BY, None, "age"),
        (Population("nothing", "person"), BY, None, "nothing"),
    ],
)
def test_a_missing_column_is_named(
    microdata: duckdb.DuckDBPyConnection,
    population: Population,
    by: dict[str, list[str]],
    value: str | None,
    named: str,
) -> None:
    with pytest.raises(UnknownColumn, match=named):
        cell_facts(microdata, population, by, value)


def test_a_code_that_no_category_names_is_an_error(microdata: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UnknownColumn, match="do not name"):
        cell_facts(microdata, Population("data", "person"), {"site": ["A"]})


def test_names_and_constants_cannot_carry_sql(microdata: duckdb.DuckDBPyConnection) -> None:
    hostile = "A'; DROP TABLE data; --"
    population = Population("data", "person", [Condition("site", "!=", (hostile,))])
    assert cell_facts(microdata, population, BY)["units"].sum() == 5
    with pytest.raises(UnknownColumn):
        cell_facts(microdata, population, {'site" FROM data; DROP TABLE data; --': ["A"]})
    assert microdata.execute("SELECT count(*) FROM data").fetchone() == (9,)


@pytest.mark.parametrize("operator", ["like", "=", "; DROP TABLE data", ""])
def test_an_unknown_comparison_is_refused(operator: str) -> None:
    with pytest.raises(UnknownColumn, match="no comparison"):
        Condition("site", operator, ("A",))
