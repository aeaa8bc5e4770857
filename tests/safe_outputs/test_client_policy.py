"""A notebook says how statistics may leave before anybody asks for one."""

import pytest

from safe_outputs.client.policy import policy_in_words
from safe_outputs.client.room import Source
from tests.safe_outputs.factories import CATALOGUE, with_policy

CASES = [
    (
        {"count": {"pre_publication": "exact", "publication": "exact"}},
        ["count: exact", "sum, mean, variance, quantile, regression: not at all"],
    ),
    (
        {"mean": {"pre_publication": "exact", "publication": "private"}, "count": {"publication": "private"}},
        [
            "count: for a named team not at all; for everybody only with noise (so.private)",
            "sum, variance, quantile, regression: not at all",
            "mean: for a named team exact; for everybody only with noise (so.private)",
        ],
    ),
    ({}, ["count, sum, mean, variance, quantile, regression: not at all"]),
]


@pytest.mark.parametrize(("rules", "lines"), CASES)
def test_one_line_for_each_way_of_leaving(rules: dict[str, dict[str, str]], lines: list[str]) -> None:
    policy = with_policy(rules).release.policy.model_dump(mode="json")
    assert policy_in_words(policy) == lines


def test_a_dataset_shows_its_policy() -> None:
    policy = CATALOGUE.release.policy.model_dump(mode="json")
    visits = Source(
        {"name": "rand_hie", "table": "visits", "version": 3, "rows": 20_190, "columns": [], "policy": policy}
    )
    assert repr(visits).splitlines()[-2:] == [
        "  leaves as count, sum, mean, file: exact",
        "  leaves as variance, quantile, regression: only with noise (so.private)",
    ]


def test_a_service_of_before_there_were_policies_says_nothing() -> None:
    assert Source({"name": "rand_hie", "table": "visits", "columns": []}).ways_to_leave == []


def test_what_is_not_known_is_named() -> None:
    assert policy_in_words({"count": {"friends": "sometimes", "publication": "exact"}}) == [
        "count: friends sometimes; for everybody exact"
    ]
