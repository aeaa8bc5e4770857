"""The release policy's whole table, by itself and in the checker; the pages ask the same (web/test_policy_pages.py)."""

import re
from itertools import product
from pathlib import Path

import pytest

from datasets.release_policy import Audience, Kind, Rule
from disclosure_control import Ledger, RuleProfile
from safe_outputs.checker.compute import compute
from safe_outputs.checker.evidence import Evidence
from safe_outputs.client import private
from safe_outputs.errors import NotPermitted
from safe_outputs.releases.release_policy import (
    KIND_OF_MEASURE,
    PRIVATE_CALLS,
    Told,
    kinds_of,
    permitted,
    told_by,
    why_not,
)
from tests.safe_outputs.factories import SOURCE
from tests.safe_outputs.house import House
from tests.safe_outputs.policy_matrix import BY_SITE, MATRIX, PLANS, RULES, Case, a_catalogue, named, passes

# ---- the rule itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", MATRIX, ids=named)
def test_the_rule_for_one_audience(case: Case) -> None:
    name, audience, rules = case
    plan = PLANS[name][0]
    catalogue = a_catalogue({kind: {audience: rule} for kind, rule in rules.items()})
    reason = why_not(told_by(plan), catalogue, audience)
    assert (reason is None) == passes(plan, list(rules.values()))
    if reason is not None:
        assert catalogue.title in reason
        assert audience.split("_")[0] in reason
        needs_noise = all(rule in {"exact", "private"} for rule in rules.values())
        assert ("only as a private statistic" in reason) == needs_noise
        assert ("lets no " in reason) != needs_noise


@pytest.mark.parametrize(("kind", "rule", "noisy"), list(product(Kind, RULES, [False, True])))
def test_every_kind_has_its_own_line(kind: Kind, rule: Rule | None, noisy: bool) -> None:
    rules: dict[Kind, dict[Audience, Rule | None]] = {each: dict.fromkeys(Audience, Rule.EXACT) for each in Kind}
    catalogue = a_catalogue({**rules, kind: {Audience.PUBLICATION: rule}})
    reason = why_not(Told((kind,), private=noisy), catalogue, Audience.PUBLICATION)
    assert (reason is None) == (rule == "exact" or (rule == "private" and noisy))


def test_the_sentence_says_how_to_ask_for_the_private_one() -> None:
    catalogue = a_catalogue({Kind.COUNT: dict.fromkeys(Audience, Rule.PRIVATE)})
    reason = why_not(told_by(BY_SITE), catalogue)
    assert reason == (
        f"The data owner of {catalogue.title} lets counts out only as a private statistic: so.private.count(…)."
    )


def test_the_sentence_says_where_it_may_go_instead() -> None:
    catalogue = a_catalogue({Kind.COUNT: {Audience.PRE_PUBLICATION: Rule.EXACT, Audience.PUBLICATION: Rule.REFUSED}})
    reason = why_not(told_by(BY_SITE), catalogue, Audience.PUBLICATION)
    assert reason == (
        f"The data owner of {catalogue.title} lets no counts out for publication. It may leave for pre-publication."
    )


def test_what_a_notebook_is_told_to_call_is_there() -> None:
    assert set(PRIVATE_CALLS) == set(Kind)
    for kind, call in PRIVATE_CALLS.items():
        name = re.fullmatch(r"so\.private\.(\w+)\(…\)", call)
        assert name is not None, kind
        assert callable(getattr(private, name[1]))


@pytest.mark.parametrize("measures", [["median absolute deviation"], ["count_units", "kurtosis"], []])
def test_what_no_policy_knows_is_refused(measures: list[str]) -> None:
    with pytest.raises(NotPermitted, match="No release policy knows"):
        kinds_of(measures)


def test_every_kind_is_told_by_something() -> None:
    assert set(KIND_OF_MEASURE.values()) == set(Kind)
    assert kinds_of(["mean", "count_rows", "count_units"]) == (Kind.MEAN, Kind.COUNT)


# ---- in the checker -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("rule", RULES)
def test_the_checker_asks_before_it_reads(name: str, rule: Rule | None, house: House, tmp_path: Path) -> None:
    """There is no copy: a statistic that the policy lets through fails as it is opened, and no other comes so far."""
    plan, kinds = PLANS[name]
    catalogue = a_catalogue({kind: dict.fromkeys(Audience, rule) for kind in kinds})
    evidence = Evidence(
        "heron", "rosa", "olga", tmp_path / "no copy", SOURCE, catalogue, RuleProfile.load("ons-srs"), 0
    )
    with Ledger(f"sqlite:///{tmp_path}/ledger.sqlite") as ledger:
        before = ledger.head()
        if passes(plan, [rule]):
            assert permitted(plan, catalogue) == tuple(Audience)
            with pytest.raises(Exception, match="no copy") as met:
                compute(plan, evidence, house.store, ledger)
            assert not isinstance(met.value, NotPermitted)
        else:
            with pytest.raises(NotPermitted) as refused:
                compute(plan, evidence, house.store, ledger)
            assert refused.value.sentence == why_not(told_by(plan), catalogue)
        assert ledger.head() == before
