"""Findings on their cells, and the way back: numbers, names on the page, links that lead somewhere."""

import re

import pytest
from flask import Flask

from safe_outputs.answers import Cell, Finding, TableOfCells, Verdict
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.web.marks import MOST_LINKS, behind, marks, numbered, rules_of
from tests.safe_outputs.factories import a_column, a_cross_table, a_finding, an_answer
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic
from tests.safe_outputs.web.browser import Browser, sentence_of

THRESHOLD = a_finding()
SECONDARY = a_finding(rule="secondary suppression", sentence="1 more cells are withheld to protect 1.")
CLASS = a_finding(rule="class_disclosure", verdict=Verdict.REFER, sentence="1 of 4 cells is to be judged by a person.")
FINDINGS = (CLASS, THRESHOLD, SECONDARY)


def a_cell(code: str, status: str = "published", reason: str | None = None, *rules: str) -> Cell:
    value = 5 if status == "published" else None
    return Cell(codes=(code,), status=status, reason=reason, values=(value,), marks=rules)


TABLE = TableOfCells(
    dimensions=(a_column("site"),),
    measures=(a_column("persons"), a_column("more")),
    cells=tuple(
        each.model_copy(update={"values": each.values * 2})
        for each in (
            a_cell("Dayton", "published", None, "class_disclosure"),
            a_cell("Seattle", "primary", "fewer than 10 persons", "threshold", "class_disclosure"),
            a_cell("Franklin", "secondary", "withheld to protect another", "secondary suppression"),
            a_cell("Fitchburg"),
        )
    ),
)

OLD = [
    (a_cell("x", "secondary", "withheld to protect another"), {"secondary suppression"}),
    (a_cell("x", "primary", "fewer than 10 persons; something else"), {"threshold"}),
    (a_cell("x", "primary", "a reason that no finding has"), set()),
    (a_cell("x", "primary", None), set()),
    (a_cell("x"), set()),
]


@pytest.mark.parametrize(("cell", "rules"), OLD)
def test_answers_without_marks_are_read_by_status_and_reason(cell: Cell, rules: set[str]) -> None:
    assert rules_of(cell, FINDINGS) == rules


def test_each_cell_has_the_numbers_of_its_findings_in_the_order_shown(house: House) -> None:
    answer = an_answer(house.store, table=TABLE)
    found = marks("s-1", answer, FINDINGS)
    assert {codes[0]: [each.number for each in here] for codes, here in found.items()} == {
        "Dayton": [1],
        "Seattle": [1, 2],
        "Franklin": [3],
    }
    assert found[("Franklin",)][0].anchor == numbered("s-1", answer, FINDINGS)[2].anchor


def test_a_finding_names_its_cells_and_how_many_more(house: House) -> None:
    cells = tuple(a_cell(f"c{n}", "primary", "few", "threshold") for n in range(MOST_LINKS + 5))
    table = TableOfCells(dimensions=(a_column("site"),), measures=(a_column("persons"),), cells=cells)
    (found,) = numbered("s-1", an_answer(house.store, table=table), (THRESHOLD,))
    assert [each.text for each in found.cells] == [f"c{n}" for n in range(MOST_LINKS)]
    assert found.more == 5


def test_a_finding_about_no_cell_marks_none(house: House) -> None:
    other = Finding(**(a_finding().model_dump() | {"rule": "differencing", "sentence": "Look."}))
    (found,) = numbered("s-1", an_answer(house.store, table=TABLE), (other,))
    assert (found.cells, found.more) == ((), 0)


def test_on_the_page_every_mark_leads_to_its_finding_and_back(app: Flask, house: House) -> None:
    statistics = [an_answered_statistic(house, table=TABLE, findings=FINDINGS) for _ in range(2)]
    request = a_submitted_request(house, statistics)
    answer = Browser(app).sign_in("cleo").get(f"/requests/{request}")
    names = [name for name in re.findall(r'\bid="([^"]+)"', answer.text) if name != "csrf_token"]
    assert len(names) == len(set(names))
    links = set(re.findall(r'href="#([^"]+)"', answer.text))
    assert links <= set(names)
    for statistic in statistics:
        cell, finding = f"{statistic}-cell-2", f"{statistic}-finding-2"
        assert {cell, finding} <= links
        marked = re.search(rf'<td id="{cell}".*?</td>', answer.text, re.DOTALL)
        assert marked is not None and f'href="#{finding}"' in marked.group()
        assert f'<td id="{cell}-2"' in answer.text, "the cell of the second measure has a name of its own"
    text = sentence_of(answer)
    assert "Seattle ▒ withheld, reason a finding 1 finding 2" in text
    assert "Cells Dayton, Seattle, marked 1" in text.replace(" ,", ",")


def test_other_pages_show_tables_without_marks(app: Flask, house: House) -> None:
    a_submitted_request(house, [an_answered_statistic(house, table=a_cross_table())])
    assert "sr-mark" not in Browser(app).sign_in("cleo").get("/queue/together").text


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (CountedCell(codes=("x",), units=1234), ("n = 1,234", "n = 1,234")),
        (CountedCell(codes=("x",), units=0), ("n = 0", "n = 0")),
        (
            CountedCell(codes=("x",), units=12, shares=(0.314, 0.5, 0.6)),
            ("n = 12", "n = 12\nlargest 31 %\ntwo largest 50 %"),
        ),
        (CountedCell(codes=("x",), units=1, shares=(1.0, 1.0, 1.0)), ("n = 1", "n = 1\nlargest 100 %")),
    ],
)
def test_what_is_behind_a_cell_in_words(cell: CountedCell, said: tuple[str, str]) -> None:
    assert behind([cell]) == {("x",): said}
