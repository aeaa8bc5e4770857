"""A deviation proves what it reaches, if it is one: it keeps the equations, and every cell stays within its room."""

import itertools

import numpy as np
import pytest

from disclosure_control.suppression.problem import NOBODY, Equations, Problem, Requirement
from disclosure_control.suppression.proof import Proof
from disclosure_control.suppression.sequential import coalitions

FIRST, THIRD = Requirement(0, 1, 4.0), Requirement(2, 1, 1.0)


def two_rows(*, room: float = 100.0, knower: int = NOBODY) -> Problem:
    """A published total of cells 0 and 1, and one of cells 1, 2 and 3; cell 0 needs 4 and cell 2 needs 1, upwards."""
    equations = Equations(np.array([0, 2, 5]), np.array([0, 1, 1, 2, 3]), np.ones(5))
    needs = np.array([4.0, 0, 1, 0])
    return Problem(
        values=np.full(4, 10.0),
        room_down=np.full(4, room),
        room_up=np.full(4, room),
        need_down=np.zeros(4),
        need_up=needs,
        primary=needs > 0,
        candidate=np.ones(4, bool),
        cost=np.ones(4) * (needs == 0),
        equations=equations,
        knower=np.array([NOBODY, NOBODY, NOBODY, knower]),
        exempt=np.zeros((0, 2), np.int64),
        virtual=np.zeros(4, bool),
    )


def test_a_deviation_is_stretched_as_far_as_its_cells_have_room():
    proof = Proof(two_rows())
    proof.add(np.array([1.0, -1, 1, 0]))
    assert proof.met(FIRST)
    assert proof.met(THIRD)


def test_but_no_farther():
    proof = Proof(two_rows(room=3))
    proof.add(np.array([1.0, -1, 1, 0]))
    assert not proof.met(FIRST)
    assert proof.met(THIRD)


def test_a_far_deviation_of_another_cell_does_not_hide_what_a_cell_reaches():
    proof = Proof(two_rows(room=1e6))
    proof.add(np.array([4.0, -4, -1e5, 1e5 + 4]))
    assert proof.met(FIRST)


def test_what_does_not_keep_the_equations_proves_nothing():
    proof = Proof(two_rows())
    proof.add(np.array([4.0, -4, 4, 1e-3]))
    assert not proof.met(FIRST)


def test_a_published_cell_takes_its_witnesses_with_it_and_gives_them_back():
    proof = Proof(two_rows())
    proof.add(np.array([4.0, -4, 4, 0]))
    proof.add(np.array([4.0, -4, 0, 4]))
    before = proof.without(2)
    assert not proof.met(THIRD)
    proof.recall(FIRST)
    assert proof.met(FIRST)  # by the other one
    proof.restore(before)
    assert proof.met(THIRD)
    assert proof.used().tolist() == [True, True, True, False]


def test_a_contributor_is_kept_away_by_a_deviation_that_spares_her_cell():
    proof = Proof(two_rows(knower=0))
    proof.add(np.array([4.0, -4, 0, 4]))
    assert proof.shadow(FIRST) == [0]
    proof.add(np.array([4.0, -4, 4, 0]))
    assert proof.shadow(FIRST) == []


@pytest.mark.parametrize("contributors", [0, 1, 2, 3, 7, 8, 9])
def test_for_any_two_contributors_some_coalition_has_the_one_and_not_the_other(contributors):
    found = coalitions(contributors)
    assert all(each for each in found)
    for her, other in itertools.permutations(range(contributors), 2):
        assert any(her in each and other not in each for each in found)
