"""The release policy's whole table: what is told × audience × rule, for the tests of every surface that asks it."""

from itertools import product

from datasets.catalogue import Catalogue
from datasets.release_policy import Audience, Kind, Rule
from safe_outputs.statistics import Crosstab, Measure, Private
from tests.safe_outputs.factories import private_count, with_policy

Case = tuple[str, Audience, dict[Kind, Rule | None]]

BY_SITE = Crosstab(dataset="rand_hie", dimensions=("site",))
COUNT_AND_MEAN = (
    {"kind": "count_rows", "name": "records"},
    {"kind": "mean", "name": "visits", "of": {"op": "column", "name": "doctor_visits"}},
)
PLANS: dict[str, tuple[Crosstab | Private, tuple[Kind, ...]]] = {
    "counts": (BY_SITE, (Kind.COUNT,)),
    "counts and means": (
        BY_SITE.model_copy(update={"measure": Measure(column="doctor_visits", aggregate="mean")}),
        (Kind.COUNT, Kind.MEAN),
    ),
    "counts and sums": (
        BY_SITE.model_copy(update={"measure": Measure(column="doctor_visits", aggregate="sum")}),
        (Kind.COUNT, Kind.SUM),
    ),
    "private counts": (private_count(1_000, by="site"), (Kind.COUNT,)),
    "private counts and means": (
        private_count(1_000).model_copy(update={"measures": COUNT_AND_MEAN}),
        (Kind.COUNT, Kind.MEAN),
    ),
}
RULES = [None, *Rule]
"""The rules, and that there is none."""


def passes(plan: Crosstab | Private, rules: list[Rule | None]) -> bool:
    """Written anew, as a person would read the policy's table."""
    if isinstance(plan, Private):
        return all(rule in {"exact", "private"} for rule in rules)
    return all(rule == "exact" for rule in rules)


def a_catalogue(rules: dict[Kind, dict[Audience, Rule | None]]) -> Catalogue:
    return with_policy(
        {kind: {each: rule for each, rule in by.items() if rule is not None} for kind, by in rules.items()}
    )


MATRIX: list[Case] = [
    (name, audience, dict(zip(PLANS[name][1], rules, strict=True)))
    for name, audience in product(PLANS, Audience)
    for rules in product(RULES, repeat=len(PLANS[name][1]))
]


def named(case: Case) -> str:
    name, audience, rules = case
    return f"{name} for {audience}: {', '.join(f'{kind} {rule}' for kind, rule in rules.items())}"
