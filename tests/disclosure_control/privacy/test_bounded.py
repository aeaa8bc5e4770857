"""Bounded contributions: what the recipe says, and what one unit can change at most."""

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from disclosure_control import PrivatePlan, UnknownColumn
from disclosure_control.privacy.expressions import Compare, Number
from disclosure_control.privacy.measures import CountRows, CountUnits, Mean, Quantile, Sum
from tests.disclosure_control.privacy.shapes import (
    AGE,
    DATASET,
    FEMALE,
    HOSTILE_INTEGERS,
    HOSTILE_NUMBERS,
    HOSTILE_SITES,
    HOSTILE_WARDS,
    SHAPES,
    SITE,
    SITES,
    SPENDING,
    Row,
    fill,
    key,
    plan,
    table_of,
)


def rows_of(person: int | None, *sites: str | None, age: int = 30, spending: float = 1.0) -> list[Row]:
    return [(person, site, 1, True, age, spending) for site in sites]


def sums(asked: PrivatePlan, rows: list[Row], salt: int = 1) -> dict[str, list[Any]]:
    with table_of(rows) as connection:
        return asked.bounded(connection, salt=salt)


BY_SITE: dict[str, Any] = {"by": [key(SITE)], "measures": [CountUnits(name="units"), CountRows(name="rows")]}


def test_every_public_key_is_answered_and_no_other() -> None:
    rows = rows_of(1, "North", "North", "Nowhere", None) + rows_of(2, "East") + rows_of(None, "South")
    found = sums(plan(**BY_SITE, groups_per_unit=4, rows_per_unit=9), rows)
    assert found == {"units": [1, 1, 0, 0], "rows": [2, 1, 0, 0]}
    assert sums(plan(**BY_SITE), []) == {"units": [0, 0, 0, 0], "rows": [0, 0, 0, 0]}


def test_a_unit_is_in_at_most_k_groups_chosen_by_the_salt() -> None:
    everywhere = rows_of(1, *SITES)
    asked = plan(**BY_SITE, groups_per_unit=2)
    with table_of(everywhere) as connection:
        found = Counter(tuple(asked.bounded(connection, salt=salt)["units"]) for salt in range(240))
    assert {sum(each) for each in found} == {2}
    assert len(found) == 6 and stats.chisquare(list(found.values())).pvalue > 1e-9, "each pair is as likely"


def test_a_unit_has_at_most_m_rows_which_are_the_mean_of_all() -> None:
    rows = [(1, "North", 1, True, age, 0.0) for age in (10, 20, 60)] + rows_of(2, "North", age=50)
    asked = plan(by=[key(SITE)], measures=[CountRows(name="rows"), Sum(name="total", of=AGE)], rows_per_unit=2)
    found = sums(asked, rows)
    series = asked.design.made_of["total"][0]
    assert found["rows"][0] == 2 + 1
    assert found["moment:total:0"][0] * series.unit == 2 * 30 + 50


def test_one_person_with_a_million_rows_counts_as_one_with_m() -> None:
    asked = plan(measures=[CountRows(name="rows"), Sum(name="total", of=AGE)], rows_per_unit=3)
    with table_of(rows_of(2, "North", age=40)) as connection:
        connection.execute(
            "INSERT INTO visits SELECT 1, 'North', 1, true, 2000000000, 'infinity'::DOUBLE, NULL FROM range(1000000)"
        )
        found = asked.bounded(connection, salt=1)
    assert found["rows"] == [3 + 1]
    assert found["moment:total:0"][0] * asked.design.made_of["total"][0].unit == 3 * 100 + 40


def test_missing_values_are_left_out_of_a_mean_and_its_count() -> None:
    rows = [(1, "North", 1, True, 1, None), (1, "North", 1, True, 1, 5.0), (2, "North", 1, True, 1, float("nan"))]
    asked = plan(measures=[Mean(name="m", of=SPENDING), CountRows(name="n")], rows_per_unit=2)
    found = sums(asked, rows)
    assert found["rows"] == [3] and found["rows:m:0"] == [1]
    first = asked.design.made_of["m"][1]
    assert found["moment:m:1"][0] * first.unit == 5 - first.factors[0].centre / 100


def test_only_rows_that_pass_the_filter_count() -> None:
    rows = rows_of(1, "North", age=17) + rows_of(1, "East", age=18) + rows_of(2, "North", age=-5)
    asked = plan(**BY_SITE, where=Compare(operator=">=", left=AGE, right=Number(value=18)))
    assert sums(asked, rows)["units"] == [0, 1, 0, 0]


def test_a_histogram_counts_a_units_rows_as_m_at_most() -> None:
    rows = [(1, "North", 1, True, age, 0.0) for age in (0, 0, 50, 100)] + rows_of(2, "North", age=51)
    asked = plan(measures=[Quantile(name="q", of=AGE, steps=2)], rows_per_unit=2)
    (histogram,) = sums(asked, rows)["bins:q:0"]
    assert histogram == [1024, 0, 512, 1024, 512, 0]


def test_a_unit_keeps_the_same_groups_in_every_series_also_where_its_values_are_missing() -> None:
    rows = [(1, site, 1, True, 50, 5.0 if site == "South" else None) for site in SITES]
    measures = [CountUnits(name="units"), Quantile(name="q", of=SPENDING, steps=5)]
    asked = plan(by=[key(SITE)], measures=measures, groups_per_unit=2)
    with table_of(rows) as connection:
        for salt in range(12):
            found = asked.bounded(connection, salt=salt)
            assert sum(found["bins:q:0"][2]) == 1024 * found["units"][2]


def test_unknown_keys_are_those_that_somebody_is_in() -> None:
    asked = plan(by=[key(AGE)], unknown_keys=SHAPES["unknown keys"].unknown_keys, groups_per_unit=3)
    found = sums(asked, rows_of(1, "North", age=40) + rows_of(2, "North", age=7) + rows_of(3, "East", age=40))
    assert dict(zip(found["groups"], found["units"], strict=True)) == {("40",): 2, ("7",): 1}


def test_a_table_that_lacks_a_column_is_named_before_rows_are_read() -> None:
    with table_of([]) as connection:
        connection.execute("ALTER TABLE visits DROP COLUMN age")
        with pytest.raises(UnknownColumn, match="lacks what its catalogue describes: age"):
            SHAPES["filtered"].bounded(connection)


def test_a_salt_is_fresh_where_none_is_given() -> None:
    asked = plan(**BY_SITE)
    with table_of(rows_of(1, *SITES)) as connection:
        assert len({tuple(asked.bounded(connection)["units"]) for _ in range(120)}) == 4


# ------------------------------------------------------------------------------------------------- neighbours

hostile_rows = st.tuples(
    st.sampled_from(HOSTILE_SITES),
    st.sampled_from(HOSTILE_WARDS),
    st.sampled_from([None, True, False]),
    st.one_of(st.sampled_from(HOSTILE_INTEGERS), st.integers(0, 12)),
    st.one_of(st.sampled_from(HOSTILE_NUMBERS), st.floats(-30, 60)),
)
people = st.lists(st.lists(hostile_rows, min_size=1, max_size=9), max_size=4)


SHARED = table_of([])


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60, deadline=None)
@given(others=people, hostile=st.lists(hostile_rows, min_size=1, max_size=12), salt=st.integers(0, 2**40))
def test_neighbours_stay_within_the_claimed_sensitivities(
    shape: str, others: list[list[Any]], hostile: list[Any], salt: int
) -> None:
    asked = SHAPES[shape]
    rest: list[Row] = [(number, *row) for number, rows in enumerate(others) for row in rows]
    rest += [(None, *row) for row in hostile[:2]]
    fill(SHARED, rest)
    without = by_group(asked, asked.bounded(SHARED, salt=salt))
    fill(SHARED, [*rest, *((77, *row) for row in hostile)])
    added = by_group(asked, asked.bounded(SHARED, salt=salt))
    for name, claimed in asked.sensitivity().items():
        groups = set(without[name]) | set(added[name])
        change = np.array([np.ravel(added[name][each]) - np.ravel(without[name][each]) for each in groups]).reshape(
            len(groups), -1
        )
        per_group = np.abs(change).sum(axis=1)  # one number, but for histograms
        assert (per_group > 0).sum() <= claimed.l0
        assert per_group.max(initial=0) <= claimed.linf
        assert per_group.sum() <= claimed.l1
        assert math.sqrt((per_group.astype(float) ** 2).sum()) <= claimed.l2 * (1 + 1e-12)


def by_group(asked: PrivatePlan, found: dict[str, list[Any]]) -> dict[str, dict[Any, Any]]:
    """Series → group → number (or bins); 0 for groups that nobody is in."""
    groups = found.pop("groups", None)
    named: dict[str, dict[Any, Any]] = {}
    for name, numbers in found.items():
        empty = np.zeros_like(numbers[0]) if numbers else np.zeros(1, int)
        named[name] = defaultdict(lambda empty=empty: empty)  # type: ignore[misc]
        named[name] |= dict(zip(groups or range(len(numbers)), map(np.asarray, numbers), strict=True))
    return {each: named.get(each, defaultdict(int)) for each in asked.sensitivity()}


def test_totals_that_hold_several_groups_of_one_unit_are_within_the_claimed_sensitivity() -> None:
    """Its three groups are in the same totals: these change by three times as much as one group."""
    rows: list[Row] = [(1, "North", ward, sex, 1, 1.0) for ward, sex in ((1, True), (1, False), (2, True))] * 2
    asked = SHAPES["rows with totals"]
    found = np.array(sums(asked, rows)["rows"], dtype=float)
    claimed = asked.sensitivity()["rows"]
    assert (found.sum(), found.max()) == (claimed.l1, claimed.linf) == (2 * 3 * 8, 2 * 3)
    assert math.sqrt(24) * 2 < np.linalg.norm(found) <= claimed.l2


@pytest.mark.parametrize("shape", SHAPES)
def test_the_claimed_sensitivities_are_reached(shape: str) -> None:
    """They are no larger than need be: somebody with the largest values everywhere changes L1 by (nearly) as much."""
    asked = SHAPES[shape]
    most = [
        (1, site, ward, female, age, spending)
        for site in SITES
        for ward in (1, 2, 3)
        for female in (True, False)
        for age in (100, 60, 18)
        for spending in (50.0, -20.0)
    ]
    rich, old = [row for row in most if row[5] == 50.0], [row for row in most if row[4] == 100]
    worst: dict[str, float] = defaultdict(float)
    for rows in (most, rich, old, [row for row in rich if row in old], most[:1], most[:2], most[-2:-1]):
        with table_of(rows) as connection:
            found = asked.bounded(connection, salt=3)
        for name in asked.sensitivity():
            worst[name] = max(worst[name], float(np.abs(np.array(found[name], dtype=float)).sum()))
    for name, claimed in asked.sensitivity().items():
        assert worst[name] >= 0.45 * claimed.l1, name


def test_hostile_values_change_no_shape_no_status_and_no_error() -> None:
    """For every shape: nobody at all, one harmless person, one hostile person: all are answered, in the same form."""
    hostile: list[Row] = [
        (1, site, ward, None, age, spending)
        for site in HOSTILE_SITES
        for ward in HOSTILE_WARDS
        for age in HOSTILE_INTEGERS
        for spending in HOSTILE_NUMBERS
    ][::37]
    for shape, asked in SHAPES.items():
        if asked.unknown_keys is not None:
            continue
        forms = set()
        for rows in ([], rows_of(1, "North"), hostile):
            found = sums(asked, rows)
            forms.add(tuple((name, np.shape(numbers)) for name, numbers in found.items()))
        assert len(forms) == 1, shape


def test_extremes_that_fit_are_added_up_exactly() -> None:
    rows = [(person, "North", 1, True, 100, 50.0) for person in range(2000)]
    asked = plan(by=[key(FEMALE)], measures=[Sum(name="total", of=SPENDING)])
    found = sums(asked, rows)["moment:total:0"]
    assert [each * asked.design.made_of["total"][0].unit for each in found] == [0, 2000 * 50]
    assert DATASET.most_units * asked.sensitivity()["moment:total:0"].linf < 2**62
