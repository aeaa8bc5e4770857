"""Files that people made, shown inert: as text in the page, or as a picture that was drawn here.

Nothing of a file is ever sent as a page, a drawing or a script. The one thing that is sent as bytes is a PNG of our own
making, for an <img>, under a policy by which it could not do anything as a page either.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy.orm import Session as Database

from governance import access as rights
from governance.database import reading
from governance.errors import SaferoomError
from safe_outputs.answers import Finding
from safe_outputs.contents.contents_view import EvidenceView, FileView
from safe_outputs.errors import NoSuchThing, NotPermitted, Tampered
from safe_outputs.files.kinds import KINDS, FileKind
from safe_outputs.files.views import PREVIEW, WINDOW, Inert, inert
from safe_outputs.models import FileRole, OutputFile
from safe_outputs.requests import find_request
from safe_outputs.store import Store
from safe_outputs.web.access import access, reader
from safe_outputs.web.security import INERT_POLICY
from safe_outputs.web.seen import FileSeen, seen_file
from safe_outputs.web.service import service, today

blueprint = Blueprint("previews", __name__)

PNG = b"\x89PNG\r\n\x1a\n"
MOST_PREVIEWS, LARGEST_PREVIEW = 12, 1_000_000
"""So many files of so many bytes are shown on their request's page; the others have a link to their own."""

_PICTURES = frozenset({FileKind.PICTURE, FileKind.DRAWING})


@dataclass(frozen=True)
class FilePart:
    """A file of a request, as its page shows it. `as_lines` where it is a table that is shown as its text."""

    request_id: str
    id: str
    name: str
    kind: FileKind
    words: str
    digest: str
    size: int
    facts: dict[str, str]
    findings: tuple[Finding, ...]
    inert: Inert
    evidence: bool
    as_lines: bool = False

    @property
    def leaves(self) -> str:
        """What of the file would leave, as a sentence."""
        if self.evidence:
            return "It is evidence for output checkers, and never leaves."
        return f"What leaves is {KINDS[self.kind].leaves}."

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Its facts as labels and values."""
        return [("SHA-256", self.digest), *((name.capitalize(), fact) for name, fact in self.facts.items())]

    @property
    def is_table(self) -> bool:
        return self.kind is FileKind.TABLE


def file_part(
    store: Store, request_id: str, file: OutputFile, *, first: int = 1, most: int = PREVIEW, as_lines: bool = False
) -> FilePart:
    """The file with a window of its content. Raises `Tampered` if the store has other bytes than were taken."""
    kind = FileKind(file.kind)
    facts: dict[str, Any] = file.facts
    return FilePart(
        request_id=request_id,
        id=file.id,
        name=file.name,
        kind=kind,
        words=KINDS[kind].words,
        digest=file.digest,
        size=file.size,
        facts={str(name): str(value) for name, value in facts.items()},
        findings=tuple(Finding.model_validate(each) for each in file.findings),
        inert=inert(kind, store.get(file.digest), first=first, most=most, as_lines=as_lines),
        evidence=file.role is FileRole.EVIDENCE,
        as_lines=as_lines,
    )


@dataclass(frozen=True)
class Preview:
    """The beginning of a file, for its request's page; without `inert` it is to be opened by itself.

    `problem`: why it cannot be shown; the stored bytes are not those that were taken.
    """

    request_id: str
    id: str
    name: str
    inert: Inert | None = None
    problem: str = ""


@blueprint.app_template_global()
def preview_of(request_id: str, file: FileView | EvidenceView, number: int) -> Preview:
    """The preview of the `number`th file on a request's page: of the first few, and of those that are not large."""
    if number > MOST_PREVIEWS or file.size > LARGEST_PREVIEW:
        return Preview(request_id, file.id, file.name)
    try:
        shown = inert(FileKind(file.kind), service().store.get(file.digest), most=PREVIEW)
    except SaferoomError as error:
        return Preview(request_id, file.id, file.name, problem=error.sentence)
    return Preview(request_id, file.id, file.name, shown)


@blueprint.get("/requests/<request_id>/files/<file_id>")
@access("signed_in")
def file(request_id: str, file_id: str) -> Response:
    """The page of one file: all of it, a window at a time."""
    first = request.args.get("from", 1, type=int)
    shown, look = shown_file(request_id, file_id, first=first, as_lines="lines" in request.args)
    seen_file(reader().name, look)
    return make_response(render_template("file_page.html", file=shown, links=_links(shown)))


@blueprint.get("/requests/<request_id>/files/<file_id>/picture")
@access("signed_in")
def picture(request_id: str, file_id: str) -> Response:
    """The bytes of a picture that was drawn here, for an <img>."""
    return sent_picture(request_id, file_id)


def shown_file(request_id: str, file_id: str, *, first: int, as_lines: bool) -> tuple[FilePart, FileSeen]:
    """A window of a file for the reader, and the look to be put on record before she is shown it.

    Raises:
        NoSuchThing: no such request, or no such file in it.
        NotPermitted: she cannot read the request.
        Tampered: the store has other bytes than were taken.
    """
    with reading(service().engine) as database:
        found = _file_of(database, request_id, file_id)
        look = _look(database, request_id, found)
        return file_part(service().store, request_id, found, first=first, most=WINDOW, as_lines=as_lines), look


def sent_picture(request_id: str, file_id: str) -> Response:
    """The PNG of a picture or drawing, on record. Raises as `shown_file` does."""
    with reading(service().engine) as database:
        found = _file_of(database, request_id, file_id)
        kind, look = FileKind(found.kind), _look(database, request_id, found)
    if kind not in _PICTURES:
        raise NoSuchThing("This file is no picture. Its page shows it as text.")
    content = service().store.get(look.digest)
    if not content.startswith(PNG):
        raise Tampered("This picture is none that was drawn here, so it is not shown. Tell the operator.")
    seen_file(reader().name, look)
    response = make_response(content)
    response.mimetype = "image/png"
    response.headers["Content-Disposition"] = 'inline; filename="picture.png"'
    response.headers["Content-Security-Policy"] = INERT_POLICY
    return response


def _links(shown: FilePart) -> list[tuple[str, str]]:
    """From a window to those beside it, and from a table to its text and back."""
    seen, unit = shown.inert, shown.inert.unit.capitalize()
    links = []
    if seen.first > 1:
        links.append((f"{unit}s before", _address(shown, max(1, seen.first - seen.step), shown.as_lines)))
    if seen.last < seen.total:
        links.append((f"{unit}s after", _address(shown, seen.last + 1, shown.as_lines)))
    if shown.is_table:
        links.append(
            ("As a table" if shown.as_lines else "As the text that it is", _address(shown, 1, not shown.as_lines))
        )
    return links


def _address(shown: FilePart, first: int, as_lines: bool) -> str:
    options: dict[str, Any] = {"from": first} | ({"lines": "all"} if as_lines else {})
    return url_for("previews.file", request_id=shown.request_id, file_id=shown.id, **options)


def _look(database: Database, request_id: str, file: OutputFile) -> FileSeen:
    found = find_request(database, request_id)
    return FileSeen(request_id, found.turn, found.content_hash, file.digest)


def _file_of(database: Database, request_id: str, file_id: str) -> OutputFile:
    """The file, for who may read its request. Raises `NoSuchThing` and `NotPermitted`."""
    found = find_request(database, request_id)
    if (reason := rights.why_not_read_request(database, reader().name, found.project_id, today())) is not None:
        raise NotPermitted(reason)
    files = [*(each.file for each in found.files), *(each.file for each in found.evidence)]
    file = next((each for each in files if each.id == file_id), None)
    if file is None:
        raise NoSuchThing("This request has no such file. Its page lists those that it has.")
    return file
