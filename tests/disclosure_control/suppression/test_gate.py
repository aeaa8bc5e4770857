"""What `suppress` returns passes the attack, which is written apart from it: one is not stricter than the other."""

import itertools

import pytest

from disclosure_control import RuleProfile, passes
from disclosure_control.suppression import suppress
from tests.disclosure_control.suppression.tables import SHAPES, business

PROFILES = [
    RuleProfile(threshold=3),
    RuleProfile(p_percent=10),
    RuleProfile(threshold=3, dominance=[(1, 60)], p_percent=15),
]

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("frequencies", [False, True])
def test_a_protected_table_passes_the_gate(shape, frequencies):
    for seed, profile in itertools.product(range(4), PROFILES[: 1 if frequencies else 3]):
        table = business(seed, shape, 24 + 6 * seed, frequencies=frequencies)
        assert passes(suppress(table, profile)), (seed, profile)


@pytest.mark.parametrize(("seed", "rows", "profile"), [(105, 36, 0), (105, 42, 2), (106, 43, 0), (108, 23, 2)])
def test_the_largest_of_a_union_who_is_alone_in_a_part_of_its_cell_is_no_attacker_on_it(seed, rows, profile):
    assert passes(suppress(business(seed, "three-way", rows), PROFILES[profile], cost="number"))
