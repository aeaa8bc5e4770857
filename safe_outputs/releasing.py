"""From an approved request to a release: what was voted on is verified again, then written, then registered."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.database import now
from governance.people import find_person
from governance.projects import find_project, is_member
from safe_outputs.asking import read_answer
from safe_outputs.errors import NotPermitted, Tampered
from safe_outputs.models import CheckerVote, Release, ReleaseRequest, Statistic
from safe_outputs.package import ApprovedStatistic, write_package
from safe_outputs.requests import content_hash, move
from safe_outputs.rights import why_not_data
from safe_outputs.store import Store
from safe_outputs.transitions import RequestState, Vote
from safe_outputs.turns import votes_of_turn


def approved_requests(session: Session) -> list[str]:
    """The requests that are approved and not released yet, oldest approval first."""
    query = select(ReleaseRequest.id).where(ReleaseRequest.state == RequestState.APPROVED)
    return list(session.scalars(query.order_by(ReleaseRequest.decided_at)))


def release(session: Session, store: Store, request: ReleaseRequest, folder: Path, *, actor: str) -> Release:
    """Write the package of an approved request and enter it in the register, in the caller's transaction.

    Raises:
        NotPermitted: a right to the data has ended since (I10).
        Tampered: votes, people or content are not what an approval needs; nothing is written.
    """
    if (reason := why_not_data(session, request)) is not None:
        raise NotPermitted(reason)
    votes = _valid_votes(session, store, request)
    released_at = now()
    statistics = [_approved(store, item.statistic) for item in request.items]
    facts = _facts(session, request, votes, released_at)
    record_hash = write_package(folder / request.id, facts, statistics)
    entry = Release(
        id=request.id,
        request_id=request.id,
        project_id=request.project_id,
        title=request.title,
        audience=request.audience,
        package=request.id,
        record_hash=record_hash,
        released_at=released_at,
    )
    session.add(entry)
    move(session, request, RequestState.RELEASED, actor=actor, record=record_hash, content=request.content_hash)
    return entry


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
    return ApprovedStatistic(statistic.id, code_hash, answer, store.get(answer.file.digest))


def _facts(
    session: Session, request: ReleaseRequest, votes: list[CheckerVote], released_at: datetime
) -> dict[str, Any]:
    project = find_project(session, request.project_id)
    return {
        "id": request.id,
        "title": request.title,
        "purpose": request.purpose,
        "audience": request.audience,
        "project": {"id": project.id, "name": project.name, "purpose": project.purpose},
        "author": _person(session, request.author),
        "content_hash": request.content_hash,
        "turn": request.turn,
        "submitted_at": request.submitted_at.isoformat() if request.submitted_at else None,
        "released_at": released_at.isoformat(),
        "approvals": [
            {**_person(session, vote.checker), "at": vote.at.isoformat(), "content_hash": vote.content_hash}
            for vote in votes
        ],
    }


def _person(session: Session, name: str) -> dict[str, str]:
    person = find_person(session, name)
    return {"name": person.name, "full_name": person.full_name, "organisation": person.organisation}
