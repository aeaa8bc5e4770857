"""Linked tables against the reference: cells that they share are one cell."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure_control import Hierarchy, Table
from disclosure_control.attack import attack, passes, recover
from tests.disclosure_control.attack.reference import reference
from tests.disclosure_control.attack.tables import CODES, chance_pattern, microdata

slowly = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
PAIRS = [("a", "b"), ("b", "c"), ("a", "c")]


@slowly
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 3),
    value=st.sampled_from([None, "value"]),
    share=st.sampled_from([0.2, 0.4, 0.7]),
    prior=st.sampled_from([None, 0.5]),
)
def test_linked_tables_give_what_the_reference_finds_in_all_of_them(seed, count, value, share, prior):
    data = microdata(seed, 30)
    tables = [
        chance_pattern(
            Table.from_microdata(
                data, {name: Hierarchy.flat(CODES[name]) for name in names}, value=value, unit="unit", empty_codes=True
            ),
            seed + place,
            share,
        )
        for place, names in enumerate(PAIRS[:count])
    ]
    theirs, ours = reference(tables, prior), attack(tables, prior)
    wanted = []
    for each, numbers in zip(tables, theirs.numbers, strict=True):
        asked = each.cells["value"].isna() | (each.protection["upper_protection"] > 0)
        wanted += [theirs.bounds([numbers[row]]) for row in np.flatnonzero(asked)]
    assert np.allclose(ours[["lower", "upper"]], np.reshape(wanted, (-1, 2)), rtol=1e-6, atol=1e-5)
    assert passes(tables, prior) == ours["protected"].all()
    follows = [
        numbers[row]
        for each, numbers in zip(tables, theirs.numbers, strict=True)
        for row in np.flatnonzero(each.cells["value"].isna())
        if theirs.determined()[numbers[row]]
    ]
    assert recover(tables)["recovered"].to_list() == theirs.truth[follows].tolist()
