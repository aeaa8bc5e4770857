"""What a reader sees of a request's contents beside its statistics: groups, files, evidence, notebook, checklist."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from safe_outputs.answers import AUDIENCES, Finding
from safe_outputs.contents import checklist
from safe_outputs.contents.checklist import Asked
from safe_outputs.contents.file_findings import of_file
from safe_outputs.contents.groups import groups_of, says_more
from safe_outputs.contents.statements import in_words
from safe_outputs.models import OutputFile, ReleaseRequest, RequestFile
from safe_outputs.releases.leaving import why_file_not
from safe_outputs.requests import holds
from safe_outputs.store import Store


@dataclass(frozen=True)
class FileView:
    """One file that would leave. `statement`: label and text of what its author says; `name` is the author's word."""

    id: str
    position: int
    group: int
    name: str
    kind: str
    media_type: str
    digest: str
    size: int
    at: datetime
    statement: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    why_not_leave: str | None


@dataclass(frozen=True)
class EvidenceView:
    """One file that is shown to checkers and never leaves. `notebook`: the notebook from which it was asked."""

    id: str
    name: str
    kind: str
    media_type: str
    digest: str
    size: int
    at: datetime
    notebook: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class GroupView:
    """`statistics` and `files` are positions in the request."""

    position: int
    title: str
    context: str
    audience: str
    audience_in_words: str
    statistics: tuple[int, ...]
    files: tuple[int, ...]


@dataclass(frozen=True)
class ContentsView:
    """`no_notebook`: why there is no notebook, in a sentence; None where there is one.

    `groups_say_more`: than title and purpose of the request, so that they have to be read as well.
    """

    groups: tuple[GroupView, ...]
    groups_say_more: bool
    files: tuple[FileView, ...]
    evidence: tuple[EvidenceView, ...]
    no_notebook: str | None
    checklist: tuple[Asked, ...]

    @property
    def in_parts(self) -> bool:
        """Whether the groups have to be shown: whatever they say leaves in the package."""
        return self.groups_say_more or bool(self.files)

    @property
    def open_questions(self) -> tuple[Asked, ...]:
        """The questions of the checklist that have no answer."""
        return tuple(each for each in self.checklist if each.open)


NO_NOTEBOOK: dict[str | None, str] = {
    None: "No notebook was handed in with this request.",
    "not_asked": "The author chose to hand in no notebook with this request.",
    "no_name": "The session did not say which notebook it was asked from, so none was handed in.",
    "not_found": "There is no notebook of the name that it had when its kernel started, so none was handed in.",
    "not_read": "The notebook could not be read, so none was handed in.",
    "too_large": "The notebook is larger than what can be handed in, so none was.",
    "not_taken": "The notebook’s file is no notebook that can be shown, so none was handed in.",
}
"""Why there is no notebook, by what the session said."""


def contents_view(session: Session, store: Store, request: ReleaseRequest) -> ContentsView:
    """All of it, in the request's order."""
    return ContentsView(
        groups=tuple(_groups(request)),
        groups_say_more=says_more(request),
        files=tuple(
            _file(session, request, file, group.audience) for group in groups_of(request) for file in group.files
        ),
        evidence=tuple(
            EvidenceView(**_of_file(each.file), notebook=each.notebook, findings=_found(each.file))
            for each in request.evidence
        ),
        no_notebook=None if any(each.notebook for each in request.evidence) else NO_NOTEBOOK[request.notebook],
        checklist=checklist.shown(holds(store, request), request.checklist),
    )


def _groups(request: ReleaseRequest) -> list[GroupView]:
    return [
        GroupView(
            position=each.position,
            title=each.title,
            context=each.context,
            audience=each.audience,
            audience_in_words=AUDIENCES[each.audience],
            statistics=tuple(item.position for item in each.items),
            files=tuple(file.position for file in each.files),
        )
        for each in groups_of(request)
    ]


def _file(session: Session, request: ReleaseRequest, file: RequestFile, audience: str) -> FileView:
    return FileView(
        **_of_file(file.file),
        position=file.position,
        group=file.in_group,
        statement=tuple(in_words(file.statement)),
        findings=tuple(of_file(file)),
        why_not_leave=why_file_not(session, request, file, audience),
    )


def _of_file(file: OutputFile) -> dict[str, Any]:
    names = ("id", "name", "kind", "media_type", "digest", "size", "at")
    return {each: getattr(file, each) for each in names}


def _found(file: OutputFile) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(each) for each in file.findings)
