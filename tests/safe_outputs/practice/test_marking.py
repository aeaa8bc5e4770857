"""How answers are judged and measured, against hand-made examples and a second computation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_outputs.practice.cases import all_cases, find_case
from safe_outputs.practice.defects import Defect
from safe_outputs.practice.marking import Share, mark, measure
from safe_outputs.transitions import Vote

RETURN, APPROVE = Vote.REQUEST_CHANGES, Vote.APPROVE


def test_found_missed_and_false() -> None:
    found = mark(find_case("p17"), [Defect.SMALL_COUNTS, Defect.DOMINANCE], RETURN)
    assert found.found == {Defect.SMALL_COUNTS}
    assert found.missed == {Defect.CONTEXT_MISSING}
    assert found.false_alarms == {Defect.DOMINANCE}
    assert found.right_vote


def test_another_name_for_what_was_planted_is_no_false_alarm_and_not_found() -> None:
    found = mark(find_case("p10"), [Defect.SMALL_COUNTS], RETURN)
    assert not found.false_alarms
    assert found.missed == {Defect.CLASS_DISCLOSURE}


@pytest.mark.parametrize(
    ("name", "vote", "right"), [("p01", APPROVE, True), ("p01", RETURN, False), ("p02", APPROVE, False)]
)
def test_a_clean_case_is_to_be_approved_and_another_is_not(name: str, vote: Vote, right: bool) -> None:
    assert mark(find_case(name), [], vote).right_vote is right


answers = st.lists(
    st.tuples(
        st.sampled_from(all_cases()), st.frozensets(st.sampled_from(list(Defect))), st.sampled_from([APPROVE, RETURN])
    ),
    max_size=30,
)


@given(answers)
def test_the_measure_is_a_count_of_single_marks(answers: list) -> None:
    """Counted the other way: case by case and defect by defect, with no sets."""
    found = measure((case, mark(case, marked, vote), vote) for case, marked, vote in answers)
    hits = planted = alarms = 0
    for case, marked, _ in answers:
        for defect in Defect:
            is_planted = any(each.defect is defect for each in case.planted)
            planted += is_planted
            hits += is_planted and defect in marked
            alarms += not is_planted and defect in marked and defect not in case.arguable
    assert found.sensitivity == Share(hits, planted)
    assert found.false_alarms == alarms
    assert sum(each.hits for each in found.by_defect.values()) == hits
    assert found.approved_with_defect.of + found.returned_clean.of == len(answers) == found.cases


def test_wilsons_interval_as_published() -> None:
    """Newcombe (1998), table I: 15 of 148 has 0.0624 to 0.1605, 0 of 20 has 0 to 0.1611, 81 of 263 0.2553 to 0.3662."""
    for hits, of, low, high in ((15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (81, 263, 0.2553, 0.3662)):
        assert Share(hits, of).interval == pytest.approx((low, high), abs=0.0001)
    assert Share(0, 0).interval is None
