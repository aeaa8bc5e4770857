"""From microdata to the facts of every cell: small tables in, facts out."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from disclosure_control import (
    EmptyTable,
    Hierarchy,
    MalformedHierarchy,
    MalformedTable,
    Table,
    UnknownCode,
    UnknownColumn,
    unitfacts,
    unitrows,
)
from tests.disclosure_control.small_tables import as_text, frame_of, in_duckdb, rows_of

NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2")])
COMPANIES = """
    | company | owner | nace | region | turnover |
    | c1      | g1    | A1   | north  | 40.50    |
    | c1      | g1    | A1   | north  | 9.50     |
    | c1      | g1    | A2   | north  | 20       |
    | c2      | g1    | A1   | north  | 30       |
    | c3      | g2    | A2   | south  | -5       |
    | c3      | g2    | B    | south  | 0        |
    | c4      | g2    | B    | south  |          |
"""
TYPES = "company VARCHAR, owner VARCHAR, nace VARCHAR, region VARCHAR, turnover DECIMAL(9, 2)"


def companies() -> pd.DataFrame:
    return frame_of(COMPANIES, numbers=["turnover"])


def without(column: str, code: str) -> pd.DataFrame:
    """The companies with this code missing."""
    rows = companies()
    return rows.assign(**{column: rows[column].mask(rows[column] == code)})


def assert_facts(table: Table, expected: str) -> None:
    columns = list(rows_of(expected)[0])
    assert as_text(table.cells, columns) == rows_of(expected)


def test_units_count_once_in_every_margin_and_are_as_large_as_their_total_there() -> None:
    table = Table.from_microdata(companies(), {"nace": NACE}, value="turnover", unit="company")
    expected = """
        | nace | value | units | rows | negatives | missing | zeros | absolute | largest_1 | largest_2 | largest_3 |
        | T    | 95.0  | 3     | 7    | 1         | 1       | 1     | 105.0    | 70.0      | 30.0      | 5.0       |
        | A    | 95.0  | 3     | 5    | 1         | 0       | 0     | 105.0    | 70.0      | 30.0      | 5.0       |
        | A1   | 80.0  | 2     | 3    | 0         | 0       | 0     | 80.0     | 50.0      | 30.0      | 0.0       |
        | A2   | 15.0  | 2     | 2    | 1         | 0       | 0     | 25.0     | 20.0      | 5.0       | 0.0       |
        | B    | 0.0   | 1     | 2    | 0         | 1       | 1     | 0.0      | 0.0       | 0.0       | 0.0       |
    """
    assert_facts(table, expected)


def test_a_flat_dimension_has_the_total_t() -> None:
    table = Table.from_microdata(companies(), {"region": None, "nace": NACE}, value="turnover", unit="company")
    assert list(table.cells["region"].unique()) == ["_T", "north", "south"]
    assert list(table.cells["value"][:5]) == [95, 95, 80, 15, 0]
    assert (table.value_name, table.unit_name) == ("turnover", "company")


def test_without_a_value_units_are_counted() -> None:
    rows = companies().drop_duplicates(["company", "nace"]).query("nace != 'A2'")
    table = Table.from_microdata(rows.iloc[[0, 1, 3]], {"nace": None}, unit="company")
    assert_facts(
        table, "| nace | value | units | rows |\n| _T | 3.0 | 3 | 3 |\n| A1 | 2.0 | 2 | 2 |\n| B | 1.0 | 1 | 1 |"
    )
    assert "largest_1" not in table.cells


def test_frequencies_of_units_that_recur_do_not_add_up_and_are_refused() -> None:
    with pytest.raises(MalformedTable, match=r'several codes of nace.*count="rows".*separate=\["nace"\]'):
        Table.from_microdata(companies(), {"nace": NACE}, unit="company")


def test_rows_can_be_counted_instead_and_are_then_a_magnitude_of_their_unit() -> None:
    table = Table.from_microdata(companies(), {"nace": NACE}, unit="company", count="rows")
    expected = """
        | nace | value | units | largest_1 | largest_2 |
        | T    | 7.0   | 4     | 3.0       | 2.0       |
        | A    | 5.0   | 3     | 3.0       | 1.0       |
        | A1   | 3.0   | 2     | 2.0       | 1.0       |
        | A2   | 2.0   | 2     | 1.0       | 1.0       |
        | B    | 2.0   | 2     | 1.0       | 1.0       |
    """
    assert_facts(table, expected)
    assert table.value_name == "rows"


def test_along_a_separate_dimension_units_may_recur() -> None:
    table = Table.from_microdata(
        companies(), {"nace": Hierarchy.flat(["A1", "A2", "B"])}, unit="company", separate=["nace"]
    )
    assert_facts(table, "| nace | value |\n| A1 | 2.0 |\n| A2 | 2.0 |\n| B | 2.0 |")


def test_without_a_unit_every_row_is_one() -> None:
    table = Table.from_microdata(companies(), {"nace": NACE}, value="turnover", largest=2)
    assert_facts(
        table,
        """
        | nace | units | largest_1 | largest_2 |
        | T    | 6     | 40.5      | 30.0      |
        | A    | 5     | 40.5      | 30.0      |
        | A1   | 3     | 40.5      | 30.0      |
        | A2   | 2     | 20.0      | 5.0       |
        | B    | 1     | 0.0       | 0.0       |
        """,
    )


def test_holdings_own_units_and_are_the_contributors() -> None:
    table = Table.from_microdata(companies(), {"nace": NACE}, value="turnover", unit="company", holding="owner")
    assert_facts(
        table,
        """
        | nace | units | holdings | largest_1 | largest_2 |
        | T    | 3     | 2        | 100.0     | 5.0       |
        | A    | 3     | 2        | 100.0     | 5.0       |
        | A1   | 2     | 1        | 80.0      | 0.0       |
        | A2   | 2     | 2        | 20.0      | 5.0       |
        | B    | 1     | 1        | 0.0       | 0.0       |
        """,
    )


def test_weights_make_estimates_and_the_largest_stay_as_reported() -> None:
    """The example of the Handbook on SDC, section 4.2.1: 100 with weight 4, 10 with weight 7."""
    rows = frame_of("| x | y | w |\n| a | 100 | 4 |\n| a | 10 | 7 |\n| b | 1 | 1.5 |", numbers=["y", "w"])
    table = Table.from_microdata(rows, {"x": None}, value="y", weight="w")
    assert_facts(
        table,
        """
        | x  | value | units | weighted | largest_1 | expanded_1 | largest_2 | expanded_2 | absolute |
        | _T | 471.5 | 3     | 12.5     | 100.0     | 400.0      | 10.0      | 70.0       | 471.5    |
        | a  | 470.0 | 2     | 11.0     | 100.0     | 400.0      | 10.0      | 70.0       | 470.0    |
        | b  | 1.5   | 1     | 1.5      | 1.0       | 1.5        | 0.0       | 0.0        | 1.5      |
        """,
    )


def test_weighted_frequencies_are_the_totals_of_the_units_weights() -> None:
    rows = frame_of("| p | x | w |\n| 1 | a | 4 |\n| 1 | a | 4 |\n| 2 | a | 7 |\n| 3 | b | 2 |", numbers=["w"])
    table = Table.from_microdata(rows, {"x": None}, unit="p", weight="w")
    assert_facts(
        table,
        "| x | value | units | weighted |\n| _T | 13.0 | 3 | 17.0 |\n| a | 11.0 | 2 | 15.0 |\n| b | 2.0 | 1 | 2.0 |",
    )


def test_the_record_key_of_a_unit_counts_once_in_every_cell() -> None:
    rows = companies().assign(key=[3, 3, 3, 5, 7, 7, 11])
    table = Table.from_microdata(rows, {"nace": NACE}, value="turnover", unit="company", record_key="key")
    assert_facts(table, "| nace | record_key_sum |\n| T | 15 |\n| A | 15 |\n| A1 | 8 |\n| A2 | 10 |\n| B | 7 |")


def test_waivers_and_requests_belong_to_the_unit() -> None:
    rows = companies().assign(agreed=[True] * 3 + [False] * 4, asked=[False] * 3 + [True] + [False] * 3)
    table = Table.from_microdata(
        rows, {"nace": NACE}, value="turnover", unit="company", waiver="agreed", request="asked"
    )
    assert_facts(
        table,
        """
        | nace | waived | unwaived_largest | requested | requested_largest |
        | T    | 1      | 30.0             | 1         | 30.0              |
        | A    | 1      | 30.0             | 1         | 30.0              |
        | A1   | 1      | 30.0             | 1         | 30.0              |
        | A2   | 1      | 5.0              | 0         | 0.0               |
        | B    | 0      | 0.0              | 0         | 0.0               |
        """,
    )


def test_the_floor_is_what_everybody_knows_the_value_is_not_below() -> None:
    table = Table.from_microdata(companies(), {"nace": NACE}, value="turnover", unit="company")
    assert list(table.cells["floor"]) == [-30, -25, -15, -10, -5]
    positive = Table.from_microdata(companies().query("turnover >= 0"), {"nace": NACE}, value="turnover")
    assert list(positive.cells["floor"]) == [0] * 5


def test_leaves_without_rows_are_empty_cells_only_if_that_is_said() -> None:
    wider = Hierarchy.from_pairs([*NACE.pairs, ("B", "B1"), ("B", "B2")])
    rows = companies().replace({"nace": {"B": "B1"}})
    with pytest.raises(UnknownCode, match=r"no rows with the code B2 of nace.*empty_codes=True"):
        Table.from_microdata(rows, {"nace": wider}, value="turnover")
    table = Table.from_microdata(rows, {"nace": wider}, value="turnover", empty_codes=True)
    empty = table.cells[table.cells["nace"] == "B2"]
    assert empty[["value", "units", "rows"]].to_numpy().tolist() == [[0, 0, 0]]


def test_structural_zeros_are_cells_of_which_all_leaves_are_impossible() -> None:
    rows = pd.DataFrame({"sex": list("fmfm"), "cause": ["birth", "fall", "fall", "flu"]})
    womens = [("women's", "birth"), ("women's", "loss")]
    causes = Hierarchy.from_pairs([("T", "women's"), ("T", "fall"), ("T", "flu"), *womens])
    table = Table.from_microdata(
        rows, {"sex": None, "cause": causes}, impossible=[{"sex": "m", "cause": "women's"}], empty_codes=True
    )
    marked = table.cells[table.cells["impossible"]]
    assert list(zip(marked["sex"], marked["cause"], strict=True)) == [("m", "women's"), ("m", "birth"), ("m", "loss")]


@pytest.mark.parametrize(
    ("impossible", "error", "message"),
    [
        ([{"nace": "A1"}], MalformedTable, r"\(nace = A1\) is said to be impossible and is not empty"),
        ([{"planet": "A1"}], MalformedTable, "planet, which is no dimension"),
        ([{"nace": "C"}], MalformedHierarchy, "no code “C”"),
    ],
)
def test_impossible_cells_have_to_be_empty_cells_of_the_table(
    impossible: list[dict[str, str]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Table.from_microdata(companies(), {"nace": NACE}, value="turnover", impossible=impossible)


# ---------------------------------------------------------------------------------------------- where data comes from


@pytest.mark.parametrize(
    "arguments",
    [
        {"value": "turnover", "unit": "company"},
        {"value": "turnover", "unit": "company", "holding": "owner"},
        {"value": "turnover"},
        {"value": "turnover", "weight": "weight"},
        {"unit": "company", "count": "rows"},
        {"record_key": "rkey"},
    ],
)
def test_all_inputs_give_the_same_table(tmp_path: Path, arguments: dict[str, Any]) -> None:
    arrow = pytest.importorskip("pyarrow")
    rows = companies().assign(weight=[1.5, 2, 1, 3, 1, 1.25, 2], rkey=range(7))
    with in_duckdb(COMPANIES, TYPES) as connection:
        weight = "[1.5, 2.0, 1.0, 3.0, 1.0, 1.25, 2.0][rkey + 1] AS weight"
        relation = connection.sql(f"SELECT *, rowid::INTEGER AS rkey, {weight} FROM data")
        relation.write_parquet(str(tmp_path / "rows.parquet"))
        inputs = [
            rows,
            arrow.Table.from_pandas(rows),
            relation,
            str(tmp_path / "rows.parquet"),
            tmp_path / "rows.parquet",
        ]
        tables = [Table.from_microdata(each, {"nace": NACE}, **arguments) for each in inputs]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table.cells, tables[0].cells, check_exact=True)


def test_a_read_only_database_is_enough(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "data.db")) as connection:
        connection.from_df(companies()).create("data")
    with duckdb.connect(str(tmp_path / "data.db"), read_only=True) as connection:
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        table = Table.from_microdata(connection.table("data"), {"nace": NACE}, value="turnover", unit="company")
    assert table.cells["value"][0] == 95


@pytest.mark.parametrize("unit", ["company", "number", None])
def test_ranges_of_units_give_the_same_table_as_one_go(monkeypatch: pytest.MonkeyPatch, unit: str | None) -> None:
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"x": rng.choice(list("abc"), 9000), "number": rng.integers(0, 900, 9000)})
    rows = rows.assign(company="c" + rows["number"].astype(str), y=rng.lognormal(3, 2, 9000))
    whole = Table.from_microdata(rows, {"x": None}, value="y", unit=unit)
    for limit in ("SMALLEST", "LARGEST"):
        monkeypatch.setattr(unitrows, limit, 2048)
    parts = Table.from_microdata(rows, {"x": None}, value="y", unit=unit)
    pd.testing.assert_frame_equal(parts.cells, whole.cells, check_exact=True)


@pytest.mark.parametrize("sizes", [range(200, 0, -1), range(1, 201), [7] * 200, [*[1] * 100, *[9] * 4, *[1] * 96]])
def test_the_largest_of_many_units_are_found_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(unitfacts, "MANY", 20)
    rows = pd.DataFrame({"u": range(200), "x": "a", "y": sizes})
    found = Table.from_microdata(rows, {"x": None}, value="y", unit="u").cells.iloc[0]
    assert [found["largest_1"], found["largest_2"], found["largest_3"]] == sorted(sizes, reverse=True)[:3]


def test_columns_may_be_named_like_anything() -> None:
    names = {"company": "cell", "nace": "size", "region": "unit", "turnover": "valued"}
    table = Table.from_microdata(
        companies().rename(columns=names), {"size": NACE, "unit": None}, value="valued", unit="cell"
    )
    plain = Table.from_microdata(companies(), {"nace": NACE, "region": None}, value="turnover", unit="company")
    pd.testing.assert_frame_equal(table.cells.rename(columns={"size": "nace", "unit": "region"}), plain.cells)


def test_names_and_codes_cannot_carry_sql() -> None:
    hostile = "A'); DROP TABLE data; --"
    rows = pd.DataFrame({'x"; --': [hostile, "b"], "y": [1, 2]})
    table = Table.from_microdata(rows, {'x"; --': None}, value="y")
    assert table.cells.set_index('x"; --').loc[hostile, "value"] == 1


def test_codes_that_are_no_text_are_read_as_text() -> None:
    rows = pd.DataFrame({"year": [2024, 2025, 2025], "sex": pd.Categorical(["f", "m", "m"])})
    table = Table.from_microdata(rows, {"year": None, "sex": Hierarchy.flat(["f", "m"])})
    assert table.cells.set_index(["year", "sex"]).loc[("2025", "m"), "value"] == 2


@pytest.mark.parametrize("kind", ["int64", "str", "float64", "uint64"])
def test_units_may_be_of_any_type(kind: Any) -> None:
    units = pd.Series([1, 1, 2, 3]).astype(kind)
    rows = pd.DataFrame({"u": units, "x": list("abab"), "y": [1.0, 2.0, 4.0, 8.0]})
    table = Table.from_microdata(rows, {"x": None}, value="y", unit="u")
    assert_facts(table, "| x | units | largest_1 |\n| _T | 3 | 8.0 |\n| a | 2 | 4.0 |\n| b | 2 | 8.0 |")


def test_units_at_the_ends_of_the_integers() -> None:
    ends = [-(2**63), 2**63 - 1, -(2**63), 0]
    rows = pd.DataFrame({"u": ends, "x": list("abba"), "y": [1, 2, 4, 8]})
    table = Table.from_microdata(rows, {"x": None}, value="y", unit="u")
    assert_facts(table, "| x | units | largest_1 |\n| _T | 3 | 8.0 |\n| a | 2 | 8.0 |\n| b | 2 | 4.0 |")


# ---------------------------------------------------------------------------------------------- exact sums


def test_sums_of_money_are_exact() -> None:
    rows = pd.DataFrame({"x": ["a"] * 10, "y": [0.1] * 10})
    assert Table.from_microdata(rows, {"x": None}, value="y").cells["value"][0] == 1.0


def test_sums_do_not_depend_on_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(
        {"x": rng.choice(list("ab"), 5000), "u": rng.integers(0, 99, 5000), "y": rng.lognormal(0, 9, 5000)}
    )
    first = Table.from_microdata(rows, {"x": None}, value="y", unit="u")
    for _ in range(3):
        rows = rows.iloc[rng.permutation(len(rows))]
        again = Table.from_microdata(rows, {"x": None}, value="y", unit="u")
        pd.testing.assert_frame_equal(again.cells, first.cells, check_exact=True)


def test_the_first_rows_do_not_decide_how_exact_the_sums_are() -> None:
    plain = pd.DataFrame({"x": ["a"] * 1500, "y": [1.0] * 1499 + [0.1]})
    first = Table.from_microdata(plain, {"x": None}, value="y").cells
    again = Table.from_microdata(plain.iloc[::-1], {"x": None}, value="y").cells
    assert first["value"][0] == again["value"][0] == 1499.1


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_a_change_of_the_unit_of_the_values_changes_nothing_else(scale: float) -> None:
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"x": rng.choice(list("ab"), 500), "y": rng.lognormal(0, 3, 500)})
    plain = Table.from_microdata(rows, {"x": None}, value="y").cells
    scaled = Table.from_microdata(rows.assign(y=rows["y"] * scale), {"x": None}, value="y").cells
    for name in ("value", "largest_1", "largest_3"):
        np.testing.assert_allclose(scaled[name] / scale, plain[name], rtol=1e-12)


@pytest.mark.parametrize(
    "kind", ["INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DECIMAL(38, 3)", "DECIMAL(18, 0)", "FLOAT", "BOOLEAN"]
)
def test_values_may_be_of_any_numeric_type(kind: str) -> None:
    with duckdb.connect() as connection:
        rows = connection.sql(f"SELECT * FROM (VALUES ('a', 1::{kind}), ('a', 0::{kind}), ('b', NULL)) t(x, y)")
        table = Table.from_microdata(rows, {"x": None}, value="y")
    assert_facts(
        table, "| x | value | units | missing |\n| _T | 1.0 | 2 | 1 |\n| a | 1.0 | 2 | 0 |\n| b | 0.0 | 0 | 1 |"
    )


@pytest.mark.parametrize("unit", [None, "u"])
def test_sums_of_decimals_are_exact(unit: str | None) -> None:
    numbers = [Decimal("123456789012.3456"), Decimal("0.0001"), Decimal("-99999999.9999")] * 1000
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (x VARCHAR, u INTEGER, y DECIMAL(18, 4))")
        connection.executemany("INSERT INTO rows VALUES ('a', ?, ?)", list(enumerate(numbers)))
        table = Table.from_microdata(connection.table("rows"), {"x": None}, value="y", unit=unit)
    assert table.cells["value"][0] == float(sum(numbers))
    assert table.cells["largest_1"][0] == 123456789012.3456


def test_large_integers_are_exact() -> None:
    rows = pd.DataFrame({"x": ["a", "a"], "y": [2**60, 1]})
    table = Table.from_microdata(rows, {"x": None}, value="y")
    assert table.cells["value"][0] == float(2**60 + 1)


def test_zeros_are_zeros_and_not_what_is_small_beside_the_rest() -> None:
    rows = pd.DataFrame({"x": ["a"] * 4, "y": [0.0, 1e-30, 1 / 3, 1e9 / 7]})
    assert Table.from_microdata(rows, {"x": None}, value="y").cells["zeros"][0] == 1


def test_an_amount_too_large_for_the_scale_of_the_first_rows_changes_the_scale() -> None:
    rows = pd.DataFrame({"x": ["a"] * 1501, "y": [0.25] * 1500 + [1e300]})
    table = Table.from_microdata(rows, {"x": None}, value="y", unit="x", largest=1)
    assert table.cells["largest_1"][0] == table.cells["value"][0] == 1e300


@pytest.mark.parametrize("value", [-(2**63), 2**62])
def test_integers_of_which_the_sum_does_not_fit_a_word_are_added_up_as_numbers(value: int) -> None:
    rows = pd.DataFrame({"x": ["a", "b", "b"], "y": [value, value, 5]})
    table = Table.from_microdata(rows, {"x": None}, value="y")
    assert table.cells["value"][0] == 2.0 * value
    assert table.cells["absolute"][0] == 2.0 * abs(value)


def test_a_value_that_does_not_fit_does_not_end_the_transaction_of_the_caller() -> None:
    with duckdb.connect() as connection:
        connection.execute("BEGIN")
        rows = connection.sql("SELECT 'a' AS x, y FROM (VALUES (1e300), ('nan'::DOUBLE)) t(y)")
        with pytest.raises(MalformedTable, match="NaN"):
            Table.from_microdata(rows, {"x": None}, value="y")
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


# ---------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("rows", "arguments", "error", "message"),
    [
        (companies(), {"dimensions": {"planet": None}}, UnknownColumn, "no column planet"),
        (companies(), {"value": "profit"}, UnknownColumn, "no column profit"),
        (companies(), {"unit": "person"}, UnknownColumn, "no column person"),
        (companies(), {"weight": "w"}, UnknownColumn, "no column w"),
        (companies(), {"dimensions": {}}, MalformedTable, "no dimensions"),
        (companies(), {"dimensions": {"nace": Hierarchy.flat(["A1", "A2"])}}, UnknownCode, "no leaves.*: B"),
        (without("nace", "B"), {}, UnknownCode, "nace has missing codes"),
        (without("nace", "B"), {"dimensions": {"nace": None}}, UnknownCode, "nace has missing codes"),
        (without("company", "c2"), {"unit": "company"}, MalformedTable, "company is missing in 1"),
        (companies().assign(turnover=np.inf), {"value": "turnover"}, MalformedTable, "turnover is infinite in 7 rows"),
        (companies(), {"value": "company"}, MalformedTable, "company is of type VARCHAR, which is no number"),
        (companies().assign(w=-1.0), {"weight": "w"}, MalformedTable, "weight w is negative in 7 rows"),
        (companies().assign(w=None), {"weight": "w"}, MalformedTable, "w is missing in 7 rows"),
        (companies().iloc[:0], {}, EmptyTable, "no rows"),
        (companies().iloc[:0], {"dimensions": {"nace": None}}, EmptyTable, "no rows"),
        (companies(), {"holding": "owner"}, MalformedTable, "no unit is given"),
        (companies(), {"separate": ["region"]}, MalformedTable, "region, which is no dimension"),
        (companies(), {"count": "turnover"}, MalformedTable, "counts units or rows"),
        (companies(), {"count": "rows", "value": "turnover"}, MalformedTable, "Leave out one"),
        (companies(), {"largest": 0}, MalformedTable, "Set largest to 1"),
        (companies(), {"dimensions": {"nace": [NACE, Hierarchy.flat(["A1"])]}}, MalformedHierarchy, "do not share"),
        (
            companies().assign(key=range(7)),
            {"value": "turnover", "unit": "company", "record_key": "key"},
            MalformedTable,
            "differ in its record key",
        ),
        (
            companies().assign(agreed=[True, False] + [True] * 5),
            {"value": "turnover", "unit": "company", "waiver": "agreed"},
            MalformedTable,
            "differ in its waiver",
        ),
        (
            companies().assign(w=range(1, 8)).query("nace == 'A1'"),
            {"dimensions": {"region": None}, "unit": "company", "weight": "w"},
            MalformedTable,
            "differ in its weight",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_place_and_a_remedy(
    rows: pd.DataFrame, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Table.from_microdata(rows, **{"dimensions": {"nace": NACE}, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "weight", "message"),
    [
        ("'nan'", "1", r"value y is NaN in 1 rows.*NULL"),
        ("'inf'", "1", "value y is infinite in 1 rows"),
        ("'-inf'", "1", "value y is infinite in 1 rows"),
        ("1", "'nan'", "weight w is NaN in 1 rows"),
        ("1", "'inf'", "weight w is infinite in 1 rows"),
        ("1e300", "1e300", "weighted value is infinite in 1 rows"),
    ],
)
@pytest.mark.parametrize("unit", [None, "u"])
def test_nan_and_infinity_are_refused(number: str, weight: str, message: str, unit: str | None) -> None:
    """DuckDB knows NaN beside NULL, as Arrow does; in pandas NaN is missing."""
    with duckdb.connect() as connection:
        one = f"SELECT 'a' AS x, 1 AS u, {number}::DOUBLE AS y, {weight}::DOUBLE AS w"
        rows = connection.sql(f"{one} UNION ALL SELECT 'b', 2, 3.25, 1.0")
        with pytest.raises(MalformedTable, match=message):
            Table.from_microdata(rows, {"x": None}, value="y", weight="w", unit=unit)


def test_no_data_value_is_in_an_error() -> None:
    rows = companies().assign(turnover=[123456.0, np.inf, *[1.0] * 5])
    with pytest.raises(MalformedTable) as caught:
        Table.from_microdata(rows, {"nace": NACE}, value="turnover")
    assert "123456" not in str(caught.value)
