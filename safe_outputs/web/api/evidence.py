"""What stands beside a request so that it can be judged: what changed, what is left, earlier tables, counts.

It is no part of the request's version: it is read again when it is needed, and nobody decides on it alone.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from governance.database import reading
from safe_outputs.answers import Cell, Column, Finding
from safe_outputs.evidence.at_a_glance import AtAGlance, at_a_glance
from safe_outputs.evidence.beside import EarlierOf
from safe_outputs.evidence.since import CellChange, Difference, StatisticDifference
from safe_outputs.evidence.text_differences import Change
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.reading import RequestView
from safe_outputs.requests import find_request
from safe_outputs.transitions import Vote
from safe_outputs.web.access import reader
from safe_outputs.web.api.request_answer import view_for_reader
from safe_outputs.web.api.shapes import DIGITS, Answer, Query, Yes
from safe_outputs.web.api.statement import Reply, api, endpoint
from safe_outputs.web.seen import seen
from safe_outputs.web.service import service, today

blueprint = api("evidence")


class RunAnswer(Answer):
    """A piece of a text that stayed, went or came; `left_out`: how many words or lines of it are not told."""

    change: Change
    text: str
    left_out: int


class RewordingAnswer(Answer):
    """A text of the request that changed."""

    label: str
    runs: list[RunAnswer]


class CellDifference(Answer):
    """A cell that is not what it was; null: it was, or is, not there."""

    codes: list[str]
    change: CellChange
    before: Cell | None
    after: Cell | None


class TableDifferenceAnswer(Answer):
    """One table against another of the same dimensions; new and gone codes come with their dimension's name."""

    dimensions: list[Column]
    measures: list[Column]
    measures_added: list[Column]
    measures_removed: list[Column]
    redefined: list[tuple[Column, Column]]
    codes_new: list[tuple[str, str]]
    codes_gone: list[tuple[str, str]]
    cells: list[CellDifference]
    unchanged: int


class FactDifference(Answer):
    """Something said of a statistic, as it was and as it is."""

    label: str
    before: str
    after: str


class StatisticChange(Answer):
    """A statistic that was there and is there; `table` is null where the dimensions are others."""

    before: str
    after: str
    table: TableDifferenceAnswer | None
    facts: list[FactDifference]
    code: list[RunAnswer]
    findings_gone: list[Finding]
    findings_new: list[Finding]


class DifferenceAnswer(Answer):
    """What changed between two moments of a request: its words, and its statistics, by id."""

    words: list[RewordingAnswer]
    changed: list[StatisticChange]
    added: list[str]
    removed: list[str]
    kept: list[str]


class SinceAnswer(Answer):
    """What changed since a turn that the reader knows; `difference` is null where that turn was not kept."""

    turn: int
    voted: bool
    submitted_at: datetime | None
    difference: DifferenceAnswer | None


class LeftAnswer(Answer):
    """Billionths of ρ and of δ that a budget has left, and when that was so."""

    scope: str
    nano_rho: int
    nano_delta: int
    at: datetime


class EarlierTableAnswer(Answer):
    """A statistic of an earlier release of the same people."""

    release: str
    title: str
    project: str
    audience: str
    released_at: datetime
    recalled: bool
    statistic: str


class CloseNumbers(Answer):
    """A group whose numbers of units, now and then, are so close that their difference tells of a few."""

    codes: list[str]
    now: int
    then: int


class NearTable(Answer):
    earlier: EarlierTableAnswer
    differences: list[CloseNumbers]


class EarlierAnswer(Answer):
    """Earlier tables near to a statistic, others, how many were not compared, and what is too close."""

    statistic: str
    near: list[NearTable]
    others: list[EarlierTableAnswer]
    left: int
    apart: int
    note: Finding | None


class CountsAnswer(Answer):
    """The number of units behind each cell of a statistic, or the reason why it is not told."""

    statistic: str
    cells: list[CountedCell]
    reason: str | None


class EvidenceBeside(Answer):
    """All of it. `why_not_counts`: why you cannot ask for the counts behind cells, or null."""

    since: SinceAnswer | None
    own_vote: Vote | None
    left: list[LeftAnswer]
    earlier: list[EarlierAnswer]
    why_not_counts: str | None
    counts: list[CountsAnswer]


class Beside(Query):
    counts: Annotated[Yes | None, Field(description="with the counts behind cells; that is put on record")] = None
    position: Annotated[
        int | None, Field(ge=1, lt=2**31, description="earlier tables of this statistic alone"), DIGITS
    ] = None


@endpoint(
    blueprint,
    "GET",
    "/requests/<request_id>/evidence",
    "signed_in",
    "What changed since you last knew a request, budgets, earlier tables, counts.",
    query=Beside,
    answer=EvidenceBeside,
)
def evidence(request_id: str, query: Beside) -> Reply:
    with reading(service().engine) as database:
        view = view_for_reader(database, request_id)
        beside = at_a_glance(
            database,
            service().store,
            find_request(database, request_id),
            [each.answer for each in view.statistics],
            reader().name,
            today(),
            read=[each.position for each in view.statistics if query.position in {None, each.position}],
            counts=query.counts is not None,
        )
    told = [name for name, each in beside.counts.items() if each.cells]
    return Reply(answer_of(view, beside), before=lambda: seen(reader().name, "api", view, counts=told))


def answer_of(view: RequestView, beside: AtAGlance) -> EvidenceBeside:
    """What the API says of what stands beside a request, in the order of its statistics."""
    order = [each.id for each in view.statistics]
    return EvidenceBeside(
        since=_since(beside),
        own_vote=beside.own_vote,
        left=[
            LeftAnswer(scope=scope, nano_rho=each.nano_rho, nano_delta=each.nano_delta, at=each.at)
            for scope, each in sorted(beside.left.items())
        ],
        earlier=[_earlier(name, beside.earlier[name]) for name in order if name in beside.earlier],
        why_not_counts=beside.why_not_counts,
        counts=[
            CountsAnswer(statistic=name, cells=list(found.cells), reason=found.reason)
            for name in order
            if (found := beside.counts.get(name)) is not None
        ],
    )


def _since(beside: AtAGlance) -> SinceAnswer | None:
    found = beside.since
    if found is None:
        return None
    difference = _difference(found.difference) if found.difference is not None else None
    return SinceAnswer(turn=found.turn, voted=found.voted, submitted_at=found.submitted_at, difference=difference)


def _difference(found: Difference) -> DifferenceAnswer:
    return DifferenceAnswer(
        words=[RewordingAnswer.model_validate(each) for each in found.words],
        changed=[_changed(each) for each in found.changed],
        added=[each.statistic for each in found.added],
        removed=[each.statistic for each in found.removed],
        kept=[each.statistic for each in found.kept],
    )


def _changed(found: StatisticDifference) -> StatisticChange:
    return StatisticChange(
        before=found.before.statistic,
        after=found.after.statistic,
        table=TableDifferenceAnswer.model_validate(found.table) if found.table is not None else None,
        facts=[FactDifference.model_validate(each) for each in found.facts],
        code=[RunAnswer.model_validate(each) for each in found.code],
        findings_gone=list(found.findings_gone),
        findings_new=list(found.findings_new),
    )


def _earlier(statistic: str, found: EarlierOf) -> EarlierAnswer:
    return EarlierAnswer(
        statistic=statistic,
        near=[NearTable.model_validate(each) for each in found.shown],
        others=[EarlierTableAnswer.model_validate(each) for each in found.others],
        left=found.left,
        apart=found.apart,
        note=found.note,
    )
