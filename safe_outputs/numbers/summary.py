"""From reviewed requests to the numbers of a period. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from safe_outputs.numbers.agreement import Agreement, agreement
from safe_outputs.numbers.passage import Passage, Stage
from safe_outputs.numbers.spread import Spread, spread
from safe_outputs.return_categories import Category
from safe_outputs.transitions import CLOCK_HOURS, RequestState, Vote


@dataclass(frozen=True)
class Reviewed:
    """One request: its way, and of its turns the first votes and the categories of what came back.

    `hours`: how long the checkers could take. `referred`: the rules whose finding on one of its statistics was
    `refer`, by name.
    """

    id: str
    project: str
    audience: str
    passage: Passage
    first_votes: Mapping[int, Sequence[Vote]] = field(default_factory=dict)
    reasons: Mapping[int, frozenset[Category]] = field(default_factory=dict)
    referred: tuple[str, ...] = ()
    hours: int = CLOCK_HOURS["publication"]


@dataclass(frozen=True)
class Turnaround:
    """How long decisions took, in seconds: `elapsed` since the first submission, `checkers` of their clock alone.

    `in_time`: how many were decided within the hours that their checkers had.
    """

    of: str
    elapsed: Spread
    checkers: Spread
    in_time: int


@dataclass(frozen=True)
class Returns:
    """Of `turns` that are over, `returned` went back to their author, by votes or early; lapses are not among them.

    `reasons`: in how many of those each category was given, most first; None where none was.
    """

    turns: int
    returned: int
    reasons: tuple[tuple[Category | None, int], ...]


@dataclass(frozen=True)
class Overrides:
    """What people decided where a rule left it to them, and what was taken back.

    Attributes:
        referred: decided requests in which a finding said `refer`.
        approved: how many of them checkers approved.
        by_rule: for each rule that referred, how many decided requests, and how many of them were approved.
        newest: those approved, by id, the newest decision first.
        approvals: all approvals of the period, those that lapsed included. lapses, recalls: how many of these.
    """

    referred: int
    approved: int
    by_rule: tuple[tuple[str, int, int], ...]
    newest: tuple[str, ...]
    approvals: int
    lapses: int
    recalls: int


@dataclass(frozen=True)
class Numbers:
    """The numbers of the requests that were decided or returned from `since` to `until`.

    `stages`: seconds in each stage, over the decided requests (`to_release`: over the released ones). `months`: by the
    month of the decision, oldest first, those without one included. `capped`: there were more requests than counted.
    """

    since: datetime
    until: datetime
    overall: Turnaround
    release: Spread
    stages: tuple[tuple[Stage, Spread], ...]
    months: tuple[Turnaround, ...]
    audiences: tuple[Turnaround, ...]
    projects: tuple[Turnaround, ...]
    outcomes: tuple[tuple[RequestState, int], ...]
    returns: Returns
    agreement: Agreement
    overrides: Overrides
    capped: bool


def numbers(requests: Iterable[Reviewed], since: datetime, until: datetime, *, capped: bool = False) -> Numbers:
    """The numbers of these requests."""
    found = list(requests)
    decided = [each for each in found if each.passage.decided_at is not None and each.passage.to_decision is not None]
    return Numbers(
        since=since,
        until=until,
        overall=_turnaround("all", decided),
        release=spread(each.passage.to_release or 0 for each in decided if each.passage.released_at),
        stages=_stages(decided),
        months=_by(decided, _month, _months(since, until)),
        audiences=_by(decided, lambda each: each.audience, tuple(CLOCK_HOURS)),
        projects=_by(decided, lambda each: each.project, sorted({each.project for each in decided})),
        outcomes=_outcomes(decided),
        returns=_returns(found),
        agreement=agreement(_first_votes(found)),
        overrides=_overrides(found, decided),
        capped=capped,
    )


def _turnaround(of: str, decided: Sequence[Reviewed]) -> Turnaround:
    return Turnaround(
        of=of,
        elapsed=spread(each.passage.to_decision or 0 for each in decided),
        checkers=spread(each.passage.checkers for each in decided),
        in_time=sum(each.passage.checkers <= each.hours * 3600 for each in decided),
    )


def _by(decided: Sequence[Reviewed], key: Callable[[Reviewed], str], groups: Sequence[str]) -> tuple[Turnaround, ...]:
    members: dict[str, list[Reviewed]] = {group: [] for group in groups}
    for each in decided:
        members.setdefault(key(each), []).append(each)
    return tuple(_turnaround(group, found) for group, found in members.items())


def _month(request: Reviewed) -> str:
    return f"{request.passage.decided_at:%Y-%m}"


def _months(since: datetime, until: datetime) -> tuple[str, ...]:
    """Every month of the period, as “2026-11”."""
    first, last = since.year * 12 + since.month - 1, until.year * 12 + until.month - 1
    return tuple(f"{month // 12}-{month % 12 + 1:02d}" for month in range(first, last + 1))


def _stages(decided: Sequence[Reviewed]) -> tuple[tuple[Stage, Spread], ...]:
    released = [each for each in decided if each.passage.released_at]
    return tuple(
        (stage, spread(each.passage.stages.get(stage, 0) for each in (released if stage is _LAST else decided)))
        for stage in Stage
    )


_LAST = Stage.TO_RELEASE


def _outcomes(decided: Sequence[Reviewed]) -> tuple[tuple[RequestState, int], ...]:
    counts = Counter(each.passage.state for each in decided)
    return tuple((state, counts[state]) for state in RequestState if counts[state])


def _returns(requests: Sequence[Reviewed]) -> Returns:
    returned = [
        each.reasons.get(turn, frozenset())
        for each in requests
        for turn, end in each.passage.turns.items()
        if end is RequestState.CHANGES_REQUESTED
    ]
    counts: Counter[Category | None] = Counter()
    for reasons in returned:
        counts.update(reasons or {None})
    turns = sum(len(each.passage.turns) for each in requests)
    return Returns(turns, len(returned), tuple(counts.most_common()))


def _first_votes(requests: Iterable[Reviewed]) -> list[Sequence[Vote]]:
    """The first votes of every turn that is over; those of an open turn are nobody's to see."""
    return [each.first_votes.get(turn, ()) for each in requests for turn in each.passage.turns]


def _overrides(requests: Sequence[Reviewed], decided: Sequence[Reviewed]) -> Overrides:
    referred = [each for each in decided if each.referred]
    approved = [each for each in referred if each.passage.state is not RequestState.REJECTED]
    all_of, approved_of = (_rules(each) for each in (referred, approved))
    newest = sorted(approved, key=_decided, reverse=True)
    return Overrides(
        referred=len(referred),
        approved=len(approved),
        by_rule=tuple((rule, count, approved_of[rule]) for rule, count in all_of.most_common()),
        newest=tuple(each.id for each in newest),
        approvals=sum(end is RequestState.APPROVED for each in requests for end in each.passage.turns.values()),
        lapses=sum(each.passage.lapses for each in requests),
        recalls=sum(each.passage.recalled for each in requests),
    )


def _decided(request: Reviewed) -> str:
    return request.passage.decided_at.isoformat() if request.passage.decided_at else ""


def _rules(requests: Iterable[Reviewed]) -> Counter[str]:
    return Counter(rule for each in requests for rule in set(each.referred))
