"""What a file is, by its bytes; what is kept of it; and a sentence for what is not taken."""

import io
import json

import pytest
from PIL import Image

from safe_outputs.answers import Verdict
from safe_outputs.files import FileKind, FileNotTaken, TakenFile, take
from safe_outputs.files.structured import parts
from safe_outputs.files.views import inert
from tests.safe_outputs.files.corpus import code_cell, notebook, words_cell

TABLE = b"site,mean\r\nDayton,212.40\r\nSeattle,198.77\r\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="red"/></svg>'


def a_picture(kind: str = "PNG", size: tuple[int, int] = (8, 4), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **options)
    return file.getvalue()


def rules(taken: TakenFile) -> list[str]:
    return [each.rule for each in taken.findings]


@pytest.mark.parametrize(
    ("name", "content", "kind", "kept"),
    [
        ("a.csv", TABLE, FileKind.TABLE, "a.csv"),
        ("a", TABLE, FileKind.TABLE, "a.csv"),
        ("a.tsv", TABLE.replace(b",", b"\t"), FileKind.TABLE, "a.tsv"),
        ("a.csv", b"one\ntwo\n", FileKind.TABLE, "a.csv"),
        ("a.txt", b"one\ntwo\n", FileKind.TEXT, "a.txt"),
        ("a.py", b"a, b = 1, 2\nc, d = 3, 4\n", FileKind.CODE, "a.py"),
        ("a.json", b'{"a": 1}', FileKind.JSON, "a.json"),
        ("a.txt", b"[1, 2]", FileKind.JSON, "a.json"),
        ("a.html", b"<!doctype html><p>a", FileKind.MARKUP, "a.html.txt"),
        ("a.xml", b"<a><b/></a>", FileKind.MARKUP, "a.xml.txt"),
        ("a.svg", SVG, FileKind.DRAWING, "a.png"),
        ("a.csv", SVG, FileKind.DRAWING, "a.png"),
        ("a.png", a_picture(), FileKind.PICTURE, "a.png"),
        ("a.txt", a_picture("JPEG"), FileKind.PICTURE, "a.png"),
        ("a.webp", a_picture("WEBP"), FileKind.PICTURE, "a.png"),
    ],
)
def test_the_bytes_decide_what_a_file_is(name: str, content: bytes, kind: FileKind, kept: str) -> None:
    taken = take(name, content)
    assert (taken.kind, taken.name) == (kind, kept)
    assert taken.verdict is Verdict.REFER
    assert rules(taken)[0] == "made by a person"


@pytest.mark.parametrize(
    "content", [TABLE, b"\xef\xbb\xbf" + TABLE, b"text\r\nand\nmore\r", b"[1,\n2]\n", b"<p>a</p>\n"]
)
def test_text_is_kept_byte_by_byte(content: bytes) -> None:
    assert take("a", content).content == content


def test_a_picture_is_kept_as_its_pixels() -> None:
    noted = a_picture("JPEG", comment=b"made by rosa")
    taken = take("a.jpg", noted + b"behind the end")
    assert b"rosa" not in taken.content
    with Image.open(io.BytesIO(taken.content)) as image:
        assert (image.format, image.size, image.info) == ("PNG", (8, 4), {})
    assert "14 bytes behind the end of the picture" in taken.findings[1].sentence


def test_colours_that_transparency_hides_are_gone() -> None:
    hidden = Image.new("RGBA", (8, 4), (255, 0, 0, 0))
    file = io.BytesIO()
    hidden.save(file, "PNG")
    with Image.open(io.BytesIO(take("a.png", file.getvalue()).content)) as image:
        assert image.getcolors() == [(32, (255, 255, 255))]


def test_a_drawing_is_drawn() -> None:
    with Image.open(io.BytesIO(take("a.svg", SVG).content)) as image:
        assert (image.format, image.size) == ("PNG", (1200, 600))
        assert image.getcolors() == [(1200 * 600, (255, 0, 0))]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b" \n\t", "empty"),
        ("a.csv", b"a,b\n1,\xff\n", "not in UTF-8"),
        ("a.csv", b"a,b\n1,\x00\n", "NUL"),
        ("a.csv", b"a,b\n1,\x1b[2J\n", "control characters"),
        ("a.csv", b'a,b\n1,"2\n', "quotation marks"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 500_001, "at most 2,000,000 bytes"),
        ("a.pdf", b"%PDF-1.7\n", "PDF"),
        ("a.svg", SVG[:-10], "not well-formed"),
        ("a.png", a_picture()[:50], "damaged"),
        ("a.png", a_picture(size=(20_001, 1)), "more pixels"),
    ],
)
def test_what_is_not_taken_is_refused_with_a_sentence(name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(FileNotTaken, match=sentence):
        take(name, content)


def test_a_notebook_as_evidence_keeps_the_text_that_its_cells_put_out() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["4711\n", "\u202eabc"]},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/plain": "mean 2", "text/html": "<script>1</script>"},
        },
        {"output_type": "error", "ename": "KeyError", "evalue": "'a'", "traceback": ["\x1b[31mlong"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "SECRET"}},
    ]
    content = notebook(code_cell("x = 1", outputs=outputs), words_cell("# Title"))
    released, evidence = take("a.ipynb", content), take("a.ipynb", content, evidence=True)
    assert [block.kind for block in inert(released.kind, released.content).blocks] == ["code", "markdown"]
    shown = [(each.cell, each.kind, each.text) for each in parts(json.loads(evidence.content))]
    assert shown == [
        (1, "code", "x = 1"),
        (1, "output", "4711\n\u202eabc"),
        (1, "output", "mean 2"),
        (1, "output", "KeyError: 'a'"),
        (2, "markdown", "# Title"),
    ]
    assert [line.text for line in inert(evidence.kind, evidence.content).blocks[1].lines] == ["4711", "⟦U+202E⟧abc"]
    assert ("left out of the notebook", "4 outputs") in [(each.rule, each.value) for each in released.findings]
    assert ("left out of the notebook", "1 output") in [(each.rule, each.value) for each in evidence.findings]
    assert ("characters that turn text around", "cell 1, line 2") in [(e.rule, e.value) for e in evidence.findings]
    assert b"SECRET" not in evidence.content and b"script" not in evidence.content
