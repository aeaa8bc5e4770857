"""An attacker of our own, on scipy: nothing in it comes from the code under test but the protected tables."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array

from disclosure_control import Table
from disclosure_control.suppression import ProtectedTable


class Attacker:
    """Knows the published cells of these tables and their equations, that values are positive, and some cells."""

    def __init__(self, tables: Sequence[ProtectedTable], prior: float | None = None) -> None:
        self.names: dict[object, int] = {}
        shown: dict[int, float] = {}
        truth: dict[int, float] = {}
        rows: list[tuple[int, list[int]]] = []
        for each in tables:
            numbers = [self.names.setdefault(key, len(self.names)) for key in Table.keys(each.table)]
            for number, value, true in zip(numbers, each.cells["value"], each.table.cells["value"], strict=True):
                truth[number] = true
                if not np.isnan(value):
                    shown[number] = value
            rows += [(numbers[total], [numbers[part] for part in parts]) for total, parts in each.table.relations]
        self.truth = np.array([truth[number] for number in range(len(self.names))])
        low = np.zeros(len(self.names)) if prior is None else (1 - prior) * self.truth
        high = np.full(len(self.names), np.inf) if prior is None else (1 + prior) * self.truth
        for number, value in shown.items():
            low[number] = high[number] = value
        self.low, self.high, self.shown = low, high, shown
        self.equations = _matrix(rows, len(self.names))

    def bounds(self, cell: int, known: Sequence[int] = ()) -> tuple[float, float]:
        """The least and the greatest value that the cell can have."""
        low, high = self.low.copy(), self.high.copy()
        low[list(known)] = high[list(known)] = self.truth[list(known)]
        return self._extreme(cell, 1, low, high), self._extreme(cell, -1, low, high)

    def _extreme(self, cell: int, sign: int, low: np.ndarray, high: np.ndarray) -> float:
        aim = np.zeros(len(low))
        aim[cell] = sign
        zero = np.zeros(self.equations.shape[0])
        found = linprog(aim, A_eq=self.equations, b_eq=zero, bounds=np.stack([low, high], 1))  # type: ignore[call-overload] # its stubs know no sparse equations
        if found.status == 3:
            return -sign * np.inf
        assert found.status == 0, found.message
        return sign * float(found.fun)


def _matrix(rows: list[tuple[int, list[int]]], count: int) -> csr_array:
    entries = [(row, cell, 1.0) for row, (_, parts) in enumerate(rows) for cell in parts]
    entries += [(row, total, -1.0) for row, (total, _) in enumerate(rows)]
    at, cells, signs = zip(*entries, strict=True)
    return csr_array(coo_array((signs, (at, cells)), shape=(len(rows), count)))


def unprotected(tables: Sequence[ProtectedTable], prior: float | None = None) -> list[str]:
    """Every primary cell that an outsider can bound more closely than its protection, with the interval."""
    attacker = Attacker(tables, prior)
    found = []
    for each in tables:
        for row in np.flatnonzero(each.cells["status"] == "primary").tolist():
            cell = attacker.names[each.table.keys()[row]]
            low, high = attacker.bounds(cell)
            truth = attacker.truth[cell]
            lower, upper, sliding = each.protection.iloc[row]
            slack = 1e-5 * max(lower, upper, 1e-3 * truth)
            if low > truth - lower + slack or high < truth + upper - slack or high - low < sliding - 2 * slack:
                found.append(f"{each.table.keys()[row]}: {truth} within [{low}, {high}], needs -{lower} +{upper}")
    return found
