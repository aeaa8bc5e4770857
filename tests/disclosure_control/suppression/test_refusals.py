"""When nothing is handed out: no pattern exists, the time is up, or the solver has no proof."""

import time
from collections.abc import Iterator

import highspy
import numpy as np
import pandas as pd
import pytest

from disclosure_control import RuleProfile, Table, suppress
from disclosure_control.errors import SuppressionFailed, Unprotectable
from tests.disclosure_control.suppression.drawn import table
from tests.disclosure_control.suppression.tables import SHAPES, business

PROFILES = {
    "threshold": RuleProfile(threshold=3),
    "p %": RuleProfile(p_percent=10),
    "all": RuleProfile(threshold=3, dominance=[(1, 60)], p_percent=15),
}
FEWEST_PROTECTED = 0.98  # of the tables that chance makes


def refused(made: Table, profile: RuleProfile) -> bool:
    try:
        suppress(made, profile)
    except Unprotectable:
        return True
    return False


def tables() -> Iterator[tuple[Table, RuleProfile]]:
    for shape in SHAPES:
        for seed, profile in enumerate(PROFILES.values()):
            for frequencies in (False, True):
                yield business(seed, shape, 20 + 15 * seed, frequencies=frequencies), profile


def test_tables_that_cannot_be_protected_are_rare(quick: None) -> None:
    """Properties that skip such tables would say nothing if there were many of them."""
    answers = [refused(*each) for each in tables()]
    assert 1 - sum(answers) / len(answers) >= FEWEST_PROTECTED


ONE_CELL = """
    |    | c1   | c2   | c3   |
    | r1 | 20x5 | 50x5 | 10x5 |
    | r2 | 8x5  | 19x5 | 22x2 |
    | r3 | 17x5 | 32x5 | 12x5 |
"""


def test_a_prior_that_leaves_less_doubt_than_is_required_is_refused_with_the_remedy() -> None:
    with pytest.raises(Unprotectable, match=r"1 cells need more protection than a prior of 0\.1 leaves.*wider prior"):
        suppress(table(ONE_CELL), RuleProfile(threshold=3), prior=0.1)


# ------------------------------------------------------------------------------------------- limits of the solver


@pytest.mark.parametrize("seconds", [0, 1e-9])
def test_what_is_not_proven_in_time_is_not_returned(seconds: float) -> None:
    with pytest.raises(SuppressionFailed, match=r"time is up.*Allow more seconds, or make the table smaller"):
        suppress(table(ONE_CELL), RuleProfile(threshold=3), seconds=seconds)


def test_seconds_bound_the_time() -> None:
    """A table of 2,197 cells that takes several times as long."""
    chance = np.random.default_rng(1)
    rows = pd.DataFrame({name: chance.integers(0, 12, 9000).astype(str) for name in "abc"})
    large = Table.from_microdata(rows.assign(y=chance.lognormal(4, 1.5, 9000).round()), dict.fromkeys("abc"), value="y")
    begun = time.process_time()
    with pytest.raises(SuppressionFailed, match="time is up"):
        suppress(large, RuleProfile(p_percent=15), seconds=1)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(("option", "value"), [("simplex_iteration_limit", 0), ("time_limit", 0.0)])
def test_a_solver_that_stops_at_its_limit_hands_nothing_out(monkeypatch, option: str, value: float) -> None:
    """The real solver, with an option of its own set: it stops before it has a proof."""

    class Limited(highspy.Highs):
        def run(self) -> highspy.HighsStatus:
            self.setOptionValue(option, value)
            return super().run()

    monkeypatch.setattr(highspy, "Highs", Limited)
    with pytest.raises(SuppressionFailed, match="nothing is released"):
        suppress(table(ONE_CELL), RuleProfile(threshold=3))
