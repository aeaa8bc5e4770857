"""The numbers of the page of numbers, as JSON. Durations are seconds; null where there are too few to tell."""

from datetime import datetime

from safe_outputs.numbers.agreement import Agreement as Agreed
from safe_outputs.numbers.passage import Stage
from safe_outputs.numbers.spread import Spread as Found
from safe_outputs.numbers.summary import Numbers, Turnaround
from safe_outputs.return_categories import Category
from safe_outputs.transitions import RequestState, Vote
from safe_outputs.web.api.shapes import Answer
from safe_outputs.web.api.statement import api, endpoint
from safe_outputs.web.numbers import present

blueprint = api("numbers")


class Spread(Answer):
    """The median and the 90th percentile (nearest rank) of so many durations."""

    count: int
    median: float | None
    ninetieth: float | None


class Group(Answer):
    """How long decisions took; `in_time` of them within the promised time."""

    of: str
    elapsed: Spread
    checkers: Spread
    in_time: int


class StageTime(Answer):
    stage: Stage
    time: Spread


class Outcome(Answer):
    state: RequestState
    count: int


class ReasonCount(Answer):
    """`category` is null for returns of before there were categories."""

    category: Category | None
    turns: int


class Pair(Answer):
    first: Vote
    second: Vote
    count: int


class Agreement(Answer):
    """First votes of turns that are over; `alpha` is Krippendorff's."""

    turns: int
    differed: int
    pairs: list[Pair]
    alpha: float | None


class RuleCount(Answer):
    rule: str
    decided: int
    approved: int


class Overrides(Answer):
    referred: int
    approved: int
    by_rule: list[RuleCount]
    approvals: int
    lapses: int
    recalls: int


class NumbersAnswer(Answer):
    """What was decided or returned from `since` to `until`."""

    since: datetime
    until: datetime
    capped: bool
    overall: Group
    to_release: Spread
    stages: list[StageTime]
    months: list[Group]
    audiences: list[Group]
    projects: list[Group]
    outcomes: list[Outcome]
    turns: int
    returned: int
    reasons: list[ReasonCount]
    agreement: Agreement
    overrides: Overrides


@endpoint(
    blueprint,
    "GET",
    "/numbers",
    "numbers",
    "How long reviews take, what comes back and why, how far checkers agree.",
    answer=NumbersAnswer,
    etag=True,
)
def numbers() -> NumbersAnswer:
    return answer_of(present().of_the_year())


def answer_of(found: Numbers) -> NumbersAnswer:
    """The numbers in the form of the API."""
    given = found.overrides
    return NumbersAnswer(
        since=found.since,
        until=found.until,
        capped=found.capped,
        overall=_group(found.overall),
        to_release=_spread(found.release),
        stages=[StageTime(stage=stage, time=_spread(each)) for stage, each in found.stages],
        months=[*map(_group, found.months)],
        audiences=[*map(_group, found.audiences)],
        projects=[*map(_group, found.projects)],
        outcomes=[Outcome(state=state, count=count) for state, count in found.outcomes],
        turns=found.returns.turns,
        returned=found.returns.returned,
        reasons=[ReasonCount(category=category, turns=turns) for category, turns in found.returns.reasons],
        agreement=_agreement(found.agreement),
        overrides=Overrides(
            referred=given.referred,
            approved=given.approved,
            by_rule=[RuleCount(rule=rule, decided=all_, approved=some) for rule, all_, some in given.by_rule],
            approvals=given.approvals,
            lapses=given.lapses,
            recalls=given.recalls,
        ),
    )


def _spread(found: Found) -> Spread:
    return Spread.model_validate(found)


def _group(found: Turnaround) -> Group:
    return Group(of=found.of, elapsed=_spread(found.elapsed), checkers=_spread(found.checkers), in_time=found.in_time)


def _agreement(found: Agreed) -> Agreement:
    pairs = [Pair.model_validate(each) for each in found.pairs]
    return Agreement(turns=found.turns, differed=found.differed, pairs=pairs, alpha=found.alpha)
