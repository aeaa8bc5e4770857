"""What must hold for every file: an error of ours or a file, always an end; and what is shown is what is there."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safe_outputs.decoding import pictures, workbooks, written_workbook
from safe_outputs.decoding.refusal import NotDecodable
from safe_outputs.files import FileKind, FileNotTaken, take
from safe_outputs.files.characters import is_hidden, marked
from safe_outputs.files.limits import limit
from safe_outputs.files.views import inert
from tests.safe_outputs.files import corpus

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

TEXTS = (
    corpus.TABLE,
    b'{"a": [1, {"b": null}]}',
    corpus.notebook(corpus.code_cell("x = 1"), corpus.words_cell("# Title")),
    b"<!doctype html><p>a</p>",
    b'<?xml version="1.0"?><a b="c">d</a>',
    b"x = 1\nprint(x)\n",
    b"cposix\nsystem\n(S'echo'\ntR.",
)
PICTURES = {kind: corpus.picture(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP")} | {"GIF ": corpus.moving("GIF")}
WORKBOOKS = [corpus.workbook(), corpus.SHOWN["a workbook that hides"].content]
BOUNDS = {name: limit(name) for name in ("parts", "unpacked", "ratio", "sheets", "cells")}


@st.composite
def mutated(draw: Callable[..., object], bases: tuple[bytes, ...]) -> bytes:
    """A real file with some bytes changed, taken out, put in or doubled."""
    content = bytearray(draw(st.sampled_from(bases)))  # type: ignore[call-overload]
    for _ in range(int(str(draw(st.integers(1, 6))))):
        place = int(str(draw(st.integers(0, len(content)))))
        length = int(str(draw(st.integers(0, 20))))
        content[place : place + length] = draw(st.binary(max_size=20))
    return bytes(content)


def taken_or_refused(name: str, content: bytes) -> None:
    sentence = ""
    try:
        taken = take(name, content)
    except FileNotTaken as refused:
        sentence = refused.sentence
    if sentence:
        assert re.fullmatch(r"The .{20,500}\.", sentence)
        return
    assert taken.findings and taken.name and taken.content
    inert(taken.kind, taken.content)


@SLOW
@given(st.text(max_size=50), st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(name: str, content: bytes) -> None:
    taken_or_refused(name, content)


@SLOW
@given(st.sampled_from(["a.csv", "a.tsv", "a.json", "a.ipynb", "a.py", "a.html", "a"]), st.text(max_size=300))
def test_any_text_is_taken_or_refused(name: str, text: str) -> None:
    taken_or_refused(name, text.encode("utf-8", errors="surrogatepass"))


@SLOW
@given(st.sampled_from(["a.csv", "a.svg", "a.json", "a"]), mutated(TEXTS))
def test_any_changed_text_is_taken_or_refused(name: str, content: bytes) -> None:
    taken_or_refused(name, content)


@settings(SLOW, max_examples=25)
@given(mutated((corpus.svg("<text>a</text>"), *PICTURES.values(), *WORKBOOKS)))
def test_any_changed_picture_drawing_or_workbook_is_taken_or_refused(content: bytes) -> None:
    taken_or_refused("a", content)


@pytest.mark.parametrize("kind", PICTURES)
def test_any_changed_picture_is_read_or_refused(kind: str) -> None:
    @SLOW
    @given(mutated((PICTURES[kind],)))
    def decode(content: bytes) -> None:
        try:
            made, _ = pictures.decode(content, format=kind.strip(), pixels=limit("pixels"), side=limit("side"))
        except NotDecodable:
            return
        assert made.startswith(b"\x89PNG")

    decode()


@SLOW
@given(mutated(tuple(WORKBOOKS)))
def test_any_changed_workbook_is_read_or_refused(content: bytes) -> None:
    try:
        made, _ = workbooks.decode(content, **BOUNDS)
    except NotDecodable:
        return
    assert written_workbook.read(made)


# ---------------------------------------------------------------------------------------------- what is shown


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@SLOW
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=5), st.sampled_from([",", "\t"]))
def test_a_table_is_kept_and_shown_cell_by_cell(rows: list[list[str]], delimiter: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    content = file.getvalue().encode()
    try:
        taken = take("table.tsv" if delimiter == "\t" else "table.csv", content)
    except FileNotTaken:
        return  # of control characters
    assert (taken.kind, taken.content) == (FileKind.TABLE, content)
    grid = inert(taken.kind, taken.content).grids[0]
    assert [[unmarked(cell.text) for cell in row.cells] for row in (grid.header, *grid.rows)] == rows
    assert not any(is_hidden(each) for row in (grid.header, *grid.rows) for cell in row.cells for each in cell.text)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["⟦", "U+202E", "⟧", "\u202e", "a"])).map("".join)))
def test_what_is_written_out_can_be_put_back(text: str) -> None:
    shown = marked(text)
    assert unmarked(shown) == text
    assert not any(is_hidden(each) for each in shown)


def unmarked(text: str) -> str:
    return re.sub("⟦U\\+([0-9A-F]{4,6})⟧", lambda mark: chr(int(mark.group(1), 16)), text)


VALUES = st.one_of(st.none(), st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False), CELLS)


@given(st.lists(st.lists(VALUES, max_size=4), min_size=1, max_size=4))
def test_a_workbook_that_is_written_here_reads_as_it_was(rows: list[list[written_workbook.Value]]) -> None:
    sheets = [written_workbook.Sheet("a", tuple(map(tuple, rows)))]
    first = written_workbook.write(sheets)
    read = written_workbook.read(first)
    assert written_workbook.write(read) == first == written_workbook.write(sheets)
    for row, again in zip(rows, read[0].rows, strict=True):
        clean = [
            re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", x) if isinstance(x, str) else x for x in row
        ]
        assert list(again) + [None] * (len(clean) - len(again)) == clean
