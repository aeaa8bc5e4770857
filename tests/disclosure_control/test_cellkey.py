"""Cell-key perturbation: small tables in, perturbed tables out; the same contributors, the same noise."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from disclosure_control import (
    EmptyTable,
    Hierarchy,
    MalformedPTable,
    MalformedRecordKeys,
    MalformedTable,
    PTable,
    Table,
    UnknownCellKey,
    UnknownCode,
    UnknownColumn,
    build_ptable,
    perturb,
)
from disclosure_control.cellkey.perturbation import _interpolated, _permuted
from tests.disclosure_control.small_tables import rows_of

FALSE_ALARM = 1e-6
SECRET = b"s" * 32


def drawn_people(n: int, keys: int, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person": np.arange(n),
            "area": draw.choice(["a1", "a2", "b1", "b2", "b3"], n),
            "age": draw.choice(["young", "old"], n),
            "rkey": draw.integers(0, keys, n),
            "income": np.round(draw.lognormal(7, 1, n)),
        }
    )


AREAS = Hierarchy.from_pairs(
    [("all", "a"), ("all", "b"), ("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2"), ("b", "b3")]
)

PEOPLE = """
    | area | rkey |
    | A    | 1    |
    | A    | 2    |
    | A    | 6    |
    | B    | 3    |
    | C    | 5    |
    | C    | 7    |
"""

# Eight cell keys; a count of 1 becomes 0 or 2, of 2 becomes 1 … 3, of 3 and more changes by 1.
PTABLE = {1: {-1: 0.5, 1: 0.5}, 2: {-1: 0.25, 0: 0.5, 1: 0.25}, 3: {-1: 0.5, 1: 0.5}}


def test_a_cells_noise_is_looked_up_by_its_count_and_the_sum_of_its_record_keys() -> None:
    people = pd.DataFrame(rows_of(PEOPLE)).astype({"rkey": int})
    ptable = PTable.from_probabilities(PTABLE, big_n=8)
    perturbed = perturb(Table.from_microdata(people, {"area": None}, record_key="rkey"), ptable)
    # area: count, key sum modulo 8 → noise. A: 3, 1 → −1. B: 1, 3 → −1. C: 2, 4 → 0. All: 6, 24 mod 8 = 0 → −1.
    assert perturbed.cells.set_index("area")["value"].to_dict() == {"_T": 5, "A": 2, "B": 0, "C": 2}


def test_a_perturbation_table_can_be_a_frame() -> None:
    table = table_of(drawn_people(40, 256))
    frame = pd.DataFrame([(n, key, key % 2 * 2 - 1) for n in range(1, 41) for key in range(256)])
    frame.columns = pd.Index(["pcv", "ckey", "pvalue"])
    same = perturb(table, PTable.from_frame(frame)).cells
    pd.testing.assert_frame_equal(perturb(table, frame).cells, same)
    with pytest.raises(MalformedPTable, match="no column pvalue"):
        perturb(table, frame.drop(columns="pvalue"))


def test_no_true_count_no_key_and_no_noise_is_in_the_result() -> None:
    people = drawn_people(500, 256)
    table = Table.from_microdata(people, {"area": AREAS, "age": None}, record_key="rkey")
    perturbed = perturb(table, build_ptable(3, 2.0, big_n=256))
    assert list(perturbed.cells) == ["area", "age", "value", "status", "OBS_STATUS", "CONF_STATUS"]
    assert set(perturbed.cells["status"]) == {"perturbed"}
    assert not any(isinstance(each, Table | PTable) for each in vars(perturbed).values())


def test_zero_stays_zero() -> None:
    people = drawn_people(300, 256).query("area != 'b3' or age == 'old'")
    table = Table.from_microdata(people, {"area": AREAS, "age": None}, record_key="rkey")
    ptable = PTable.from_probabilities({0: {0: 0.5, 1: 0.5}, **PTABLE}, big_n=256)
    cells = perturb(table, ptable).cells
    assert cells.query("area == 'b3' and age == 'young'")["value"].tolist() == [0]


def test_empty_cells_can_have_noise_from_a_secret() -> None:
    codes = [f"c{place:04}" for place in range(2000)]
    grid = pd.DataFrame({"place": codes, "x": "a", "rkey": 7})
    table = Table.from_microdata(
        pd.concat([grid, pd.DataFrame({"place": codes[:1] * 200, "x": "b", "rkey": range(200)})]),
        {"place": None, "x": None},
        record_key="rkey",
    )
    ptable = PTable.from_probabilities({0: {0: 0.75, 1: 0.25}, **PTABLE}, big_n=8)
    cells = perturb(table, ptable, empty_cells_key=SECRET).cells
    empty = cells[(cells["x"] == "b") & (cells["place"] > "c0000")]["value"]
    assert set(empty) == {0, 1}
    assert 0.2 < empty.mean() < 0.3
    assert perturb(table, ptable, empty_cells_key=SECRET).cells["value"].tolist() == cells["value"].tolist()
    with pytest.raises(MalformedPTable, match="no row for 0"):
        perturb(table, PTable.from_probabilities(PTABLE, big_n=8), empty_cells_key=SECRET)


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1), st.sampled_from([256, 4096, 2**32]))
def test_the_same_contributors_have_the_same_noise_in_every_table(n: int, seed: int, keys: int) -> None:
    people = drawn_people(n, keys, seed)
    ptable = build_ptable(4, {1: 2.0, 2: 3.0}, big_n=keys)
    present = Hierarchy.flat(sorted(people["area"].unique()), total="all")
    fine = perturb(Table.from_microdata(people, {"area": present, "age": None}, record_key="rkey"), ptable).cells
    coarse = perturb(Table.from_microdata(people, {"area": present}, record_key="rkey"), ptable).cells
    shuffled = people.sample(frac=1, random_state=1)
    again = perturb(Table.from_microdata(shuffled, {"age": None, "area": present}, record_key="rkey"), ptable).cells
    assert fine[fine["age"] == "_T"].set_index("area")["value"].to_dict() == coarse.set_index("area")["value"].to_dict()
    pd.testing.assert_series_equal(
        fine.set_index(["area", "age"])["value"].sort_index(), again.set_index(["area", "age"])["value"].sort_index()
    )
    one = people[people["area"] == people["area"].iloc[0]]
    alone = perturb(Table.from_microdata(one, {"age": None}, record_key="rkey"), ptable).cells
    there = fine[fine["area"] == people["area"].iloc[0]].set_index("age")["value"]
    assert all(there[age] == value for age, value in alone.set_index("age")["value"].items())


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_key_of_a_cell_is_the_sum_of_the_keys_of_its_units(n: int, seed: int) -> None:
    people = drawn_people(n, 2**32, seed)
    present = Hierarchy.flat(sorted(people["area"].unique()))
    table = Table.from_microdata(people, {"area": present, "age": None}, record_key="rkey")
    for cell in table.cells.to_dict("records"):
        there = people[people["area"].eq(cell["area"]) | (cell["area"] == "_T")]
        there = there[there["age"].eq(cell["age"]) | (cell["age"] == "_T")]
        assert (cell["value"], cell["record_key_sum"]) == (len(there), there["rkey"].sum())


def test_a_unit_with_several_rows_adds_its_key_once() -> None:
    people = drawn_people(60, 64)
    twice = pd.concat([people, people])
    ptable = build_ptable(2, 1.0, big_n=64)
    by = {"area": AREAS, "age": None}
    once = perturb(Table.from_microdata(people, by, unit="person", record_key="rkey"), ptable).cells
    again = perturb(Table.from_microdata(twice, by, unit="person", record_key="rkey"), ptable).cells
    pd.testing.assert_frame_equal(once, again)


def test_the_noise_has_the_probabilities_of_the_table() -> None:
    """Many cells of one count each; a chi-square test with a fixed chance of a false alarm."""
    draw = np.random.default_rng(11)
    cells, count = 6000, 5
    people = pd.DataFrame({"place": np.repeat(np.arange(cells), count), "rkey": draw.integers(0, 256, cells * count)})
    ptable = build_ptable(3, 2.0, big_n=256)
    result = perturb(Table.from_microdata(people, {"place": None}, record_key="rkey"), ptable).cells
    noise = result.loc[result["place"] != "_T", "value"] - count
    last = ptable.probabilities[ptable.probabilities["count"] == 3]
    seen = noise.value_counts().reindex(last["noise"]).fillna(0).to_numpy()
    wanted = cells * last["probability"].to_numpy()
    assert chi2.sf(((seen - wanted) ** 2 / wanted).sum(), len(wanted) - 1) > FALSE_ALARM


# ------------------------------------------------------------------------------------------------- magnitudes

# Handbook on SDC, 2nd ed., section 4.6 (with the perturbation table of section 5.4).
HANDBOOK = """
    | i | v  | p_int_ub |
    | 0 | 0  | 1        |
    | 1 | -1 | 0.5      |
    | 1 | 1  | 1        |
    | 2 | 0  | 0.8      |
    | 2 | 1  | 1        |
    | 3 | -1 | 0.3      |
    | 3 | 0  | 0.7      |
    | 3 | 1  | 1        |
"""


@pytest.mark.parametrize(("coefficient", "perturbed"), [(0.5, 400), (0.6, 360)])
def test_the_handbooks_magnitudes_come_out(coefficient: float, perturbed: float) -> None:
    """Value 300, largest contribution 200, cell key 0.8 (just under its bound, for the second row)."""
    ptable = PTable.from_intervals(pd.DataFrame(rows_of(HANDBOOK)).astype(float), biased=True)
    key = np.array([int(0.7999 * 2**32)])
    place = np.minimum(np.array([300 / (coefficient * 200)]), 3)
    noise = _interpolated(ptable, place, key)
    assert (300 + coefficient * 200 * noise).tolist() == [perturbed]


def test_the_noise_of_a_magnitude_follows_its_largest_contribution() -> None:
    people = drawn_people(400, 4096)
    table = Table.from_microdata(people, {"area": AREAS, "age": None}, value="income", record_key="rkey")
    perturbed = perturb(table, build_ptable(2, 1.5), coefficient=0.2)
    moved = (perturbed.cells["value"] - table.cells["value"]).abs()
    assert (moved <= 0.2 * 2 * table.cells["largest_1"] + 0.5).all()
    assert (moved > 0).mean() > 0.3
    assert perturbed.value_name == "income"
    assert (perturbed.cells["value"] == perturbed.cells["value"].round()).all()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_the_same_contributors_have_the_same_noise_in_every_table_of_sums(seed: int, rows_each: int) -> None:
    people = pd.concat([drawn_people(200, 4096, seed)] * rows_each)
    ptable = build_ptable(4, {1: 2.0, 2: 3.0})
    unit = "person" if rows_each > 1 else None

    def sums(rows: pd.DataFrame, by: dict[str, Hierarchy | None]) -> dict[tuple[str, ...], float]:
        table = Table.from_microdata(rows, by, value="income", unit=unit, record_key="rkey")
        cells = perturb(table, ptable, coefficient=0.3).cells
        return dict(zip(cells[list(by)].itertuples(index=False, name=None), cells["value"], strict=True))

    present = Hierarchy.flat(sorted(people["area"].unique()))
    fine = sums(people, {"area": present, "age": None})
    coarse = sums(people.sample(frac=1, random_state=seed % 1000), {"age": None})
    assert all(fine["_T", *age] == value for age, value in coarse.items())
    area = str(people["area"].iloc[0])
    alone = sums(people[people["area"] == area], {"age": None})
    assert all(fine[area, *age] == value for age, value in alone.items())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_sums_of_contributions_never_become_negative(seed: int, coefficient: float) -> None:
    people = drawn_people(40, 4096, seed)
    people["income"] = people["income"].where(people["rkey"] % 3 > 0, 0)
    present = Hierarchy.flat(sorted(people["area"].unique()))
    table = Table.from_microdata(people, {"area": present, "age": None}, value="income", record_key="rkey")
    ptable = build_ptable(5, {1: 2.0, 2: 3.0})
    perturbed = perturb(table, ptable, coefficient=coefficient).cells["value"]
    assert (perturbed >= 0).all()
    assert (perturbed[table.cells["value"] == 0] == 0).all()


def test_a_cell_with_negative_contributions_is_perturbed_on_both_sides() -> None:
    losses = drawn_people(5000, 4096).assign(area=lambda frame: np.arange(len(frame)) // 5)
    losses["income"] = np.where(np.arange(len(losses)) % 5 == 0, -100.0, 20.0)
    table = Table.from_microdata(losses, {"area": None}, value="income", record_key="rkey")
    perturbed = perturb(table, build_ptable(2, 1.5), coefficient=1.0)
    moved = (perturbed.cells["value"] - table.cells["value"])[table.cells["area"] != "_T"]
    assert moved.min() < -90
    assert moved.max() > 90
    assert abs(moved.mean()) < 5 * 122 / np.sqrt(1000)


@given(st.sampled_from([2, 3, 8, 255, 256, 1000, 4096]), st.text(max_size=8))
def test_magnitudes_take_a_permutation_of_the_keys(big_n: int, name: str) -> None:
    assert sorted(_permuted(np.arange(big_n), name, big_n)) == list(range(big_n))


def test_the_permutation_holds_for_the_largest_number_of_keys() -> None:
    keys = np.array([0, 1, 2**31, 2**32 - 1])
    found = _permuted(keys, "turnover", 2**32)
    assert len(set(found.tolist())) == 4
    assert found.min() >= 0
    assert found.max() < 2**32


# ------------------------------------------------------------------------------------------------- bad input

LEAST = build_ptable(2, 1.0, big_n=256)


def table_of(people: pd.DataFrame, **arguments) -> Table:
    return Table.from_microdata(people, {"age": None}, **{"record_key": "rkey", **arguments})


def test_a_table_without_record_keys_is_refused() -> None:
    with pytest.raises(MalformedRecordKeys, match="record_key='key'"):
        perturb(table_of(drawn_people(200, 256), record_key=None), LEAST, record_key="key")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (lambda n: np.zeros(n, dtype=int), "0 on average"),
        (lambda n: np.arange(n) % 16, "perturbation table has 256 keys"),
    ],
)
def test_record_keys_that_do_not_reach_all_cell_keys_are_refused(keys, message: str) -> None:
    people = drawn_people(200, 256)
    with pytest.raises(MalformedRecordKeys, match=message):
        perturb(table_of(people.assign(rkey=keys(len(people)))), LEAST)


def test_a_count_beyond_the_perturbation_table_raises() -> None:
    frame = pd.DataFrame([(n, key, 0) for n in range(1, 51) for key in range(256)], columns=["pcv", "ckey", "pvalue"])
    with pytest.raises(UnknownCellKey, match="rows for 1 to 50"):
        perturb(table_of(drawn_people(200, 256)), PTable.from_frame(frame))


def test_weighted_counts_are_refused() -> None:
    people = drawn_people(200, 256).assign(weight=1.5)
    with pytest.raises(MalformedTable, match="unweighted counts"):
        perturb(table_of(people, weight="weight"), LEAST)


@pytest.mark.parametrize("coefficient", [0, -0.1, 1.5, float("nan")])
def test_a_coefficient_is_a_share(coefficient: float) -> None:
    with pytest.raises(MalformedTable, match="coefficient"):
        perturb(table_of(drawn_people(200, 256), value="income"), LEAST, coefficient=coefficient)


def test_magnitudes_need_a_table_for_all_sizes() -> None:
    frame = LEAST.to_frame()
    with pytest.raises(MalformedPTable, match="repeat=1"):
        perturb(table_of(drawn_people(200, 256), value="income"), PTable.from_frame(frame))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: f.assign(rkey=f["rkey"] / 256), MalformedRecordKeys, "sums of it depend on their order"),
        (
            lambda f: f.assign(rkey=f["rkey"].astype("Int64").where(f["rkey"] > 9)),
            MalformedRecordKeys,
            "missing in [1-9]",
        ),
        (lambda f: f.assign(rkey=f["rkey"] - 1), MalformedRecordKeys, "outside 0 to 4294967295 in [1-9]"),
        (lambda f: f.assign(rkey=f["rkey"] + 2**33), MalformedRecordKeys, "outside 0 to 4294967295 in [1-9]"),
        (lambda f: f.drop(columns="rkey"), UnknownColumn, "rkey"),
        (lambda f: f.drop(columns="age"), UnknownColumn, "age"),
        (lambda f: f.assign(area="c9"), UnknownCode, "c9"),
        (lambda f: f.assign(age=f["age"].where(f["rkey"] > 9)), UnknownCode, "age has missing codes"),
        (lambda f: f.iloc[:0], EmptyTable, "no rows"),
    ],
)
def test_bad_microdata_are_named(change, error: type[Exception], message: str) -> None:
    people = drawn_people(300, 256)
    with pytest.raises(error, match=message):
        Table.from_microdata(change(people), {"area": AREAS, "age": None}, record_key="rkey")


def test_microdata_can_stay_in_duckdb() -> None:
    people = drawn_people(300, 256)
    with duckdb.connect() as connection:
        relation = connection.from_df(people)
        table = Table.from_microdata(relation, {"area": AREAS, "age": None}, record_key="rkey")
    assert table.cells["value"].iloc[0] == 300
