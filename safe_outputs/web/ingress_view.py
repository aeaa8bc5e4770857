"""What the pages about bringing in show: lines of lists, one request, and files as inert text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from datasets.ingress import requests
from datasets.ingress.models import IngressFile, IngressRequest
from datasets.ingress.scan import Report
from datasets.ingress.states import IN_WORDS, OWNERS, Action, IngressState, Mover
from datasets.ingress.text import lines_of
from governance import audit
from governance.audit import Happened
from governance.errors import SaferoomError
from governance.people import find_person
from governance.projects import find_project
from safe_outputs.web import words
from safe_outputs.web.access import Reader

PREVIEW_LINES, PREVIEW_CHARACTERS = 30, 300
"""Of each file on the page of its request; the whole stands on a page of its own."""

PAGE_LINES = 500
"""Lines of a file on one page, each of them whole."""


@dataclass(frozen=True)
class Line:
    """One line of a list."""

    id: str
    files: tuple[str, ...]
    project: str
    author: str
    state: IngressState
    move: str
    since: datetime
    findings: int


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file, numbered, with every character shown that would not show or would turn text around.

    `cut`: how many lines are shown in part; `hidden`: how many characters are written out, in these lines.
    """

    text: str
    first: int
    last: int
    total: int
    cut: int
    hidden: int

    @property
    def whole(self) -> bool:
        return self.first == 1 and self.last == self.total and not self.cut


@dataclass(frozen=True)
class FileView:
    position: int
    name: str
    size: int
    digest: str
    report: Report | None
    excerpt: Excerpt | None
    problem: str = ""
    """Why the file cannot be shown; it is not what was sent."""


@dataclass(frozen=True)
class View:
    """One request for one reader; `reasons` says for each step why she cannot take it, or None."""

    line: Line
    request: IngressRequest
    author_name: str
    project_purpose: str
    files: tuple[FileView, ...]
    reasons: Mapping[str, str | None]
    history: tuple[Happened, ...]
    can_resume: bool


def line_of(session: Session, request: IngressRequest, reader: Reader, today: date) -> Line:
    return Line(
        id=request.id,
        files=tuple(file.name for file in request.files),
        project=find_project(session, request.project_id).name,
        author=find_person(session, request.author).full_name,
        state=request.state,
        move=whose_move(session, request, reader, today),
        since=request.moved_at,
        findings=sum(len(file.report.findings) for file in request.files if file.report),
    )


def whose_move(session: Session, request: IngressRequest, reader: Reader, today: date) -> str:
    """Who has to act on the request, in words for this reader."""
    match OWNERS[request.state]:
        case Mover.STEWARD:
            mine = requests.why_not(session, request, reader.name, Action.DECLINE, today) is None
            return "Yours" if mine else "A data steward’s"
        case Mover.SYSTEM:
            return f"Saferoom’s: it is {IN_WORDS[request.state]}"
        case _:
            return IN_WORDS[request.state].capitalize()


def view_of(
    session: Session, contents: requests.Contents, request: IngressRequest, reader: Reader, today: date
) -> View:
    """The request with the beginning of each file; a stored file that is not the one that was sent has a problem."""
    return View(
        line=line_of(session, request, reader, today),
        request=request,
        author_name=find_person(session, request.author).full_name,
        project_purpose=find_project(session, request.project_id).purpose,
        files=tuple(_preview(contents, file) for file in request.files),
        reasons={
            action.value: requests.why_not(session, request, reader.name, action, today)
            for action in (Action.ACCEPT, Action.DECLINE, Action.WITHDRAW)
        },
        history=tuple(audit.events_about(session, request.subject)),
        can_resume=OWNERS[request.state] is Mover.SYSTEM
        and requests.why_not_decide(session, request, reader.name, today) is None,
    )


def _preview(contents: requests.Contents, file: IngressFile) -> FileView:
    try:
        return file_view(contents, file, 1, PREVIEW_LINES, PREVIEW_CHARACTERS)
    except SaferoomError as error:
        return FileView(file.position, file.name, file.size, file.digest, file.report, None, error.sentence)


def file_view(
    contents: requests.Contents, file: IngressFile, first: int, lines: int, characters: int | None
) -> FileView:
    """One file with some of its lines. Raises where the stored bytes are missing or not those that were sent."""
    content = requests.read_file(contents, file)
    shown = excerpt(content, first, lines, characters)
    return FileView(file.position, file.name, file.size, file.digest, file.report, shown)


def excerpt(content: bytes, first: int, lines: int, characters: int | None) -> Excerpt:
    """Lines of a file from `first` (from 1) on; each cut after so many characters, if a number is given."""
    found = lines_of(content.decode("utf-8", errors="replace").removeprefix("\ufeff"))
    found = found[:-1] if len(found) > 1 and not found[-1] else found
    start = min(max(first, 1), len(found))
    chosen = found[start - 1 : start - 1 + lines]
    kept = [_cut(line, characters) for line in chosen]
    numbered = [f"{number:>5}  {words.visible(line)}" for number, line in enumerate(kept, start=start)]
    return Excerpt(
        text="\n".join(numbered),
        first=start,
        last=start + len(chosen) - 1,
        total=len(found),
        cut=sum(kept_line is not line for kept_line, line in zip(kept, chosen, strict=True)),
        hidden=sum(words.hidden_characters(line) for line in kept),
    )


def _cut(line: str, characters: int | None) -> str:
    if characters is None or len(line) <= characters:
        return line
    return f"{line[:characters]} … ({len(line) - characters:,} more characters)"
