"""Hostile files, made here byte by byte: what each is, and why it is either refused or shown without doing anything.

`HOME` is where each of them would call, and `RUN` is what each would run. A page that shows one may do neither.
"""

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.comments import Comment
from PIL import Image
from PIL.PngImagePlugin import PngInfo

HOME = "http://127.0.0.1:1/called"
RUN = f"window.ran=1;document.title='ran';alert(1);console.log('ran');fetch('{HOME}')"
TABLE = b"site,mean\nDayton,212.40\nSeattle,198.77\n"
NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


@dataclass(frozen=True)
class Hostile:
    """A file, and a part of the sentence with which it is refused; None for one that is shown."""

    name: str
    content: bytes
    refused: str | None = None


# ---------------------------------------------------------------------------------------------- makers


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 120 if mode in {"L", "P", "1"} else "red").save(file, kind, **options)
    return file.getvalue()


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 20), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=50)
    return file.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_that_says(width: int, height: int) -> bytes:
    """A PNG whose head promises so many pixels, and whose data are few bytes of zeros that unfold to them."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(min((width // 8 + 1) * height, 50_000_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def png_with_text() -> bytes:
    notes = PngInfo()
    notes.add_text("Author", f"<script>{RUN}</script>")
    notes.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>rosa</x:xmpmeta>")
    return picture(pnginfo=notes)


def jpeg_of_a_place() -> bytes:
    image = Image.new("RGB", (40, 20), "red")
    facts = Image.Exif()
    facts[0x010F] = "A camera"
    facts.get_ifd(0x8825).update({1: "N", 2: (39.0, 45.0, 32.0), 3: "W", 4: (84.0, 11.0, 30.0)})
    file = io.BytesIO()
    image.save(file, "JPEG", exif=facts)
    return file.getvalue()


def a_zip(parts: dict[str, bytes] | None = None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in (parts or {"table.csv": TABLE}).items():
            archive.writestr(name, content)
    return file.getvalue()


def a_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo("passwords")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return file.getvalue()


def workbook(change: Callable[[openpyxl.Workbook], None] = lambda book: None, **parts: bytes) -> bytes:
    """A workbook of two rows, changed, and then with parts put in (by names in which __ stands for /, and _dot_)."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["site", "mean"])
    sheet.append(["Dayton", 212.4])
    change(book)
    file = io.BytesIO()
    book.save(file)
    return with_parts(
        file.getvalue(), {name.replace("__", "/").replace("_dot_", "."): each for name, each in parts.items()}
    )


def with_parts(content: bytes, parts: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    return a_zip({**old, **parts})


def _formulas(book: openpyxl.Workbook) -> None:
    book.active.append(['=HYPERLINK("http://127.0.0.1:1/called","click")', "=cmd|'/C calc'!A0"])


def _hidden(book: openpyxl.Workbook) -> None:
    sheet = book.active
    sheet.append(["SECRET in a hidden row", 1])
    sheet.row_dimensions[3].hidden = True
    sheet["C1"] = "SECRET in a hidden column"
    sheet.column_dimensions["C"].hidden = True
    sheet["A1"].comment = Comment("SECRET in a comment", "rosa")
    for title, state in (("hidden", "hidden"), ("very", "veryHidden")):
        other = book.create_sheet(title)
        other["A1"] = "SECRET in a hidden sheet"
        other.sheet_state = state


def _hostile_text(book: openpyxl.Workbook) -> None:
    book.active.append([f"<script>{RUN}</script>", f'<img src=x onerror="{RUN}">\u202eabc\u200b'])
    book.active.title = "a<svg onload=alert(1)>"


def _far_out(book: openpyxl.Workbook) -> None:
    book.active["XFD1048576"] = 1


def svg(inner: str, attributes: str = 'width="40" height="20"', before: str = "") -> bytes:
    return f'{before}<svg {NS} {attributes}><rect width="40" height="20" fill="red"/>{inner}</svg>'.encode()


def within(picture: bytes) -> str:
    """A picture inside of a drawing, cut after as many bytes as its head needs."""
    return f'<image width="9" height="9" href="data:image/png;base64,{base64.b64encode(picture[:200_000]).decode()}"/>'


def many_uses(depth: int) -> str:
    levels = "".join(f'<g id="g{n}">' + f'<use xlink:href="#g{n - 1}"/>' * 10 + "</g>" for n in range(1, depth))
    return f'<defs><g id="g0"><rect width="1" height="1"/></g>{levels}</defs><use xlink:href="#g{depth - 1}"/>'


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}).encode()


def code_cell(source: str, **more: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "a",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        **more,
    }


def words_cell(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "b", "source": source, "metadata": {}, **more}


def html_output(html: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": html, "application/javascript": RUN}}


def a_database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE visits (zper INTEGER)")
        return bytes(connection.serialize())


def parquet() -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"zper": [1, 2]}).to_parquet(file)
    return file.getvalue()


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("ran",))


BILLION = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
XXE = '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'

# ---------------------------------------------------------------------------------------------- refused

REFUSED: dict[str, Hostile] = {
    # archives, plain and with another face
    "a ZIP as a table": Hostile("table.csv", a_zip(), "archive (ZIP)"),
    "a ZIP bomb": Hostile("table.xlsx", a_zip({"xl/workbook.xml": bytes(9_000_000)}), "unpacks to far more"),
    "a ZIP with a path out": Hostile("table.zip", a_zip({"../../etc/cron.d/x": b"x"}), "archive (ZIP)"),
    "an empty ZIP": Hostile("none.txt", b"PK\x05\x06" + bytes(18), "archive (ZIP)"),
    "gzip": Hostile("table.csv", gzip.compress(TABLE), "gzip"),
    "a gzip bomb as a drawing": Hostile("plot.svgz", gzip.compress(bytes(5_000_000)), "gzip"),
    "bzip2": Hostile("table.csv", bz2.compress(TABLE), "bzip2"),
    "xz": Hostile("table.csv", lzma.compress(TABLE), "xz"),
    "zstd": Hostile("table.csv", b"\x28\xb5\x2f\xfd" + bytes(20), "zstd"),
    "7-Zip": Hostile("table.csv", b"7z\xbc\xaf\x27\x1c" + bytes(30), "7-Zip"),
    "RAR": Hostile("table.csv", b"Rar!\x1a\x07\x01\x00" + bytes(30), "RAR"),
    "tar with a link out": Hostile("table.csv", a_tar(), "tar"),
    "a PNG with a ZIP behind it": Hostile("plot.png", picture() + a_zip(), "archive (ZIP) inside or behind"),
    "a GIF with a Java program behind it": Hostile(
        "plot.gif", picture("GIF") + a_zip({"META-INF/MANIFEST.MF": b""}), "archive (ZIP) inside or behind"
    ),
    "a JPEG with a ZIP in its comment": Hostile(
        "plot.jpg", picture("JPEG", comment=a_zip()), "archive (ZIP) inside or behind"
    ),
    "a table with a ZIP behind it": Hostile("table.csv", TABLE + a_zip(), "archive (ZIP) inside or behind"),
    "a PDF behind a table's first line": Hostile("table.csv", b"a,b\n%PDF-1.7\n1 0 obj\n", "PDF"),
    # programs, documents, stored objects and data
    "a program": Hostile("table.csv", b"\x7fELF\x02\x01\x01" + bytes(60), "program"),
    "a program of Windows as a PNG": Hostile("plot.png", b"MZ\x90\x00" + bytes(60), "program"),
    "WebAssembly": Hostile("code.py", b"\x00asm\x01\x00\x00\x00", "program"),
    "a PDF": Hostile("paper.txt", b"%PDF-1.7\n1 0 obj\n<</OpenAction<</S/JavaScript>>>>", "PDF"),
    "PostScript": Hostile("plot.txt", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n", "PostScript"),
    "RTF": Hostile("paper.txt", b"{\\rtf1\\ansi{\\object\\objemb}}", "RTF"),
    "an office file of the older kind": Hostile(
        "table.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "office"
    ),
    "a pickle that runs": Hostile("model.txt", pickle.dumps(_Runs()), "pickle"),
    "a pickle that is text": Hostile("model.txt", pickle.dumps(_Runs(), protocol=0), "stored object"),
    "HDF5": Hostile("model.csv", b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5"),
    "ONNX": Hostile("model.csv", b"\x08\x07\x12\x07pytorch" + bytes(range(256)), "ONNX"),
    "Parquet": Hostile("table.csv", parquet(), "Parquet"),
    "SQLite": Hostile("table.csv", a_database(), "SQLite"),
    "DuckDB": Hostile("table.csv", bytes(8) + b"DUCK" + bytes(100), "DuckDB"),
    "a workspace of R": Hostile("model.txt", b"RDX3\nX\n\x00\x00\x00\x03", "stored"),
    "bytes of no kind": Hostile("data.csv", bytes(range(256)) * 4, "not known"),
    "an e-mail with a page in it": Hostile("mail.txt", b"MIME-Version: 1.0\nContent-Type: text/html\n\n<p>", "e-mail"),
    "an encoded file": Hostile("file.txt", b"begin 644 a.exe\n#0V%T\n`\nend\n", "uuencode"),
    # text that is none
    "nothing": Hostile("table.csv", b"", "empty"),
    "UTF-16": Hostile("table.csv", TABLE.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": Hostile("table.csv", TABLE.decode().encode("utf-16-le"), "not known"),
    "Latin-1": Hostile("table.csv", "site,größe\nDayton,1\n".encode("latin-1"), "not in UTF-8"),
    "overlong UTF-8": Hostile("code.py", b"x = 1  # \xc0\xbcscript\xc0\xbe and more of it", "not in UTF-8"),
    "half a surrogate pair": Hostile("code.py", b"x = 1  # \xed\xa0\x80 and more", "not in UTF-8"),
    "a NUL": Hostile("table.csv", b"site,mean\nDayton\x00.exe,1\n", "NUL"),
    "colours of a terminal": Hostile("code.py", b"# \x1b[2J\x1b]0;title\x07 and more", "control characters"),
    "a backspace": Hostile("query.sql", b"SELECT 1 -- DROP\x08\x08\x08\x08", "control characters"),
    "quotation marks that do not close": Hostile("table.csv", b'site,mean\nDayton,"1\nSeattle,2\n', "quotation marks"),
    "JSON nested a thousand deep": Hostile("a.json", b"[" * 1_000 + b"]" * 1_000, "nested"),
    "JSON nested a million deep": Hostile("a.json", b'{"a":' * 300_000 + b"1" + b"}" * 300_000, "nested"),
    "an XML bomb": Hostile("a.xml", f"{BILLION}<a>&i;</a>".encode(), "entities"),
    "a table too large": Hostile("table.csv", b"a,b\n" + b"1,2\n" * 500_001, "at most"),
    "a table of two thousand columns": Hostile("table.csv", (",".join("x" * 2_000) + "\n").encode() * 2, "columns"),
    # drawings
    "a drawing with a script": Hostile("plot.svg", svg(f"<script>{RUN}</script>"), "a script"),
    "a drawing with a script by prefix": Hostile(
        "plot.svg",
        f'<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:script>{RUN}</s:script></s:svg>'.encode(),
        "a script",
    ),
    "a drawing with an event": Hostile("plot.svg", svg("", f'width="4" height="2" onload="{RUN}"'), "an event"),
    "a drawing with a web page inside": Hostile(
        "plot.svg",
        svg(f'<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>{RUN}</script></body></foreignObject>'),
        "page inside",
    ),
    "a drawing that loads a picture": Hostile(
        "plot.svg", svg(f'<image xlink:href="{HOME}"/>'), "another file or address"
    ),
    "a drawing that reads a file": Hostile(
        "plot.svg", svg('<image xlink:href="/etc/passwd"/>'), "another file or address"
    ),
    "a drawing in a drawing": Hostile(
        "plot.svg", svg('<image href="data:image/svg+xml;base64,PHN2Zz4="/>'), "another file or address"
    ),
    "a drawing with a link that runs": Hostile(
        "plot.svg", svg(f'<a href="javascript:{RUN}"><rect/></a>'), "another file"
    ),
    "a drawing that uses another": Hostile("plot.svg", svg(f'<use href="{HOME}#a"/>'), "another file or address"),
    "a drawing that imports a style": Hostile(
        "plot.svg", svg(f"<style>@import url({HOME});</style>"), "from elsewhere"
    ),
    "a drawing with a style from outside": Hostile(
        "plot.svg", svg(f'<rect style="fill:url({HOME}#a)"/>'), "from elsewhere"
    ),
    "a drawing with a style in an attribute": Hostile(
        "plot.svg", svg(f"<rect fill=\"url('{HOME}')\"/>"), "from elsewhere"
    ),
    "a drawing with a style sheet": Hostile(
        "plot.svg", svg("", before=f'<?xml-stylesheet href="{HOME}"?>'), "style sheet"
    ),
    "a drawing that moves": Hostile(
        "plot.svg", svg('<set attributeName="href" to="javascript:alert(1)"/>'), "animation"
    ),
    "a drawing with entities": Hostile("plot.svg", f"{XXE}<svg {NS}><text>&x;</text></svg>".encode(), "entities"),
    "a drawing with an XML bomb": Hostile("plot.svg", f"{BILLION}<svg {NS}>&i;</svg>".encode(), "entities"),
    "a drawing that uses itself a billion times": Hostile("plot.svg", svg(many_uses(12)), "cannot be drawn"),
    "a drawing with a style in disguise": Hostile(
        "plot.svg", svg(f'<rect style="fill:u\\72l({HOME}#a)"/>'), "from elsewhere"
    ),
    "a drawing with a bomb of pixels inside": Hostile("plot.svg", svg(within(png_that_says(60_000, 60_000))), "memory"),
    "a drawing of a million pixels a side": Hostile(
        "plot.svg", svg("", 'width="1000000" height="1000000"'), "more pixels"
    ),
    "a drawing nested too deeply": Hostile("plot.svg", svg("<g>" * 5_000 + "</g>" * 5_000), "nested"),
    "a drawing that does not end": Hostile("plot.svg", f"<svg {NS}><rect>".encode(), "well-formed"),
    # pictures
    "a picture of too many pixels": Hostile("plot.png", png_that_says(19_000, 19_000), "more pixels"),
    "a picture of four billion pixels": Hostile("plot.png", png_that_says(65_000, 65_000), "more pixels"),
    "half a picture": Hostile("plot.png", picture()[:60], "damaged"),
    "a picture that is a script": Hostile("plot.gif", f"GIF89a=1;{RUN}".encode(), "damaged"),
    "a picture that is a page": Hostile("plot.png", b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", "damaged"),
    "a JPEG in name and mark only": Hostile("plot.jpg", b"\xff\xd8\xff\xe0<?php system('id')?>", "damaged"),
    "a film": Hostile("plot.png", b"\x00\x00\x00\x18ftypmp42" + bytes(40), "picture or a film"),
    # workbooks
    "a workbook with macros": Hostile("table.xlsx", workbook(xl__vbaProject_dot_bin=b"x"), "macros"),
    "a workbook that says macros": Hostile(
        "table.xlsx", with_parts(workbook(), {"[Content_Types].xml": b"<Types><x t='macroEnabled'/></Types>"}), "macros"
    ),
    "a workbook with links": Hostile(
        "table.xlsx", workbook(xl__externalLinks__externalLink1_dot_xml=b"<externalLink/>"), "links to other workbooks"
    ),
    "a workbook with a file inside": Hostile(
        "table.xlsx", workbook(xl__embeddings__oleObject1_dot_bin=b"x"), "files inside"
    ),
    "a workbook with a control": Hostile("table.xlsx", workbook(xl__activeX__activeX1_dot_xml=b"<x/>"), "controls"),
    "a workbook with a connection": Hostile("table.xlsx", workbook(xl__connections_dot_xml=b"<x/>"), "connections"),
    "a workbook with the rows behind a pivot table": Hostile(
        "table.xlsx", workbook(xl__pivotCache__pivotCacheRecords1_dot_xml=b"<x/>"), "pivot"
    ),
    "a workbook with entities": Hostile(
        "table.xlsx", workbook(xl__sharedStrings_dot_xml=f"{BILLION}<sst>&i;</sst>".encode()), "entities"
    ),
    "a workbook that is a bomb": Hostile(
        "table.xlsx", workbook(xl__worksheets__sheet9_dot_xml=bytes(30_000_000)), "far more"
    ),
    "a workbook whose last cell stands far out": Hostile("table.xlsx", workbook(_far_out), "far out"),
    "a workbook with two parts of one name": Hostile(
        "table.xlsx", workbook(XL__workbook_dot_xml=b"<workbook/>"), "one name"
    ),
    "half a workbook": Hostile("table.xlsx", workbook()[:-200], "ZIP"),
    "a workbook that shows nothing": Hostile(
        "table.xlsx", workbook(lambda book: book.active.delete_rows(1, 9)), "shows nothing"
    ),
    "a Word document": Hostile("paper.docx", a_zip({"word/document.xml": b"<x/>", "[Content_Types].xml": b""}), "Word"),
    "an OpenDocument file": Hostile(
        "table.ods", a_zip({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "OpenDocument"
    ),
    "a workbook of the binary kind": Hostile("table.xlsb", a_zip({"xl/workbook.bin": b"x"}), "XLSB"),
    "a stored network": Hostile("model.pt", a_zip({"archive/data.pkl": pickle.dumps(_Runs())}), "stored model"),
}

# ---------------------------------------------------------------------------------------------- shown

SCRIPT = f"<script>{RUN}</script>"
EVENTS = f'<img src=x onerror="{RUN}"><svg onload="{RUN}"><body onload="{RUN}"><details open ontoggle="{RUN}">'
BREAKS_OUT = f"</code></li></ol></td></table></pre></textarea></title>{SCRIPT}{EVENTS}"

TABLES: dict[str, Hostile] = {
    "a table with a script": Hostile("table.csv", f'site,mean\n"{SCRIPT}",1\n'.encode()),
    "a table that breaks out": Hostile(
        "table.csv", f"site,mean\n{BREAKS_OUT.replace(',', ';').replace(chr(34), chr(39))},1\n".encode()
    ),
    "a table with formulas": Hostile(
        "table.csv",
        f'a,b\n=1+1,"=HYPERLINK(""{HOME}"",""click"")"\n=cmd|\'/C calc\'!A0,@SUM(1+1)\n+1+1,-2+3\n"\t=1",-5\n'.encode(),
    ),
    "a table with a DDE formula behind a blank": Hostile("table.tsv", b"a\tb\n =cmd|'/C calc'!A0\t\xe2\x80\x8b=1+1\n"),
    "a table that turns text around": Hostile("table.csv", "site,mean\n\u202eabc\u202c,\u2067def\u2069\n".encode()),
    "a table with hidden characters": Hostile("table.csv", "site,mean\na\u200b\u00adb\ufeff,\u2800\u3164\n".encode()),
    "a table with forged marks": Hostile("table.csv", "site,mean\na⟦U+202E⟧b,1\n".encode()),
    "a table of many rows": Hostile("table.csv", b"site,mean\n" + b"Dayton,20\n" * 12_344),
    "a table of many columns": Hostile("table.csv", (",".join(f"c{n}" for n in range(900)) + "\n").encode() * 30),
    "a table with a huge cell": Hostile("table.csv", b"site,mean\n" + b"x" * 90_000 + b",1\n"),
    "a table with lines in cells": Hostile("table.csv", b'site,mean\r\n"a\r\nb\nc\rd",1\r\n'),
    "a table with uneven rows": Hostile("table.csv", b"Title\n\nsite,mean\nDayton,1,2\n"),
    "a table with blanks that count": Hostile("table.csv", b"site,mean\n  a  , b\n\xc2\xa0,\t\n"),
    "a table with a byte order mark": Hostile("table.csv", b"\xef\xbb\xbf" + TABLE),
    "a table as a picture": Hostile("plot.png", TABLE),
    "a table as a program": Hostile("table.csv.exe", TABLE),
    "a table with quotation marks everywhere": Hostile("table.csv", b'"si""te","me,an"\n"a ""b""","1,5"\n'),
    "a table with people's numbers": Hostile(
        "table.csv", b"zper,age\n" + b"".join(b"%d,4\n" % (125_000 + n) for n in range(40))
    ),
}

TEXTS: dict[str, Hostile] = {
    "a web page": Hostile(
        "page.html", f"<!doctype html><html><head>{SCRIPT}</head><body>{EVENTS}</body></html>".encode()
    ),
    "a web page as text": Hostile("notes.txt", f"<html>{BREAKS_OUT}".encode()),
    "a page that goes elsewhere": Hostile("page.html", f'<meta http-equiv="refresh" content="0;url={HOME}">'.encode()),
    "a page with frames": Hostile(
        "page.html", f'<iframe src="{HOME}" srcdoc="{SCRIPT}"></iframe><object data="{HOME}">'.encode()
    ),
    "a page with styles from elsewhere": Hostile(
        "page.html",
        f'<link rel="stylesheet" href="{HOME}"><style>@import "{HOME}";</style><base href="{HOME}">'.encode(),
    ),
    "a page with a form": Hostile(
        "page.html", f'<form action="{HOME}"><input name="p" autofocus onfocus="{RUN}"></form>'.encode()
    ),
    "XML with a style sheet": Hostile("a.xml", f'<?xml version="1.0"?><?xml-stylesheet href="{HOME}"?><a/>'.encode()),
    "a page in letters of seven bits": Hostile("notes.txt", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
    "Markdown with a script": Hostile(
        "notes.md", f"# Notes\n\n{BREAKS_OUT}\n[a](javascript:alert(1))\n![a]({HOME})\n".encode()
    ),
    "code that breaks out": Hostile("code.py", f"x = 1  # {BREAKS_OUT}\n".encode()),
    "code that reads otherwise than it runs": Hostile(
        "code.py", "if access != 'user\u202e \u2066# only for admins\u2069 \u2066':\n    pass\n".encode()
    ),
    "code in letters that look alike": Hostile("code.py", "\u0430dmin = аdmin = 1\n".encode()),
    "text of one long line": Hostile("notes.txt", b"x" * 200_000),
    "text with a secret": Hostile("notes.txt", b"password = 'correct-horse'\n" + b"QUJD" * 100),
    "text with every line end": Hostile("notes.txt", "a\r\nb\nc\rd\u2028e\u0085f\n".replace("\u0085", "").encode()),
    "text piled up with marks": Hostile("notes.txt", ("Z" + "\u0301" * 200 + "\n").encode()),
}

NOTEBOOKS: dict[str, Hostile] = {
    "JSON with a script": Hostile("a.json", json.dumps({"a": BREAKS_OUT, "__proto__": {"x": 1}}).encode()),
    "JSON that says a thing twice": Hostile("a.json", b'{"a": 1, "a": 2, "b": "\\u202e\\u0000"}'),
    "a notebook with a script": Hostile("a.ipynb", notebook(code_cell(f"%%html\n{SCRIPT}"), words_cell(BREAKS_OUT))),
    "a notebook with outputs": Hostile(
        "a.ipynb", notebook(code_cell("1", outputs=[html_output(f"SECRET {SCRIPT}")]), widgets={"state": "SECRET"})
    ),
    "a notebook with attachments": Hostile(
        "a.ipynb", notebook(words_cell("![a](attachment:a.png)", attachments={"a.png": {"image/png": "SECRET"}}))
    ),
    "a notebook with a hostile kernel": Hostile(
        "a.ipynb", notebook(code_cell("1"), kernelspec={"name": SCRIPT, "display_name": "Python 3"}, SECRET=1)
    ),
    "a notebook as a table": Hostile("table.csv", notebook(code_cell("x = '\u202e'"))),
}

PICTURES: dict[str, Hostile] = {
    "a PNG with notes": Hostile("plot.png", png_with_text()),
    "a PNG with a script behind it": Hostile("plot.png", picture() + SCRIPT.encode()),
    "a PNG as a page": Hostile("page.html", picture()),
    "a PNG whose palette has more than it shows": Hostile("plot.png", picture(mode="P")),
    "a PNG in sixteen bits": Hostile("plot.png", picture(mode="I;16")),
    "a JPEG that knows its place": Hostile("photo.jpg", jpeg_of_a_place()),
    "a JPEG with a page in its comment": Hostile("photo.html", picture("JPEG", comment=SCRIPT.encode())),
    "a GIF that moves": Hostile("plot.gif", moving("GIF")),
    "a WebP that moves": Hostile("plot.webp", moving("WEBP")),
    "a picture with hidden colours": Hostile("plot.png", picture(mode="RGBA", size=(30, 30))),
    "a drawing as programs write it": Hostile(
        "plot.svg",
        svg(
            '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata><text>SECRET</text>',
            before='<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"\n '
            '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n',
        ),
    ),
    "a drawing as a table": Hostile("table.csv", svg("<!-- SECRET -->")),
}

WORKBOOKS: dict[str, Hostile] = {
    "a workbook with formulas": Hostile("table.xlsx", workbook(_formulas)),
    "a workbook that hides": Hostile("table.xlsx", workbook(_hidden)),
    "a workbook with hostile text": Hostile("table.xlsx", workbook(_hostile_text)),
    "a workbook as a table": Hostile("table.csv", workbook()),
}

NAMES: dict[str, Hostile] = {
    "a name that leads out": Hostile("../../../etc/cron.d/table.csv", TABLE),
    "a name that turns around": Hostile("table\u202egnp.csv", TABLE),
    "a name with a script": Hostile(f"{SCRIPT}.csv", TABLE),
    "a name with a NUL": Hostile("table.csv\x00.html", TABLE),
    "a name with a head in it": Hostile("table.csv\r\nContent-Type: text/html\r\n\r\n<script>", TABLE),
    "a name of letters that look alike": Hostile("r\u0435sults.csv", TABLE),
    "a name of a device": Hostile("CON.csv", TABLE),
    "a name of a thousand letters": Hostile("x" * 1_000 + ".csv", TABLE),
    "a name of nothing": Hostile("\u202e\u200b", TABLE),
}

SHOWN = {**TABLES, **TEXTS, **NOTEBOOKS, **PICTURES, **WORKBOOKS, **NAMES}
CORPUS = {**REFUSED, **SHOWN}
