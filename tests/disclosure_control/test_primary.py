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


@pytest.mark.parametrize("name", list(shipped_profiles()))
def test_every_shipped_profile_loads_and_cites_its_source(name: str) -> None:
    profile = RuleProfile.load(name)
    assert profile.name == name
    assert len(profile.threshold.source) > 20


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("units = 10", "units = 0", "threshold.units"),
        ("units = 10", 'units = "ten"', "wrong type; expected int"),
        ("units = 10", "units = true", "wrong type; expected int"),
        ("zero_is_safe = false", "", "“zero_is_safe” is missing"),
        ("zero_is_safe = false", "zero_is_safe = false\ndominance = 3", "“dominance” is unknown"),
        ("source = ", 'source = ""\nsources = ', "unknown"),
        ("[threshold]", "[threshold", "not TOML"),
    ],
)
def test_a_malformed_profile_never_fails_open(before: str, after: str, message: str) -> None:
    text = shipped_profiles()["ons-srs"].replace(before, after)
    with pytest.raises(MalformedProfile, match=message):
        RuleProfile.from_toml(text, "ons-srs.toml")


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(MalformedProfile, match="ons-srs"):
        RuleProfile.load("none")
