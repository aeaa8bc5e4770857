"""How an answer's table is laid out. `text` shows a table as people would see it."""

from safe_outputs.answers import Cell, TableOfCells
from safe_outputs.web.tables import ShownTable, show, title
from tests.safe_outputs.factories import a_column, a_cross_table, a_noisy_table


def text(table: ShownTable) -> str:
    head = " ".join([*table.head_labels, *table.columns])
    rows = [" ".join([*row.heads, *(cell.text + (cell.letter or "") for cell in row.cells)]) for row in table.rows]
    return "\n".join([f"{table.caption} | {table.across}", head, *rows])


def test_two_dimensions_make_a_cross_table_for_each_measure() -> None:
    shown = show(a_cross_table(("Dayton", "Seattle"), ("free", "95 %"), withheld=[("Seattle", "95 %")]))
    assert [text(each) for each in shown.tables] == [
        "Persons | Plan\nSite free 95 %\nDayton 100 107\nSeattle 114 ▒a",
        "Mean of spending per record (US dollars) | Plan\nSite free 95 %\nDayton 180.25 193.75\nSeattle 207.25 ▒a",
    ]
    assert [(line.letter, line.reason, line.cells) for line in shown.legend] == [("a", "fewer than 10 persons", 1)]


def test_one_dimension_makes_a_long_table() -> None:
    shown = show(a_noisy_table(("Dayton", "Seattle")))
    assert [text(each) for each in shown.tables] == [
        "Persons (with noise) | None\nSite Persons (with noise)\nDayton 900\nSeattle 931"
    ]
    assert shown.legend == ()


def test_three_dimensions_make_a_long_table_with_one_column_each() -> None:
    cells = tuple(Cell(codes=("a", "b", str(n)), status="published", values=(n,)) for n in range(2))
    table = TableOfCells(dimensions=tuple(map(a_column, "xyz")), measures=(a_column("persons"),), cells=cells)
    assert text(show(table).tables[0]) == "Persons | None\nX Y Z Persons\na b 0 0\na b 1 1"


def test_a_table_with_gaps_is_not_forced_into_a_cross() -> None:
    full = a_cross_table(("Dayton", "Seattle"), ("free", "95 %"))
    gaps = full.model_copy(update={"cells": full.cells[:3]})
    assert show(gaps).tables[0].across is None


def test_each_reason_has_its_letter_and_every_withheld_cell_its_reason() -> None:
    cells = tuple(
        Cell(codes=(str(n),), status="primary" if n % 2 else "secondary", reason=f"reason {n % 3}", values=(None,))
        for n in range(6)
    )
    shown = show(TableOfCells(dimensions=(a_column("x"),), measures=(a_column("y"),), cells=cells))
    assert [line.letter for line in shown.legend] == list("abcdef")
    assert all(cell.withheld and cell.reason and cell.letter for row in shown.tables[0].rows for cell in row.cells)
    assert sum(line.cells for line in shown.legend) == len(cells)


def test_the_letters_do_not_end_at_z() -> None:
    cells = tuple(Cell(codes=(str(n),), status="primary", reason=str(n), values=(None,)) for n in range(60))
    shown = show(TableOfCells(dimensions=(a_column("x"),), measures=(a_column("y"),), cells=cells))
    letters = [line.letter for line in shown.legend]
    assert letters[25:28] == ["z", "aa", "ab"]
    assert len(set(letters)) == 60


def test_a_published_cell_without_a_value_is_not_shown_as_withheld() -> None:
    cells = (Cell(codes=("a",), status="published", values=(None,)),)
    shown = show(TableOfCells(dimensions=(a_column("x"),), measures=(a_column("y"),), cells=cells))
    assert shown.tables[0].rows[0].cells[0].text == "–"


def test_the_title_says_what_by_what() -> None:
    table = a_cross_table()
    assert title(table.dimensions, table.measures) == "Persons and mean of spending per record, by site and plan"
