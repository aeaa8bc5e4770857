"""What Prometheus may know, computed from the register when it asks: right whatever the number of worker processes.

Numbers by state, audience and kind alone: no person, project, dataset or title, and nothing of how anybody voted. What
counts up never comes down: it is of states that nothing leaves.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from governance import audit
from safe_outputs.answers import AUDIENCES, joined
from safe_outputs.models import Release, ReleaseRequest, Statistic
from safe_outputs.transitions import Owner, RequestState, StatisticState

BUCKETS_HOURS = (1, 4, 8, 24, 48, 72, 120, 240)
FINAL = (RequestState.RELEASED, RequestState.RECALLED, RequestState.REJECTED)
AUDIENCE_WORDS = (*AUDIENCES, joined(AUDIENCES))
"""The audiences of requests: one, or several together."""
NO_VERDICT = "none"
OTHER = "other"
_KIND = re.compile(r"[A-Za-z]{1,60}")


def metrics(session: Session, at: datetime) -> Iterator[Metric]:
    """Every metric of the register at this moment."""
    yield _build()
    yield _requests(session)
    yield from _waiting(session, at)
    yield _turnaround(session)
    yield _statistics(session)
    yield _refusals(session)
    yield _oldest_asked(session, at)
    yield CounterMetricFamily("saferoom_releases", "Releases, recalled ones included.", _count(session, Release))
    yield CounterMetricFamily("saferoom_recalls", "Requests whose releases were recalled.", _recalls(session))
    yield CounterMetricFamily("saferoom_audit_events", "Events in the audit chain.", audit.head(session).sequence)


def _build() -> Metric:
    family = GaugeMetricFamily("saferoom_build_info", "The version that runs, as a label.", labels=["version"])
    family.add_metric([version("saferoom")], 1)
    return family


def _requests(session: Session) -> Metric:
    query = select(ReleaseRequest.state, func.count()).group_by(ReleaseRequest.state)
    counts = {row[0]: row[1] for row in session.execute(query)}
    family = GaugeMetricFamily("saferoom_requests", "Release requests by state.", labels=["state"])
    for state in RequestState:
        family.add_metric([state.value], counts.get(state, 0))
    return family


def _waiting(session: Session, at: datetime) -> Iterator[Metric]:
    """How long the oldest move has been the checkers', and how many clocks have run out."""
    query = select(ReleaseRequest.audience, ReleaseRequest.move_since, ReleaseRequest.due)
    found = session.execute(query.where(ReleaseRequest.move_of == Owner.CHECKERS)).all()
    oldest = max((at - since for _, since, _ in found), default=timedelta())
    family = GaugeMetricFamily(
        "saferoom_requests_overdue", "Requests whose checkers' clock ran out.", labels=["audience"]
    )
    for audience in AUDIENCE_WORDS:
        late = sum(each == audience and due is not None and due < at for each, _, due in found)
        family.add_metric([audience], late)
    yield family
    yield GaugeMetricFamily(
        "saferoom_requests_oldest_waiting_seconds",
        "How long the longest present move of the checkers lasts; 0 without one.",
        oldest.total_seconds(),
    )


def _turnaround(session: Session) -> Metric:
    """Checkers' time of what is decided for good, by audience."""
    clock = ReleaseRequest.checkers_seconds
    within = [func.sum(case((clock <= hours * 3600, 1), else_=0)) for hours in BUCKETS_HOURS]
    query = select(ReleaseRequest.audience, func.count(), func.sum(clock), *within)
    rows = session.execute(query.where(ReleaseRequest.state.in_(FINAL)).group_by(ReleaseRequest.audience)).all()
    found = {row[0]: [int(each) for each in row[1:]] for row in rows}
    family = HistogramMetricFamily(
        "saferoom_request_turnaround_seconds", "Checkers' time of requests decided for good.", labels=["audience"]
    )
    for audience in AUDIENCE_WORDS:
        count, total, *below = found.get(audience, [0, 0, *(0 for _ in BUCKETS_HOURS)])
        family.add_metric([audience], _buckets(below, count), total)
    return family


def _buckets(below: Sequence[int], count: int) -> list[tuple[str, float]]:
    named = [(str(float(hours * 3600)), float(number)) for hours, number in zip(BUCKETS_HOURS, below, strict=True)]
    return [*named, ("+Inf", float(count))]


def _statistics(session: Session) -> Metric:
    query = select(Statistic.state, Statistic.verdict, func.count()).group_by(Statistic.state, Statistic.verdict)
    family = GaugeMetricFamily(
        "saferoom_statistics",
        "Statistics by state and verdict; asked and computing are the checker's queue.",
        labels=["state", "verdict"],
    )
    found = {(state, verdict): number for state, verdict, number in session.execute(query)}
    for state in (StatisticState.ASKED, StatisticState.COMPUTING):
        found.setdefault((state, None), 0)
    for (state, verdict), number in sorted(found.items(), key=str):
        family.add_metric([state.value, NO_VERDICT if verdict is None else verdict.value], number)
    return family


def _refusals(session: Session) -> Metric:
    """By the kind of the error; what is not one word of letters counts as another."""
    kind = Statistic.problem["title"].as_string().label("kind")
    kinds = select(kind).where(Statistic.state == StatisticState.REFUSED).subquery()
    query = select(kinds.c.kind, func.count()).group_by(kinds.c.kind)
    counts: dict[str, int] = {}
    for name, number in session.execute(query):
        label = name if isinstance(name, str) and _KIND.fullmatch(name) else OTHER
        counts[label] = counts.get(label, 0) + number
    family = CounterMetricFamily("saferoom_refusals", "Statistics that were refused, by kind.", labels=["kind"])
    for label, number in sorted(counts.items()):
        family.add_metric([label], number)
    return family


def _oldest_asked(session: Session, at: datetime) -> Metric:
    query = select(func.min(Statistic.asked_at)).where(
        Statistic.state.in_([StatisticState.ASKED, StatisticState.COMPUTING])
    )
    oldest = session.scalar(query)
    seconds = 0.0 if oldest is None else (at - oldest).total_seconds()
    text = "How long the oldest statistic has waited for the checker; 0 without one."
    return GaugeMetricFamily("saferoom_statistics_oldest_asked_seconds", text, seconds)


def _count(session: Session, model: type[Release]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def _recalls(session: Session) -> int:
    query = select(func.count()).select_from(ReleaseRequest).where(ReleaseRequest.state == RequestState.RECALLED)
    return session.scalar(query) or 0
