"""From the releases of several plans to one table that adds up."""

from pathlib import Path

import pytest

from disclosure_control import Ledger, MalformedTable, PrivatePlan, make_consistent, noisy_cells
from disclosure_control.privacy.measures import CountUnits, Mean
from disclosure_control.privacy.plan import Price, UnknownKeys
from disclosure_control.privacy.release import PrivateRelease
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
