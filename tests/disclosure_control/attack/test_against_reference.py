"""The intervals, and what follows from them, against an attacker written apart (I4)."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure_control.attack import attack, passes, recover
from tests.disclosure_control.attack.reference import Reference, reference
from tests.disclosure_control.attack.tables import ByHand, patterns

slowly = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
priors = st.sampled_from([None, 0.5])


def intervals(table: ByHand, found: Reference) -> np.ndarray:
    """The reference's interval of every withheld cell, row by row."""
    rows = np.flatnonzero(table.cells["value"].isna())
    return np.array([found.bounds([found.numbers[0][row]]) for row in rows]).reshape(-1, 2)


def close(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return bool(np.isclose(ours, theirs, rtol=1e-6, atol=1e-5).all())


@slowly
@given(table=patterns, prior=priors)
def test_every_interval_is_the_one_that_linear_programming_finds(table, prior):
    found = attack(table, prior)
    assert close(found[["lower", "upper"]].to_numpy(), intervals(table, reference([table], prior)))


@slowly
@given(table=patterns, prior=priors)
def test_passing_is_that_all_is_protected(table, prior):
    assert passes(table, prior) == attack(table, prior)["protected"].all()


@slowly
@given(table=patterns)
def test_what_follows_from_the_equations_is_recovered_exactly(table):
    found = reference([table])
    withheld = np.flatnonzero(table.cells["value"].isna())
    follows = [row for row in withheld if found.determined()[found.numbers[0][row]]]
    names = list(table.table.dimensions)
    recovered = recover(table)
    assert recovered[names].to_numpy().tolist() == table.table.cells.loc[follows, names].to_numpy().tolist()
    assert recovered["recovered"].to_list() == table.table.cells.loc[follows, "value"].to_list()
    intervals = attack(table).merge(recovered, on=names)
    assert (intervals["lower"] == intervals["recovered"]).all() and (intervals["upper"] == intervals["recovered"]).all()
