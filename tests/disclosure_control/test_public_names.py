"""The whole library in a few lines, as its users are told to call it: with pandas, Arrow and DuckDB."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, RuleProfile, Table, attack, build_ptable, perturb, round_table, suppress
from disclosure_control.suppression import ProtectedTable


def companies() -> pd.DataFrame:
    chance = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "nace": chance.choice(["A1", "A2", "B"], 240, p=[0.15, 0.35, 0.5]),
            "region": chance.choice(["north", "east", "south", "west"], 240, p=[0.1, 0.2, 0.3, 0.4]),
            "turnover": chance.lognormal(4, 1.4, 240).round(),
            "weight": 1.0,
            "company": [f"c{number}" for number in range(240)],
            "rkey": chance.integers(0, 256, 240),
        }
    )


def as_given(kind: str) -> Any:
    data = companies()
    if kind == "pandas":
        return data
    if kind == "Arrow":
        return pytest.importorskip("pyarrow").Table.from_pandas(data)
    return duckdb.connect().from_df(data)


@pytest.mark.parametrize("kind", ["pandas", "Arrow", "DuckDB"])
def test_from_microdata_to_a_protected_table_and_its_attack(kind: str) -> None:
    data = as_given(kind)
    h = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2")])
    t = Table.from_microdata(
        data, dimensions={"nace": h, "region": None}, value="turnover", unit="company", weight=None
    )
    assert len(t.cells) == len(h.codes) * 5
    assert (t.cells["nace"].iloc[0], t.cells["region"].iloc[0]) == ("T", "_T")
    profile = RuleProfile(threshold=10, dominance=[(1, 50), (2, 67)], p_percent=10)
    p = suppress(t, profile, cost="information", seconds=None)
    assert isinstance(p, ProtectedTable)
    assert set(p.cells["status"]) == {"published", "primary", "secondary"}
    assert (p.cells["value"].isna() == (p.cells["status"] != "published")).all()
    assert (p.cells["reason"].isna() == (p.cells["status"] == "published")).all()
    found = attack(p, prior=None)
    assert {"lower", "upper", "required_lower", "required_upper", "protected"} <= set(found)
    assert len(found) == p.cells["value"].isna().sum()
    assert found["protected"].dtype == bool
    assert found["protected"].all()


@pytest.mark.parametrize("kind", ["pandas", "Arrow", "DuckDB"])
def test_linked_tables_rounding_and_cell_keys(kind: str) -> None:
    data, profile = as_given(kind), RuleProfile.load("abs-datalab")
    t1 = Table.from_microdata(data, dimensions={"nace": None, "region": None}, value="turnover", unit="company")
    t2 = Table.from_microdata(data, dimensions={"region": None}, value="turnover", unit="company")
    together = suppress([t1, t2], profile)
    assert attack(together)["protected"].all()
    t = Table.from_microdata(
        data, dimensions={"nace": None, "region": None}, value=None, unit="company", record_key="rkey"
    )
    for method in ("conventional", "random", "controlled"):
        assert (round_table(t, base=5, method=method).cells["value"] % 5 == 0).all()
    ptable = build_ptable(max_deviation=3, variance={1: 1.0, 2: 1.5}, big_n=256)
    perturbed = perturb(t, ptable, record_key="rkey")
    assert (perturbed.cells["value"] - t.cells["value"]).abs().between(0, 3).all()
    assert "record_key_sum" not in perturbed.cells


def test_cells_that_were_aggregated_elsewhere() -> None:
    cells = pd.DataFrame(
        {
            "nace": ["_T", "A", "B"],
            "turnover": [300.0, 200, 100],
            "n_units": [12, 5, 7],
            "x1": [150.0, 150, 30],
            "x2": [40.0, 40, 20],
        }
    )
    t = Table.from_cells(cells, dimensions={"nace": None}, value="turnover", count="n_units", largest=["x1", "x2"])
    p = suppress(t, RuleProfile(p_percent=10))
    assert p.cells["status"].tolist() == ["published", "primary", "secondary"]


def test_a_picture_of_each_in_a_notebook() -> None:
    t = Table.from_microdata(companies(), dimensions={"nace": None, "region": None}, value=None, unit="company")
    p = suppress(t, RuleProfile(threshold=8))
    assert "<table>" in t._repr_html_()
    assert 'title="Fewer than 8 units"' in p._repr_html_()
