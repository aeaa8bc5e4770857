"""Patterns are found where they exist, and what the time does not allow to prove is not returned."""

import itertools

import pytest

from disclosure_control import RuleProfile
from disclosure_control.suppression import suppress
from tests.disclosure_control.suppression.attacker import unprotected
from tests.disclosure_control.suppression.tables import SHAPES, business

PROFILES = {
    "threshold": RuleProfile(threshold=3),
    "p %": RuleProfile(p_percent=10),
    "all": RuleProfile(threshold=3, dominance=[(1, 60)], p_percent=15),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_small_business_table_has_a_pattern(shape, profile):
    """Withholding all of a table always protects it here, so a refusal would be the search's own failure."""
    for seed, cost in itertools.product(range(7), ("number", "information")):
        suppress(business(seed, shape, 21 + 5 * seed), PROFILES[profile], cost=cost)


def test_a_cheaper_pattern_is_certified():
    protected = suppress(business(1, "flat", 21), PROFILES["all"], cost="number")
    assert unprotected([protected]) == []
    assert protected.report.method == "exact"
    assert protected.report.gap == 0
