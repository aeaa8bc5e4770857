"""Files that a researcher might send: hostile ones, made here byte by byte, and honest ones."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from typing import Any


def a_notebook(**changes: Any) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "a",
        "source": "1 + 1",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, **changes}]}


def markdown(source: str, **changes: Any) -> dict[str, Any]:
    cell = {"cell_type": "markdown", "id": "a", "source": source, "metadata": {}, **changes}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def a_zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content)
    return file.getvalue()


def a_tar_with_links() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, target in (("passwords", "/etc/passwd"), ("up", "../../..")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return file.getvalue()


OUTPUT = {"output_type": "stream", "name": "stdout", "text": "4711"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TABLE = b"code,name\n1,one\n2,two\n"
ZEROS = bytes(5_000_000)

REFUSED: dict[str, tuple[str, bytes, str]] = {
    # why it is here: (name, content, what the refusal says)
    "a zip bomb as a table": ("bomb.csv", a_zip(ZEROS), "an archive"),
    "a gzip bomb as code": ("bomb.py", gzip.compress(ZEROS), "gzip"),
    "bzip2 as text": ("bomb.txt", bz2.compress(ZEROS), "bzip2"),
    "xz as JSON": ("bomb.json", lzma.compress(ZEROS), "xz"),
    "an office file as a table": ("sheet.csv", a_zip(b"<worksheet/>"), "an archive"),
    "an archive with links out": ("links.txt", a_tar_with_links(), "an archive (tar)"),
    "a table with an archive behind it": ("both.csv", TABLE + a_zip(TABLE), "no plain text"),
    "an empty archive": ("none.txt", b"PK\x05\x06" + bytes(18), "an archive"),
    "a program": ("run.py", b"\x7fELF\x02\x01\x01" + bytes(60), "a program"),
    "a program of Windows": ("run.r", b"MZ\x90\x00" + bytes(60), "a program"),
    "WebAssembly": ("run.txt", b"\x00asm\x01\x00\x00\x00", "a program"),
    "a PNG": ("plot.md", PNG, "an image"),
    "a JPEG": ("plot.txt", b"\xff\xd8\xff\xe0" + bytes(30), "an image"),
    "a GIF that is a script too": ("plot.txt", b"GIF89a=1;alert(1)", "an image"),
    "an SVG": ("plot.txt", b'<svg onload="alert(1)"/>', "with tags"),
    "a PDF": ("paper.txt", b"%PDF-1.7\n1 0 obj\n", "a PDF"),
    "PostScript": ("paper.txt", b"%!PS-Adobe-3.0\n", "PostScript"),
    "RTF": ("paper.txt", b"{\\rtf1\\ansi}", "RTF"),
    "a pickle": ("model.txt", b"\x80\x04\x95" + bytes(20), "pickle"),
    "Parquet": ("table.csv", b"PAR1" + bytes(30), "Parquet"),
    "a database": ("table.csv", b"SQLite format 3\x00" + bytes(84), "a database"),
    "UTF-16": ("table.csv", "code,name\n1,one\n".encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("table.csv", "code,name\n".encode("utf-16-le"), "no plain text"),
    "Latin-1": ("table.csv", "code,größe\n1,2\n".encode("latin-1"), "not in UTF-8"),
    "overlong UTF-8": ("code.py", b"x = 1 # \xc0\xaf", "not in UTF-8"),
    "half a surrogate pair": ("code.py", b"x = 1 # \xed\xa0\x80", "not in UTF-8"),
    "a NUL byte": ("code.py", b"x = 1\n\x00y = 2\n", "characters that are no text"),
    "colours of a terminal": ("code.py", b"# \x1b[2J\x1b[31mred", "characters that are no text"),
    "controls above ASCII": ("code.py", "x = 1 # \x9b2J".encode(), "characters that are no text"),
    "a backspace": ("code.sql", b"DROP\x08\x08\x08\x08", "characters that are no text"),
    "a huge line": ("code.py", b"x = '" + b"a" * 20_000 + b"'", "a line of 20,006 characters"),
    "a huge line ended by carriage returns": ("c.py", b"\r" + b"a" * 20_000 + b"\r", "a line of 20,000"),
    "nothing": ("code.py", b"", "is empty"),
    "blanks": ("code.py", b" \n\n\t", "is empty"),
    "more code than anyone reads": ("code.py", b"x = 1\n" * 50_000, "300,000 bytes"),
    "a web page as Markdown": ("notes.md", b"<!DOCTYPE html><html><body>hi", "with tags"),
    "a script in Markdown": ("notes.md", b"# Notes\n\n<script>alert(1)</script>", "line 3"),
    "an image that calls home, in Markdown": ("notes.md", b"# Notes\n<img src=https://a.example/x>", "line 2"),
    "an event in Markdown": ("notes.md", b"# Notes\n<b\nonclick=alert(1)>b</b>", "line 2"),
    "a script as a link in Markdown": ("notes.md", b"[a](javascript:alert(1))", "line 1"),
    "a web page as a table": ("table.csv", b"<html><table><tr><td>1", "with tags"),
    "XML": ("table.csv", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>', "with tags"),
    "an encoded file": ("file.txt", b"begin 644 a.exe\n#0V%T\n`\nend\n", "uuencode"),
    "an e-mail": ("file.txt", b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n", "e-mail"),
    "a table of uneven rows": ("table.csv", b"code,name\n1,one,more\n", "line 2 has 3 fields"),
    "a table whose quotation does not close": ("table.csv", b'code,name\n1,"one\n2,two\n', "quotation marks"),
    "a table with text behind a quotation": ("table.csv", b'code,name\n"1"x,one\n', "quotation marks"),
    "a table with too many rows": ("table.csv", b"code\n" + b"1\n" * 20_001, "20,001 rows"),
    "a table with too many columns": ("table.csv", b",".join([b"c"] * 51), "51 columns"),
    "a notebook with outputs": ("a.ipynb", as_json(a_notebook(outputs=[OUTPUT])), "holds outputs"),
    "a notebook with attachments": (
        "a.ipynb",
        as_json(markdown("![a](attachment:a.png)", attachments={"a.png": {"image/png": "iVBORw0="}})),
        "attached files",
    ),
    "a notebook with a script": ("a.ipynb", as_json(markdown("<script>alert(1)</script>")), "HTML in line 1"),
    "a notebook with a raw cell": (
        "a.ipynb",
        as_json(markdown("x") | {"cells": [{"cell_type": "raw", "id": "a", "source": "x", "metadata": {}}]}),
        "a raw cell",
    ),
    "a notebook with widgets": (
        "a.ipynb",
        as_json({**a_notebook(), "metadata": {"widgets": {"state": {}}}}),
        "the state of widgets",
    ),
    "a notebook of an old format": ("a.ipynb", as_json({"nbformat": 3, "worksheets": []}), "no notebook of format 4"),
    "a notebook that is none": ("a.ipynb", b"[1, 2]", "no notebook of format 4"),
    "a notebook with strange cells": ("a.ipynb", as_json(a_notebook(cell_type="applet")), "no notebook"),
    "a notebook that says things twice": ("a.ipynb", b'{"nbformat": 4, "nbformat": 4}', "repeats a key"),
    "JSON that cannot be read": ("a.json", b"{'a': 1}", "no sound JSON"),
    "JSON with no number": ("a.json", b'{"a": NaN}', "no sound JSON"),
    "deep JSON": ("a.json", b"[" * 100 + b"]" * 100, "nested too deeply"),
    "very deep JSON": ("a.json", b"[" * 9_000, "no sound JSON"),
    "TOML that cannot be read": ("a.toml", b"a = ", "no TOML"),
    "YAML that builds objects": ("a.yaml", b"a: !!python/object/apply:os.system [ls]", "build objects"),
}

BAD_NAMES = [
    "",
    ".",
    "..",
    ".hidden.py",
    "../up.py",
    "..\\up.py",
    "a/b.py",
    "/etc/passwd.txt",
    "C:\\a.txt",
    "a\x00.py",
    "a\n.py",
    "a\u202egpj.py",
    "a\u200b.py",
    "а.py",  # the Cyrillic letter
    "-rf.py",
    " a.py",
    "a.py ",
    "a..py",
    "x" * 100 + ".py",
    "run.sh",
    "run.exe",
    "table.csv.exe",
    "page.html",
    "plot.svg",
    "book.xlsx",
    "data.parquet",
    "model.pkl",
    "archive.zip",
    "code",
    "manifest.json",
    "MANIFEST.JSON",
]

FOUND: dict[str, tuple[str, bytes, str, tuple[int, ...]]] = {
    # what: (name, content, the finding, its lines)
    "a formula": ("t.csv", b"code,name\n1,=cmd|' /C calc'!A0\n2,two\n", "as a formula", (2,)),
    "a formula behind a sign": ("t.csv", b"code,name\n1,-2+cmd\n2,+3.5\n3,-4\n", "as a formula", (2,)),
    "a formula behind a tab": ("t.csv", b"code,name\n1,@SUM(A1)\n", "as a formula", (2,)),
    "text turned around": ("a.py", "x = 1\n# \u202e evil \u2066\n".encode(), "turn the text around", (2,)),
    "an invisible space": ("a.py", "x = 1\ny\u200b = 2\n".encode(), "do not show", (2,)),
    "a letter that is blank": ("a.py", "x = 1\ny\u3164 = 2\n".encode(), "do not show", (2,)),
    "a selector of variations, which can carry bytes": ("a.md", "a\n\u2764\U000e0142\n".encode(), "do not show", (2,)),
    "a tag character": ("a.txt", "a\n\U000e0041b\n".encode(), "do not show", (2,)),
    "a hidden separator of lines": ("a.py", "x = 1 # \u2028y = 2\n".encode(), "do not show", (1,)),
    "letters of two alphabets": ("a.py", "pаssword = 1\n".encode(), "two alphabets", (1,)),
    "a long line": ("a.txt", b"a\n" + b"a b " * 200, "very long line", (2,)),
    "base64": ("a.py", b"x = 1\nblob = '" + b"QUJD" * 60 + b"'", "encoded run", (2,)),
    "a data URL": ("a.md", b"![a](data:image/png;base64,iVBORw0KGgo=)", "data URL", (1,)),
    "a password": ("a.py", b"password = 'hunter2hunter2'", "password, key or token", (1,)),
    "a key": ("a.txt", b"-----BEGIN RSA PRIVATE KEY-----", "password, key or token", (1,)),
    "a password in an address": ("a.py", b"u = 'postgres://me:secret@db/x'", "password, key or token", (1,)),
    "a script in code": ("a.py", b"x = 1\ny = '<script>f()</script>'\n", "HTML that does", (2,)),
    "an event in a table": ("t.csv", b"a,b\n1,<b onclick=f()>\n", "HTML that does", (2,)),
    "a loader": ("a.py", b"import pickle\npickle.load(f)\n", "runs other code", (2,)),
    "an e-mail address": ("t.csv", b"id,mail\n1,ada@example.org\n2,b\n", "e-mail address in a column", (2,)),
    "long numbers": ("t.csv", b"nhs,x\n943 476 5919,1\n9434765919,2\n", "long numbers in a column", (2, 3)),
    "a national insurance number": ("t.tsv", b"a\tb\nAB123456C\t1\n", "National Insurance number", (2,)),
    "text turned around in a cell, which the file writes as an escape": (
        "a.ipynb",
        as_json(a_notebook(source="x = 1\n# \u202e")),
        "turn the text around",
        (2,),
    ),
    "unusual metadata": ("a.ipynb", as_json({**a_notebook(), "metadata": {"x": "y"}}), "metadata beside", ()),
}

HONEST: dict[str, bytes] = {
    "code.py": b"import pandas as pd\n\nprint(pd.__version__)\n",
    "model.r": "fit <- lm(y ~ x)  # größe\n".encode(),
    "select.SQL": b"SELECT site FROM visits WHERE a <= 2;\r\nSELECT 1;\r\n",
    "notes.md": b"# Notes\n\nSee <https://example.org>, a < b, p < base and **c**.\n",
    "words.txt": "naïve café 東京 \U0001f600\n".encode(),
    "a.toml": b"[a]\nb = 1\n",
    "a.json": b'{"a": [1, 2, {"b": null}]}',
    "a.yaml": b"a:\n  - 1\n",
    "codes.csv": b'\xef\xbb\xbfcode,name,change\n01,one,-1.5\n02,"two, too",+2\n',
    "codes.tsv": b"code\tname\nA1\tone\n",
    "first release.ipynb": as_json(a_notebook()),
    "old.ipynb": as_json(
        {
            **a_notebook(),
            "nbformat_minor": 4,
            "cells": [{k: v for k, v in a_notebook()["cells"][0].items() if k != "id"}],
        }
    ),
}
