"""What a page shows of a file: frozen text, in which nothing can run, hide or claim to be what it is not.

A view is a window of so many rows or lines, and says which of how many. Through its windows all of a file can be read:
long lines are shown in pieces, wide tables in fewer rows at a time, and of a cell that is cut the lines show the rest.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from datasets.ingress.text import lines_of
from safe_outputs.decoding.written_workbook import read as read_workbook
from safe_outputs.decoding.written_workbook import shown
from safe_outputs.files import structured, tables
from safe_outputs.files.characters import MARK, hidden_in, marked
from safe_outputs.files.kinds import FileKind

PREVIEW, WINDOW = 30, 500
"""Rows or lines on the page of a request, and on the page of a file."""

MOST_CELLS = 20_000
"""Cells on one page: of a wide table fewer rows are shown at a time."""

PIECE = 2_000
"""Characters of a line that are shown as one; a longer line is shown in pieces."""

CELL = 1_000
"""Characters that are shown of a cell."""


@dataclass(frozen=True)
class Line:
    """A line of text, or a further piece of it; hidden characters are written out."""

    number: int
    text: str
    further: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell's text, hidden characters written out.

    `formula`: a spreadsheet would run it; `more`: how many of its characters are cut off.
    """

    text: str
    formula: bool = False
    more: int = 0


@dataclass(frozen=True)
class Row:
    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """A table, or a sheet of a workbook. `header` is its first row; `rows` are those in the window, without it."""

    title: str
    header: Row
    rows: tuple[Row, ...]
    columns: int


@dataclass(frozen=True)
class Block:
    """A cell of a notebook: its number, `code`, `markdown`, `raw` or `output`, and its lines that are in the window."""

    number: int
    kind: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Picture:
    width: int
    height: int


@dataclass(frozen=True)
class Inert:
    """A file as a page shows it: lines, grids, blocks or a picture.

    `first` to `last` of `total` things called `unit` are shown, `step` at a time. `hidden` characters of them are
    written out, and `cut` cells are shown in part.
    """

    unit: str
    first: int = 1
    last: int = 0
    total: int = 0
    hidden: int = 0
    cut: int = 0
    step: int = 1
    lines: tuple[Line, ...] = ()
    grids: tuple[Grid, ...] = ()
    blocks: tuple[Block, ...] = ()
    picture: Picture | None = field(default=None)

    @property
    def whole(self) -> bool:
        return self.first == 1 and self.last == self.total and not self.cut

    @property
    def span(self) -> str:
        """How much of it is shown, as a sentence."""
        if self.picture is not None:
            return "The whole picture, as it would leave."
        if self.first == 1 and self.last == self.total:
            return f"All of it: {self.total:,} {self.unit}{'' if self.total == 1 else 's'}."
        if self.first == 1:
            return f"The first {self.last:,} of {self.total:,} {self.unit}s."
        return f"{self.unit.capitalize()}s {self.first:,} to {self.last:,} of {self.total:,}."


def inert(kind: FileKind, content: bytes, *, first: int = 1, most: int = WINDOW, as_lines: bool = False) -> Inert:
    """The view of a taken file's content, from its row or line `first` (from 1) on, at most `most` of them.

    `as_lines` shows a table as the text that it is. The content is that of a `TakenFile`, and never what was sent.
    """
    shows = _VIEWS[FileKind.TEXT if as_lines and kind is FileKind.TABLE else kind]
    return shows(content, first, max(most, 1))


def _window(total: int, first: int, most: int) -> tuple[int, int]:
    """The first and last thing that are shown, from 1; the last window for a first that is too far."""
    start = min(max(first, 1), max(total, 1))
    return start, min(start + most - 1, total)


# ---------------------------------------------------------------------------------------------- lines


def _lines(content: bytes, first: int, most: int) -> Inert:
    return of_text(text_in(content), first, most)


def text_in(content: bytes) -> str:
    """The text of a taken file, without a byte order mark."""
    return content.decode("utf-8").removeprefix("\ufeff")


def of_text(text: str, first: int = 1, most: int = WINDOW) -> Inert:
    """Any text, line by line."""
    found = [
        piece for number, line in enumerate(_without_last_end(lines_of(text)), 1) for piece in _pieces(number, line)
    ]
    start, end = _window(len(found), first, most)
    chosen = found[start - 1 : end]
    return Inert(
        unit="line",
        first=start,
        last=end,
        total=len(found),
        hidden=sum(hidden_in(text) for _, text, _ in chosen),
        step=most,
        lines=tuple(Line(number, marked(text), further) for number, text, further in chosen),
    )


def _without_last_end(lines: list[str]) -> list[str]:
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _pieces(number: int, line: str) -> list[tuple[int, str, bool]]:
    return [(number, line[start : start + PIECE], start > 0) for start in range(0, max(len(line), 1), PIECE)]


# ---------------------------------------------------------------------------------------------- tables


def _table(content: bytes, first: int, most: int) -> Inert:
    text = text_in(content)
    rows = tables.best(text)
    return _grids([("", rows.rows)], first, most) if rows is not None else of_text(text, first, most)


def _workbook(content: bytes, first: int, most: int) -> Inert:
    sheets = [(sheet.title, [tuple(map(shown, row)) for row in sheet.rows]) for sheet in read_workbook(content)]
    return _grids([(title, rows) for title, rows in sheets if rows], first, most)


def _grids(found: Sequence[tuple[str, Sequence[tables.Row]]], first: int, most: int) -> Inert:
    """The rows of all tables, counted through; each table that has rows in the window begins with its first row."""
    widest = max((len(row) for _, rows in found for row in rows), default=1)
    total = sum(len(rows) for _, rows in found)
    step = max(1, min(most, MOST_CELLS // max(widest, 1)))
    start, end = _window(total, first, step)
    grids, before = [], 0
    for title, rows in found:
        inside = range(max(start - before, 1), min(end - before, len(rows)) + 1)
        if inside:
            grids.append(_grid(title, rows, inside))
        before += len(rows)
    cells = [cell for grid in grids for row in (grid.header, *grid.rows) for cell in row.cells]
    return Inert(
        unit="row",
        first=start,
        last=end,
        total=total,
        hidden=sum(cell.text.count(MARK) for cell in cells),
        cut=sum(cell.more > 0 for cell in cells),
        step=step,
        grids=tuple(grids),
    )


def _grid(title: str, rows: Sequence[tables.Row], inside: range) -> Grid:
    shown_rows = tuple(_row(number, rows[number - 1]) for number in inside if number > 1)
    return Grid(marked(title), _row(1, rows[0]), shown_rows, max(map(len, rows)))


def _row(number: int, row: tables.Row) -> Row:
    return Row(number, tuple(map(_cell, row)))


def _cell(cell: str) -> Cell:
    return Cell(marked(cell[:CELL]), tables.is_formula(cell), max(0, len(cell) - CELL))


# ---------------------------------------------------------------------------------------------- notebooks, pictures


def _notebook(content: bytes, first: int, most: int) -> Inert:
    parts = structured.parts(json.loads(content))
    numbered = [
        (at, piece) for at, part in enumerate(parts) for piece in of_text(part.text, 1, len(part.text) + 1).lines
    ]
    start, end = _window(len(numbered), first, most)
    chosen = numbered[start - 1 : end]
    blocks = tuple(
        Block(parts[at].cell, parts[at].kind, tuple(line for place, line in chosen if place == at))
        for at in sorted({at for at, _ in chosen})
    )
    hidden = sum(line.text.count(MARK) for _, line in chosen)
    return Inert("line", start, end, len(numbered), hidden=hidden, step=most, blocks=blocks)


def _picture(content: bytes, _first: int, _most: int) -> Inert:
    width, height = struct.unpack(">II", content[16:24])
    return Inert(unit="picture", last=1, total=1, picture=Picture(width, height))


_VIEWS: dict[FileKind, Callable[[bytes, int, int], Inert]] = {
    FileKind.TABLE: _table,
    FileKind.SPREADSHEET: _workbook,
    FileKind.TEXT: _lines,
    FileKind.CODE: _lines,
    FileKind.JSON: _lines,
    FileKind.NOTEBOOK: _notebook,
    FileKind.MARKUP: _lines,
    FileKind.PICTURE: _picture,
    FileKind.DRAWING: _picture,
}
