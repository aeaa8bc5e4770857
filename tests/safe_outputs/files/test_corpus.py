"""Each hostile file is refused with a sentence that helps, or is shown and has what it should not have left behind."""

import io
import json
import re
from functools import cache

import pytest
from PIL import Image

from safe_outputs.answers import Verdict
from safe_outputs.decoding import written_workbook
from safe_outputs.files import KINDS, FileKind, FileNotTaken, TakenFile, take
from safe_outputs.files.limits import limit
from safe_outputs.files.views import inert
from tests.safe_outputs.files.corpus import CORPUS, REFUSED, RUN, SHOWN, Hostile

AS_SENT = {FileKind.TABLE, FileKind.TEXT, FileKind.CODE, FileKind.JSON, FileKind.MARKUP}


@cache
def taken(which: str) -> TakenFile:
    return take(SHOWN[which].name, SHOWN[which].content)


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) == len(REFUSED) + len(SHOWN) >= 150
    assert len({each.content for each in CORPUS.values()}) >= 140


@pytest.mark.parametrize("hostile", REFUSED.values(), ids=list(REFUSED))
def test_it_is_refused_with_a_sentence_that_helps(hostile: Hostile) -> None:
    with pytest.raises(FileNotTaken) as refused:
        take(hostile.name, hostile.content)
    sentence = refused.value.sentence
    assert hostile.refused is not None
    assert hostile.refused in sentence
    assert re.fullmatch(r"The [A-Z]?.{40,400}\.", sentence)
    assert re.search(r"\b(?:Add|add|Save|Leave|Copy|Take|Make|Split|Unpack|Ask)\b", sentence), "it says what to do"


@pytest.mark.parametrize("which", SHOWN)
def test_it_is_taken_as_what_it_is(which: str) -> None:
    file = taken(which)
    assert file.verdict is Verdict.REFER
    assert len(file.name) <= limit("name")
    assert file.name.endswith(KINDS[file.kind].endings)
    assert file.media_type.partition(";")[0] not in {"text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"}
    if file.kind in AS_SENT:
        assert file.content == SHOWN[which].content
    if file.kind in {FileKind.PICTURE, FileKind.DRAWING}:
        with Image.open(io.BytesIO(file.content)) as image:
            assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
    if file.kind is not FileKind.TABLE:
        assert b"SECRET" not in _unpacked(file.kind, file.content)


@pytest.mark.parametrize("which", SHOWN)
def test_no_finding_or_fact_quotes_it(which: str) -> None:
    file = taken(which)
    said = json.dumps([each.model_dump(mode="json") for each in file.findings]) + json.dumps(file.facts)
    for part in ("<", "Dayton", RUN[:12], "SECRET", "correct-horse", "125000", "cmd|"):
        assert part not in said


@pytest.mark.parametrize("which", SHOWN)
def test_its_view_shows_all_of_it_through_its_windows(which: str) -> None:
    file = taken(which)
    first, rows = 1, 0
    while True:
        shown = inert(file.kind, file.content, first=first, most=400)
        assert shown.first == first
        rows += shown.last - shown.first + 1
        if shown.last == shown.total:
            break
        first = shown.last + 1
    assert rows == shown.total


FOUND = [
    ("a table with formulas", {"formulas": "row 2, 3, 4, 5"}),
    ("a table with a DDE formula behind a blank", {"formulas": "row 2", "characters that do not show": "line 2"}),
    ("a table that turns text around", {"characters that turn text around": "line 2"}),
    ("a table with hidden characters", {"characters that do not show": "line 2"}),
    ("a table of many rows", {"as long as data about people": "12,344 rows"}),
    ("a table with people's numbers", {"looks like an identifier": "column 1", "small whole numbers": None}),
    ("a table with uneven rows", {"uneven rows": None}),
    ("a table with lines in cells", {"mixed line ends": None}),
    ("a table as a picture", {"name and content differ": None}),
    ("a table with a huge cell", {"long lines": "line 2"}),
    ("a web page", {"active HTML": "line 1"}),
    ("code that reads otherwise than it runs", {"characters that turn text around": "line 1"}),
    ("code in letters that look alike", {"letters that look alike": None}),
    ("text with a secret", {"secrets": "line 1", "encoded content": "line 2"}),
    ("a notebook with a script", {"active HTML": "cell 1, line 2"}),
    ("a notebook with outputs", {"left out of the notebook": None}),
    ("a notebook with attachments", {"left out of the notebook": "1 attached file"}),
    ("a PNG with notes", {"drawn anew": None}),
    ("a workbook with formulas", {"written anew": None}),
    ("a workbook with hostile text", {"active HTML": "sheet 1, line 3"}),
    ("a name that leads out", {"name changed": None}),
    ("a name of letters that look alike", {"letters that look alike": None}),
]


@pytest.mark.parametrize(("which", "expected"), FOUND, ids=[which for which, _ in FOUND])
def test_what_a_checker_is_told(which: str, expected: dict[str, str | None]) -> None:
    found = [(each.rule, each.value) for each in taken(which).findings]
    for rule, value in expected.items():
        assert rule in {rule for rule, _ in found}
        assert value is None or (rule, value) in found


LEFT_OUT = [
    ("a JPEG that knows its place", "the place where it was taken"),
    ("a PNG with notes", "fields beside the pixels"),
    ("a PNG with a script behind it", "bytes behind the end of the picture"),
    ("a GIF that moves", "2 further frames"),
    ("a WebP that moves", "2 further frames"),
    ("a workbook that hides", "hidden sheets: 2"),
    ("a workbook that hides", "hidden rows: 1"),
    ("a workbook that hides", "hidden columns: 1"),
    ("a workbook that hides", "comments: 1"),
    ("a workbook with formulas", "formulas (their values stay): 2"),
]


@pytest.mark.parametrize(("which", "what"), LEFT_OUT, ids=[f"{which}: {what}" for which, what in LEFT_OUT])
def test_what_is_left_out_is_told(which: str, what: str) -> None:
    assert any(what in each.sentence for each in taken(which).findings)


def _unpacked(kind: FileKind, content: bytes) -> bytes:
    if kind is not FileKind.SPREADSHEET:
        return content
    return repr(written_workbook.read(content)).encode()
