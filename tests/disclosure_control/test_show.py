"""Pictures of tables: well-formed, escaped, without script, and nothing said by colour alone."""

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from disclosure_control import Hierarchy, Table
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
    assert [each.text for each in table.findall("tbody/tr")[0].findall("td")] == ["1,220.50", "1,205.50", "15"]
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


def test_withheld_cells_are_marked_by_a_letter_and_say_why_on_hover_and_focus() -> None:
    table = Table.from_microdata(ROWS, {"nace": NACE, "region": None}, value="y")
    html = protected_html(protected(table, "fewer than 10 units"))
    marks = shown(html).findall("tbody/tr/td/abbr")
    assert [(each.text, each.get("title"), each.get("tabindex")) for each in marks] == [
        ("c", "Fewer than 10 units", "0"),
        ("s", "Withheld so that others cannot be derived from it", "0"),
    ]
    assert "c: withheld: it breaks a rule (1); s: withheld so that" in html
    assert "2 withheld" in html
    assert "1,205.50" not in html


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
