"""What a population's ledger promises, and that exact releases void its ε statement."""

from typing import Any

import pytest

from disclosure_control import Ledger, LedgerError
from disclosure_control.privacy.ledger import DEFAULT_DELTA, NANO, DatasetScope, epsilon

BOTH = ["dataset:d", "project:p/d"]


@pytest.fixture
def spent(url: str) -> Any:
    """ρ = 0.1 spent, two thirds of it by project p and the rest by project q."""
    with Ledger(url) as ledger:
        for scope in ("dataset:d", "dataset:e", "project:p/d", "project:q/d", "project:p/e"):
            ledger.grant(scope, NANO, granted_by="owner")
        ledger.commit(ledger.reserve(BOTH, 60_000_000, "one"), b"noisy")
        ledger.reserve(["dataset:d", "project:q/d"], 40_000_000, "two")
        ledger.void(ledger.reserve(["dataset:d", "project:q/d"], 500_000_000, "three"), "no reading began")
        yield ledger


def test_the_guarantee_counts_every_project_and_what_may_have_been_read(spent: Ledger) -> None:
    guarantee = spent.guarantee("dataset:d")
    assert guarantee.holds
    assert (guarantee.nano_rho, guarantee.exact_releases, guarantee.first_exact) == (NANO // 10, 0, None)
    assert guarantee.epsilon(1e-6) == epsilon(NANO // 10, 1e-6) == pytest.approx(2.142, abs=0.001)
    assert guarantee.sentence() == "ρ = 0.1 was spent, that is ε = 2.142 at δ = 1e-06."
    assert spent.guarantee("project:p/d").nano_rho == 60_000_000


def test_delta_adds_up_beside_rho(spent: Ledger) -> None:
    """Approximate zCDP composes: ρ adds up, and so does δ (Bun and Steinke 2016, section 8)."""
    spent.reserve(BOTH, 1, "threshold", nano_delta=1000)
    spent.reserve(["dataset:d", "project:q/d"], 1, "another", nano_delta=500)
    spent.void(spent.reserve(BOTH, 1, "void", nano_delta=8000), "no reading began")
    guarantee = spent.guarantee("dataset:d")
    assert (guarantee.nano_delta, spent.guarantee("project:p/d").nano_delta) == (1500, 1000)
    assert guarantee.delta(1e-6) == pytest.approx(2.5e-6)
    assert guarantee.epsilon(1e-6) == epsilon(NANO // 10 + 2, 1e-6)
    assert guarantee.sentence() == "ρ = 0.100000002 was spent, with δ = 0.0000015, that is ε = 2.142 at δ = 2.5e-06."
    spent.verify()


def test_where_all_delta_is_spent_no_epsilon_is_told(spent: Ledger) -> None:
    for scope in BOTH:
        spent.grant(scope, 1, granted_by="owner", nano_delta=NANO - DEFAULT_DELTA - 1)
    spent.reserve(BOTH, 1, "r", nano_delta=NANO - 1)
    guarantee = spent.guarantee("dataset:d")
    assert guarantee.epsilon() is None
    assert guarantee.sentence() == "ρ = 0.100000001 was spent, with δ = 0.999999999: no ε follows from it."


def test_an_exact_release_voids_the_epsilon_of_its_population_and_of_no_other(spent: Ledger) -> None:
    first = spent.record_exact(DatasetScope("d"), "crosstab of site", recorded_by="checker")
    spent.record_exact("dataset:d", "crosstab of year", recorded_by="checker")
    for scope in ("dataset:d", "project:p/d", "project:q/d"):
        guarantee = spent.guarantee(scope)
        assert not guarantee.holds
        assert guarantee.epsilon() is None
        assert (guarantee.exact_releases, guarantee.first_exact) == (2, first)
    assert spent.guarantee("dataset:e").holds
    assert spent.guarantee("project:p/e").holds


def test_the_sentence_says_since_when_and_why(spent: Ledger) -> None:
    release = spent.record_exact("dataset:d", "crosstab of site", recorded_by="checker")
    assert spent.guarantee("dataset:d").sentence() == (
        f"ρ = 0.1 was spent; there is no ε for it: void since {release.at[:10]}, because exact statistics of this "
        "population were released (crosstab of site; 1 in all)."
    )


def test_private_statistics_are_charged_all_the_same(spent: Ledger) -> None:
    spent.record_exact("dataset:d", "crosstab of site", recorded_by="checker")
    spent.reserve(BOTH, 10_000_000, "after")
    assert spent.guarantee("dataset:d").nano_rho == 110_000_000
    spent.verify()


def test_the_same_exact_release_is_recorded_once(spent: Ledger) -> None:
    first = spent.record_exact("dataset:d", "crosstab of site", recorded_by="checker")
    assert (first.scope, first.what, first.recorded_by) == ("dataset:d", "crosstab of site", "checker")
    assert spent.record_exact("dataset:d", "crosstab of site", recorded_by="somebody else") == first
    assert spent.guarantee("dataset:d").exact_releases == 1
    spent.record_exact("dataset:e", "crosstab of site", recorded_by="checker")
    assert spent.guarantee("dataset:e").exact_releases == 1


def test_an_exact_release_needs_no_budget(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.record_exact("dataset:new", "crosstab of site", recorded_by="checker")
        assert ledger.guarantee("dataset:new").nano_rho == 0
        assert not ledger.guarantee("dataset:new").holds
        ledger.verify()


@pytest.mark.parametrize("scope", ["project:p/d", "person:ada"])
def test_exact_statistics_tell_of_a_population(spent: Ledger, scope: str) -> None:
    with pytest.raises(LedgerError, match="whole population"):
        spent.record_exact(scope, "crosstab of site", recorded_by="checker")


def test_a_persons_ration_promises_nothing_to_the_people_in_the_data(spent: Ledger) -> None:
    with pytest.raises(LedgerError, match="a ration"):
        spent.guarantee("person:ada")
