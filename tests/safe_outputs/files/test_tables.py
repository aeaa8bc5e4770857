"""Cells that a spreadsheet would run, and tables that look like data about people."""

import pytest

from safe_outputs.files import tables


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", "=HYPERLINK(\"http://a.example\")", "=cmd|'/C calc'!A0", "+1+cmd|'/C calc'!A0", "-2+3+cmd|'/C calc'!A0",
        "@SUM(1+1)", "\t=1", "\r=1", " =1+1", "\u200b=1+1", "\u202e=1", "＝1+1", "＠SUM(1)", "-A1", "+A1", "=", "-1-2",
        "--1", "\xa0=1", "+49 30 abc",
    ],
)  # fmt: skip
def test_a_formula_is_known(cell: str) -> None:
    assert tables.is_formula(cell)


@pytest.mark.parametrize(
    "cell",
    ["-1", "+1", "-1,234.5", "-1 234,5", "-1.5e-10", "- 3 %", "-", "--", "- ", "a=1", "1-2", "", " ", "'=1", "−5"],
)
def test_a_number_is_no_formula(cell: str) -> None:
    assert not tables.is_formula(cell)


def rules(rows: list[list[str]]) -> set[str]:
    return {each.rule for each in tables.findings_in(rows)}


def test_a_table_of_results_has_no_findings() -> None:
    assert rules([["site", "mean"], ["Dayton", "212.40"], ["Seattle", "198.77"]]) == set()


def test_a_long_table_looks_like_data_about_people() -> None:
    row = ["Dayton", "20"]
    assert "as long as data about people" not in rules([["site", "n"], *[row] * 500])
    assert "as long as data about people" in rules([["site", "n"], *[row] * 501])


def test_a_column_of_numbers_that_all_differ_looks_like_an_identifier() -> None:
    assert "looks like an identifier" in rules([["zper", "n"], *([f"{125_000 + n}", "20"] for n in range(30))])
    assert "looks like an identifier" not in rules([["zper", "n"], *([f"{125_000 + n}", "20"] for n in range(29))])
    assert "looks like an identifier" not in rules([["mean", "n"], *([f"{n / 7:.3f}", "20"] for n in range(40))])


def test_an_address_or_number_of_a_person_looks_like_an_identifier() -> None:
    assert "looks like an identifier" in rules([["who", "n"], ["rosa@a.example", "20"]])


def test_small_whole_numbers_are_named_by_their_rows() -> None:
    found = tables.findings_in(
        [["site", "n"], ["Dayton", "9"], ["Seattle", "10"], ["Charleston", "0"], ["Dallas", "1.5"]]
    )
    assert [(each.rule, each.value) for each in found] == [("small whole numbers", "row 2")]


def test_a_delimiter_is_found_by_the_rows_that_it_makes() -> None:
    for text, delimiter in [("a,b\n1,2\n", ","), ("a\tb\n1\t2\n", "\t"), ("a;b\n1,5;2,5\n", ";")]:
        rows = tables.best(text)
        assert rows is not None
        assert (rows.delimiter, rows.columns) == (delimiter, 2)


def test_quotation_marks_that_do_not_close_make_no_rows() -> None:
    assert tables.best('a,b\n1,"2\n') is None
