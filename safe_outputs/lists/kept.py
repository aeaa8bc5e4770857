"""What lists need of a request, kept beside it in the transaction of each change (see `ReleaseRequest`).

One function makes it of what belongs to the request. What others release meanwhile makes a request riskier: that is
kept for all whom it concerns at once, in the transaction of the release.
"""

import json
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from datasets.populations import populations
from safe_outputs.answers import VERDICT_ORDER, Verdict, worst
from safe_outputs.evidence.differencing import of_request
from safe_outputs.lists.usable import Used
from safe_outputs.models import ReleasedTable, ReleaseRequest, RequestItem, Statistic
from safe_outputs.transitions import OWNERS, Owner
from safe_outputs.turns import open_questions, settle, votes_of_turn

UNDER_WAY = tuple(state for state, owner in OWNERS.items() if owner is not Owner.NOBODY)


def rank_of(verdict: Verdict) -> int:
    """A verdict's place by risk: 0 is the worst."""
    return len(VERDICT_ORDER) - 1 - VERDICT_ORDER.index(verdict)


def verdict_at(rank: int) -> Verdict:
    """The verdict of a place by risk."""
    return VERDICT_ORDER[len(VERDICT_ORDER) - 1 - rank]


def keep(session: Session, request: ReleaseRequest, at: datetime) -> None:
    """Bring everything that lists read up to what the request is now."""
    settle(request, at)
    request.holds = len(request.items)
    request.voted = len(votes_of_turn(request))
    request.asked = len(open_questions(request))
    request.holds_files = len(request.files)
    request.stands_on = stands_on(request)
    request.rank = rank_of(verdict_of(session, request))


def verdict_of(session: Session, request: ReleaseRequest) -> Verdict:
    """The worst verdict of its statistics, and of them together with what was released meanwhile."""
    verdicts = [item.statistic.verdict for item in request.items if item.statistic.verdict is not None]
    return worst([*verdicts, *(finding.verdict for finding in of_request(session, request))])


def stands_on(request: ReleaseRequest) -> str:
    """The datasets and versions of its statistics, and the datasets of its files, as canonical JSON: `[["visits",3]]`.

    A file is of no version; the one that the project may use counts.
    """
    used: set[Used] = {(item.statistic.dataset, item.statistic.version) for item in request.items}
    used |= {(dataset, None) for file in request.files for dataset in file.statement["data"]}
    return json.dumps(sorted(used, key=lambda each: (each[0], each[1] or 0)), separators=(",", ":"))


def keep_holders(session: Session, statistic: Statistic, at: datetime) -> None:
    """Keep it for the requests that hold a statistic, once that is answered."""
    holders = select(ReleaseRequest).join(RequestItem).where(RequestItem.statistic_id == statistic.id)
    for request in session.scalars(holders).unique():
        keep(session, request, at)


def keep_released(session: Session, request: ReleaseRequest) -> None:
    """Enter the exact tables of a request that is released, and refer to a person whatever could be subtracted."""
    exact = {item.statistic for item in request.items if item.statistic.exact}
    for dataset, plan_hash, version in sorted(
        {(each.dataset, each.plan_hash, each.version) for each in exact if each.version is not None}
    ):
        if session.get(ReleasedTable, (dataset, plan_hash, version)) is None:
            session.add(ReleasedTable(dataset=dataset, plan_hash=plan_hash, version=version))
            session.flush()
            _refer_others(session, dataset, plan_hash, version)


def _refer_others(session: Session, dataset: str, plan_hash: str, version: int) -> None:
    """Requests under way with an exact table of the same people, but for those that hold this very one."""
    linked = [each for names in populations(session, [dataset]).values() for each in names]
    holders = select(RequestItem.request_id).join(Statistic).where(Statistic.exact)
    concerned = holders.where(Statistic.dataset.in_(linked))
    same = holders.where(Statistic.plan_hash == plan_hash, Statistic.version == version)
    session.execute(
        update(ReleaseRequest)
        .where(
            ReleaseRequest.state.in_(UNDER_WAY),
            ReleaseRequest.rank > rank_of(Verdict.REFER),
            ReleaseRequest.id.in_(concerned),
            ReleaseRequest.id.not_in(same),
        )
        .values(rank=rank_of(Verdict.REFER))
    )
