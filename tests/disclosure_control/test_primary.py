"""Primary suppression: which cells are withheld, in small tables."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure_control import MalformedProfile, RuleProfile, suppress_primary
from disclosure_control.profiles import shipped_profiles

PROFILE = RuleProfile.load("ons-srs")


def facts_of(units: list[int], valued: list[int] | None = None) -> pd.DataFrame:
    facts = pd.DataFrame({"units": units})
    return facts if valued is None else facts.assign(valued_units=valued)


def statuses(facts: pd.DataFrame, profile: RuleProfile = PROFILE) -> list[str]:
    return list(suppress_primary(facts, profile, "persons")[0]["status"])


def test_fewer_than_ten_units_are_withheld_and_ten_are_not() -> None:
    assert statuses(facts_of([11, 10, 9, 1, 0])) == ["published", "published", "primary", "primary", "primary"]


def test_units_are_counted_that_have_a_value() -> None:
    assert statuses(facts_of([12, 12], valued=[10, 9])) == ["published", "primary"]


def test_an_empty_cell_is_published_only_where_the_profile_says_so() -> None:
    text = shipped_profiles()["ons-srs"].replace("zero_is_safe = false", "zero_is_safe = true")
    assert statuses(facts_of([0, 1]), RuleProfile.from_toml(text, "test")) == ["published", "primary"]


@pytest.mark.parametrize(
    ("units", "severity"), [([10, 20], "safe"), ([10, 3], "protected"), ([3, 4], "blocked"), ([0], "blocked")]
)
def test_the_finding_tells_what_was_withheld(units: list[int], severity: str) -> None:
    (finding,) = suppress_primary(facts_of(units), PROFILE, "persons")[1]
    assert finding.severity == severity
    assert finding.source
    assert "10 persons" in finding.limit


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_no_published_cell_is_under_the_threshold(units: list[int]) -> None:
    protected, _ = suppress_primary(facts_of(units), PROFILE, "persons")
    assert (protected.loc[protected["status"] == "published", "units"] >= 10).all()
    assert (protected["reason"].notna() == (protected["status"] != "published")).all()


def test_a_profile_without_a_threshold_judges_no_cell() -> None:
    with pytest.raises(MalformedProfile, match="no threshold"):
        suppress_primary(facts_of([3]), RuleProfile(p_percent=10), "persons")
