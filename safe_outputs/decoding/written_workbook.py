"""The workbooks that are written here: values of cells and nothing else, the same bytes for the same values; and read.

The format is the smallest that spreadsheets open (ECMA-376, Office Open XML): numbers as numbers, all else as inline
text, which no spreadsheet runs.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from defusedxml import ElementTree

Value = str | int | float | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NO_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LONGEST_TITLE = 31


@dataclass(frozen=True)
class Sheet:
    title: str
    rows: tuple[tuple[Value, ...], ...]


def write(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with these sheets."""
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": _content_types(numbers),
        "_rels/.rels": _relations([("rId1", f"{_OFFICE}/officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(_titles(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            [(f"rId{n}", f"{_OFFICE}/worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
        ),
        **{f"xl/worksheets/sheet{n}.xml": _sheet(sheet) for n, sheet in zip(numbers, sheets, strict=True)},
    }
    return _zipped(parts)


def read(content: bytes) -> tuple[Sheet, ...]:
    """The sheets of a workbook that `write` made."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        titles = [each.get("name", "") for each in book.iter(f"{{{_MAIN}}}sheet")]
        return tuple(
            Sheet(title, tuple(_read_rows(archive.read(f"xl/worksheets/sheet{n}.xml"))))
            for n, title in enumerate(titles, 1)
        )


def shown(value: Value) -> str:
    """A cell's value as text, every digit of it."""
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


# ---------------------------------------------------------------------------------------------- writing


def _titles(sheets: Sequence[Sheet]) -> list[str]:
    """A title for each sheet that spreadsheets accept, all of them different."""
    titles: list[str] = []
    for number, sheet in enumerate(sheets, 1):
        title = _clean(_NO_TITLE.sub("_", sheet.title)).strip("'")[:_LONGEST_TITLE] or f"Sheet {number}"
        taken = title.lower() in {each.lower() for each in titles}
        titles.append(f"{title[: _LONGEST_TITLE - 5]} {number}" if taken else title)
    return titles


def _content_types(numbers: Sequence[int]) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SHEET}.worksheet+xml"/>' for n in numbers
    )
    return (
        f'{_XML}<Types xmlns="{_TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET}.sheet.main+xml"/>{sheets}</Types>'
    )


def _relations(found: list[tuple[str, str, str]]) -> str:
    inner = "".join(f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>' for name, kind, target in found)
    return f'{_XML}<Relationships xmlns="{_RELATIONS}">{inner}</Relationships>'


def _workbook(titles: list[str]) -> str:
    inner = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{n}" r:id="rId{n}"/>' for n, title in enumerate(titles, 1)
    )
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{inner}</sheets></workbook>'


def _sheet(sheet: Sheet) -> str:
    rows = "".join(
        f'<row r="{number}">{"".join(_cells(number, row))}</row>' for number, row in enumerate(sheet.rows, 1)
    )
    return f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def _cells(number: int, row: Sequence[Value]) -> Iterator[str]:
    for column, value in enumerate(row, 1):
        place = f'<c r="{letters(column)}{number}"'
        if isinstance(value, str):
            yield f'{place} t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'
        elif value is not None:
            yield f"{place}><v>{shown(value)}</v></c>"


def letters(column: int) -> str:
    """The letters of a column, from 1: A, …, Z, AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _text(value: str) -> str:
    """Text for an element: what looks like an escape of the format is escaped, so that it reads as it is."""
    return escape(_ESCAPE.sub("_x005F_", _clean(value))).replace("\r", "_x000D_")


def _clean(value: str) -> str:
    return _NO_XML.sub("\ufffd", value)


def _zipped(parts: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            archive.writestr(info, text.encode())
    return file.getvalue()


# ---------------------------------------------------------------------------------------------- reading


def _read_rows(content: bytes) -> Iterator[tuple[Value, ...]]:
    for row in ElementTree.fromstring(content).iter(f"{{{_MAIN}}}row"):
        cells = {_column(cell.get("r", "")): _read(cell) for cell in row}
        yield tuple(cells.get(column) for column in range(1, max(cells, default=0) + 1))


def _column(place: str) -> int:
    column = 0
    for letter in place.rstrip("0123456789"):
        column = 26 * column + ord(letter) - ord("A") + 1
    return column


def _read(cell: Any) -> Value:
    if cell.get("t") == "inlineStr":
        return _unescaped("".join(each.text or "" for each in cell.iter(f"{{{_MAIN}}}t")))
    number = str(cell.findtext(f"{{{_MAIN}}}v"))
    return int(number) if re.fullmatch(r"-?\d{1,400}", number) else float(number)


def _unescaped(text: str) -> str:
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), text)
