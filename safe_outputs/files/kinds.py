"""The kinds of file that can be in a request: one table, from which pages and docs speak."""

from dataclasses import dataclass
from enum import StrEnum


class FileKind(StrEnum):
    TABLE = "table"
    SPREADSHEET = "spreadsheet"
    TEXT = "text"
    CODE = "code"
    JSON = "json"
    NOTEBOOK = "notebook"
    MARKUP = "markup"
    PICTURE = "picture"
    DRAWING = "drawing"


@dataclass(frozen=True)
class Kind:
    """What people call it; the endings that its name may have (the first is given to a name without one of them).

    `limit` is the line of `LIMITS` that bounds the bytes sent. `media_type` is that of the bytes that are kept, and is
    never one that a browser runs. `known_by`, `shown` and `leaves` are parts of sentences.
    """

    words: str
    endings: tuple[str, ...]
    limit: str
    media_type: str
    known_by: str
    shown: str
    leaves: str


_AS_SENT = "the bytes that were sent"
_PICTURE = "a PNG that is drawn here from what the file shows, on white; nothing else of the file"

KINDS: dict[FileKind, Kind] = {
    FileKind.TABLE: Kind(
        "a table (CSV or TSV)",
        (".csv", ".tsv"),
        "table",
        "text/csv; charset=utf-8",
        "text in rows of two or more fields, all rows alike; or any text of fields whose name says so",
        "as a table of cells; formulas and hidden characters are marked",
        _AS_SENT,
    ),
    FileKind.SPREADSHEET: Kind(
        "a workbook (XLSX)",
        (".xlsx",),
        "spreadsheet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "a ZIP with the parts of a workbook",
        "sheet by sheet as tables of cells",
        "a workbook that is written here: the values of the visible cells, all digits of them; no formula, format, "
        "comment, link, picture, hidden part or property",
    ),
    FileKind.TEXT: Kind(
        "text",
        (".txt", ".md", ".rst", ".tex", ".bib", ".log"),
        "text",
        "text/plain; charset=utf-8",
        "clean UTF-8 text that is nothing else",
        "line by line, with numbers",
        _AS_SENT,
    ),
    FileKind.CODE: Kind(
        "code",
        (".py", ".r", ".sql", ".jl", ".do", ".sps", ".sas", ".stan", ".rmd", ".qmd", ".toml", ".yaml", ".yml", ".ini"),
        "text",
        "text/plain; charset=utf-8",
        "clean UTF-8 text whose name says so; what is code, only its name can tell",
        "line by line, with numbers",
        _AS_SENT,
    ),
    FileKind.JSON: Kind(
        "JSON",
        (".json", ".geojson"),
        "json",
        "application/json",
        "text that is one JSON object or list",
        "line by line, with numbers",
        _AS_SENT,
    ),
    FileKind.NOTEBOOK: Kind(
        "a notebook",
        (".ipynb",),
        "notebook",
        "application/x-ipynb+json",
        "JSON with the cells of a Jupyter notebook of format 4",
        "cell by cell, as source",
        "a notebook that is written here: the sources of its cells, and its kernel; no output, attachment or widget "
        "(as evidence, which never leaves, it keeps what its cells put out as text)",
    ),
    FileKind.MARKUP: Kind(
        "HTML or XML, as source",
        (".html.txt", ".xml.txt"),
        "text",
        "text/plain; charset=utf-8",
        "text that begins with a tag",
        "line by line, with numbers, as source",
        "the bytes that were sent, as text: its name ends in .txt, so that nothing opens it as a page",
    ),
    FileKind.PICTURE: Kind(
        "a picture (PNG, JPEG, GIF or WebP)",
        (".png",),
        "picture",
        "image/png",
        "the first bytes, and a decoder that reads it",
        "as the picture that would leave",
        _PICTURE,
    ),
    FileKind.DRAWING: Kind(
        "a drawing (SVG)",
        (".png",),
        "drawing",
        "image/png",
        "well-formed XML whose outermost element is svg",
        "as the picture that would leave",
        _PICTURE,
    ),
}

TAKEN = "; ".join(kind.words for kind in KINDS.values())


def kinds_of(ending: str) -> frozenset[FileKind]:
    """The kinds that a name with this ending speaks of."""
    said = {"svg": FileKind.DRAWING, "jpg": FileKind.PICTURE, "jpeg": FileKind.PICTURE, "gif": FileKind.PICTURE}
    said |= {"webp": FileKind.PICTURE, "html": FileKind.MARKUP, "htm": FileKind.MARKUP, "xml": FileKind.MARKUP}
    found = {kind for kind, facts in KINDS.items() if ending in facts.endings}
    return frozenset(found | ({said[ending[1:]]} if ending[1:] in said else set()))
