"""Patterns are found where they exist, and what the time does not allow to prove is not returned."""

import itertools

import numpy as np
import pandas as pd
import pytest

from disclosure_control import RuleProfile, Table, attack
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


def test_where_one_method_of_the_solver_stops_without_an_answer_the_other_is_asked():
    """A table on which the primal simplex method reports an unknown status."""
    protected = suppress(business(18, "two hierarchies", 30), PROFILES["p %"], cost="value")
    assert protected.report.gap is not None
    assert unprotected([protected]) == []


@pytest.mark.usefixtures("quick")
def test_five_dimensions():
    chance = np.random.default_rng(5)
    codes = {"a": "xyz", "b": "xy", "c": "xyz", "d": "xy", "e": "xyz"}
    rows = pd.DataFrame({name: chance.choice(list(each), 700) for name, each in codes.items()})
    rows["value"] = np.round(chance.lognormal(3, 1.5, 700) + 1)
    table = Table.from_microdata(rows, dict.fromkeys(codes), value="value")
    protected = suppress(table, RuleProfile(threshold=3, p_percent=10))
    assert (protected.cells["status"] == "secondary").any()
    assert attack(protected)["protected"].all()
