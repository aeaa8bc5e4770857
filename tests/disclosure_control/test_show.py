"""Pictures of tables: well-formed, escaped, without script, and nothing said by colour alone."""

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from disclosure_control import Hierarchy, RuleProfile, Table, round_table, suppress
from disclosure_control.show import SHOWN, protected_html, table_html

NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B & C"), ("A", "A1"), ("A", '<script>alert("1")</script>')])
ROWS = pd.DataFrame(
    {"nace": ["A1", '<script>alert("1")</script>', "B & C"] * 2, "region": list("nnnsss"), "y": [1200.5, 2, 3, 4, 5, 6]}
)


def shown(html: str) -> ElementTree.Element:
    """The table of a picture, parsed: it fails where the picture is not well-formed."""
    text = html[html.index("<table>") : html.index("</table>") + len("</table>")]
    return ElementTree.fromstring(text)  # noqa: S314 - our own picture


def protected(table: Table, reason: object) -> Any:
    """A stand-in for a protected table: the second cell withheld by a rule, the third to protect it."""
    cells = table.cells.copy()
    cells["status"] = ["published", "primary", "secondary", *["published"] * (len(cells) - 3)]
    cells["value"] = cells["value"].where(cells["status"] == "published")
    cells["reason"] = pd.Series([None, reason, None, *[None] * (len(cells) - 3)], dtype=object)
    return SimpleNamespace(table=table, cells=cells)


def test_the_last_dimension_goes_across_and_subtotals_are_set_in() -> None:
    table = shown(table_html(Table.from_microdata(ROWS, {"nace": NACE, "region": None}, value="y")))
    assert [each.text for each in table.findall("thead/tr/th")] == ["nace", "_T", "n", "s"]
    assert [each.text for each in table.findall("tbody/tr/th")] == list(NACE.codes)
    assert [each.text for each in table.findall("tbody/tr")[0].findall("td")] == ["1,220.5", "1,205.5", "15.0"]
    assert [each.get("style") for each in table.findall("tbody/tr/th")][:3] == [
        f"padding-left: {depth}em" for depth in ("0.6", "1.6", "2.6")
    ]


def test_one_dimension_goes_down_and_three_have_two_columns_of_codes() -> None:
    one = shown(table_html(Table.from_microdata(ROWS, {"region": None}, value="y")))
    assert [each.text for each in one.findall("thead/tr/th")] == ["region", "value"]
    three = Table.from_microdata(
        ROWS.assign(sex=list("fmfmfm")), {"sex": None, "nace": NACE, "region": None}, value="y"
    )
    assert [len(row.findall("th")) for row in shown(table_html(three)).findall("tbody/tr")] == [2] * 15


def test_withheld_cells_are_marked_by_a_letter_and_say_why_on_hover_on_focus_and_below() -> None:
    table = Table.from_microdata(ROWS, {"nace": NACE, "region": None}, value="y")
    html = protected_html(protected(table, "fewer than 10 units"))
    marks = shown(html).findall("tbody/tr/td/abbr")
    assert [(each.text, each.get("title"), each.get("tabindex")) for each in marks] == [
        ("c", "Fewer than 10 units", "0"),
        ("s", "Withheld so that others cannot be derived from it", "0"),
    ]
    assert marks[0].get("aria-label") == "Withheld: Fewer than 10 units"
    assert lines(html) == [
        "c: fewer than 10 units (1 cell)",
        "s: withheld so that others cannot be derived from it (1 cell)",
    ]
    assert "2 withheld" in html
    assert "1,205.5" not in html


def test_several_reasons_are_numbered_and_explained() -> None:
    rows = pd.DataFrame([(code, size) for code, sizes in SIZES.items() for size in sizes], columns=["x", "y"])
    table = Table.from_microdata(rows, {"x": None}, value="y")
    html = suppress(table, RuleProfile(threshold=3, dominance=[(1, 80)])).to_html()
    marks = ["".join(each.itertext()) for each in shown(html).findall("tbody/tr/td/abbr")]
    assert marks == ["c1", "c2", "s"]
    assert lines(html) == [
        "c1: fewer than 3 units (1 cell)",
        "c2: one unit contributes most of it (1 cell)",
        "s: withheld so that others cannot be derived (1 cell)",
    ]


SIZES = {"a": [5, 5], "b": [90, 1, 1, 1], "c": [9] * 9, "d": [20] * 9}


def lines(html: str) -> list[str]:
    """The lines of text below the table."""
    text = html[html.index("<ul>") : html.index("</ul>") + len("</ul>")]
    return ["".join(each.itertext()) for each in ElementTree.fromstring(text)]  # noqa: S314 - our own picture


def test_numbers_have_as_few_decimals_as_show_all_that_are_published() -> None:
    def cells(values: list[float]) -> list[str | None]:
        table = Table.from_microdata(pd.DataFrame({"x": ["a", "b"], "y": values}), {"x": None}, value="y")
        return [each.text for each in shown(table.to_html()).findall("tbody/tr/td")]

    assert cells([1200, 34]) == ["1,234", "1,200", "34"]
    assert cells([1200.5, 34]) == ["1,234.5", "1,200.5", "34.0"]
    assert cells([1200.125, -34]) == ["1,166.12", "1,200.12", "−34.00"]


def test_a_code_of_the_row_above_is_repeated_for_those_who_listen_and_set_back_for_those_who_look() -> None:
    three = Table.from_microdata(
        ROWS.assign(sex=list("fmfmfm")), {"sex": None, "nace": NACE, "region": None}, value="y"
    )
    heads = [row.findall("th") for row in shown(three.to_html()).findall("tbody/tr")]
    assert [each[0].text for each in heads] == ["_T"] * 5 + ["f"] * 5 + ["m"] * 5
    assert [each[0].get("class") for each in heads] == [None, *["again"] * 4] * 3
    assert all(each[1].get("class") is None for each in heads)


def test_a_rounded_table_says_how_it_was_rounded() -> None:
    html = round_table(Table.from_microdata(ROWS, {"region": None}), 5, "controlled")._repr_html_()
    assert "Number of units by region: 3 cells, controlled rounding to multiples of 5; totals are sums of" in html
    assert [each.text for each in shown(html).findall("tbody/tr/td")] in (["5", "5", "0"], ["5", "0", "5"])


def test_texts_cannot_carry_markup() -> None:
    table = Table.from_microdata(ROWS, {"nace": NACE, "region": None}, value="y")
    html = protected_html(protected(table, '"><img src=x onerror=alert(1)>'))
    assert "<script" not in html
    assert "<img" not in html
    assert "B &amp; C" in html


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = table_html(Table.from_microdata(ROWS, {"nace": NACE}, value="y"))
    assert not any(word in html for word in ("http", "src=", "url(", "@import", "<link"))


def test_a_large_table_is_described() -> None:
    codes = [f"c{number}" for number in range(SHOWN)]
    table = Table.from_cells(pd.DataFrame({"x": codes, "n": 1}), {"x": None}, count="n", distinct_units=True)
    html = table_html(table)
    assert "not drawn" in html
    assert len(html) < 500


@pytest.mark.parametrize("value", [None, "y"])
def test_a_notebook_shows_a_table(value: str | None) -> None:
    html = Table.from_microdata(ROWS, {"region": None}, value=value)._repr_html_()
    assert ("Number of units by region" if value is None else "y by region") in html
