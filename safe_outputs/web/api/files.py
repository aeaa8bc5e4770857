"""Files of requests as their readers see them: inert text and cells, or a picture that was drawn here."""

from typing import Annotated, Literal

from flask import Response
from pydantic import Field

from safe_outputs.answers import Finding
from safe_outputs.files import FileKind
from safe_outputs.web import previews
from safe_outputs.web.access import reader
from safe_outputs.web.api.shapes import DIGITS, Answer, Query
from safe_outputs.web.api.statement import Media, Reply, api, endpoint
from safe_outputs.web.seen import seen_file

blueprint = api("files")


class FileLine(Answer):
    """A line of text, or a further piece of it."""

    number: int
    text: str
    further: bool


class FileCell(Answer):
    """A cell's text. `formula`: a spreadsheet would run it; `more`: how many of its characters are cut off."""

    text: str
    formula: bool
    more: int


class FileRow(Answer):
    number: int
    cells: list[FileCell]


class FileTable(Answer):
    """A table, or a sheet of a workbook; `header` is its first row, whatever rows are wanted."""

    title: str
    header: FileRow
    rows: list[FileRow]
    columns: int


class NotebookCell(Answer):
    number: int
    kind: str
    lines: list[FileLine]


class PictureSize(Answer):
    """In pixels. The picture itself is at …/picture."""

    width: int
    height: int


class FileContent(Answer):
    """`first` to `last` of `total` things called `unit`. `hidden` characters that would not show are written out."""

    unit: str
    first: int
    last: int
    total: int
    hidden: int
    cut: int
    lines: list[FileLine]
    grids: list[FileTable]
    blocks: list[NotebookCell]
    picture: PictureSize | None


class ShownFile(Answer):
    """A file of a request: what it is, what is known of it, and a window of what it shows."""

    id: str
    name: str
    kind: FileKind
    words: str
    leaves: str
    digest: str
    size: int
    facts: dict[str, str]
    findings: list[Finding]
    inert: FileContent


class Window(Query):
    first: Annotated[int, Field(ge=1, lt=2**31, description="the first row or line that is wanted"), DIGITS] = 1
    form: Annotated[Literal["cells", "lines"], Field(description="a table as cells, or as the text that it is")] = (
        "cells"
    )


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/files/<file_id>",
    "signed_in",
    "A window of one file of a request, as inert text, cells, or the size of a picture.",
    query=Window,
    answer=ShownFile,
)
def file(request_id: str, file_id: str, query: Window) -> Reply:
    shown, look = previews.shown_file(request_id, file_id, first=query.first, as_lines=query.form == "lines")
    return Reply(ShownFile.model_validate(shown), before=lambda: seen_file(reader().name, look))


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/files/<file_id>/picture",
    "signed_in",
    "A picture or drawing of a request, as the PNG that was drawn here and would leave.",
    answer=Media(("image/png",)),
)
def picture(request_id: str, file_id: str) -> Response:
    return previews.sent_picture(request_id, file_id)
