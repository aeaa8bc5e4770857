"""The cells of a table, the equations between them, and their names in every table."""

import numpy as np
import pandas as pd
import pytest

from disclosure_control import Hierarchy, MalformedHierarchy, Table
from disclosure_control.structure import Axis, as_hierarchies

REGIONS = Hierarchy.from_pairs([("T", "N"), ("T", "S"), ("N", "N1"), ("N", "N2")])
KINDS = Hierarchy.from_pairs([("all", "town"), ("all", "land"), ("town", "N1"), ("land", "N2"), ("land", "S")])
ROWS = pd.DataFrame({"region": ["N1", "N2", "S", "S"], "sex": ["f", "m", "f", "m"]})


def equations(table: Table) -> set[str]:
    """Every relation as text, cells named by their codes."""
    names = [".".join(row) for row in table.cells[list(table.dimensions)].itertuples(index=False)]
    return {f"{names[total]} = {' + '.join(names[part] for part in parts)}" for total, parts in table.relations}


def test_cells_are_the_cross_of_all_codes_the_last_dimension_fastest() -> None:
    table = Table.from_microdata(ROWS, {"region": REGIONS, "sex": None})
    assert list(table.cells["region"][::3]) == ["T", "N", "N1", "N2", "S"]
    assert list(table.cells["sex"][:3]) == ["_T", "f", "m"]
    assert list(table.cells.index) == list(range(15))


def test_every_parent_is_an_equation_for_all_codes_of_the_other_dimensions() -> None:
    table = Table.from_microdata(ROWS, {"region": REGIONS, "sex": None})
    assert equations(table) == {
        *(f"T.{sex} = N.{sex} + S.{sex}" for sex in ("_T", "f", "m")),
        *(f"N.{sex} = N1.{sex} + N2.{sex}" for sex in ("_T", "f", "m")),
        *(f"{region}._T = {region}.f + {region}.m" for region in ("T", "N", "N1", "N2", "S")),
    }


def test_several_hierarchies_share_their_leaves_and_their_total() -> None:
    table = Table.from_microdata(ROWS, {"region": [REGIONS, KINDS]})
    assert list(table.cells["region"]) == ["T", "N", "N1", "N2", "S", "town", "land"]
    assert equations(table) == {"T = N + S", "N = N1 + N2", "T = town + land", "town = N1", "land = N2 + S"}
    assert list(table.cells["value"]) == [4, 2, 1, 1, 2, 1, 3]


def test_equations_as_arrays_are_the_same_in_the_same_order() -> None:
    table = Table.from_microdata(ROWS, {"region": [REGIONS, KINDS], "sex": None})
    totals, starts, parts = table.relation_arrays
    as_arrays = [
        (total, parts[start:end].tolist())
        for total, start, end in zip(totals.tolist(), starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    ]
    assert as_arrays == [(total, each.tolist()) for total, each in table.relations]
    assert len(as_arrays) == 5 * 3 + 7


def test_a_table_without_totals_has_no_equations() -> None:
    table = Table.from_microdata(ROWS, {"sex": None}, separate=["sex"])
    assert table.relations == ()
    assert [each.tolist() for each in table.relation_arrays] == [[], [0], []]


def test_leaf_cells_are_leaves_in_every_dimension() -> None:
    table = Table.from_microdata(ROWS, {"region": REGIONS, "sex": None})
    leaves = table.cells[table.leaf_mask()]
    assert set(zip(leaves["region"], leaves["sex"], strict=True)) == {
        (region, sex) for region in ("N1", "N2", "S") for sex in ("f", "m")
    }


def test_a_cell_has_the_same_name_in_every_table_that_has_it() -> None:
    narrow = Table.from_microdata(ROWS, {"region": REGIONS})
    wide = Table.from_microdata(ROWS, {"sex": None, "region": Hierarchy.flat(["N1", "N2", "S"], total="everywhere")})
    assert narrow.keys()[:2] == [(), (("region", "N"),)]
    assert (("region", "N1"), ("sex", "f")) in set(wide.keys())
    assert set(narrow.keys()) & set(wide.keys()) == {(), *((("region", code),) for code in ("N1", "N2", "S"))}


def test_a_separate_dimension_has_no_total_and_no_equations() -> None:
    table = Table.from_microdata(ROWS, {"region": REGIONS, "sex": None}, separate=["sex"])
    assert set(table.cells["sex"]) == {"f", "m"}
    assert len(table.cells) == 10
    assert equations(table) == {
        *(f"T.{sex} = N.{sex} + S.{sex}" for sex in "fm"),
        *(f"N.{sex} = N1.{sex} + N2.{sex}" for sex in "fm"),
    }


def test_a_code_of_two_hierarchies_is_summed_before_what_it_is_part_of() -> None:
    first = Hierarchy.from_pairs([("T", "P"), ("T", "c"), ("P", "A"), ("A", "a"), ("A", "b")])
    second = Hierarchy.from_pairs([("T", "A"), ("T", "c"), ("A", "a"), ("A", "b")])
    rows = pd.DataFrame({"x": list("aabbbc")})
    assert dict(Table.from_microdata(rows, {"x": [first, second]}).cells[["x", "value"]].to_numpy().tolist()) == {
        "T": 6, "P": 5, "A": 5, "a": 2, "b": 3, "c": 1
    }  # fmt: skip
    assert np.array_equal(Axis("x", (first, second)).sums[0][1], [3, 4])


@pytest.mark.parametrize(
    ("hierarchies", "message"),
    [
        ([], "empty list of hierarchies"),
        ([REGIONS, Hierarchy.flat(["N1", "N2"])], "do not share their leaves: S"),
        (
            [REGIONS, Hierarchy.from_pairs([("T", "N"), ("T", "N1"), ("N", "N2"), ("N", "S")])],
            "“N” of region has other",
        ),
    ],
)
def test_hierarchies_that_do_not_fit_are_refused(hierarchies: list[Hierarchy], message: str) -> None:
    with pytest.raises(MalformedHierarchy, match=message):
        as_hierarchies("region", hierarchies, ())
