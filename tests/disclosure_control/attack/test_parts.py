"""The parts of the attack, each by itself: links, the reduction, what an answer is worth, the closer look."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control.attack import closer, intervals
from disclosure_control.attack.attack import attack, passes
from disclosure_control.attack.fitting import fitted
from disclosure_control.attack.links import leaders, ragged, signed_leaders
from disclosure_control.attack.program import Program
from disclosure_control.attack.reduction import FIXED, Reduced, reduced
from disclosure_control.attack.view import view_of
from tests.disclosure_control.attack.tables import chance_pattern, chance_table, grid, patterns, protected

many = settings(max_examples=60, deadline=None, derandomize=True)
edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=14)


def block(rows: list[dict[int, float]], lower: list[float], upper: list[float], *, whole: bool = False) -> Reduced:
    """A problem of one block with these equations."""
    entries = [(row, variable, factor) for row, each in enumerate(rows) for variable, factor in each.items()]
    at, variables, factors = (np.array(each) for each in zip(*entries, strict=True))
    count = len(lower)
    return Reduced(
        variable=np.arange(count),
        sign=np.ones(count),
        lower=np.array(lower, np.float64),
        upper=np.array(upper, np.float64),
        whole=np.full(count, whole),
        rows=at,
        variables=variables,
        factors=factors.astype(np.float64),
        blocks=np.array([0, count]),
        row_blocks=np.array([0, len(rows)]),
        scale=np.ones(1),
        size=np.full(1, np.abs([*lower, *upper]).max()),
    )


# ---------------------------------------------------------------------------------------------- links


@many
@given(pairs=edges)
def test_things_have_the_first_of_those_that_they_hang_together_with(pairs):
    together = [{each} for each in range(12)]
    for one, other in pairs:
        joined = together[one] | together[other]
        for each in joined:
            together[each] = joined
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    assert leaders(12, one, other).tolist() == [min(each) for each in together]


@many
@given(pairs=edges, signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=14, max_size=14))
def test_what_follows_a_pair_is_its_sign_times_the_leader(pairs, signs):
    """Every thing gets a value from its leader's; each follower keeps the pair that it follows."""
    kept = [(one, other, sign) for (one, other), sign in zip(pairs, signs, strict=False) if one != other]
    one, other, sign = (np.array([each[place] for each in kept]) for place in range(3))
    leader, found = signed_leaders(12, one.astype(np.int64), other.astype(np.int64), sign.astype(np.float64))
    values = found * np.arange(100, 112)[leader]
    followers = {max(pair) for pair in zip(one.tolist(), other.tolist(), strict=True)}
    assert {each for each in range(12) if leader[each] != each} == followers
    assert (leader[leader] == leader).all()
    for each in followers:
        assert any(values[b] == s * values[a] for a, b, s in kept if each in (a, b))


def test_runs_one_after_the_other():
    assert ragged(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]


# ---------------------------------------------------------------------------------------------- reduction


@many
@given(table=patterns, data=st.data())
def test_the_reduction_keeps_every_deviation_and_adds_none(table, data):
    """The null spaces of the view's equations and of the reduced ones have the same vectors, so the same dimension."""
    view = view_of([table])
    problem = reduced(view)
    ours = np.zeros((int(problem.row_blocks[-1]), len(problem)))
    ours[problem.rows, problem.variables] = problem.factors
    whole = np.zeros((int(view.equations.rows.max(initial=-1)) + 1, len(view)))
    np.add.at(whole, (view.equations.rows, view.equations.columns), view.equations.signs)
    known = np.eye(len(view))[view.known]
    free = null_space(ours)
    spread = np.array([problem.deviations(each) for each in free]).reshape(-1, len(view))
    assert np.allclose(np.concatenate([whole, known]) @ spread.T, 0, atol=1e-9)
    assert len(free) == len(view) - np.linalg.matrix_rank(np.concatenate([whole, known]))
    assert (problem.lower <= 0).all() and (problem.upper >= 0).all()


def null_space(matrix: np.ndarray) -> np.ndarray:
    _, sizes, vectors = np.linalg.svd(matrix)
    return vectors[int((sizes > 1e-9).sum()) :]


@many
@given(table=patterns)
def test_no_equation_reaches_from_one_block_into_another(table):
    problem = reduced(view_of([table]))
    assert (problem.block[problem.variables] == problem.block_of_row[problem.rows]).all()
    for number in range(len(problem.blocks) - 1):
        alone = problem.only(number)
        inside = np.flatnonzero(problem.block == number)
        assert alone.lower.tolist() == problem.lower[inside].tolist()
        step = np.zeros(len(problem))
        step[inside] = np.arange(1, len(inside) + 1)
        rows = slice(*problem.row_blocks[number : number + 2])
        assert alone.off(step[inside]).tolist() == problem.off(step)[rows].tolist()


def test_cells_that_move_together_have_the_room_of_the_narrowest():
    """A row's two withheld cells move against each other: either by what the other can give."""
    view = view_of([protected(grid("3 4\n5 6"), [("r1", "c1"), ("r1", "c2"), ("_T", "c1"), ("_T", "c2")])])
    problem = reduced(view)
    assert len(problem) == 1
    assert {problem.lower[0], problem.upper[0]} == {-3, 4} or {problem.lower[0], problem.upper[0]} == {-4, 3}


def test_a_cell_alone_in_an_equation_is_known():
    assert (reduced(view_of([protected(grid("3 4\n5 6"), [("r1", "c1")])])).variable == FIXED).all()


# ---------------------------------------------------------------------------------------------- what an answer is worth

SUM = [{0: 1.0, 1: 1.0, 2: -1.0}]


def test_an_answer_beyond_its_bounds_is_made_smaller_until_it_fits():
    problem = block(SUM, [-5, -5, -5], [5, 5, 5])
    found = fitted(problem, problem.lower, problem.upper, np.array([5.5, 0, 5.5]))
    assert found.step.tolist() == [5, 0, 5]
    assert found.back[0] == 1
    assert found.moves.tolist() == [True, False, True]


def test_the_opposite_is_taken_as_far_as_it_goes():
    problem = block(SUM, [-5, -5, -5], [50, 50, 50])
    found = fitted(problem, problem.lower, problem.upper, np.array([10.0, 0, 10.0]))
    assert found.back[0] == 0.5
    assert found.reach(problem).tolist() == [[10, 0, 10], [5, 0, 5]]


def test_what_breaks_an_equation_does_not_count():
    problem = block(SUM, [-5, -5, -5], [5, 5, 5])
    found = fitted(problem, problem.lower, problem.upper, np.array([1.0, 0, 1.001]))
    assert found.reach(problem)[0].tolist() == pytest.approx([0.9, 0, 0.901])
    nonsense = fitted(problem, problem.lower, problem.upper, np.array([1.0, 1.0, 1.0]))
    assert not nonsense.reach(problem).any()


def test_parts_of_a_whole_are_no_answer():
    problem = block(SUM, [-5, -5, -5], [5, 5, 5], whole=True)
    near = fitted(problem, problem.lower, problem.upper, np.array([1.0 + 1e-9, 1.0, 2.0 - 1e-9]))
    assert near.reach(problem)[0].tolist() == [1, 1, 2]
    half = fitted(problem, problem.lower, problem.upper, np.array([0.5, 0.5, 1.0]))
    assert not half.reach(problem).any()


# ---------------------------------------------------------------------------------------------- the closer look

ODD = [{0: 2.0, 1: -3.0, 2: -1.0}]  # 2a = 3b + c


@pytest.mark.parametrize(("most", "truly"), [(1, 0), (2, 0), (3, 3), (5, 3)])
def test_a_whole_number_is_found_by_the_integer_program(most, truly):
    """With c at 0, a is a multiple of 3: linear programming stops at its bound, whole numbers before."""
    problem = block(ODD, [-9, -9, 0], [most, 9, 0], whole=True)
    found = closer.farthest(problem, (problem.lower, problem.upper), 0, 0, float(most))
    assert found.step[0] == truly
    assert (closer.reaching(problem, (problem.lower, problem.upper), 0, 0, 1.0) is not None) == (truly > 0)


def test_intervals_of_whole_numbers_are_those_of_the_integer_program():
    problem = block(ODD, [-9, -9, 0], [5, 9, 0], whole=True)
    program, nothing = Program(problem, np.full(3, np.inf)), np.zeros((2, 3))
    found = intervals.exact(problem, program, nothing, np.ones((2, 3), bool))
    assert found.tolist() == [[3, 2, 0], [9, 6, 0]]


def test_very_many_whole_numbers_are_bounded_by_the_linear_program(monkeypatch):
    monkeypatch.setattr(intervals, "MANY", 2)
    problem = block(ODD, [-9, -9, 0], [5, 9, 0], whole=True)
    found = intervals.exact(problem, Program(problem, np.full(3, np.inf)), np.zeros((2, 3)), np.ones((2, 3), bool))
    assert found.tolist() == [[5, 3, 0], [9, 6, 0]]


def test_a_requirement_is_judged_by_whole_numbers_in_any_number_of_them(monkeypatch):
    """What the bounds leave open is not open in whole numbers: the judgement does not follow the bounds."""
    table = chance_pattern(chance_table(0, "three-way", "frequencies", rows=60), 1, 0.9)
    judged = attack(table)["protected"].to_list()
    monkeypatch.setattr(intervals, "MANY", 0)
    assert attack(table)["protected"].to_list() == judged


@pytest.mark.parametrize("small", [1e-2, 1e-5])
def test_small_requirements_beside_large_values_are_judged_on_their_own_scale(small):
    """The corners of a square, three of them very large: the small one can fall by itself, and by no more."""
    table = grid(f"{small} 1e9 5\n2e9 3e9 5\n5 5 5")
    corners = [("r1", "c1"), ("r1", "c2"), ("r2", "c1"), ("r2", "c2")]
    assert passes(protected(table, corners, {("r1", "c1"): (small, small)}))
    assert not passes(protected(table, corners, {("r1", "c1"): (small * 1.01, small)}))
    assert attack(protected(table, corners))["lower"].to_list()[0] == pytest.approx(0, abs=small * 1e-6)


@pytest.mark.parametrize("large", [1.0, 1e6, 1e9])
def test_what_is_determined_is_not_taken_for_open_beside_large_values(large):
    """The third and fourth follow from the equations; the others move by as much as a billion."""
    rows = [{0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}, {0: 1.0, 1: 1.0, 2: -1.0, 3: 1.0}, {0: 1.0, 1: 1.0, 3: -1.0}]
    problem = block(rows, [-large, -large, -1, -1], [large, large / 3, 1, 1])
    found = intervals.exact(problem, Program(problem, np.full(4, np.inf)), np.zeros((2, 4)), np.ones((2, 4), bool))
    assert found[:, 2:].max() <= 1e-7
    assert found[0, :2].tolist() == pytest.approx([large, large / 3])


# ---------------------------------------------------------------------------------------------- no end


def test_a_bound_far_beyond_the_values_is_found():
    """The second program, which has no end, looks where the first one stopped: at ten times the largest value."""
    problem = block([{0: 1.0, 1: -40.0}, {1: 1.0, 2: -1.0, 3: 1.0}], [-1, -1, -1, -1], [np.inf, 1, 1, 1])
    problem = Reduced(**{**problem.__dict__, "size": np.ones(1)})
    found = intervals.exact(problem, Program(problem, np.full(4, 10.0)), np.zeros((2, 4)), np.ones((2, 4), bool))
    assert found[0, 0] == pytest.approx(40)
    open_ended = block([{0: 1.0, 1: -40.0, 2: 1.0}], [-1, -1, -1], [np.inf, np.inf, 1])
    open_ended = Reduced(**{**open_ended.__dict__, "size": np.ones(1)})
    found = intervals.exact(open_ended, Program(open_ended, np.full(3, 10.0)), np.zeros((2, 3)), np.ones((2, 3), bool))
    assert found[0].tolist() == [np.inf, np.inf, 1]
    assert found[1] == pytest.approx([1, 0.05, 1])
