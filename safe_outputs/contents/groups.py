"""The groups of a request: which statistics and files leave together for which audience, and in which release."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, or_, select
from sqlalchemy.orm import Session

from safe_outputs.answers import audiences_in, joined
from safe_outputs.asking import find_statistic
from safe_outputs.contents.request_details import FileUse, RequestDetails, require_fitting
from safe_outputs.contents.statements import missing
from safe_outputs.errors import MalformedRequest, NoSuchThing
from safe_outputs.limits import LARGEST_REQUEST, why_too_large
from safe_outputs.models import (
    FileRole,
    OutputFile,
    Release,
    ReleaseRequest,
    RequestEvidence,
    RequestFile,
    RequestGroup,
    RequestItem,
    Statistic,
)
from safe_outputs.transitions import GONE_OUT, RequestState


@dataclass(frozen=True)
class Group:
    """What leaves together. `position` counts from 1."""

    position: int
    title: str
    context: str
    audience: str
    items: tuple[RequestItem, ...]
    files: tuple[RequestFile, ...]


def groups_of(request: ReleaseRequest) -> tuple[Group, ...]:
    """The groups of a request in order, each with its statistics and files."""
    return tuple(
        Group(
            position=each.position,
            title=each.title,
            context=each.context,
            audience=each.audience,
            items=tuple(item for item in request.items if item.in_group == each.position),
            files=tuple(file for file in request.files if file.in_group == each.position),
        )
        for each in request.groups
    )


def says_more(request: ReleaseRequest) -> bool:
    """Whether groups say more than the request does by itself: there are several, or one has words of its own."""
    own = [(request.title, request.purpose, request.audience)]
    return [(each.title, each.context, each.audience) for each in request.groups] != own


def audiences_of(request: ReleaseRequest) -> tuple[str, ...]:
    """For whom the groups of a request are, each once."""
    return audiences_in(joined(each.audience for each in request.groups))


def groups_for(request: ReleaseRequest, audience: str) -> tuple[Group, ...]:
    """The groups for one audience, and no other's."""
    return tuple(each for each in groups_of(request) if each.audience == audience)


def items_for(request: ReleaseRequest, audience: str) -> tuple[RequestItem, ...]:
    """The statistics of the groups for one audience."""
    return tuple(item for each in groups_for(request, audience) for item in each.items)


def files_for(request: ReleaseRequest, audience: str) -> tuple[RequestFile, ...]:
    """The files of the groups for one audience."""
    return tuple(file for each in groups_for(request, audience) for file in each.files)


def datasets_for(request: ReleaseRequest, audience: str) -> set[str]:
    """The datasets from which something for one audience was made, as plans and statements name them."""
    return _datasets(items_for(request, audience), files_for(request, audience))


def datasets_of(request: ReleaseRequest) -> set[str]:
    """The datasets from which anything in a request was made."""
    return _datasets(request.items, request.files)


def _datasets(items: Sequence[RequestItem], files: Sequence[RequestFile]) -> set[str]:
    of_files = {str(each) for file in files for each in file.statement["data"]}
    return {str(item.statistic.plan["dataset"]) for item in items} | of_files


def made_from(datasets: Collection[str]) -> ColumnElement[bool]:
    """Whether a release has something that was made from one of these datasets, as a condition on `Release`."""
    named = sorted(datasets)
    files = select(RequestFile.position)
    words = (cast(RequestFile.statement, Text).contains(f'"{each}"', autoescape=True) for each in named)
    return or_(
        has_statistic_of(named),
        _of_release(files, RequestFile).where(or_(false(), *words)).exists(),
    )


def has_statistic_of(datasets: Collection[str]) -> ColumnElement[bool]:
    """Whether a release has a statistic of one of these datasets, as a condition on `Release`."""
    statistics = select(RequestItem.position).join(Statistic, Statistic.id == RequestItem.statistic_id)
    return _of_release(statistics, RequestItem).where(Statistic.dataset.in_(sorted(datasets))).exists()


def _of_release(query: Select[int], kind: type[RequestItem] | type[RequestFile]) -> Select[int]:
    in_group = and_(RequestGroup.request_id == kind.request_id, RequestGroup.position == kind.in_group)
    group = query.join(RequestGroup, in_group)
    return group.where(kind.request_id == Release.request_id, RequestGroup.audience == Release.audience).correlate(
        Release
    )


def release_id(request: ReleaseRequest, audience: str) -> str:
    """The id of what an audience gets: the request's own where there is one audience, else with the audience's name."""
    if len(audiences_of(request)) == 1:
        return request.id
    return f"{request.id}-{audience.replace('_', '-')}"


def releases_of(session: Session, request: ReleaseRequest) -> list[Release]:
    """The releases of a request, one for each audience; none before it is released."""
    if request.state not in GONE_OUT:
        return []
    return list(session.scalars(select(Release).where(Release.request_id == request.id).order_by(Release.id)))


def set_contents(session: Session, request: ReleaseRequest, details: RequestDetails) -> None:
    """Replace what a request says and holds; its checklist and notebook where the details name them.

    Raises:
        MalformedRequest: it is too much, a statement lacks something, or a file would be output and evidence.
        NoSuchThing: a statistic or file is not the project's.
    """
    require_fitting(details)
    request.title, request.purpose = details.title, details.purpose
    request.audience = joined(group.audience for group in details.groups)
    _clear(session, request)
    statistics = {each: find_statistic(session, each, request.project_id) for each in details.statistics}
    outputs = {each.file: _output(session, request, each) for each in details.files}
    number, file_number = 0, 0
    for position, group in enumerate(details.groups, start=1):
        request.groups.append(
            RequestGroup(position=position, title=group.title, context=group.context, audience=group.audience)
        )
        session.flush()
        for each in group.statistics:
            number += 1
            request.items.append(RequestItem(position=number, in_group=position, statistic=statistics[each]))
        for use in group.files:
            file_number += 1
            request.files.append(_use(file_number, position, outputs[use.file], use))
    _set_evidence(session, request, details)
    session.flush()
    _require_room(request)
    require_apart(session, request)


def _clear(session: Session, request: ReleaseRequest) -> None:
    kept = [each for each in request.evidence if each.notebook]
    request.items.clear()
    request.files.clear()
    request.evidence[:] = kept
    session.flush()
    request.groups.clear()
    session.flush()


def _use(position: int, in_group: int, file: OutputFile, use: FileUse) -> RequestFile:
    statement = use.statement.model_dump(mode="json")
    return RequestFile(position=position, in_group=in_group, file_id=file.id, file=file, statement=statement)


def find_file(session: Session, file_id: str, project_id: str) -> OutputFile:
    """A file of this project. Raises `NoSuchThing`, also when it is another project's."""
    file = session.get(OutputFile, file_id)
    if file is None or file.project_id != project_id:
        raise NoSuchThing(f"Your project has no file “{file_id}”. Hand it in again from the notebook.")
    return file


def _output(session: Session, request: ReleaseRequest, use: FileUse) -> OutputFile:
    file = find_file(session, use.file, request.project_id)
    if file.role is not FileRole.OUTPUT:
        raise MalformedRequest(
            f"The file {file.id} was handed in as evidence, which never leaves. To release it, hand it in as output."
        )
    if (reason := missing(use.statement, file.kind)) is not None:
        raise MalformedRequest(f"What is said of the file {file.id} does not let a checker judge it: {reason}")
    return file


def _evidence(session: Session, request: ReleaseRequest, file_id: str) -> OutputFile:
    file = find_file(session, file_id, request.project_id)
    if file.role is not FileRole.EVIDENCE:
        raise MalformedRequest(
            f"The file {file.id} was handed in as output. To show it to output checkers alone, hand it in as evidence."
        )
    return file


def _set_evidence(session: Session, request: ReleaseRequest, details: RequestDetails) -> None:
    notebook = [each.file for each in request.evidence]
    request.evidence.clear()
    session.flush()
    for position, each in enumerate(dict.fromkeys(details.evidence), start=1):
        file = _evidence(session, request, each)
        request.evidence.append(RequestEvidence(position=position, file_id=file.id, file=file, notebook=False))
    session.flush()
    if details.notebook is not None:
        notebook = [_evidence(session, request, details.notebook)]
    set_notebook(session, request, notebook[0] if notebook else None, details.no_notebook)


def attach_notebook(session: Session, request: ReleaseRequest, file_id: str | None, no_notebook: str | None) -> None:
    """Put the notebook as it is now in the place of the one that was attached. Raises as `set_contents`."""
    set_notebook(session, request, _evidence(session, request, file_id) if file_id else None, no_notebook)
    require_apart(session, request)


def set_notebook(session: Session, request: ReleaseRequest, file: OutputFile | None, reason: str | None) -> None:
    """Attach the notebook, or keep why there is none."""
    request.evidence[:] = [each for each in request.evidence if not each.notebook]
    session.flush()
    request.notebook = reason if file is None else None
    if file is None:
        return
    named = next((each for each in request.evidence if each.file_id == file.id), None)
    if named is not None:
        named.notebook = True
        return
    last = max((each.position for each in request.evidence), default=0)
    request.evidence.append(RequestEvidence(position=last + 1, file_id=file.id, file=file, notebook=True))
    session.flush()


def _require_room(request: ReleaseRequest) -> None:
    files = [each.file for each in request.files] + [each.file for each in request.evidence]
    size = sum(each.size for each in files)
    if (reason := why_too_large(size, LARGEST_REQUEST, "The files of a request")) is not None:
        raise MalformedRequest(reason)


def require_apart(session: Session, request: ReleaseRequest) -> None:
    """What a request of a project shows as evidence is never output of one, not even the same bytes in another file.

    Withdrawn requests do not count: what was handed in for the wrong use is put right by withdrawing the request.

    Raises:
        MalformedRequest: the same bytes would be both.
    """
    outputs = {each.file.digest: each.file_id for each in request.files}
    _require_nowhere(session, request, outputs, RequestEvidence, ("output", "evidence"))
    evidence = {each.file.digest: each.file_id for each in request.evidence}
    _require_nowhere(session, request, evidence, RequestFile, ("evidence", "output"))


def _require_nowhere(
    session: Session,
    request: ReleaseRequest,
    files: Mapping[str, str],
    where: type[RequestFile] | type[RequestEvidence],
    would_and_is: tuple[str, str],
) -> None:
    """Raise for a file (by digest its id) that is among a project's outputs, or its evidence, already."""
    query = (
        select(OutputFile.digest, where.request_id)
        .join(where, where.file_id == OutputFile.id)
        .join(ReleaseRequest, ReleaseRequest.id == where.request_id)
        .where(ReleaseRequest.project_id == request.project_id, ReleaseRequest.state != RequestState.WITHDRAWN)
        .where(OutputFile.digest.in_(list(files)))
    )
    if (found := session.execute(query).first()) is None:
        return
    here = "this request" if found.request_id == request.id else f"request {found.request_id}"
    raise MalformedRequest(
        f"The bytes of the file {files[found.digest]} would be {would_and_is[0]} here and are {would_and_is[1]} of "
        f"{here}. Evidence never leaves, so the same bytes cannot be both: take them out of one."
    )
