"""How texts are compared: what is kept and removed is the old text, what is kept and added the new one."""

import time
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.evidence.text_differences import MOST_EDITS, Change, Run, by_lines, by_words, collapsed, runs

PIECES = st.lists(st.sampled_from("abc"), max_size=14)


def shown(found: tuple[Run, ...]) -> str:
    signs = {Change.SAME: "", Change.REMOVED: "-", Change.ADDED: "+"}
    return " ".join(signs[run.change] + (f"…{run.left_out}" if run.left_out else run.text) for run in found)


def side(found: tuple[Run, ...], change: Change) -> list[str]:
    return [piece for run in found if run.change in {Change.SAME, change} for piece in run.pieces]


def longest_common(before: list[str], after: list[str]) -> int:
    """The length of the longest common subsequence, by trying them all."""
    for size in range(min(len(before), len(after)), 0, -1):
        if any(is_within(each, after) for each in combinations(before, size)):
            return size
    return 0


def is_within(wanted: tuple[str, ...], there: list[str]) -> bool:
    left = iter(there)
    return all(each in left for each in wanted)


@given(PIECES, PIECES)
def test_both_texts_can_be_read_off(before: list[str], after: list[str]) -> None:
    found = runs(before, after)
    assert side(found, Change.REMOVED) == before
    assert side(found, Change.ADDED) == after
    assert all(run.pieces for run in found)
    assert all(one.change is not other.change for one, other in pairwise(found))


@given(st.lists(st.sampled_from("ab"), max_size=8), st.lists(st.sampled_from("ab"), max_size=8))
def test_no_more_changes_than_needed(before: list[str], after: list[str]) -> None:
    kept = sum(len(run.pieces) for run in runs(before, after) if run.change is Change.SAME)
    assert kept == longest_common(before, after)


@given(st.text(max_size=40), st.text(max_size=40))
def test_words_lose_no_character(before: str, after: str) -> None:
    found = by_words(before, after)
    assert "".join(side(found, Change.REMOVED)) == before
    assert "".join(side(found, Change.ADDED)) == after


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ""),
        ("same", "same", "same"),
        ("Table 1 of the paper.", "Table 2 of the paper.", "Table  -1 +2  of the paper."),
        ("", "new", "+new"),
        ("old", "", "-old"),
    ],
)
def test_words(before: str, after: str, expected: str) -> None:
    assert shown(by_words(before, after)) == expected


def test_lines_and_what_is_left_out() -> None:
    before = "".join(f"line {n}\n" for n in range(20))
    found = collapsed(by_lines(before, before.replace("line 10\n", "line ten\n")), around=2)
    assert shown(found) == "…8 line 8\nline 9\n -line 10\n +line ten\n line 11\nline 12\n …7"
    assert collapsed(by_lines("a\nb", "a\nb\n")) == (Run(Change.SAME, (), 2),)


@given(PIECES, PIECES, st.integers(0, 4))
def test_what_is_left_out_is_counted(before: list[str], after: list[str], around: int) -> None:
    found = runs(before, after)
    told = collapsed(found, around)
    assert sum(len(run.pieces) + run.left_out for run in told) == sum(len(run.pieces) for run in found)
    assert [run for run in told if run.change is not Change.SAME] == [r for r in found if r.change is not Change.SAME]
    assert all(run.change is Change.SAME and not run.pieces for run in told if run.left_out)


def test_texts_that_have_nothing_in_common_cost_little() -> None:
    """Two texts that a hostile author wrote to be slow to compare."""
    before, after = ["a", "b"] * 25_000, ["b", "c", "a"] * 17_000
    began = time.process_time()
    found = runs(before, after)
    assert time.process_time() - began < 5
    assert side(found, Change.REMOVED) == before
    assert side(found, Change.ADDED) == after


def test_too_many_edits_are_shown_as_replaced() -> None:
    before = [f"old {n}" for n in range(MOST_EDITS)]
    after = [f"new {n}" for n in range(MOST_EDITS)]
    assert [run.change for run in runs(["x", *before], ["x", *after])] == [Change.SAME, Change.REMOVED, Change.ADDED]
