"""A workbook (XLSX), read for its values and written anew with nothing but them.

What a workbook shows is a small part of what it holds: formulas, hidden sheets, comments, earlier values, the rows
behind a pivot table, the name of whoever saved it. What is written here holds the values of visible cells, in full.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from safe_outputs.decoding.refusal import NotDecodable
from safe_outputs.decoding.written_workbook import Sheet, write

UNPACK = "Unpack it and add the files one by one; tables as CSV."
AS_VALUES = "Copy the values into a new workbook, or save the sheet as CSV, and add that."

OTHER_ZIPS: tuple[tuple[str, str], ...] = (
    ("word/", "a text document (Word). Add the text as .txt or .md, tables as CSV and figures as PNG."),
    ("ppt/", "a presentation. Add its text, tables and figures as files of their own."),
    ("xl/workbook.bin", "a workbook of a kind that is not read here (XLSB). Save it as XLSX or CSV."),
    ("mimetype", "an OpenDocument file or an e-book. Save tables as XLSX or CSV, text as .txt."),
    ("META-INF/", f"a program or a signed archive. {UNPACK}"),
    ("data.pkl", "a stored model. It can run code when it is loaded. Add its coefficients as a table."),
)

REFUSED_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"vbaProject|macrosheets|vbaData", re.IGNORECASE), "macros"),
    (re.compile(r"externalLinks/", re.IGNORECASE), "links to other workbooks or programs"),
    (re.compile(r"embeddings/|oleObject", re.IGNORECASE), "other files inside"),
    (re.compile(r"activeX/|ctrlProps/|webextensions|customUI", re.IGNORECASE), "controls that run code"),
    (re.compile(r"connections\.xml|queryTables/", re.IGNORECASE), "connections to data elsewhere"),
    (re.compile(r"pivotCache/|/model/|customData/", re.IGNORECASE), "the rows behind a pivot table"),
)
"""Parts for which a workbook is refused: what they are."""

LEFT_OUT_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"comments?\d*\.xml$|threadedComments/|persons/"), "comments"),
    (re.compile(r"media/"), "pictures"),
    (re.compile(r"charts/"), "charts"),
    (re.compile(r"docProps/"), "properties (author, company, times)"),
    (re.compile(r"customXml/"), "data of programs"),
    (re.compile(r"printerSettings"), "settings of a printer"),
)

_UNSAFE_XML = re.compile(rb"<!DOCTYPE|<!ENTITY", re.IGNORECASE)
_MACROS = re.compile(rb"macroEnabled|vbaProject", re.IGNORECASE)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_LINK = re.compile(rb"<(?:\w+:)?hyperlink\s")
_BROKEN = (
    zipfile.BadZipFile, InvalidFileException, DefusedXmlException, ParseError, KeyError, ValueError, TypeError,
    AttributeError, IndexError, EOFError, OSError, OverflowError, NotImplementedError, RuntimeError, AssertionError,
)  # fmt: skip
"""What zipfile and openpyxl raise for damaged workbooks."""


@dataclass(frozen=True)
class Bounds:
    """The most parts, unpacked bytes, times the size when unpacked, sheets and cells."""

    parts: int
    unpacked: int
    ratio: int
    sheets: int
    cells: int


def decode(content: bytes, **bounds: int) -> tuple[bytes, dict[str, Any]]:
    """The workbook written anew, and facts about it: `left_out` (what, and how many of it).

    Raises:
        NotDecodable: it is another archive, damaged, too large when unpacked, or holds what is refused.
    """
    most = Bounds(**bounds)
    try:
        parts = _parts(content, most)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, zlib.error):
        raise NotDecodable(f"The file is a damaged or locked archive (ZIP). {UNPACK}") from None
    _require_plain_parts(parts)
    left_out = dict(_left_out(parts))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is not kept anyway
            sheets = list(_sheets(content, most, left_out))
    except _BROKEN:
        raise NotDecodable(f"The workbook (XLSX) is damaged and cannot be read. {AS_VALUES}") from None
    if not any(row for sheet in sheets for row in sheet.rows):
        raise NotDecodable(f"The workbook (XLSX) shows nothing: no visible cell has a value. {AS_VALUES}")
    return write(sheets), {"left_out": {what: number for what, number in left_out.items() if number}}


# ---------------------------------------------------------------------------------------------- the archive


def _parts(content: bytes, most: Bounds) -> dict[str, bytes]:
    """The parts by their names, once they are known to be few and small enough."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.infolist()
        _require_small(found, len(content), most)
        _require_workbook([each.filename for each in found])
        return {each.filename: archive.read(each) for each in found if not each.is_dir()}


def _require_small(found: list[zipfile.ZipInfo], size: int, most: Bounds) -> None:
    unpacked = sum(each.file_size for each in found)
    if len(found) > most.parts or unpacked > most.unpacked or unpacked > most.ratio * size:
        raise NotDecodable(
            f"The file is an archive (ZIP) that unpacks to far more than it is: {unpacked:,} bytes in {len(found):,} "
            f"parts. Such files are made to fill memory. {AS_VALUES}"
        )
    if len({each.filename.lower() for each in found}) < len(found):
        raise NotDecodable(
            f"The file is an archive (ZIP) with two parts of one name, so nobody knows which counts. {UNPACK}"
        )
    if any(each.flag_bits & 0x1 for each in found):
        raise NotDecodable(f"The file is an archive (ZIP) that is locked with a password. {UNPACK}")


def _require_workbook(names: Collection[str]) -> None:
    """Raise `NotDecodable` for another archive than a workbook, and for a workbook with parts that are refused."""
    if "xl/workbook.xml" not in names:
        what = next((what for mark, what in OTHER_ZIPS if any(map(_with(mark), names))), None)
        raise NotDecodable(f"The file is {what or f'an archive (ZIP). Archives are not taken. {UNPACK}'}")
    for pattern, what in REFUSED_PARTS:
        if any(map(pattern.search, names)):
            raise NotDecodable(f"The workbook (XLSX) holds {what}, which is not taken. {AS_VALUES}")


def _with(mark: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(mark) or name.endswith(mark)


def _require_plain_parts(parts: dict[str, bytes]) -> None:
    for name, content in parts.items():
        if name.endswith((".xml", ".rels")):
            _require_plain_xml(content)
    if _MACROS.search(parts.get("[Content_Types].xml", b"")):
        raise NotDecodable(f"The workbook (XLSX) holds macros, which are not taken. {AS_VALUES}")


def _require_plain_xml(content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotDecodable(f"The workbook (XLSX) has a part that is not in UTF-8. {AS_VALUES}") from None
    if _UNSAFE_XML.search(content) or b"\x00" in content:
        raise NotDecodable(
            f"The workbook (XLSX) defines XML entities, which can load other files or fill memory. {AS_VALUES}"
        )


def _left_out(parts: dict[str, bytes]) -> Iterator[tuple[str, int]]:
    for pattern, what in LEFT_OUT_PARTS:
        yield what, sum(pattern.search(name) is not None for name in parts)
    sheets = [content for name, content in parts.items() if "worksheets/" in name]
    yield "formulas (their values stay)", sum(len(_FORMULA.findall(each)) for each in sheets)
    yield "links", sum(len(_LINK.findall(each)) for each in sheets)


# ---------------------------------------------------------------------------------------------- the sheets


def _sheets(content: bytes, most: Bounds, left_out: dict[str, int]) -> Iterator[Sheet]:
    book = load_workbook(io.BytesIO(content), data_only=True, keep_links=False, keep_vba=False, rich_text=False)
    if len(book.sheetnames) > most.sheets:
        raise NotDecodable(f"The workbook (XLSX) has {len(book.sheetnames):,} sheets; at most {most.sheets} are taken.")
    left = most.cells
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            _count(left_out, "hidden sheets")
            continue
        if sheet.max_row * sheet.max_column > left:
            raise NotDecodable(
                f"The workbook (XLSX) has sheets of more than {most.cells:,} cells together. That is data, or the "
                "last cell stands far out. Copy the table into a new workbook, or add it as CSV."
            )
        left -= sheet.max_row * sheet.max_column
        yield Sheet(str(sheet.title), _rows(sheet, left_out))


def _rows(sheet: Worksheet, left_out: dict[str, int]) -> tuple[tuple[str | int | float | None, ...], ...]:
    hidden = _hidden_columns(sheet)
    rows = []
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if _is_hidden_row(sheet, number):
            _count(left_out, "hidden rows")
            continue
        rows.append(tuple(_value(cell) for column, cell in enumerate(cells, 1) if column not in hidden))
    if hidden:
        _count(left_out, "hidden columns", len(hidden))
    return _trimmed(rows)


def _is_hidden_row(sheet: Worksheet, number: int) -> bool:
    if number not in sheet.row_dimensions:
        return False
    row = sheet.row_dimensions[number]
    return bool(row.hidden) or row.height == 0


def _hidden_columns(sheet: Worksheet) -> set[int]:
    """Columns within the sheet's cells that are hidden, or have no width."""
    found: set[int] = set()
    for column in sheet.column_dimensions.values():
        if column.hidden or column.width == 0:
            found |= set(range(column.min or 0, min(column.max or 0, sheet.max_column) + 1))
    return found & set(range(1, sheet.max_column + 1))


def _value(cell: Any) -> str | int | float | None:
    """Numbers as numbers in full; all else as text. Dates as ISO 8601."""
    match cell:
        case None | int() | float() | str() if not isinstance(cell, bool):
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
        case _:
            return str(cell)


def _trimmed(rows: list[tuple[str | int | float | None, ...]]) -> tuple[tuple[str | int | float | None, ...], ...]:
    """Without empty rows at the end."""
    while rows and all(cell is None or cell == "" for cell in rows[-1]):
        rows.pop()
    return tuple(rows)


def _count(left_out: dict[str, int], what: str, number: int = 1) -> None:
    left_out[what] = left_out.get(what, 0) + number
