"""Differences of tables and of requests: applying one gives the new table, and turning it round gives the old one."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.answers import Cell, TableOfCells, Verdict
from safe_outputs.evidence.since import (
    OPPOSITE,
    CellChange,
    Item,
    TableDifference,
    difference,
    paired,
    table_difference,
)
from safe_outputs.statistics import Condition, Crosstab, plan_hash
from safe_outputs.store import Store
from tests.safe_outputs.factories import (
    CROSSTAB,
    PRIVATE_COUNT,
    SOURCE,
    a_column,
    a_cross_table,
    a_finding,
    an_answer,
)
from tests.safe_outputs.house import House

CODES = st.lists(st.sampled_from(["a", "b", "c", "_T"]), min_size=1, max_size=4, unique=True)


@st.composite
def cells(draw: Any, codes: tuple[str, ...]) -> Cell:
    if draw(st.booleans()):
        status = draw(st.sampled_from(["primary", "secondary"]))
        return Cell(codes=codes, status=status, reason=draw(st.sampled_from(["few", None])), values=(None, None))
    return Cell(codes=codes, status="published", values=(draw(st.integers(0, 3)), draw(st.sampled_from([1.5, None]))))


@st.composite
def tables(draw: Any) -> TableOfCells:
    names = draw(st.permutations(["x", "y"]))
    combinations = draw(st.permutations(list(itertools.product(draw(CODES), draw(CODES)))))
    return TableOfCells(
        dimensions=tuple(map(a_column, names)),
        measures=(a_column("persons"), a_column("mean")),
        cells=tuple(draw(cells(codes)) for codes in combinations),
    )


def as_mapping(table: TableOfCells, order: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """Each cell's status, reason and values by its codes, in this order of the dimensions."""
    places = [[each.name for each in table.dimensions].index(name) for name in order]
    return {
        tuple(cell.codes[place] for place in places): (cell.status, cell.reason, cell.values) for cell in table.cells
    }


def applied(found: TableDifference, before: dict[tuple[str, ...], Any]) -> dict[tuple[str, ...], Any]:
    made = dict(before)
    for each in found.cells:
        if each.after is None:
            del made[each.codes]
        else:
            made[each.codes] = (each.after.status, each.after.reason, each.after.values)
    return made


@given(tables(), tables())
def test_applying_the_difference_gives_the_new_table(before: TableOfCells, after: TableOfCells) -> None:
    found = table_difference(before, after)
    assert found is not None
    order = tuple(each.name for each in after.dimensions)
    assert applied(found, as_mapping(before, order)) == as_mapping(after, order)
    assert found.unchanged + sum(each.after is not None for each in found.cells) == len(after.cells)


@given(tables(), tables())
def test_turned_round_it_counts_the_same(before: TableOfCells, after: TableOfCells) -> None:
    there, back = table_difference(before, after), table_difference(after, before)
    assert there is not None and back is not None
    assert {each: there.count(each) for each in CellChange} == {each: back.count(OPPOSITE[each]) for each in CellChange}
    assert there.unchanged == back.unchanged
    assert sorted(there.codes_new) == sorted(back.codes_gone)
    assert sorted(there.codes_gone) == sorted(back.codes_new)


@given(tables())
def test_a_table_and_itself_turned_and_shuffled_have_no_difference(table: TableOfCells) -> None:
    turned = table.model_copy(
        update={
            "dimensions": table.dimensions[::-1],
            "cells": tuple(each.model_copy(update={"codes": each.codes[::-1]}) for each in table.cells[::-1]),
        }
    )
    for other in (table, turned):
        found = table_difference(table, other)
        assert found is not None
        assert found.empty
        assert found.unchanged == len(table.cells)


CHANGES = [
    (("published", 5), ("published", 6), CellChange.CHANGED),
    (("published", 5), ("primary", None), CellChange.WITHHELD),
    (("secondary", None), ("published", 5), CellChange.PUBLISHED),
    (("secondary", None), ("primary", None), CellChange.REASON),
    (None, ("published", 5), CellChange.NEW),
    (("published", 5), None, CellChange.GONE),
    (None, ("primary", None), CellChange.NEW),
]


@pytest.mark.parametrize(("before", "after", "change"), CHANGES)
def test_each_change_has_its_name(before: Any, after: Any, change: CellChange) -> None:
    def table(cell: Any) -> TableOfCells:
        there = [Cell(codes=("a",), status="published", values=(1,))]
        there += [] if cell is None else [Cell(codes=("b",), status=cell[0], values=(cell[1],))]
        return TableOfCells(dimensions=(a_column("x"),), measures=(a_column("persons"),), cells=tuple(there))

    found = table_difference(table(before), table(after))
    assert found is not None
    assert [(each.codes, each.change) for each in found.cells] == [(("b",), change)]
    assert found.unchanged == 1
    assert found.codes_new == ((("x", "b"),) if before is None else ())
    assert found.codes_gone == ((("x", "b"),) if after is None else ())


def test_measures_that_came_and_went_are_told_and_the_others_compared() -> None:
    before = a_cross_table(("Dayton",), ("free",))
    after = before.model_copy(
        update={
            "measures": (a_column("total"), before.measures[0].model_copy(update={"unit": "people"})),
            "cells": (before.cells[0].model_copy(update={"values": (9, 101)}),),
        }
    )
    found = table_difference(before, after)
    assert found is not None
    assert [each.name for each in found.measures] == ["persons"]
    assert [each.name for each in found.measures_added] == ["total"]
    assert [each.name for each in found.measures_removed] == ["mean_spending"]
    assert [(old.unit, new.unit) for old, new in found.redefined] == [(None, "people")]
    assert [(each.before.values, each.after.values) for each in found.cells if each.before and each.after] == [
        ((100,), (101,))
    ]


@pytest.mark.parametrize("change", [{"label": "Place"}, {"unit": "km"}, {"decimals": 3}])
def test_a_column_that_means_something_else_is_a_change(change: dict[str, Any]) -> None:
    before = a_cross_table()
    for columns in ("dimensions", "measures"):
        first, *rest = getattr(before, columns)
        after = before.model_copy(update={columns: (first.model_copy(update=change), *rest)})
        found = table_difference(before, after)
        assert found is not None
        assert not found.empty
        assert not found.cells


def test_tables_of_other_dimensions_are_not_compared_cell_by_cell() -> None:
    one = a_cross_table()
    other = one.model_copy(update={"dimensions": (a_column("year"), one.dimensions[1])})
    assert table_difference(one, other) is None


def an_item(
    store: Store, statistic: str, position: int, plan: Any = CROSSTAB, code: str = "code\n", **facts: Any
) -> Item:
    answer = an_answer(store, plan, **facts)
    return Item(statistic, position, f"digest of {statistic}", code, answer)


BY_YEAR = Crosstab(dataset="rand_hie", dimensions=("year",))
OTHER_YEARS = Crosstab(dataset="rand_hie", dimensions=("year", "site"))


def with_dimensions(*names: str) -> TableOfCells:
    one = Cell(codes=tuple("x" for _ in names), status="published", values=(1,))
    return TableOfCells(dimensions=tuple(map(a_column, names)), measures=(a_column("persons"),), cells=(one,))


def test_statistics_are_paired_by_the_surest_sign_first(house: House) -> None:
    store = house.store
    where = CROSSTAB.model_copy(update={"where": (Condition(column="age", operator=">=", values=(18,)),)})
    before = [
        an_item(store, "s-1", 1),
        an_item(store, "s-2", 2, PRIVATE_COUNT),
        an_item(store, "s-3", 3, BY_YEAR, table=with_dimensions("year")),
        an_item(store, "s-4", 4, BY_YEAR, table=with_dimensions("income")),
    ]
    after = [
        an_item(store, "s-9", 1, PRIVATE_COUNT),  # the same question, asked again
        an_item(store, "s-8", 2, where),  # the same shape, of other people
        an_item(store, "s-3", 3, OTHER_YEARS, table=with_dimensions("plan")),  # the same statistic
        an_item(store, "s-7", 4, BY_YEAR, table=with_dimensions("income", "plan")),  # the same place, one dimension
        an_item(store, "s-6", 5, BY_YEAR, table=with_dimensions("age")),
    ]
    assert [(old.statistic, new.statistic) for old, new in paired(before, after)] == [
        ("s-2", "s-9"),
        ("s-1", "s-8"),
        ("s-3", "s-3"),
        ("s-4", "s-7"),
    ]
    found = difference({}, before, {}, after)
    assert [each.statistic for each in found.added] == ["s-6"]
    assert found.removed == ()


def test_an_exact_table_is_never_paired_with_a_private_one(house: House) -> None:
    table = with_dimensions("site")
    before = [an_item(house.store, "s-1", 1, PRIVATE_COUNT, table=table)]
    after = [an_item(house.store, "s-2", 1, BY_YEAR, table=table)]
    assert paired(before, after) == []


@given(st.permutations(range(4)), st.sets(st.integers(0, 3)))
def test_every_statistic_is_in_one_place(order: list[int], gone: set[int]) -> None:
    made = {n: Item(f"s-{n}", n, f"d{n}", "", ANSWERS[n % 2]) for n in range(4)}
    before, after = list(made.values()), [made[n] for n in order if n not in gone]
    found = difference({}, before, {}, after)
    told = [*(each.statistic for each in (*found.added, *found.kept)), *(e.after.statistic for e in found.changed)]
    assert sorted(told) == sorted(each.statistic for each in after)
    assert {each.statistic for each in found.removed} == {f"s-{n}" for n in gone}


class _Nowhere:
    def put(self, content: bytes) -> str:
        return "f" * 64


ANSWERS = [an_answer(_Nowhere()), an_answer(_Nowhere(), PRIVATE_COUNT)]  # type: ignore[arg-type]

FACTS: list[tuple[str, dict[str, Any]]] = [
    ("Verdict", {"verdict": Verdict.REFER}),
    ("Provenance", {"provenance": "derived"}),
    ("What was asked", {"in_words": "Something else."}),
    ("Data", {"source": SOURCE.model_copy(update={"version": 4})}),
    ("Dataset version’s hash", {"source": SOURCE.model_copy(update={"version_digest": "d" * 64})}),
    ("Rules", {"profile": ANSWERS[0].profile.model_copy(update={"version": "2"})}),
    ("Rules’ hash", {"profile": ANSWERS[0].profile.model_copy(update={"digest": "e" * 64})}),
    ("Release policy’s hash", {"policy": None}),
    ("Output checkers wanted", {"checkers": 3}),
]


@pytest.mark.parametrize(("label", "facts"), FACTS)
def test_a_fact_that_changed_is_told(house: House, label: str, facts: dict[str, Any]) -> None:
    before, after = an_item(house.store, "s-1", 1), an_item(house.store, "s-2", 1, **facts)
    (found,) = difference({}, [before], {}, [after]).changed
    assert [each.label for each in found.facts] == [label]
    assert found.table is not None and found.table.empty


@pytest.mark.parametrize("label", ["95 % error of the noise", "Paid"])
def test_what_became_of_noise_and_price_is_told(house: House, label: str) -> None:
    facts: dict[str, Any] = {"Paid": {"charge": None}, "95 % error of the noise": {"noise": None}}[label]
    before, after = (
        an_item(house.store, "s-1", 1, PRIVATE_COUNT),
        an_item(house.store, "s-2", 1, PRIVATE_COUNT, **facts),
    )
    (found,) = difference({}, [before], {}, [after]).changed
    assert [each.label for each in found.facts] == [label]


def test_words_code_and_findings_that_changed_are_told(house: House) -> None:
    new = a_finding(sentence="3 of 24 cells are withheld.")
    before = an_item(house.store, "s-1", 1)
    after = an_item(house.store, "s-2", 1, code="code\nmore\n", findings=(new,))
    found = difference({"Title": "A", "For": "all"}, [before], {"Title": "B", "Context": "C", "For": "all"}, [after])
    assert [each.label for each in found.words] == ["Title", "Context"]
    (changed,) = found.changed
    assert (changed.findings_new, changed.findings_gone) == ((new,), (a_finding(),))
    assert [(run.change.value, run.text) for run in changed.code] == [("same", "code\n"), ("added", "more\n")]
    assert not found.empty


def test_a_question_asked_again_with_the_same_answer_is_no_change(house: House) -> None:
    found = difference(
        {"Title": "A"}, [an_item(house.store, "s-1", 1)], {"Title": "A"}, [an_item(house.store, "s-2", 2)]
    )
    assert found.empty
    assert [each.statistic for each in found.kept] == ["s-2"]
    assert plan_hash(CROSSTAB) == found.kept[0].answer.plan_hash
