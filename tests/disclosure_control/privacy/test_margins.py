"""From the releases of several plans to one table that adds up."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from disclosure_control import (
    Ledger,
    MalformedTable,
    PrivatePlan,
    consistent_errors,
    consistent_release,
    make_consistent,
    noisy_cells,
)
from disclosure_control.privacy.bounded import bounded
from disclosure_control.privacy.measures import CountUnits, Mean
from disclosure_control.privacy.plan import Price, UnknownKeys
from disclosure_control.privacy.release import PrivateRelease, drawn
from disclosure_control.privacy.totals import with_totals
from tests.disclosure_control.privacy.shapes import AGE, FEMALE, SITE, SPENDING, Row, key, plan, table_of

SCOPES = ["dataset:visits"]
KEYS = {"site": key(SITE, "site"), "female": key(FEMALE, "female")}
BY = (("site", "female"), ("site",), ("female",), ())
PEOPLE: list[Row] = [
    (person, ("North", "East", "South")[person % 3], 1, person % 2 == 0, 30, 5.0) for person in range(300)
]


@pytest.fixture
def released(tmp_path: Path) -> list[tuple[PrivatePlan, PrivateRelease]]:
    """Persons by site and sex, by each, and in all; the total at a higher price."""
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.grant(SCOPES[0], 10**10, granted_by="owner")
    plans = [plan(by=[KEYS[name] for name in by], price=Price(nano_rho=10**7 if by else 10**8)) for by in BY]
    with table_of(PEOPLE) as connection:
        return [(each, each.release(connection, ledger, SCOPES)) for each in plans]


def test_releases_become_one_table_that_adds_up(released: list[tuple[PrivatePlan, PrivateRelease]]) -> None:
    cells = noisy_cells(released, "persons")
    assert list(cells) == ["site", "female", "value", "deviation"]
    assert len(cells) == (4 + 1) * (2 + 1)
    assert set(cells["site"]) == {"North", "East", "South", "West", "_T"}
    by_price = cells.groupby((cells["site"] == "_T") & (cells["female"] == "_T"))["deviation"].unique()
    assert by_price[False][0] == pytest.approx(by_price[True][0] * 10**0.5, rel=0.01)  # a tenth of the price
    table = make_consistent(cells, {"site": None, "female": None}, "deviation").cells
    drawn = table.pivot(index="site", columns="female", values="value")
    assert (drawn["false"] + drawn["true"] == drawn["_T"]).all()
    assert (drawn.drop(index="_T").sum() == drawn.loc["_T"]).all()
    total = table[(table["site"] == "_T") & (table["female"] == "_T")].iloc[0]
    assert abs(total["value"] - 300) < 50
    alone = released[-1][0].accuracy()["persons"].error
    assert alone is not None and total["half_width"] < alone + 1


# ------------------------------------------------------------------------------------------------- in one plan

TABLE = plan(by=list(KEYS.values()), margins=True, price=Price(nano_rho=2 * 10**7))


def test_true_counts_add_up_also_where_a_person_has_rows_in_many_groups() -> None:
    rows: list[Row] = [
        (person, site, 1, sex, 30, 5.0) for person in range(40) for site in ("North", "East") for sex in (True, False)
    ]
    with table_of(rows) as connection:
        found = np.array(TABLE.bounded(connection)["units"]).reshape(4 + 1, 2 + 1)
    assert (found[:-1].sum(axis=0) == found[-1]).all() and (found[:, :-1].sum(axis=1) == found[:, -1]).all()
    assert found[-1, -1] == 40, "each in one group, so each once in all"


def test_one_plan_has_all_margins_in_the_order_of_its_codes(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger.grant(SCOPES[0], 10**10, granted_by="owner")
    with table_of(PEOPLE) as connection:
        found = TABLE.release(connection, ledger, SCOPES)
    assert found.codes[:3] == (("North", "false"), ("North", "true"), ("North", "_T"))
    assert found.codes[-1] == ("_T", "_T") and len(found.codes) == 15
    assert ledger.spent(SCOPES[0]) == 2 * 10**7, "one price, one charge"
    table = consistent_release(TABLE, found, "persons")
    drawn_cells = table.cells.pivot(index="site", columns="female", values="value")
    assert (drawn_cells["false"] + drawn_cells["true"] == drawn_cells["_T"]).all()
    assert (drawn_cells.drop(index="_T").sum() == drawn_cells.loc["_T"]).all()
    assert [tuple(each) for each in table.cells[["site", "female"]].to_numpy()] == list(found.codes)
    assert table.cells["noisy"].tolist() == [each.value for each in found.answers["persons"]]
    said = consistent_errors(TABLE, "persons")
    assert said["half_width"].tolist() == table.cells["half_width"].tolist()
    raw = TABLE.accuracy()["persons"].error
    assert raw is not None and said["half_width"].max() < raw


@pytest.mark.parametrize("mechanism", ["gaussian", "laplace"])
def test_the_error_that_is_stated_of_consistent_counts_is_had(mechanism: str) -> None:
    """Of least squares, before anything is asked; and the intervals afterwards, small and empty cells among them."""
    asked = TABLE.changed(mechanism=mechanism)
    with table_of(PEOPLE) as connection:
        sums = with_totals(bounded(connection, asked.design, salt=1), asked.design)
    true = np.array(sums.sums["units"])
    width = consistent_errors(asked, "persons")["half_width"].to_numpy()
    near, inside, draws = np.zeros(15), np.zeros(15), 120
    for _ in range(draws):
        cells = consistent_release(asked, drawn(sums, asked.errors(), asked.hash, 1, 0), "persons").cells
        near += np.abs(cells["least_squares"] - true) <= width
        inside += (cells["low"] <= true) & (true <= cells["high"])
    assert all(stats.binom.cdf(each, draws, 0.95) > 1e-9 for each in (*near, *inside)), (near, inside)


def test_a_plan_without_margins_has_nothing_to_add_up() -> None:
    bare = plan(by=list(KEYS.values()))
    with pytest.raises(MalformedTable, match="no margins"):
        consistent_release(bare, bare.dry_run(), "persons")
    clash = plan(by=[key(SITE, "deviation")], margins=True)
    with pytest.raises(MalformedTable, match="A key is called “deviation”"):
        consistent_errors(clash, "persons")


# ------------------------------------------------------------------------------------------------- of several plans


def test_what_is_no_table_of_counts_is_refused(released: list[tuple[PrivatePlan, PrivateRelease]]) -> None:
    (first, release), (second, _) = released[:2]
    with pytest.raises(MalformedTable, match="Put each plan beside its own release"):
        noisy_cells([(second, release)], "persons")
    with pytest.raises(MalformedTable, match="“n” is not a count"):
        noisy_cells([(first, release)], "n")
    mean = plan(measures=[Mean(name="persons", of=SPENDING)])
    with pytest.raises(MalformedTable, match="is not a count"):
        noisy_cells([(mean, mean.dry_run())], "persons")
    unknown = plan(by=[key(AGE, "age")], unknown_keys=UnknownKeys(), measures=[CountUnits(name="persons")])
    with pytest.raises(MalformedTable, match="public keys"):
        noisy_cells([(unknown, unknown.dry_run())], "persons")
