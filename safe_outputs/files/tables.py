"""Rows of fields in a text, and what in them runs in a spreadsheet, counts few people or looks like data about them."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datasets.ingress.formats import CELL_LOOKED_AT, IDENTIFIERS
from safe_outputs.answers import Finding
from safe_outputs.files.characters import is_hidden
from safe_outputs.files.finding import finding, times
from safe_outputs.files.limits import LIMITS, limit
from safe_outputs.files.text import places

Row = Sequence[str]

DELIMITERS: dict[str, str] = {",": "comma", "\t": "tab", ";": "semicolon"}
_NUMBER = re.compile(r"[+-]?[\s\d.,'\u00a0\u202f]*\d[\s\d.,'\u00a0\u202f]*(?:[eE][+-]?\d{1,4})?\s*[%‰]?\s*")
_NO_FORMULA = re.compile(r"[+-]{1,3}[.\s]*")
_WHOLE = re.compile(r"\d{1,3}")
_IDENTIFIER = re.compile(r"[A-Za-z]{0,6}[-_]?\d{1,20}[A-Za-z]{0,3}|[0-9a-fA-F-]{8,64}")


@dataclass(frozen=True)
class Rows:
    """A text as rows of fields."""

    delimiter: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> int:
        return max((len(row) for row in self.rows), default=0)

    @property
    def even(self) -> bool:
        return len({len(row) for row in self.rows if row}) <= 1


def read(text: str, delimiter: str) -> Rows | None:
    """The rows, or None where the quotation marks do not close or a field has no end."""
    try:
        return Rows(
            delimiter, tuple(map(tuple, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)))
        )
    except csv.Error:
        return None


def best(text: str, preferred: str | None = None) -> Rows | None:
    """The rows by the delimiter that makes most of it a table; None where it cannot be told which rows there are.

    The delimiter that is most in the first line has to read. Even rows count first, then columns.
    """
    first = text.lstrip("\r\n").partition("\n")[0]
    likely = sorted(DELIMITERS, key=lambda each: -first.count(each))
    found = [read(text, each) for each in likely if each in first or each == likely[0]]
    if found[0] is None:
        return None
    return max(
        (rows for rows in found if rows is not None),
        key=lambda rows: (rows.columns > 1, rows.even, rows.delimiter == preferred, rows.columns),
    )


def is_table(rows: Rows | None) -> bool:
    """Whether the text can be nothing but rows: two or more, all of the same two or more fields."""
    return rows is not None and rows.even and rows.columns > 1 and len(rows.rows) > 1


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run the cell. A negative number and a lone dash are none.

    As OWASP describes “CSV injection”: = + - @, a tab or a carriage return lead, in the wide forms too; blanks and
    hidden characters before them count for nothing.
    """
    if cell.startswith(("\t", "\r")):
        return True
    bare = cell.lstrip()
    while bare and (is_hidden(bare[0]) or bare[0].isspace()):
        bare = bare[1:]
    if not bare or bare[0] not in "=+-@＝＋－＠":
        return False
    return not (_NUMBER.fullmatch(bare) or _NO_FORMULA.fullmatch(bare))


def findings_in(rows: Sequence[Row], of: str = "") -> list[Finding]:
    """What a checker should look at in a table; `of` names the sheet. The first row is taken for the header."""
    found = (
        _formulas(rows, of),
        _many_rows(rows, of),
        *_columns(rows, of),
        _small_numbers(rows, of),
        _uneven(rows, of),
    )
    return [each for each in found if each is not None]


def _formulas(rows: Sequence[Row], of: str) -> Finding | None:
    where = [
        (number, column) for number, row in enumerate(rows, 1) for column, cell in enumerate(row, 1) if is_formula(cell)
    ]
    if not where:
        return None
    lines = sorted({number for number, _ in where})
    return finding(
        "formulas",
        f"{times(len(where), 'cell')} {of}that a spreadsheet would run as a formula.",
        value=places("row", lines),
        fix="Write the value instead; or begin the cell with a letter.",
        source="OWASP, CSV injection",
    )


def _many_rows(rows: Sequence[Row], of: str) -> Finding | None:
    number = len(rows) - 1
    if number <= limit("rows"):
        return None
    return finding(
        "as long as data about people",
        f"The table {of}has {number:,} rows. Tables of results are shorter; look whether each row is a person.",
        value=times(number, "row"),
        limit=LIMITS["rows"].words,
        fix="Ask for the statistic that you need from these rows.",
    )


def _columns(rows: Sequence[Row], of: str) -> Iterator[Finding]:
    """Columns that hold what identifies people."""
    body = rows[1:]
    for column in range(max((len(row) for row in rows), default=0)):
        cells = [row[column][:CELL_LOOKED_AT] for row in body if column < len(row)]
        for what, pattern in IDENTIFIERS.items():
            if number := sum(pattern.search(cell) is not None for cell in cells):
                yield _identifying(column, f"{times(number, 'cell')} {of}look like: {what}.")
        if looks_like_identifiers(cells):
            yield _identifying(
                column, f"A column {of}has a different number or code in each of its {len(cells):,} rows."
            )


def looks_like_identifiers(cells: Sequence[str]) -> bool:
    """Whether all cells of a column differ and look like numbers or codes that are given to people."""
    if len(cells) < limit("distinct") or len(set(cells)) < len(cells):
        return False
    return all(_IDENTIFIER.fullmatch(cell.strip()) for cell in cells)


def _identifying(column: int, sentence: str) -> Finding:
    return finding(
        "looks like an identifier",
        sentence,
        value=f"column {column + 1:,}",
        limit=LIMITS["distinct"].words,
        fix="Leave the column out.",
    )


def _small_numbers(rows: Sequence[Row], of: str) -> Finding | None:
    small = limit("small")
    lines = [n for n, row in enumerate(rows[1:], 2) if any(_is_small(cell, small) for cell in row)]
    if not lines:
        return None
    return finding(
        "small whole numbers",
        f"{times(len(lines), 'row')} {of}with a whole number from 1 to {small - 1}; as a count of people, too small.",
        value=places("row", lines),
        limit=str(small),
        fix="Withhold or merge small counts, and what gives them away by subtraction.",
        source="ONS SRS handbook: threshold of 10",
    )


def _is_small(cell: str, small: int) -> bool:
    bare = cell.strip()
    return _WHOLE.fullmatch(bare) is not None and bare.isascii() and 0 < int(bare) < small


def _uneven(rows: Sequence[Row], of: str) -> Finding | None:
    widths = [len(row) for row in rows if row]
    if len(set(widths)) <= 1:
        return None
    usual = max(set(widths), key=widths.count)
    lines = [number for number, row in enumerate(rows, 1) if row and len(row) != usual]
    return finding(
        "uneven rows",
        f"{times(len(lines), 'row')} {of}with another number of fields than most, so columns may be shifted.",
        value=places("row", lines),
        limit=times(usual, "field"),
        fix="Give every row the same number of fields; put titles and notes into a text of their own.",
    )
