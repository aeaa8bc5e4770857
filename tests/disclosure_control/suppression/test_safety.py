"""What must never happen: a withheld cell that somebody can bound more closely than its protection (I4)."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from disclosure_control import RuleProfile, Table
from disclosure_control.errors import Unprotectable
from disclosure_control.suppression import ProtectedTable, suppress
from tests.disclosure_control.suppression.attacker import Attacker, unprotected
from tests.disclosure_control.suppression.tables import SHAPES, business, business_tables, microdata, profiles

pytestmark = pytest.mark.usefixtures("quick")

slowly = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def protect(table: Table, profile: RuleProfile, **options: object) -> ProtectedTable:
    """The protected table. Some tables of the generator cannot be protected at all: those say nothing here."""
    try:
        return suppress(table, profile, **options)  # type: ignore[call-overload]
    except Unprotectable:
        assume(False)
        raise


@slowly
@given(table=business_tables, profile=profiles, cost=st.sampled_from(["number", "value", "information"]))
def test_no_outsider_bounds_a_protected_cell_too_closely(table, profile, cost):
    assert unprotected([protect(table, profile, cost=cost)]) == []


@slowly
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from(list(SHAPES)))
def test_nor_one_who_knows_every_value_to_within_half(seed, shape):
    protected = protect(business(seed, shape, 50), RuleProfile(p_percent=15), prior=0.5)
    assert unprotected([protected], prior=0.5) == []


@slowly
@given(table=business_tables, profile=profiles)
def test_published_cells_are_the_truth(table, profile):
    protected = protect(table, profile)
    shown = ~protected.withheld
    assert (protected.cells["value"][shown] == table.cells["value"][shown]).all()
    assert protected.cells["value"][~shown].isna().all()


@slowly
@given(table=business_tables, profile=profiles)
def test_no_withheld_cell_follows_from_the_equations(table, profile):
    """By linear algebra alone: a cell is determined if it is zero in the whole null space."""
    protected = protect(table, profile)
    hidden = protected.withheld
    rows = np.zeros((len(table.relations), len(table.cells)))
    for number, (total, parts) in enumerate(table.relations):
        rows[number, total] = -1
        rows[number, parts] = 1
    _, sizes, vectors = np.linalg.svd(rows[:, hidden])
    free = vectors[int((sizes > 1e-9).sum()) :]
    assert (np.abs(free) > 1e-9).any(axis=0).all()


@slowly
@given(table=business_tables, profile=profiles, data=st.data())
def test_withholding_more_never_breaks_what_was_safe(table, profile, data):
    protected = protect(table, profile)
    more = data.draw(st.lists(st.integers(0, len(table.cells) - 1), max_size=5))
    cells = protected.cells.copy()
    cells.loc[more, "value"] = np.nan
    wider = ProtectedTable(table, profile, cells, protected.protection, (), protected.report)
    assert unprotected([wider]) == []


@settings(slowly, max_examples=4)
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from(["hierarchical", "three-way"]))
def test_a_lone_contributor_cannot_bound_another_cell_too_closely(seed, shape):
    table = business(seed, shape, 40)
    protected = protect(table, RuleProfile(p_percent=10))
    attacker = Attacker([protected])
    units, value, largest = (table.cells[name].to_numpy() for name in ("units", "value", "largest_1"))
    below = _inner_cells(table, units)
    for inner in {next(iter(below[row])) for row in np.flatnonzero((units == 1) & protected.withheld).tolist()}:
        hers = [row for row in np.flatnonzero(units == 1).tolist() if inner in below[row]]
        for row in np.flatnonzero(protected.cells["status"] == "primary").tolist():
            is_largest = inner in below[row] and value[inner] >= largest[row]
            if row in hers or is_largest:
                continue
            low, high = attacker.bounds(row, hers)
            lower, upper, _ = protected.protection.iloc[row]
            slack = 1e-5 * max(lower, upper)
            assert low <= value[row] - lower + slack
            assert high >= value[row] + upper - slack


def _inner_cells(table: Table, units: np.ndarray) -> list[frozenset[int]]:
    """The inner cells with contributors that each cell is the sum of."""
    totals = {total for total, _ in table.relations}
    below = {row: frozenset([row] if units[row] else []) for row in range(len(table.cells)) if row not in totals}
    while len(below) < len(table.cells):
        for total, parts in table.relations:
            if total not in below and all(part in below for part in parts.tolist()):
                below[total] = frozenset().union(*(below[part] for part in parts.tolist()))
    return [below[row] for row in range(len(table.cells))]


@pytest.mark.parametrize("seed", range(3))
def test_linked_tables_are_safe_together(seed):
    shape = SHAPES["three-way"]
    data = microdata(seed, shape, 60)
    tables = [
        Table.from_microdata(data, {name: shape[name] for name in names}, value="value", unit="unit")
        for names in (["nace", "region"], ["nace", "size"], ["region", "size"])
    ]
    protected = suppress(tables, RuleProfile(p_percent=15))
    assert unprotected(protected) == []
