"""Hierarchies of codes: trees with one root, and what is wrong with those that are none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure_control import Hierarchy, MalformedHierarchy

NACE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("A2", "A21"), ("A2", "A22")])


def test_codes_come_root_first_and_parents_before_their_children() -> None:
    assert NACE.root == "T"
    assert NACE.codes == ("T", "A", "A1", "A2", "A21", "A22", "B")
    assert NACE.leaves == ("A1", "A21", "A22", "B")


def test_children_parent_depth_and_leaves_below() -> None:
    assert NACE.children("A") == ("A1", "A2")
    assert NACE.children("B") == ()
    assert (NACE.parent("A21"), NACE.parent("T")) == ("A2", None)
    assert [NACE.depth(code) for code in ("T", "B", "A2", "A22")] == [0, 1, 2, 3]
    assert NACE.ancestors("A21") == ("A21", "A2", "A", "T")
    assert NACE.leaves_below("A") == {"A1", "A21", "A22"}


def test_a_flat_one_has_a_total_and_its_parts() -> None:
    flat = Hierarchy.flat(["north", "south"])
    assert flat.codes == ("_T", "north", "south")
    assert flat == Hierarchy.from_pairs([("_T", "north"), ("_T", "south")])


def test_pairs_may_come_in_any_order() -> None:
    assert Hierarchy.from_pairs(reversed(NACE.pairs)).leaves_below("A") == NACE.leaves_below("A")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "at least one pair"),
        ([("T", "A"), ("A", "T")], "cycle: A is part of T is part of A"),
        ([("T", "T")], "cycle: T is part of T"),
        ([("T", "A"), ("B", "C"), ("C", "B")], "has a cycle: B is part of C is part of B"),
        ([("T", "A"), ("S", "B")], "2 roots: T, S. Put one code above them all"),
        ([("T", "A"), ("T", "B"), ("A", "C"), ("B", "C")], "“C” stands below “A” and below “B”"),
        ([("T", "A"), ("T", "A")], "“A” stands below “T” and below “T”"),
        ([("T", "")], r"Pair 1 of the hierarchy, \('T', ''\), has an empty code"),
        ([("T", "A"), (" ", "B")], "Pair 2"),
        ([("T", "A", "B")], "Pair 1 of the hierarchy has 3 codes"),
        (["TA", "TB"], r"Pair 1 of the hierarchy is one text. Write \(parent, child\)"),
        ([("T", "A"), ("T", None)], "Pair 2 of the hierarchy has a missing code"),
        ([("T", "A"), (float("nan"), "B")], "Pair 2 of the hierarchy has a missing code"),
    ],
)
def test_what_is_no_tree_is_refused_with_its_place(pairs: Any, message: str) -> None:
    with pytest.raises(MalformedHierarchy, match=message):
        Hierarchy.from_pairs(pairs)


def test_an_unknown_code_is_named() -> None:
    with pytest.raises(MalformedHierarchy, match="has no code “C”"):
        NACE.children("C")


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, str]]:
    size = draw(st.integers(1, 30))
    return [(f"c{draw(st.integers(0, child - 1))}", f"c{child}") for child in range(1, size + 1)]


@given(trees(), st.randoms())
def test_every_tree_is_a_hierarchy_of_all_its_codes(pairs: list[tuple[str, str]], chance) -> None:
    chance.shuffle(pairs)
    tree = Hierarchy.from_pairs(pairs)
    assert sorted(tree.codes) == sorted({code for pair in pairs for code in pair})
    assert all(tree.codes.index(parent) < tree.codes.index(child) for parent, child in pairs)
    assert tree.leaves_below(tree.root) == set(tree.leaves)
