"""Whether a text is what its name says: a table with rows of one length, a notebook without outputs, sound JSON.

Each check takes the file's plain name and its text, and gives what a steward should know of it, or raises `NotTaken`.
Nothing is loaded as an object and nothing is run.
"""

import csv
import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from nbformat.validator import iter_validate

from datasets.ingress.errors import NotTaken
from datasets.ingress.findings import Finding, at_lines, findings_in
from datasets.ingress.limits import LIMITS, limit
from datasets.ingress.names import ending
from datasets.ingress.nesting import is_deeper
from datasets.ingress.text import lines_of, require_no_active_html
from datasets.scan import PATTERNS

CELL_LOOKED_AT = 200
"""Characters of a table's cell that the patterns look at."""

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,\s]*$)")
_LONG_NUMBER = re.compile(r"\s*[\d -]{9,}\s*")
_NUMBER = re.compile(r"[+-]?[\d.,]*(?:[eE][+-]?\d+)?")
IDENTIFIERS: dict[str, re.Pattern[str]] = {what: re.compile(pattern) for what, pattern in PATTERNS.items()}
_MINORS = range(6)
_YAML_OBJECT = re.compile(r"!!(?:python|java|ruby)\b|!<tag:yaml\.org,2002:python")


class _NotPlain(ValueError):
    """JSON with something in it that is no JSON."""


def check(name: str, text: str) -> tuple[int | None, list[Finding]]:
    """The rows of a table (None for other kinds), and what was found. Raises `NotTaken`."""
    return _CHECKS.get(ending(name), _nothing_more)(name, text)


def _nothing_more(_name: str, _text: str) -> tuple[None, list[Finding]]:
    return None, []


# ---------------------------------------------------------------------------------------------- tables


def _table(name: str, text: str) -> tuple[int, list[Finding]]:
    rows = _rows(name, text)
    header, body = rows[0][1], rows[1:]
    _require_rectangular(name, header, rows)
    if len(header) > limit("columns"):
        raise NotTaken(f"“{name}” has {len(header):,} columns; at most {LIMITS['columns'].words} are taken.")
    if len(body) > limit("rows"):
        raise NotTaken(
            f"“{name}” has {len(body):,} rows; at most {LIMITS['rows'].words} are taken. "
            "Data about people comes in through its owner and a steward, not here."
        )
    formulas = at_lines("cells that a spreadsheet would run as a formula", [n for n, row in rows if _has_formula(row)])
    return len(body), ([formulas] if formulas else []) + list(_identifiers(header, body))


def _rows(name: str, text: str) -> list[tuple[int, list[str]]]:
    """Every row with the line in which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if ending(name) == ".tsv" else ",", strict=True)
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error:
        raise NotTaken(
            f"“{name}” is no table that can be read: line {reader.line_num} has quotation marks that do not close or "
            "are in the wrong place. Save it again as a plain table."
        ) from None


def _require_rectangular(name: str, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    for line, row in rows:
        if len(row) != len(header):
            raise NotTaken(
                f"“{name}” is no table: line {line} has {len(row):,} fields, and the first line {len(header):,}. "
                "Give every row the same number of fields."
            )


def _has_formula(row: list[str]) -> bool:
    return any(_FORMULA.match(cell) and not _NUMBER.fullmatch(cell) for cell in row)


def _identifiers(header: list[str], body: list[tuple[int, list[str]]]) -> Iterator[Finding]:
    """Columns that hold what identifies people: addresses, numbers that authorities give, long numbers."""
    for position, column in enumerate(header):
        cells = [(line, row[position][:CELL_LOOKED_AT]) for line, row in body]
        for what, pattern in IDENTIFIERS.items():
            if found := at_lines(f"{what} in a column", [n for n, cell in cells if pattern.search(cell)], column):
                yield found
        if found := at_lines(
            "long numbers in a column, as identifiers have", [n for n, cell in cells if _is_long(cell)], column
        ):
            yield found


def _is_long(cell: str) -> bool:
    return _LONG_NUMBER.fullmatch(cell) is not None


# ---------------------------------------------------------------------------------------------- JSON, TOML, YAML


def _json(name: str, text: str) -> tuple[None, list[Finding]]:
    _json_value(name, text)
    return None, []


def _json_value(name: str, text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotTaken(
            f"“{name}” is no sound JSON: it cannot be read, or repeats a key. Correct it and bring it in again."
        ) from None
    if is_deeper(value, limit("depth")):
        raise NotTaken(f"“{name}” is nested too deeply; at most {LIMITS['depth'].words} are taken. Make it flatter.")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _NotPlain
    return value


def _no_constant(_name: str) -> None:
    raise _NotPlain


def _toml(name: str, text: str) -> tuple[None, list[Finding]]:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        raise NotTaken(f"“{name}” is no TOML that can be read. Correct it and bring it in again.") from None
    return None, []


def _yaml(name: str, text: str) -> tuple[None, list[Finding]]:
    """YAML is not parsed; tags that would build objects of a programming language are refused."""
    if _YAML_OBJECT.search(text):
        raise NotTaken(f"“{name}” has tags that build objects when it is loaded. Write plain values instead.")
    return None, []


def _markdown(name: str, text: str) -> tuple[None, list[Finding]]:
    require_no_active_html(name, text)
    return None, []


# ---------------------------------------------------------------------------------------------- notebooks


def _notebook(name: str, text: str) -> tuple[None, list[Finding]]:
    book = _json_value(name, text)
    if not isinstance(book, dict) or book.get("nbformat") != 4 or not _is_valid(book):
        raise NotTaken(f"“{name}” is no notebook of format 4. Save it again in Jupyter, with its outputs cleared.")
    for cell in book["cells"]:
        _require_bare(name, cell)
    if "widgets" in book["metadata"]:
        raise NotTaken(f"“{name}” holds the state of widgets, which is output. Clear all outputs and save it again.")
    unusual = sorted(set(book["metadata"]) - {"kernelspec", "language_info"})
    special = [Finding("metadata beside kernel and language", len(unusual), ())] if unusual else []
    return None, special + list(_in_cells(book["cells"]))


def _in_cells(cells: list[dict[str, Any]]) -> Iterator[Finding]:
    """What the text of the cells holds, whose characters the file may write in another way."""
    for number, cell in enumerate(cells, start=1):
        for found in findings_in(lines_of(source_of(cell))):
            yield Finding(found.what, found.times, found.lines, where=f"cell {number}")


def _is_valid(book: dict[str, Any]) -> bool:
    """Whether the notebook keeps the schema of its minor version, which has to be one that this release knows."""
    minor = book.get("nbformat_minor")
    return type(minor) is int and minor in _MINORS and not any(iter_validate(book, version=4, version_minor=minor))


def _require_bare(name: str, cell: dict[str, Any]) -> None:
    if cell.get("outputs"):
        raise NotTaken(f"“{name}” holds outputs. Clear all outputs in Jupyter, save it, and bring it in again.")
    if "attachments" in cell:
        raise NotTaken(f"“{name}” holds attached files. Remove them from its cells, and bring it in again.")
    if cell["cell_type"] == "raw":
        raise NotTaken(f"“{name}” has a raw cell, which may become anything. Make it code or Markdown.")
    if cell["cell_type"] == "markdown":
        require_no_active_html(name, source_of(cell))


def source_of(cell: dict[str, Any]) -> str:
    """The text of a notebook's cell."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


_CHECKS: dict[str, Callable[[str, str], tuple[int | None, list[Finding]]]] = {
    ".csv": _table,
    ".tsv": _table,
    ".json": _json,
    ".toml": _toml,
    ".yaml": _yaml,
    ".md": _markdown,
    ".ipynb": _notebook,
}
