"""What OpenDP's open soundness issues would be here. Each names the issue; none of its code is used."""

from typing import Any

import duckdb
import pytest

from disclosure_control import MalformedPrivatePlan, PrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import Case, Column, Compare, Cut, Number, Person, Text, When
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows, Sum
from disclosure_control.privacy.mechanisms import Threshold
from disclosure_control.privacy.plan import Price
from disclosure_control.privacy.sensitivity import Sensitivity
from tests.disclosure_control.privacy.test_mechanisms import exact


def dataset(*columns: PublicColumn) -> PublicDataset:
    return PublicDataset(name="d", version=1, table="t", unit="id", columns=columns)


def bounded(plan: PrivatePlan, kinds: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t ({kinds})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' for _ in rows[0])})", rows)
        return plan.bounded(connection, salt=1)


def test_2949_a_group_that_is_redefined_cannot_hold_more_than_was_bounded() -> None:
    """One person with a row in each of 100 groups, then made one: there a change of 100, with ρ for 1 claimed.

    Here bounding comes after every expression, in the groups that are released.
    """
    g = PublicColumn(name="g", kind="integer", lower=0, upper=99, key=True, missing=False)
    zero = Case(
        whens=(
            When(condition=Compare(operator=">=", left=Column(name="g"), right=Number(value=0)), value=Number(value=0)),
        ),
        otherwise=Number(value=0),
    )
    plan = PrivatePlan.of(
        dataset(g),
        by=[Key(name="g", of=zero)],
        groups_per_unit=100,
        measures=[CountRows(name="n")],
        price=Price(nano_rho=500_000_000),
    )
    rows = [(person, group) for person in (0, 1) for group in range(100)]
    both, one = (bounded(plan, "id INTEGER, g INTEGER", each)["rows"][0] for each in (rows, rows[100:]))
    claimed = plan.sensitivity()["rows"]
    assert (both, one) == (2, 1)
    assert both - one <= claimed.linf == claimed.l1 == 1


def test_2945_the_whole_range_of_a_sum_counts() -> None:
    """A sum over (-10, 10) with three rows: there the change was taken for half of what it can be.

    Here a unit is added or removed, so at most 3·10; a unit that is exchanged for another is two such steps.
    """
    b = PublicColumn(name="b", kind="integer", lower=-10, upper=10, missing=False)
    plan = PrivatePlan.of(
        dataset(b), measures=[Sum(name="s", of=Column(name="b"))], rows_per_unit=3, price=Price(nano_rho=10**8)
    )
    unit = plan.design.made_of["s"][0].unit
    name, claimed = "moment:s:0", plan.sensitivity()["moment:s:0"]
    others = [(9, 0)]
    most = [(1, 10)] * 5
    least = [(1, -10)] * 5
    nothing, up, down = (
        bounded(plan, "id INTEGER, b INTEGER", [*others, *each])[name][0] for each in ([], most, least)
    )
    assert up - nothing == claimed.l1 and nothing - down == claimed.l1
    assert claimed.l1 * unit == 30
    assert up - down == 2 * claimed.l1


def test_2944_what_an_interval_is_called_does_not_depend_on_the_data() -> None:
    """`cut` there numbers its intervals by the order in which the data brings them up, so one row renumbers all others.

    Here an interval is its own label, and a table has all of them; nor is a label a number that could be summed.
    """
    x = PublicColumn(name="x", kind="decimal", lower=0, upper=5, places=1, missing=False)
    cut = Cut(of=Column(name="x"), edges=("1",))
    plan = PrivatePlan.of(
        dataset(x), by=[Key(name="k", of=cut)], measures=[CountRows(name="n")], price=Price(nano_rho=10**8)
    )
    low = [(person, 0.5) for person in range(100)]
    assert bounded(plan, "id INTEGER, x DOUBLE", low)["rows"] == [100, 0]
    assert bounded(plan, "id INTEGER, x DOUBLE", [(100, 2.0), *low])["rows"] == [100, 1]
    with pytest.raises(MalformedPrivatePlan, match="needs a number"):
        PrivatePlan.of(dataset(x), measures=[Sum(name="s", of=cut)], price=Price(nano_rho=10**8))


def test_2942_no_value_ends_the_process_or_the_query() -> None:
    """A time that no calendar has aborts the process there. Here columns are read so that every value has a meaning."""
    t = PublicColumn(name="t", kind="integer", lower=0, upper=10**15)
    few = dataset(t).model_copy(update={"most_units": 1000})  # so few that the sum is exact
    plan = PrivatePlan.of(few, measures=[Sum(name="s", of=Column(name="t"))], price=Price(nano_rho=10**8))
    rows = [(1, 9 * 10**18), (2, -(9 * 10**18)), (3, None), (4, 7)]
    unit = plan.design.made_of["s"][0].unit
    assert bounded(plan, "id INTEGER, t BIGINT", rows)["moment:s:0"][0] * unit == 10**15 + 7


def test_2922_delta_counts_the_keys_that_just_reach_the_threshold() -> None:
    """There counts at the threshold are told of, but δ is the probability of those above it."""
    made = Threshold(500_000_000, 10_000_000, Sensitivity(1, 1, 1, 1.0))
    assert sum(p for k, p in exact("laplace", made.scale).items() if 1 + k >= made.threshold) <= 0.01


def test_a_feature_of_a_unit_is_bounded_like_a_column() -> None:
    """Rows are put together before bounding, and bounded after it: a feature is the same in all of a unit's rows."""
    v = PublicColumn(name="v", kind="integer", lower=0, upper=9, missing=False)
    total = Person(feature="sum", of=Column(name="v"), lower=0, upper=20)
    plan = PrivatePlan.of(dataset(v), measures=[Sum(name="s", of=total)], price=Price(nano_rho=10**8))
    unit = plan.design.made_of["s"][0].unit
    found = bounded(plan, "id INTEGER, v INTEGER", [(1, 9)] * 1000 + [(2, 4), (2, 5)])["moment:s:0"][0]
    assert found * unit == 20 + 9
    assert plan.sensitivity()["moment:s:0"].l1 * unit == 20


def test_text_is_no_key_before_the_catalogue_says_so() -> None:
    above = Compare(operator=">", left=Column(name="v"), right=Number(value=3))
    label = Case(
        whens=(When(condition=above, value=Text(value="high")),),
        otherwise=Text(value="low"),
    )
    v = PublicColumn(name="v", kind="integer", lower=0, upper=9, missing=False)
    plan = PrivatePlan.of(
        dataset(v), by=[Key(name="k", of=label)], measures=[CountRows(name="n")], price=Price(nano_rho=10**8)
    )
    assert plan.design.domains[0].values == ("high", "low")
    with pytest.raises(MalformedPrivatePlan, match="no public keys"):
        PrivatePlan.of(
            dataset(v),
            by=[Key(name="k", of=Column(name="v"))],
            measures=[CountRows(name="n")],
            price=Price(nano_rho=1000),
        )
