"""An attacker of our own, on scipy, to compare with: over the values themselves, one program for each bound.

Written from the definitions, slow and plain. Nothing in it comes from the code under test but tables and equations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from disclosure_control import Table
from disclosure_control.attack.facts import Protected


@dataclass(frozen=True, eq=False)
class Reference:
    """All cells of the tables, each once; those that are published have one value only."""

    numbers: list[list[int]]
    truth: np.ndarray
    low: np.ndarray
    high: np.ndarray
    shown: np.ndarray
    matrix: np.ndarray
    whole: np.ndarray

    def bounds(self, cells: Iterable[int], known: Sequence[int] = ()) -> tuple[float, float]:
        """The least and the greatest value of the sum of these cells, for who also knows some."""
        low, high = self.low.copy(), self.high.copy()
        for each in known:
            low[each] = high[each] = self.truth[each]
        aim = np.zeros(len(low))
        aim[list(cells)] = 1
        return self._least(aim, low, high), -self._least(-aim, low, high)

    def _least(self, aim: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
        zero = np.zeros(len(self.matrix))
        found = linprog(aim, A_eq=self.matrix, b_eq=zero, bounds=np.stack([low, high], axis=1))  # type: ignore[call-overload] # its stubs are narrower
        if found.status == 3:
            return -np.inf
        assert found.status == 0, found.message
        if self.whole.all():
            sums = LinearConstraint(self.matrix, zero, zero)
            inside = (np.ceil(low - 1e-9), np.floor(high + 1e-9))
            found = milp(aim, integrality=np.ones(len(aim)), constraints=sums, bounds=inside)  # type: ignore[arg-type] # as above
            assert found.status == 0, found.message
        return float(found.fun)

    def determined(self) -> np.ndarray:
        """Which cells follow from those that are shown by linear algebra alone: rank by rank."""
        hidden = np.flatnonzero(~self.shown)
        matrix, rank = self.matrix[:, hidden], np.linalg.matrix_rank
        found = self.shown.copy()
        for place, cell in enumerate(hidden):
            unit = np.eye(len(hidden))[[place]]
            found[cell] = rank(np.concatenate([matrix, unit])) == rank(matrix)
        return found


def reference(tables: Sequence[Protected], prior: float | None = None) -> Reference:
    names: dict[object, int] = {}
    numbers = [
        [
            names.setdefault((table.value_name, table.value_name is None and table.unit_name, key), len(names))
            for key in Table.keys(table)
        ]
        for table in (each.table for each in tables)
    ]
    count = len(names)
    truth, low, high = np.zeros(count), np.full(count, -np.inf), np.full(count, np.inf)
    shown, whole, rows = np.zeros(count, bool), np.zeros(count, bool), []
    for each, places in zip(tables, numbers, strict=True):
        cells = each.table.cells
        signed = (cells["value"] < 0).any()
        for place, value, published in zip(places, cells["value"], each.cells["value"], strict=True):
            truth[place], shown[place] = value, shown[place] or not np.isnan(published)
            whole[place] = each.table.value_name is None
            low[place] = max(low[place], -np.inf if signed else 0)
        if "floor" in cells:
            low[places] = np.maximum(-np.inf if signed else 0, cells["floor"])
        for total, parts in each.table.relations:
            row = np.zeros(count)
            row[places[total]] = -1
            row[[places[part] for part in parts]] = 1
            rows.append(row)
    if prior is not None:
        low, high = np.maximum(low, truth - prior * abs(truth)), truth + prior * abs(truth)
    low, high = np.where(shown, truth, low), np.where(shown, truth, high)
    return Reference(numbers, truth, low, high, shown, np.array(rows).reshape(-1, count), whole)
