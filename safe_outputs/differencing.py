"""Differencing: what could be had by subtracting one exact table from another.

Until software proves two tables safe together, a person judges it; these findings make her look (I4).
"""

from collections.abc import Sequence

from safe_outputs.answers import Answer, Finding, Verdict
from safe_outputs.statistics import Crosstab

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


def within_request(answers: Sequence[Answer]) -> list[Finding]:
    """What to say of a request that holds several exact tables of one dataset."""
    tables = [(each.source.dataset, each.plan_hash) for each in answers if isinstance(each.plan, Crosstab)]
    return [
        _finding(
            f"This request holds {count} exact tables of {dataset}. An output checker has to judge whether anybody "
            "can be singled out by subtracting one from another.",
            f"{count} exact tables in one request",
        )
        for dataset in sorted({dataset for dataset, _ in tables})
        if (count := len({plan for found, plan in tables if found == dataset})) > 1
    ]


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
