"""Contributors who attack: each knows the withheld cells in which she is alone, and has to be kept from the others.

First all of them together are given all their cells, against which most requirements hold already; where one does not,
fewer of them together are tried, down to one alone. A deviation counts against all whose cells it does not move.
"""

import numpy as np

from disclosure_control.attack.intervals import PRECISE, SIDES, Intervals
from disclosure_control.attack.view import Mask, Numbers, View


class Contributors:
    """The requirements, which of them are proven against all contributors, and whose cells are held at present."""

    def __init__(self, view: View, intervals: Intervals) -> None:
        self._view, self._intervals = view, intervals
        self._who = np.full(len(view), -1, np.int64)
        for number, cells in enumerate(view.lone):
            self._who[cells] = number
        self._all = frozenset(number for number, cells in enumerate(view.lone) if len(cells))
        self._harmless = self._harmless_of()
        self._needs = (view.need_up, view.need_down)
        self._proven: tuple[Mask, Mask] = (view.need_up <= 0, view.need_down <= 0)
        self._held: frozenset[int] = frozenset()

    def see_through(self, *, every: bool) -> Mask:
        """The cells that one of them can bound too closely; unless `every`, only the first that is found."""
        seen = np.zeros(len(self._view), bool)
        if not self._all:
            return seen
        for place, need in enumerate(self._needs):
            for column in np.argsort(-need, kind="stable")[: int((need > 0).sum())].tolist():
                if not self._proven[place][column] and not self._holds(place, column):
                    seen[column] = True
                    if not every:
                        return seen
        self._hold(frozenset())
        return seen

    def _holds(self, place: int, column: int) -> bool:
        """Whether this requirement holds against each of them alone."""
        left = self._all - self._harmless[column]
        together = len(left)
        while left:
            self._hold(frozenset(sorted(left)[:together]))
            if self._far_enough(place, column):
                left &= self._last_movers()
            elif together > 1:
                together = -(-together // 4)
            else:
                return False
        return True

    def _far_enough(self, place: int, column: int) -> bool:
        far = self._intervals.farthest(column, SIDES[place])
        self._take_last()
        return bool(far >= self._needs[place][column] * (1 - PRECISE))

    def _last_movers(self) -> frozenset[int]:
        """The contributors whose cells the last deviation moves: it proves nothing against them."""
        who = np.unique(self._who[self._intervals.moves[-1]])
        return frozenset(who[who >= 0].tolist())

    def _take_last(self) -> None:
        """Mark what the last deviation proves besides."""
        movers, reach = self._last_movers(), self._intervals.stretched[-1]
        for place, need in enumerate(self._needs):
            new = np.flatnonzero(~self._proven[place] & (reach[place] >= need * (1 - PRECISE)))
            self._proven[place][[column for column in new.tolist() if movers <= self._harmless[column]]] = True

    def _hold(self, contributors: frozenset[int]) -> None:
        for number in self._held - contributors:
            self._intervals.let_go(self._view.lone[number])
        for number in contributors - self._held:
            self._intervals.hold(self._view.lone[number])
        self._held = contributors

    def _harmless_of(self) -> list[frozenset[int]]:
        """For each cell those who are no attackers on it: its own contributor, its largest one; all, if it is empty."""
        found: list[set[int]] = [{int(who)} - {-1} for who in self._who]
        for column, number in self._view.largest_in:
            found[column].add(number)
        empty = self._view.truth == 0
        return [self._all if empty[column] else frozenset(each) for column, each in enumerate(found)]


def seen_through(view: View, intervals: Intervals, *, every: bool) -> Mask:
    """The cells that some lone contributor can bound too closely."""
    return Contributors(view, intervals).see_through(every=every)


def wide_enough(view: View, fall: Numbers, rise: Numbers) -> Mask:
    """The cells whose interval, as an outsider derives it, covers what is required."""
    return np.asarray(
        (fall >= view.need_down * (1 - PRECISE))
        & (rise >= view.need_up * (1 - PRECISE))
        & (fall + rise >= view.need_apart * (1 - PRECISE))
    )
