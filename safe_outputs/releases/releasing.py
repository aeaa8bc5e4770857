"""From an approved request to a release: what was voted on is verified again, then written, then registered.

Each audience of a request gets a package of its own. All packages are whole in their places before the register's
transaction commits, and nobody is shown a package that the register does not name. So a process killed at any moment
leaves no release or all of them whole; a request that is still approved is released at the next start, its packages
made anew.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.agreements import Agreement, agreement_in_force
from governance.database import now
from governance.people import find_person
from governance.projects import find_project, is_member
from safe_outputs.asking import read_answer
from safe_outputs.contents.content import content_hash
from safe_outputs.contents.groups import audiences_of, datasets_for, groups_for, release_id
from safe_outputs.errors import NotPermitted, NotWritten, Tampered, WrongState
from safe_outputs.lists.kept import keep_released
from safe_outputs.models import CheckerVote, FileRole, Release, ReleaseRequest, RequestFile, Statistic
from safe_outputs.package.contents import ApprovedFile, ApprovedGroup, ApprovedStatistic, package_files
from safe_outputs.package.folder import write_package
from safe_outputs.package.keys import SigningKey
from safe_outputs.releases import release_keys
from safe_outputs.requests import move
from safe_outputs.rights import why_not_data
from safe_outputs.store import Store, digest_of
from safe_outputs.transitions import ACTION_STATES, IN_WORDS, Action, RequestState, Vote
from safe_outputs.turns import votes_of_turn


def approved_requests(session: Session) -> list[str]:
    """The requests that are approved and not released yet, oldest approval first."""
    query = select(ReleaseRequest.id).where(ReleaseRequest.state == RequestState.APPROVED)
    return list(session.scalars(query.order_by(ReleaseRequest.decided_at)))


def release(
    session: Session, store: Store, request: ReleaseRequest, folder: Path, *, key: SigningKey, actor: str
) -> tuple[Release, ...]:
    """Write the signed packages of an approved request and enter them in the register, in the caller's transaction.

    Raises:
        WrongState: the request is not approved.
        NotPermitted: a right to the data has ended since (I10), or the key may not sign.
        Tampered: votes, people or content are not what an approval needs, or it was released already; nothing is
            written.
        NotWritten: a package could not be written; no state changes.
    """
    if request.state not in ACTION_STATES[Action.RELEASE]:
        raise WrongState(f"Request {request.id} is {IN_WORDS[request.state]}, so it is not released now.")
    _require_never_released(session, request)
    if (reason := why_not_data(session, request)) is not None:
        raise NotPermitted(reason)
    release_keys.use(session, key.public, actor=actor)
    released_at = now()
    votes = _valid_votes(session, store, request)
    packages = {
        audience: _files_of(session, store, request, audience, votes, key, released_at)
        for audience in audiences_of(request)
    }
    entries = tuple(_entry(request, each, released_at, packages[each], folder) for each in packages)
    session.add_all(entries)
    keep_released(session, request)
    records = (
        {"record": entries[0].record_hash} if len(entries) == 1 else {each.id: each.record_hash for each in entries}
    )
    details = {**records, "content": request.content_hash, "key": key.public.id}
    move(session, request, RequestState.RELEASED, actor=actor, **details)
    return entries


def _require_never_released(session: Session, request: ReleaseRequest) -> None:
    """A state that was set back by hand must not lead to what people already have being written anew."""
    if session.scalar(select(Release.id).where(Release.request_id == request.id).limit(1)) is not None:
        raise Tampered(
            f"Request {request.id} was released before, although its state says that it is about to be. Nothing was "
            "written, and what was released stays as it is. Its author can withdraw it; tell the operator."
        )


def _entry(
    request: ReleaseRequest, audience: str, released_at: datetime, files: dict[str, bytes], folder: Path
) -> Release:
    """Write one audience's package; what the register says of it."""
    name = release_id(request, audience)
    return Release(
        id=name,
        request_id=request.id,
        project_id=request.project_id,
        title=request.title,
        audience=audience,
        package=name,
        record_hash=_write(folder / name, files),
        released_at=released_at,
    )


def files_of(
    session: Session, store: Store, request: ReleaseRequest, audience: str, key: SigningKey, released_at: datetime
) -> dict[str, bytes]:
    """The files of the package that an audience of this request has, or would have, when it is released at that moment.

    Raises:
        Tampered: votes, people or content are not what an approval needs.
    """
    votes = _valid_votes(session, store, request)
    return _files_of(session, store, request, audience, votes, key, released_at)


def _files_of(
    session: Session,
    store: Store,
    request: ReleaseRequest,
    audience: str,
    votes: list[CheckerVote],
    key: SigningKey,
    released_at: datetime,
) -> dict[str, bytes]:
    groups = [
        ApprovedGroup(
            title=each.title,
            context=each.context,
            statistics=tuple(_approved(store, item.statistic) for item in each.items),
            files=tuple(_approved_file(store, file) for file in each.files),
        )
        for each in groups_for(request, audience)
    ]
    files = package_files(_facts(session, request, audience, votes, released_at), groups, key)
    _require_no_evidence(request, files)
    return files


def _require_no_evidence(request: ReleaseRequest, files: dict[str, bytes]) -> None:
    """The last look before anything is written: no file of a package has the bytes of evidence."""
    evidence = {each.file.digest for each in request.evidence}
    if any(digest_of(content) in evidence for content in files.values()):
        raise Tampered(
            f"A package of request {request.id} would hold what was handed in as evidence, which never leaves. Nothing "
            "was released. Its author can withdraw it and take the evidence out; tell the operator."
        )


def _write(folder: Path, files: dict[str, bytes]) -> str:
    try:
        return write_package(folder, files)
    except OSError as error:
        raise NotWritten(
            f"The release package could not be written ({error.strerror}). Nothing was released, and the request stays "
            "approved. Make room on the disk of the releases; it is tried again every minute, and at the next start."
        ) from error


def _valid_votes(session: Session, store: Store, request: ReleaseRequest) -> list[CheckerVote]:
    """The votes of this turn, if they approve exactly what is about to be released (I7, I9)."""
    votes = votes_of_turn(request)
    present = content_hash(session, store, request)
    checkers = {vote.checker for vote in votes if vote.vote is Vote.APPROVE and vote.content_hash == present}
    conflicted = {each for each in checkers if each == request.author or is_member(session, each, request.project_id)}
    if request.content_hash != present or len(checkers - conflicted) < request.checkers_needed or conflicted:
        raise Tampered(
            f"Request {request.id} is not what its checkers approved, so it is not released. "
            "Its author can withdraw it and submit it again; tell the operator."
        )
    return votes


def _approved(store: Store, statistic: Statistic) -> ApprovedStatistic:
    answer = read_answer(store, statistic)
    code_hash = hashlib.sha256(statistic.code.encode()).hexdigest()
    content = store.get(answer.file.digest)
    return ApprovedStatistic(statistic.id, code_hash, answer, content, statistic.asked_at, statistic.finished_at)


def _approved_file(store: Store, file: RequestFile) -> ApprovedFile:
    """The one place in which a file that people made becomes one of a package. Raises `Tampered` for evidence."""
    if file.role is not FileRole.OUTPUT or file.file.role is not FileRole.OUTPUT:
        raise Tampered(f"The file {file.file_id} is evidence, which never leaves. Nothing was released.")
    return ApprovedFile(
        id=file.file_id,
        name=file.file.name,
        kind=file.file.kind,
        media_type=file.file.media_type,
        digest=file.file.digest,
        statement=file.statement,
        content=store.get(file.file.digest),
        handed_in_at=file.file.at,
    )


def _facts(
    session: Session, request: ReleaseRequest, audience: str, votes: list[CheckerVote], released_at: datetime
) -> dict[str, Any]:
    project = find_project(session, request.project_id)
    datasets = datasets_for(request, audience)
    return {
        "id": release_id(request, audience),
        "title": request.title,
        "purpose": request.purpose,
        "audience": audience,
        "project": {"id": project.id, "name": project.name, "purpose": project.purpose},
        "author": _person(session, request.author),
        "owners": [_owner(session, each) for each in _agreements(session, request, datasets)],
        "content_hash": request.content_hash,
        "turn": request.turn,
        "submitted_at": request.submitted_at.isoformat() if request.submitted_at else None,
        "released_at": released_at.isoformat(),
        "software": {"saferoom": version("saferoom")},
        "approvals": [
            {**_person(session, vote.checker), "at": vote.at.isoformat(), "content_hash": vote.content_hash}
            for vote in votes
        ],
    }


def _agreements(session: Session, request: ReleaseRequest, datasets: Iterable[str]) -> list[Agreement]:
    """The agreements under which the datasets of a release are used, by dataset."""
    found = [agreement_in_force(session, request.project_id, each) for each in sorted(datasets)]
    return [each for each in found if each is not None]


def _owner(session: Session, agreement: Agreement) -> dict[str, Any]:
    at, dataset = agreement.agreed_at.isoformat(), agreement.dataset
    return {**_person(session, agreement.owner), "dataset": dataset, "version": agreement.version, "at": at}


def _person(session: Session, name: str) -> dict[str, str]:
    """Somebody as the register has her now: name, role and organisation."""
    person = find_person(session, name)
    return {
        "name": person.name,
        "full_name": person.full_name,
        "role": person.role.value,
        "organisation": person.organisation,
    }
