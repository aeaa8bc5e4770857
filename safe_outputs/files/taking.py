"""From a name and bytes to a file that can be in a request, or to the sentence why not. The bytes decide what it is."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datasets.ingress.text import lines_of
from safe_outputs.answers import Finding, Verdict, worst
from safe_outputs.decoding import apart
from safe_outputs.decoding.refusal import NotDecodable
from safe_outputs.decoding.written_workbook import read as read_workbook
from safe_outputs.decoding.written_workbook import shown
from safe_outputs.files import names, signatures, structured, tables, text
from safe_outputs.files.errors import FileNotTaken
from safe_outputs.files.finding import MADE_BY_A_PERSON, finding, times
from safe_outputs.files.kinds import KINDS, FileKind, kinds_of
from safe_outputs.files.limits import LIMITS, limit


@dataclass(frozen=True)
class TakenFile:
    """A file as it is kept, reviewed and would leave.

    `name` is plain and has the ending of its kind. `content` is the bytes that were sent, but for pictures, drawings,
    workbooks and notebooks, which are written anew from what they show. `findings` begin with `MADE_BY_A_PERSON`; they
    name positions and counts, never a value. `facts` are for people: size, rows, pixels.
    """

    name: str
    kind: FileKind
    media_type: str
    content: bytes
    findings: tuple[Finding, ...]
    facts: dict[str, str]

    @property
    def verdict(self) -> Verdict:
        """At least `refer`."""
        return worst([each.verdict for each in self.findings])

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class _Told:
    """What the bytes are: the kind, what is kept of them, and what was found. `ending` where the kind has several."""

    kind: FileKind
    content: bytes
    findings: list[Finding]
    facts: dict[str, str]
    ending: str | None = None


def take(name: str, content: bytes, *, evidence: bool = False) -> TakenFile:
    """The file of this name and these bytes, as it can be in a request.

    `evidence`: it is shown and never leaves, so of a notebook what its cells put out as text is kept too.

    Raises:
        FileNotTaken: it is empty, too large, or of a kind that is not taken; or nobody could see what would leave.
    """
    told = _told(name, content, evidence)
    kind = KINDS[told.kind]
    return TakenFile(
        name=names.safe_name(name, told.kind, told.ending),
        kind=told.kind,
        media_type="text/tab-separated-values; charset=utf-8" if told.ending == ".tsv" else kind.media_type,
        content=told.content,
        findings=(MADE_BY_A_PERSON, *_of_name(name, told), *told.findings),
        facts={"kind": kind.words, "size": f"{len(told.content):,} bytes", **told.facts},
    )


def _told(name: str, content: bytes, evidence: bool) -> _Told:
    if not content.strip():
        raise FileNotTaken("The file is empty. Leave it out, or choose the right one.")
    _require_size(content, "file")
    signatures.require_single_face(content)
    if (format := signatures.picture_format(content)) is not None:  # noqa: A001
        return _picture(content, format)
    if content.startswith(signatures.ZIP):
        return _workbook(content)
    if (plain := text.text_of(content)) is not None:
        return _text(name, content, plain, evidence)
    signatures.require_not_refused(content)
    if (why := text.why_no_text(content)) is not None:
        raise FileNotTaken(why)
    raise signatures.unknown_bytes(content)


def _require_size(content: bytes, line: str) -> None:
    if len(content) > limit(line):
        raise FileNotTaken(
            f"The file has {len(content):,} bytes; at most {LIMITS[line].words} are taken. {LIMITS[line].reason} "
            "Add a smaller one, or ask for the statistic itself."
        )


# ---------------------------------------------------------------------------------------------- text


def _text(name: str, content: bytes, plain: str, evidence: bool) -> _Told:
    _require_size(content, "notebook")
    text.require_no_document(plain)
    if structured.begins_with_tag(plain):
        return _drawing(content) if structured.is_drawing(plain) else _markup(content, plain)
    if (value := structured.json_value(plain)) is not None:
        return _notebook(content, value, evidence) if structured.is_notebook(value) else _json(content, plain)
    return _lines(name, content, plain)


def _markup(content: bytes, plain: str) -> _Told:
    _require_size(content, "text")
    structured.require_no_entities(plain)
    ending = ".html.txt" if structured.is_html(plain) else ".xml.txt"
    return _Told(FileKind.MARKUP, content, text.in_lines(plain), _line_facts(content, plain), ending)


def _json(content: bytes, plain: str) -> _Told:
    _require_size(content, "json")
    return _Told(FileKind.JSON, content, text.in_lines(plain), _line_facts(content, plain))


def _notebook(content: bytes, value: structured.Notebook, evidence: bool) -> _Told:
    facts = {"cells": f"{len(value['cells']):,}", **_sent(content)}
    found = structured.notebook_findings(value, outputs=evidence)
    return _Told(FileKind.NOTEBOOK, structured.cleaned(value, outputs=evidence), found, facts)


def _lines(name: str, content: bytes, plain: str) -> _Told:
    """A table, code or text. Where the bytes can be more than one of them, the name says which; all are looked at."""
    _require_size(content, "table")
    said = kinds_of(names.said_ending(name))
    rows = tables.best(plain, "\t" if names.said_ending(name) == ".tsv" else None)
    if FileKind.TABLE in said and rows is None:
        raise FileNotTaken(
            "The file is said to be a table, but its quotation marks do not close or are in the wrong place, so "
            "programs would read different cells. Save it again as CSV."
        )
    table = rows is not None and (FileKind.TABLE in said or (tables.is_table(rows) and not said & _LINES))
    found = text.in_lines(plain)
    if rows is not None and (table or tables.is_table(rows)):
        found += _of_rows(rows)
    if rows is not None and table:
        return _table(content, plain, rows, found)
    kind = FileKind.CODE if FileKind.CODE in said else FileKind.TEXT
    _require_size(content, "text")
    return _Told(kind, content, found, _line_facts(content, plain))


_LINES = frozenset({FileKind.CODE, FileKind.TEXT})


def _of_rows(rows: tables.Rows) -> list[Finding]:
    if rows.columns > limit("columns"):
        raise FileNotTaken(
            f"The table has {rows.columns:,} columns; at most {LIMITS['columns'].words} are taken. "
            f"{LIMITS['columns'].reason} Split it into tables that people read."
        )
    return tables.findings_in(rows.rows)


def _table(content: bytes, plain: str, rows: tables.Rows, found: list[Finding]) -> _Told:
    facts = {
        "rows": f"{max(len(rows.rows) - 1, 0):,} and a header",
        "columns": f"{rows.columns:,}",
        "separated by": tables.DELIMITERS[rows.delimiter],
        **_line_facts(content, plain),
    }
    return _Told(FileKind.TABLE, content, found, facts, ".tsv" if rows.delimiter == "\t" else ".csv")


def _line_facts(content: bytes, plain: str) -> dict[str, str]:
    mark = " with a byte order mark" if content.startswith(b"\xef\xbb\xbf") else ""
    return {"lines": f"{len(lines_of(plain.rstrip())):,}", "encoding": f"UTF-8{mark}"}


def _sent(content: bytes) -> dict[str, str]:
    """What the bytes were of which something else is kept."""
    return {"sent": f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"}


# ---------------------------------------------------------------------------------------------- read apart


def _decoded(job: str, content: bytes, **options: Any) -> tuple[bytes, dict[str, Any]]:
    try:
        return apart.decode(job, content, **options)
    except NotDecodable as refused:
        raise FileNotTaken(str(refused)) from None


def _picture(content: bytes, format: str) -> _Told:  # noqa: A002
    _require_size(content, "picture")
    made, facts = _decoded("picture", content, format=format, pixels=limit("pixels"), side=limit("side"))
    shown = {"pixels": f"{facts['width']:,} × {facts['height']:,}", "was": format, **_sent(content)}
    return _Told(FileKind.PICTURE, made, _of_picture(facts), shown)


def _of_picture(facts: dict[str, Any]) -> list[Finding]:
    gone: tuple[tuple[int, Callable[[int], str]], ...] = (
        (facts["extra"], lambda number: times(number, "field") + " beside the pixels (who, with what, when)"),
        (int(facts["place"]), lambda _: "the place where it was taken"),
        (facts["behind"], lambda number: times(number, "byte") + " behind the end of the picture"),
        (facts["frames"] - 1, lambda number: times(number, "further frame")),
        (int(facts["clear"]), lambda _: "transparency and the colours that it hides"),
    )
    left_out = [words(number) for number, words in gone if number > 0]
    return [_drawn_anew("picture", left_out), _LOOK]


def _drawn_anew(what: str, left_out: list[str]) -> Finding:
    without = f" Left out: {'; '.join(left_out)}." if left_out else ""
    return finding(
        "drawn anew",
        f"What leaves is a PNG that was made here from what the {what} shows, not the file that was sent.{without}",
        value=times(len(left_out), "thing") + " left out",
        limit="pixels only",
        fix="Nothing has to be done.",
    )


_LOOK = finding(
    "a picture",
    "No rule reads a picture. Points, outliers, labels and axes can each tell of one person.",
    value="picture",
    fix="Draw the figure from a statistic that was released, or add the table behind it as supporting evidence.",
)


def _drawing(content: bytes) -> _Told:
    _require_size(content, "drawing")
    made, facts = _decoded("drawing", content, pixels=limit("pixels"), side=limit("side"), depth=limit("depth"))
    left_out = ["everything that does not show"]
    if facts["letters"]:
        left_out.append(
            "the letters as letters: they are drawn in the fonts of this machine, so look whether all are there"
        )
    shown = {"pixels": f"{facts['width']:,} × {facts['height']:,}", "was": "SVG", **_sent(content)}
    return _Told(FileKind.DRAWING, made, [_drawn_anew("drawing", left_out), _LOOK], shown)


def _workbook(content: bytes) -> _Told:
    _require_size(content, "spreadsheet")
    bounds = {name: limit(name) for name in ("parts", "unpacked", "ratio", "sheets", "cells")}
    made, facts = _decoded("workbook", content, **bounds)
    sheets = read_workbook(made)
    found = [_written_anew(facts["left_out"])]
    for number, sheet in enumerate(sheets, 1):
        rows = [tuple(map(shown, row)) for row in sheet.rows]
        found += [*_characters(rows, number), *tables.findings_in(rows, f"of sheet {number} ")]
    cells = sum(len(row) for sheet in sheets for row in sheet.rows)
    told = {"sheets": f"{len(sheets):,}", "cells": f"{cells:,}", **_sent(content)}
    return _Told(FileKind.SPREADSHEET, made, found, told)


def _characters(rows: list[tuple[str, ...]], sheet: int) -> list[Finding]:
    """What the text of cells holds, told by their rows."""
    found = text.in_lines("\n".join("\t".join(row).replace("\n", " ").replace("\r", " ") for row in rows))
    return [each.model_copy(update={"value": f"sheet {sheet}, {each.value}"}) for each in found]


def _written_anew(left_out: dict[str, int]) -> Finding:
    without = "; ".join(f"{what}: {number:,}" for what, number in left_out.items())
    return finding(
        "written anew",
        "What leaves is a workbook that was written here from the values of the visible cells, all digits of them."
        + (f" Left out: {without}." if without else ""),
        value=times(sum(left_out.values()), "thing") + " left out",
        limit="values only",
        fix="Nothing has to be done. Round the values, if fewer digits should leave.",
    )


# ---------------------------------------------------------------------------------------------- names


def _of_name(name: str, told: _Told) -> list[Finding]:
    """What the name that was sent says, beside what the file is."""
    found = []
    if names.says_another_kind(name, told.kind):
        found.append(
            finding(
                "name and content differ",
                f"The name says another kind than the content, which is {KINDS[told.kind].words}.",
                value="another ending",
                limit=", ".join(KINDS[told.kind].endings[:3]),
                fix="Nothing has to be done: the file has the name of what it is.",
            )
        )
    changed = len(name) - len(names.plain_name(name)) or names.safe_name(name, told.kind, told.ending) != name
    if changed and not (found or told.kind in _RENAMED):
        found.append(
            finding(
                "name changed",
                "The name had folders, hidden or special characters, or was too long. It is shown and kept plain.",
                value=times(len(name), "character") + " were sent",
                limit=LIMITS["name"].words,
                fix="Nothing has to be done.",
            )
        )
    if names.mixes_scripts(name):
        found.append(
            finding(
                "letters that look alike",
                "A word of the name mixes letters of two alphabets that look alike.",
                value="in the name",
                fix=text.RULES["a word of letters that look alike in two alphabets"][1],
            )
        )
    return found


_RENAMED = frozenset({FileKind.PICTURE, FileKind.DRAWING, FileKind.MARKUP})
"""Kinds whose files have another ending here than their honest names."""
