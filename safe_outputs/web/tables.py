"""An answer's table as people read it: two dimensions as a cross table for each measure, others as a long table.

Every withheld cell carries a letter, and the legend gives the letter's reason, so that no reason hangs on colour or
on a mouse. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from safe_outputs.answers import WITHHELD_SIGN, Cell, Column, Status, TableOfCells, shown, shown_code

NO_VALUE = "–"


@dataclass(frozen=True)
class Mark:
    """The number of a finding, and its name on the page."""

    number: int
    anchor: str


class ShownCell(NamedTuple):
    """One cell's text; for a withheld one its status, reason and letter in the legend.

    `anchor` names it on the page, `marks` are the findings about it, `behind` is said under it.
    """

    text: str
    status: Status
    reason: str | None = None
    letter: str | None = None
    anchor: str = ""
    marks: tuple[Mark, ...] = ()
    behind: str = ""

    @property
    def withheld(self) -> bool:
        return self.status != "published"


@dataclass(frozen=True)
class ShownRow:
    """`heads` names the row: one category, or one for each dimension of a long table."""

    heads: tuple[str, ...]
    cells: tuple[ShownCell, ...]


@dataclass(frozen=True)
class ShownTable:
    """`across` names the dimension over the columns of a cross table; a long table has none."""

    caption: str
    head_labels: tuple[str, ...]
    across: str | None
    columns: tuple[str, ...]
    rows: tuple[ShownRow, ...]


@dataclass(frozen=True)
class LegendLine:
    letter: str
    status: Status
    reason: str
    cells: int


@dataclass(frozen=True)
class Shown:
    """All that shows one answer's table."""

    tables: tuple[ShownTable, ...]
    legend: tuple[LegendLine, ...]


Codes = tuple[str, ...]


@dataclass(frozen=True)
class Notes:
    """What is written beside cells, by their codes.

    `anchors`: their names on the page (that of a further measure ends in its number), `marks` the findings about them,
    `behind` what is said under each measure of a cell; what is said of further ones is nothing.
    """

    anchors: Mapping[Codes, str] = field(default_factory=dict)
    marks: Mapping[Codes, tuple[Mark, ...]] = field(default_factory=dict)
    behind: Mapping[Codes, Sequence[str]] = field(default_factory=dict)


NO_NOTES = Notes()


def show(table: TableOfCells, notes: Notes = NO_NOTES) -> Shown:
    """The table, laid out."""
    beside = _Beside(_letters(table), notes)
    cross = len(table.dimensions) == 2 and _is_full(table)
    tables = tuple(_cross_tables(table, beside)) if cross else (_long_table(table, beside),)
    return Shown(tables, tuple(_legend(table, beside.letters)))


def label(column: Column) -> str:
    """A column's label with its unit."""
    return f"{column.label} ({column.unit})" if column.unit else column.label


def title(dimensions: Sequence[Column], measures: Sequence[Column]) -> str:
    """What a table tells, in one line: “Persons and mean of spending per record, by site and plan”."""
    told = " and ".join(each.label if place == 0 else _within(each.label) for place, each in enumerate(measures))
    return f"{told}, by {' and '.join(_within(each.label) for each in dimensions)}" if dimensions else told


def _within(words: str) -> str:
    """A label inside of a sentence; abbreviations keep their capitals."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


Letters = dict[tuple[Status, str], str]


@dataclass(frozen=True)
class _Beside:
    """What is written beside the cells of one table."""

    letters: Letters
    notes: Notes


def _letters(table: TableOfCells) -> Letters:
    reasons = dict.fromkeys(_why(cell) for cell in table.cells if cell.status != "published")
    return {reason: _letter(place) for place, reason in enumerate(reasons)}


def _letter(place: int) -> str:
    """The sign of a reason: a, b, … z, aa, ab, …."""
    head, tail = divmod(place, 26)
    return (_letter(head - 1) if head else "") + chr(ord("a") + tail)


def _why(cell: Cell) -> tuple[Status, str]:
    return cell.status, cell.reason or "withheld"


def _legend(table: TableOfCells, letters: Letters) -> Iterator[LegendLine]:
    for (status, reason), letter in letters.items():
        cells = sum(cell.status == status and _why(cell) == (status, reason) for cell in table.cells)
        yield LegendLine(letter, status, reason, cells)


def _shown_cell(cell: Cell, measure: int, column: Column, beside: _Beside) -> ShownCell:
    if cell.status == "published" and beside.notes is NO_NOTES:
        return ShownCell(_text(cell, measure, column), cell.status)
    anchor = beside.notes.anchors.get(cell.codes, "")
    noted: dict[str, Any] = {
        "anchor": f"{anchor}-{measure + 1}" if anchor and measure else anchor,
        "marks": beside.notes.marks.get(cell.codes, ()),
        "behind": (*beside.notes.behind.get(cell.codes, ()), *[""] * (measure + 1))[measure],
    }
    if cell.status != "published":
        return ShownCell(WITHHELD_SIGN, cell.status, _why(cell)[1], beside.letters[_why(cell)], **noted)
    return ShownCell(_text(cell, measure, column), cell.status, **noted)


def _text(cell: Cell, measure: int, column: Column) -> str:
    value = cell.values[measure]
    return NO_VALUE if value is None else shown(value, column)


def _categories(table: TableOfCells, dimension: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.codes[dimension] for cell in table.cells))


def _is_full(table: TableOfCells) -> bool:
    combinations = {cell.codes for cell in table.cells}
    return len(combinations) == len(table.cells) == len(_categories(table, 0)) * len(_categories(table, 1))


def _cross_tables(table: TableOfCells, beside: _Beside) -> Iterator[ShownTable]:
    down, across = table.dimensions
    cells = {cell.codes: cell for cell in table.cells}
    columns = _categories(table, 1)
    for place, measure in enumerate(table.measures):
        rows = tuple(
            ShownRow(
                (shown_code(row),), tuple(_shown_cell(cells[row, each], place, measure, beside) for each in columns)
            )
            for row in _categories(table, 0)
        )
        yield ShownTable(label(measure), (label(down),), label(across), tuple(map(shown_code, columns)), rows)


def _long_table(table: TableOfCells, beside: _Beside) -> ShownTable:
    rows = tuple(
        ShownRow(
            tuple(map(shown_code, cell.codes)),
            tuple(_shown_cell(cell, place, column, beside) for place, column in enumerate(table.measures)),
        )
        for cell in table.cells
    )
    caption = " and ".join(each.label for each in table.measures)
    heads = tuple(label(each) for each in table.dimensions)
    return ShownTable(caption, heads, None, tuple(label(each) for each in table.measures), rows)
