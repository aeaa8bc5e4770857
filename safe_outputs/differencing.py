"""Differencing: what could be had by subtracting one exact table from another.

Until software proves two tables safe together, a person judges it; these findings make her look (I4).
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from safe_outputs.answers import Finding, Verdict
from safe_outputs.models import Release, ReleaseRequest, RequestItem, Statistic
from safe_outputs.transitions import OWNERS, Owner

RULE = "differencing"
SOURCE = "Saferoom, invariant I4: other tables of the same people count as known to an attacker"
LIMIT = "no two populations that differ by fewer than the threshold"


def with_earlier_releases(earlier: int) -> list[Finding]:
    """What to say of an exact table when `earlier` other exact tables of its dataset were released."""
    if not earlier:
        return []
    return [
        _finding(
            f"{_counted(earlier)} of this dataset {'was' if earlier == 1 else 'were'} released before. An output "
            "checker has to judge whether anybody can be singled out by subtraction.",
            f"{_counted(earlier)} released before",
        )
    ]


def within_request(statistics: Sequence[Statistic]) -> list[Finding]:
    """What to say of a request that holds several exact tables of a dataset, or exact and private statistics of it."""
    return [*_several_exact(statistics), *_exact_beside_private(statistics)]


def _several_exact(statistics: Sequence[Statistic]) -> list[Finding]:
    tables = {(each.plan["dataset"], each.plan_hash, each.version) for each in statistics if is_exact(each)}
    return [
        _finding(
            f"This request holds {count} exact tables of {dataset}. An output checker has to judge whether anybody "
            "can be singled out by subtracting one from another.",
            f"{count} exact tables in one request",
        )
        for dataset in sorted({dataset for dataset, _, _ in tables})
        if (count := sum(found == dataset for found, _, _ in tables)) > 1
    ]


def _exact_beside_private(statistics: Sequence[Statistic]) -> list[Finding]:
    exact = {each.plan["dataset"] for each in statistics if is_exact(each)}
    private = {each.plan["dataset"] for each in statistics if not is_exact(each)}
    return [
        Finding(
            rule="exact beside private",
            verdict=Verdict.REFER,
            sentence=f"This request holds exact and private statistics of {dataset}. Where both tell the same of the "
            "same people, the exact one gives away what the noise hides. An output checker has to judge whether "
            "any do.",
            value="exact and private statistics of one dataset",
            limit="no exact statistic of what a private one tells",
            source="docs/privacy.md, Release policy: exact and private statistics of one population do not add up",
            fix="Leave one of them out where they tell the same.",
        )
        for dataset in sorted(exact & private)
    ]


def of_request(session: Session, request: ReleaseRequest) -> list[Finding]:
    """What is to say of a request now: of its tables together, and of those with what was released meanwhile."""
    statistics = [item.statistic for item in request.items]
    if OWNERS[request.state] is Owner.NOBODY:
        return within_request(statistics)
    exact = [each for each in statistics if is_exact(each)]
    own = {(each.plan_hash, each.version) for each in exact}
    datasets = sorted({each.plan["dataset"] for each in exact})
    earlier = sum(len(released_tables(session, dataset) - own) for dataset in datasets)
    return [*within_request(statistics), *with_earlier_releases(earlier)]


def is_exact(statistic: Statistic) -> bool:
    return bool(statistic.plan["kind"] == "crosstab")


def released_tables(session: Session, dataset: str) -> set[tuple[str, int | None]]:
    """The exact tables of a dataset that were released: plan hash and version of each."""
    query = (
        select(Statistic.plan_hash, Statistic.version)
        .join(RequestItem, RequestItem.statistic_id == Statistic.id)
        .join(Release, Release.request_id == RequestItem.request_id)
        .where(
            Statistic.plan["dataset"].as_string() == dataset,
            Statistic.plan["kind"].as_string() == "crosstab",
        )
    )
    return {(row.plan_hash, row.version) for row in session.execute(query)}


def _counted(tables: int) -> str:
    return "1 other exact table" if tables == 1 else f"{tables} other exact tables"


def _finding(sentence: str, value: str) -> Finding:
    return Finding(
        rule=RULE,
        verdict=Verdict.REFER,
        sentence=sentence,
        value=value,
        limit=LIMIT,
        source=SOURCE,
        fix="Say in the request's purpose how the populations differ.",
    )
