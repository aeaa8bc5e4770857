"""The one rule for what may leave, by the data owner's release policy (I13).

The checker asks it before anything is computed, and submission asks it again for the request's audience. Each answer
is a sentence that says what, why and what to do next, or nothing. What is not known is refused (I3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datasets.catalogue import Catalogue
from datasets.release_policy import Audience, Kind, Policy, Rule
from safe_outputs.answers import AUDIENCES, Answer, PolicyUsed
from safe_outputs.errors import NotPermitted
from safe_outputs.statistics import Crosstab, Private

PLURALS: Mapping[Kind, str] = {
    Kind.COUNT: "counts",
    Kind.SUM: "sums",
    Kind.MEAN: "means",
    Kind.VARIANCE: "variances",
    Kind.QUANTILE: "quantiles",
    Kind.REGRESSION: "regressions",
}

PRIVATE_CALLS: Mapping[Kind, str] = {
    Kind.COUNT: "so.private.count(…)",
    Kind.SUM: "so.private.total(…)",
    Kind.MEAN: "so.private.mean(…)",
    Kind.VARIANCE: "so.private.variance(…)",
    Kind.QUANTILE: "so.private.quantile(…)",
    Kind.REGRESSION: "so.private.regression(…)",
}
"""How a notebook asks for the private statistic of a kind."""

KIND_OF_MEASURE: Mapping[str, Kind] = {
    "count_units": Kind.COUNT,
    "count_rows": Kind.COUNT,
    "sum": Kind.SUM,
    "mean": Kind.MEAN,
    "variance": Kind.VARIANCE,
    "standard_deviation": Kind.VARIANCE,
    "quantile": Kind.QUANTILE,
    "regression": Kind.REGRESSION,
}
"""The policy's kind of what a plan can measure. What stands in no line here is permitted by no policy."""


@dataclass(frozen=True)
class Told:
    """What a statistic tells, and whether with noise."""

    kinds: tuple[Kind, ...]
    private: bool


def told_by(plan: Crosstab | Private) -> Told:
    """What a plan would tell. A crosstab tells counts, whatever it tells beside them."""
    match plan:
        case Crosstab():
            measures = ["count_units", *([plan.measure.aggregate] if plan.measure is not None else [])]
            return Told(kinds_of(measures), private=False)
        case Private():
            return Told(kinds_of(str(each.get("kind")) for each in plan.measures), private=True)


def kinds_of(measures: Iterable[str]) -> tuple[Kind, ...]:
    """The policy's kinds of these measures, each once. Raises `NotPermitted` for a measure that no policy knows."""
    wanted = list(measures)
    unknown = sorted(set(wanted) - KIND_OF_MEASURE.keys())
    if unknown or not wanted:
        raise NotPermitted(
            f"No release policy knows a statistic of the kind “{', '.join(unknown)[:60] or 'nothing'}”, so it cannot "
            f"leave. Ask for one of: {', '.join(PLURALS.values())}."
        )
    return tuple(dict.fromkeys(KIND_OF_MEASURE[each] for each in wanted))


def permitted(plan: Crosstab | Private, catalogue: Catalogue) -> tuple[Audience, ...]:
    """The audiences for which the data owner lets this statistic out. Raises `NotPermitted` for none."""
    told = told_by(plan)
    if (reason := why_not(told, catalogue)) is not None:
        raise NotPermitted(reason)
    return tuple(each for each in Audience if why_not(told, catalogue, each) is None)


def why_not(told: Told, catalogue: Catalogue, audience: Audience | None = None) -> str | None:
    """Why a statistic may not leave for this audience (without one: for any audience); None if it may."""
    policy = catalogue.release.policy
    asked = tuple(Audience) if audience is None else (audience,)
    rules = {each: _strictest(told, policy, each) for each in asked}
    if any(_passes(told, rule) for rule in rules.values()):
        return None
    mildest = min(asked, key=lambda each: _ORDER.index(rules[each]))
    kinds = [each for each in told.kinds if policy.rule(each, mildest) is rules[mildest]]
    where = f" for {_short(audience)}" if audience is not None else ""
    owner, words = f"The data owner of {catalogue.title}", _and(PLURALS[each] for each in kinds)
    others = [each for each in Audience if _passes(told, _strictest(told, policy, each))]
    or_there = f" It may leave for {_and(map(_short, others))}." if others else ""
    if rules[mildest] is Rule.PRIVATE:
        calls = _and(PRIVATE_CALLS[each] for each in kinds)
        return f"{owner} lets {words} out{where} only as a private statistic: {calls}.{or_there}"
    return f"{owner} lets no {words} out{where}.{or_there or ' Ask for another kind, or ask the data owner.'}"


def why_not_leave(answer: Answer, catalogue: Catalogue, audience: str) -> str | None:
    """Why an answered statistic may not leave for this audience by the policy as it is now; None if it may."""
    if answer.policy is not None and answer.policy.digest != catalogue.release.digest:
        return (
            f"The release terms of {answer.source.title} are not those under which this statistic was computed. "
            "Ask for it again in the notebook."
        )
    return why_not(told_by(answer.plan), catalogue, Audience(audience))


def why_no_file(catalogue: Catalogue, audience: Audience) -> str | None:
    """Why a file that people made from this data may not leave for this audience; None if it may."""
    if catalogue.release.policy.lets_files_out(audience):
        return None
    others = [each for each in Audience if catalogue.release.policy.lets_files_out(each)]
    or_there = f" They may leave for {_and(map(_short, others))}." if others else ""
    return (
        f"The data owner of {catalogue.title} lets no files out for {_short(audience)}, only statistics that Saferoom "
        f"computes.{or_there} Ask for a statistic, or ask the data owner."
    )


def policy_used(plan: Crosstab | Private, catalogue: Catalogue) -> PolicyUsed:
    """What the policy says of the kinds that a plan tells, for the record, with the digest of all terms."""
    policy = catalogue.release.policy
    rules = {
        str(kind): {str(audience): str(policy.rule(kind, audience)) for audience in Audience}
        for kind in told_by(plan).kinds
    }
    return PolicyUsed(digest=catalogue.release.digest, rules=rules)


_ORDER = (Rule.EXACT, Rule.PRIVATE, Rule.REFUSED)


def _strictest(told: Told, policy: Policy, audience: Audience) -> Rule:
    return max((policy.rule(kind, audience) for kind in told.kinds), key=_ORDER.index)


def _passes(told: Told, rule: Rule) -> bool:
    return rule is Rule.EXACT or (rule is Rule.PRIVATE and told.private)


def _short(audience: Audience) -> str:
    return AUDIENCES[audience].split(",")[0]


def _and(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
