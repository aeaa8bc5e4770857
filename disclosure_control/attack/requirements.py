"""What is required of the intervals: how far each variable has to be able to move, and against whom."""

from dataclasses import dataclass

import numpy as np

from disclosure_control.attack.links import Indices, Mask, Numbers
from disclosure_control.attack.lone import NOBODY
from disclosure_control.attack.reduction import FIXED, Reduced
from disclosure_control.attack.view import View

UP, DOWN = 0, 1  # places of the sides, in everything that has two rows
SIDES = np.array([1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Requirements:
    """One entry per requirement, the largest need first.

    Attributes:
        variable, place: which variable has to reach how far (`need`) up (place 0) or down (1).
        harmless: the contributors who are no attackers here; None: nobody is but outsiders.
        of_column: by side of the columns (two rows): the number of the requirement, -1 where there is none.
        lost: the columns that need protection and are known.
    """

    variable: Indices
    place: Indices
    need: Numbers
    harmless: list[frozenset[int] | None]
    of_column: Indices
    lost: Mask

    def __len__(self) -> int:
        return len(self.need)

    def columns(self, failed: Mask) -> Mask:
        """The columns of which some requirement is not met, given the requirements that failed."""
        return self.lost | (np.append(failed, False)[self.of_column]).any(axis=0)


def requirements_of(view: View, problem: Reduced) -> Requirements:
    """All requirements, each once: columns that move together may need the same against the same contributors."""
    needs = np.stack([view.need_up, view.need_down])
    known = problem.variable == FIXED
    place, column = np.nonzero((needs > 0) & ~known)
    kinds, kind = _harmless(view)
    need, variable, harmless = needs[place, column], problem.variable[column], kind[column]
    side = np.where(problem.sign[column] > 0, place, 1 - place)
    order = np.lexsort((harmless, side, variable, -need))
    sorted_ = np.stack([-need, variable, side, harmless])[:, order]
    first = np.append(True, (np.diff(sorted_) != 0).any(axis=0))[: len(order)]
    of_column = np.full((2, len(view)), -1)
    of_column[place[order], column[order]] = np.cumsum(first) - 1
    chosen = order[first]
    return Requirements(
        variable[chosen],
        side[chosen],
        need[chosen],
        [kinds[each] for each in harmless[chosen].tolist()],
        of_column,
        lost=(needs > 0).any(axis=0) & known,
    )


def _harmless(view: View) -> tuple[list[frozenset[int] | None], Indices]:
    """The different sets of contributors who are no attackers, and by column which it is.

    They are the one who knows the column, and those who are exempt there. An empty cell is guarded from outsiders only.
    """
    found: dict[int, set[int]] = {}
    knows = np.flatnonzero(view.knower != NOBODY)
    for column, contributor in [*zip(knows.tolist(), view.knower[knows].tolist(), strict=True), *view.exempt.tolist()]:
        found.setdefault(column, set()).add(contributor)
    places: dict[frozenset[int] | None, int] = {frozenset(): 0, None: 1}
    kind = np.zeros(len(view), np.int64)
    for column, each in found.items():
        kind[column] = places.setdefault(frozenset(each), len(places))
    kind[view.truth == 0] = places[None]
    return list(places), kind
