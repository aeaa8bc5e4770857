"""Rounding: the Handbook's example and small tables, then what must never happen."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.stats import chi2

from disclosure_control import Hierarchy, MalformedRounding, RoundingFailed, Table, round_table
from disclosure_control.rounding.alone import at_random, nearest
from disclosure_control.rounding.controlled import WITHIN_ONE_BASE, ZERO_RESTRICTED, control
from disclosure_control.structure import Relation
from tests.disclosure_control.small_tables import rows_of

FALSE_ALARM = 1e-6


def people(text: str) -> pd.DataFrame:
    """One row per person from a drawn table of counts: the first column is the area, the others are the sexes."""
    rows = [(row["area"], sex, int(n)) for row in rows_of(text) for sex, n in row.items() if sex != "area"]
    return pd.DataFrame([(area, sex) for area, sex, n in rows for _ in range(n)], columns=["area", "sex"])


def drawn(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.pivot(index="area", columns="sex", values="value").rename_axis(index=None, columns=None).astype(int)


def expected(text: str) -> pd.DataFrame:
    return (
        pd.DataFrame(rows_of(text))
        .set_index("area")
        .rename_axis(index=None)
        .astype(int)
        .sort_index(axis=1)
        .sort_index()
    )


# Handbook on SDC, 2nd ed., section 5.5: population counts by sex and area.
HANDBOOK = """
    | area | male | female |
    | A    | 1    | 0      |
    | B    | 3    | 3      |
    | C    | 12   | 20     |
"""


@pytest.fixture
def handbook() -> Table:
    return Table.from_microdata(people(HANDBOOK), {"area": Hierarchy.flat("ABC"), "sex": None})


def test_conventional_rounding_rounds_totals_by_themselves_as_in_the_handbook(handbook: Table) -> None:
    rounded = round_table(handbook, 5, "conventional")
    table = """
        | area | male | female | _T |
        | A    | 0    | 0      | 0  |
        | B    | 5    | 5      | 5  |
        | C    | 10   | 20     | 30 |
        | _T   | 15   | 25     | 40 |
    """  # the Handbook prints 35 for the total of C, whose true value is 32
    pd.testing.assert_frame_equal(drawn(rounded.cells).sort_index(axis=1).sort_index(), expected(table))
    assert rounded.report.totals == "rounded by themselves"


def test_controlled_rounding_adds_up_and_is_as_near_as_the_handbooks(handbook: Table) -> None:
    rounded = round_table(handbook, 5)
    shown = drawn(rounded.cells)
    assert (shown.loc[["A", "B", "C"]].sum() == shown.loc["_T"]).all()
    assert (shown["male"] + shown["female"] == shown["_T"]).all()
    assert (shown % 5 == 0).all(axis=None)
    assert rounded.report.relaxation == ZERO_RESTRICTED
    assert rounded.report.gap == 0
    handbooks = pd.DataFrame({"male": [5, 0, 10, 15], "female": [0, 5, 20, 25], "_T": [5, 5, 30, 40]})
    truth = pd.DataFrame({"male": [1, 3, 12, 16], "female": [0, 3, 20, 23], "_T": [1, 6, 32, 39]})
    assert rounded.report.distance <= int((handbooks - truth).abs().sum().sum())


def test_nothing_of_the_truth_is_in_the_result(handbook: Table) -> None:
    for method in ("conventional", "random", "controlled"):
        rounded = round_table(handbook, 5, method)
        assert list(rounded.cells) == ["area", "sex", "value", "status", "OBS_STATUS", "CONF_STATUS"]
        assert set(rounded.cells["status"]) == {"rounded"}
        assert not any(isinstance(each, Table) for each in vars(rounded).values())


@pytest.mark.parametrize(
    ("ties", "expected_values"),
    [("even", [0, 0, 20, 20, 20, 40, 0, -20]), ("away", [0, 10, 20, 20, 30, 40, -10, -20])],
)
def test_half_way_goes_as_it_is_told(ties, expected_values: list[int]) -> None:
    values = np.array([4, 5, 15, 16, 25, 35, -5, -15])
    assert nearest(values, 10, ties).tolist() == expected_values


def test_random_rounding_to_base_3_has_the_probabilities_of_stats_nz() -> None:
    """17 becomes 15 with probability 1/3, else 18 (Statistics New Zealand, random rounding to base 3)."""
    draws = [share * 2**128 // 100 for share in (0, 32, 34, 66, 67, 99)]
    assert at_random(np.full(6, 17), 3, draws).tolist() == [18, 18, 18, 18, 15, 15]
    assert at_random(np.full(6, 16), 3, draws).tolist() == [18, 18, 15, 15, 15, 15]
    assert at_random(np.array([15, 0]), 3, [0, 2**128 - 1]).tolist() == [15, 0]


def chi_square(values: np.ndarray, base: int, rounded: np.ndarray) -> float:
    """The chance of so bad a fit of the numbers that went up to those expected, if rounding is without bias."""
    rest = values % base
    statistic, freedom = 0.0, 0
    for part in range(1, base):
        n, up = (rest == part).sum(), (rounded > values)[rest == part].sum()
        if n:
            share = part / base
            statistic += (up - n * share) ** 2 / (n * share * (1 - share))
            freedom += 1
    return float(chi2.sf(statistic, freedom))


@pytest.mark.parametrize("base", [3, 5, 10])
def test_random_rounding_has_no_bias(base: int) -> None:
    """Many cells with a key of their own; a chi-square test with a fixed chance of a false alarm."""
    codes = [f"c{place}" for place in range(4000)]
    counts = np.arange(4000) % 97 + 1
    cells = pd.DataFrame({"place": codes, "n": counts})
    table = Table.from_cells(
        pd.concat([cells, pd.DataFrame({"place": ["_T"], "n": [counts.sum()]})]), {"place": None}, count="n"
    )
    values = table.cells["value"].to_numpy().astype(int)
    rounded = round_table(table, base, "random", key=b"k" * 32).cells["value"].to_numpy()
    assert (np.abs(rounded - values) < base).all()
    assert chi_square(values, base, rounded) > FALSE_ALARM


def test_a_cell_is_rounded_in_the_same_way_in_every_table() -> None:
    data = people(HANDBOOK).assign(year=1)
    whole = round_table(Table.from_microdata(data, {"area": None, "sex": None}), 5, "random", key=b"k" * 32).cells
    margin = round_table(Table.from_microdata(data, {"area": None}), 5, "random", key=b"k" * 32).cells
    turned = round_table(Table.from_microdata(data, {"sex": None, "area": None}), 5, "random", key=b"k" * 32).cells
    of_areas = whole[whole["sex"] == "_T"].set_index("area")["value"]
    assert margin.set_index("area")["value"].to_dict() == of_areas.to_dict()
    assert turned.set_index(["area", "sex"])["value"].to_dict() == whole.set_index(["area", "sex"])["value"].to_dict()


def test_a_seed_repeats_and_another_differs() -> None:
    data = pd.DataFrame({"place": [f"c{n % 60}" for n in range(1234)]})
    table = Table.from_microdata(data, {"place": None})
    first, again, other = (round_table(table, 5, "random", seed=seed).cells["value"] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert round_table(table, 5, "random").report.draw == "fresh"


# ------------------------------------------------------------------------------------------- controlled rounding


def cube(leaves: np.ndarray) -> tuple[np.ndarray, list[Relation]]:
    """All cells of a flat table of any number of dimensions, the totals last on each axis, and its equations."""
    full = leaves
    for axis in range(leaves.ndim):
        full = np.concatenate([full, full.sum(axis=axis, keepdims=True)], axis=axis)
    numbers = np.arange(full.size).reshape(full.shape)
    relations = []
    for axis in range(full.ndim):
        lines = np.moveaxis(numbers, axis, -1).reshape(-1, full.shape[axis])
        relations += [Relation(int(line[-1]), line[:-1]) for line in lines]
    return full.ravel(), relations


def additive(values: np.ndarray, relations: list[Relation]) -> bool:
    return all(values[total] == values[parts].sum() for total, parts in relations)


leaves_of_small_tables = st.one_of(
    st.tuples(st.integers(1, 5), st.integers(1, 5)), st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
).flatmap(
    lambda shape: st.lists(st.integers(0, 30), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
        lambda values: np.array(values).reshape(shape)
    )
)


@settings(deadline=None, max_examples=40)
@given(leaves_of_small_tables, st.sampled_from([2, 3, 5, 10]))
def test_controlled_rounding_always_adds_up_and_stays_near(leaves: np.ndarray, base: int) -> None:
    values, relations = cube(leaves)
    found = control(values, relations, base, -1, 2, 0.0, 30.0)
    moved = np.abs(found.values - values)
    assert (found.values % base == 0).all()
    assert (found.values >= 0).all()
    assert additive(found.values, relations)
    if found.relaxation == ZERO_RESTRICTED:
        assert (moved < base).all()
        assert (moved[values % base == 0] == 0).all()
    elif found.relaxation == WITHIN_ONE_BASE:
        assert (moved <= base).all()
    if leaves.ndim == 2:
        assert found.relaxation == ZERO_RESTRICTED  # always possible in two flat dimensions (Bacharach 1966, Cox 1987)


def least_distance(values: np.ndarray, relations: list[Relation], base: int) -> float:
    """The smallest distance of a zero-restricted rounding, by another model and another interface."""
    floor = values // base
    rest = values - floor * base
    rows = np.zeros((len(relations), len(values)))
    for row, (total, parts) in enumerate(relations):
        rows[row, parts] = 1
        rows[row, total] = -1
    found = milp(
        c=np.where(rest > 0, base - 2 * rest, 0),
        integrality=np.ones(len(values), dtype=int),
        bounds=Bounds(floor, floor + (rest > 0)),
        constraints=LinearConstraint(rows, 0, 0),
    )
    if found.x is None:
        return float("inf")
    return float(np.abs(np.rint(found.x) * base - values).sum())


@settings(deadline=None, max_examples=25)
@given(leaves_of_small_tables, st.sampled_from([3, 5]))
def test_the_distance_is_the_smallest_there_is(leaves: np.ndarray, base: int) -> None:
    values, relations = cube(leaves)
    found = control(values, relations, base, -1, 2, 0.0, 30.0)
    least = least_distance(values, relations, base)
    if found.relaxation == ZERO_RESTRICTED:
        assert np.abs(found.values - values).sum() == least
    else:
        assert least == float("inf")


def test_a_table_without_zero_restricted_rounding_says_what_was_relaxed() -> None:
    for leaves in searched():
        values, relations = cube(leaves)
        if least_distance(values, relations, 2) == float("inf"):
            found = control(values, relations, 2, -1, 2, 0.0, 30.0)
            assert found.relaxation != ZERO_RESTRICTED
            assert additive(found.values, relations)
            return
    pytest.fail("no such table was found")


def searched() -> Iterator[np.ndarray]:
    """3 × 3 × 3 tables of zeros and ones, drawn with a fixed seed; some have none (Causey, Cox, Ernst 1985)."""
    draw = np.random.default_rng(3)
    for _ in range(3000):
        yield draw.integers(0, 2, (3, 3, 3))


def test_no_relaxation_is_taken_that_is_not_allowed() -> None:
    values, relations = np.array([70, 70, 0]), [Relation(2, np.array([0, 1]))]
    with pytest.raises(RoundingFailed, match="Raise max_steps"):
        control(values, relations, 7, -1, 0, 0.0, None)


def test_negative_values_keep_their_sign() -> None:
    values, relations = cube(np.array([[-7, 3], [4, -6]]))
    found = control(values, relations, 5, -1, 1, 0.0, None)
    assert additive(found.values, relations)
    assert (found.values * values >= 0).all()


def test_time_that_is_up_raises_and_hands_out_nothing() -> None:
    leaves = np.random.default_rng(1).poisson(4, (14, 14, 14))
    values, relations = cube(leaves)
    with pytest.raises(RoundingFailed, match="not proven"):
        control(values, relations, 5, -1, 1, 0.0, 0.2)


def test_the_same_table_is_rounded_in_the_same_way_whatever_the_order_of_its_rows() -> None:
    draw = np.random.default_rng(5)
    data = pd.DataFrame({name: draw.choice(list("abcdefg"), 400) for name in ("x", "y", "z")})
    dimensions = {"x": None, "y": None, "z": None}
    first = round_table(Table.from_microdata(data, dimensions), 5).cells
    again = round_table(Table.from_microdata(data.sample(frac=1, random_state=2), dimensions), 5).cells
    pd.testing.assert_frame_equal(first, again)


def test_hierarchies_add_up_on_every_level() -> None:
    nace = Hierarchy.from_pairs(
        [("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2"), ("B", "B3")]
    )
    draw = np.random.default_rng(6)
    data = pd.DataFrame(
        {"nace": draw.choice(["A1", "A2", "B1", "B2", "B3"], 200), "region": draw.choice(list("xyz"), 200)}
    )
    table = Table.from_microdata(data, {"nace": nace, "region": None})
    values = round_table(table, 5).cells["value"].to_numpy()
    assert additive(values, list(table.relations))


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base": 0}, "base: it is 0; rounding needs a whole number of 2 or more"),
        ({"base": -5}, "base: it is -5"),
        ({"base": 1}, "base: it is 1"),
        ({"base": 2.5}, r"base: it is 2\.5"),
        ({"base": True}, "base: it is True"),
        ({"base": float("nan")}, "base: it is nan"),
        ({"method": "swap"}, "There are: conventional, random, controlled"),
        ({"ties": "up"}, "half-way values go"),
        ({"seed": 1}, "controlled rounding draws nothing"),
        ({"method": "random", "seed": 1, "key": b"k" * 32}, "give one of them"),
        ({"method": "random", "key": b"short"}, "16 bytes or more"),
        ({"max_steps": -1}, "max_steps"),
        ({"gap": 1.0}, "gap"),
    ],
)
def test_bad_parameters_are_named(handbook: Table, arguments, message: str) -> None:
    with pytest.raises(MalformedRounding, match=message):
        round_table(handbook, **arguments)


@pytest.mark.parametrize("method", ["conventional", "random", "controlled"])
def test_values_that_are_not_whole_are_refused(method) -> None:
    data = pd.DataFrame({"place": list("aab"), "x": [1.5, 2.0, 3.0]})
    with pytest.raises(MalformedRounding, match="not whole numbers"):
        round_table(Table.from_microdata(data, {"place": None}, value="x"), 5, method)
