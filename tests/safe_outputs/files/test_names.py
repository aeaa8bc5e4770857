"""A file's name is plain, short and has the ending of what the file is, whatever was sent."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.files.characters import is_hidden
from safe_outputs.files.kinds import KINDS, FileKind
from safe_outputs.files.limits import limit
from safe_outputs.files.names import mixes_scripts, safe_name, says_another_kind

NAMES = [
    # sent, kind, kept
    ("table.csv", FileKind.TABLE, "table.csv"),
    ("TABLE.CSV", FileKind.TABLE, "TABLE.csv"),
    ("Site means (2019), v1.2.csv", FileKind.TABLE, "Site means (2019), v1.2.csv"),
    ("größe.csv", FileKind.TABLE, "größe.csv"),
    ("../../etc/passwd", FileKind.TEXT, "passwd.txt"),
    ("C:\\Users\\rosa\\table.csv", FileKind.TABLE, "table.csv"),
    ("..\\..\\a.csv", FileKind.TABLE, "a.csv"),
    ("/", FileKind.TEXT, "file.txt"),
    ("", FileKind.TABLE, "file.csv"),
    ("...", FileKind.TABLE, "file.csv"),
    (".htaccess", FileKind.TEXT, "file.txt"),
    ("-rf.txt", FileKind.TEXT, "rf.txt"),
    ("a\x00.csv", FileKind.TABLE, "a.csv"),
    ("a.csv\x00.png", FileKind.TABLE, "a.csv"),
    ("cod\u202egnp.exe", FileKind.TEXT, "codgnp.txt"),
    ("a\u200b\ufeffb.csv", FileKind.TABLE, "ab.csv"),
    ("a\r\nContent-Type: text\u2215html.csv", FileKind.TABLE, "aContent-Type_ text_html.csv"),
    ("<img src=x onerror=alert(1)>.csv", FileKind.TABLE, "img src_x onerror_alert(1).csv"),
    ('a";filename="b.html.csv', FileKind.TABLE, "a__filename__b.html.csv"),
    ("$(reboot)`id`.csv", FileKind.TABLE, "(reboot)_id.csv"),
    ("a\uff0e\uff0e\uff0fb.csv", FileKind.TABLE, "b.csv"),
    ("plot.svg", FileKind.DRAWING, "plot.png"),
    ("photo.JPEG", FileKind.PICTURE, "photo.png"),
    ("table.csv.exe", FileKind.TABLE, "table.csv"),
    ("page.html", FileKind.MARKUP, "page.html.txt"),
    ("page.html.txt", FileKind.MARKUP, "page.html.txt"),
    ("model.pkl", FileKind.CODE, "model.py"),
    ("CON.csv", FileKind.TABLE, "file CON.csv"),
    ("nul", FileKind.TABLE, "file nul.csv"),
    ("אבג.csv", FileKind.TABLE, "file.csv"),
    ("x" * 300 + ".csv", FileKind.TABLE, "x" * 96 + ".csv"),
    ("a" + "\u0301" * 50 + ".csv", FileKind.TABLE, "á\u0301.csv"),
]


@pytest.mark.parametrize(("sent", "kind", "kept"), NAMES, ids=[str(number) for number, _ in enumerate(NAMES)])
def test_a_name_is_made_plain(sent: str, kind: FileKind, kept: str) -> None:
    assert safe_name(sent, kind) == kept


@given(st.text(max_size=300), st.sampled_from(list(FileKind)))
def test_every_name_is_plain(sent: str, kind: FileKind) -> None:
    name = safe_name(sent, kind)
    assert 0 < len(name) <= limit("name")
    assert len(name.encode()) <= limit("name_bytes")
    assert name.endswith(KINDS[kind].endings)
    assert not set(name) & set("/\\\x00\"'<>&;:|?*`$\n\t")
    assert not any(is_hidden(each) for each in name)
    assert not any(unicodedata.bidirectional(each) in {"R", "AL", "AN", "RLO", "RLE", "RLI"} for each in name)
    assert name[0] not in ".- "
    assert safe_name(name, kind) == name


@pytest.mark.parametrize(
    ("name", "kind", "differs"),
    [
        ("a.csv", FileKind.TABLE, False),
        ("a", FileKind.TABLE, False),
        ("a.png", FileKind.TABLE, True),
        ("a.exe", FileKind.TEXT, True),
        ("plot.svg", FileKind.DRAWING, False),
        ("plot.jpg", FileKind.DRAWING, True),
        ("page.htm", FileKind.MARKUP, False),
        ("page.html.txt", FileKind.MARKUP, False),
        ("v1.2", FileKind.TABLE, True),
    ],
)
def test_a_name_that_says_another_kind_is_known(name: str, kind: FileKind, differs: bool) -> None:
    assert says_another_kind(name, kind) is differs


def test_letters_that_look_alike_are_known() -> None:
    assert mixes_scripts("r\u0435sults.csv")  # a Cyrillic е
    assert not mixes_scripts("results.csv")
    assert not mixes_scripts("результаты.csv")
