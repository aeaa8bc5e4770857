"""Which cells of several tables are one cell: those that measure the same, of the same codes.

What is measured is the value by its name; in tables of frequencies, the unit that is counted. Totals are not part of a
name, so that a table without a dimension has the cells of that dimension's total.
"""

from collections.abc import Sequence

import numpy as np

from disclosure_control.attack.links import Indices
from disclosure_control.table import Table

WIDE = 2**62  # numbers stay below


def numbered(tables: Sequence[Table]) -> tuple[list[Indices], int]:
    """For every table the number of each of its cells, in the order of its rows; and how many numbers there are."""
    sizes = [table.grid.cells for table in tables]
    if len(tables) == 1:
        return [np.arange(sizes[0], dtype=np.int64)], sizes[0]
    digits = [_measures(tables, sizes), *(_codes(tables, name) for name in _dimensions(tables))]
    number, width = np.zeros(sum(sizes), np.int64), 1
    for digit in digits:
        base = int(digit.max(initial=0)) + 1
        if width * base > WIDE:
            number = np.unique(number, return_inverse=True)[1]
            width = int(number.max(initial=0)) + 1
        number, width = number * base + digit, width * base
    found, number = np.unique(number, return_inverse=True)
    return np.split(number, np.cumsum(sizes)[:-1]), len(found)


def measure(table: Table) -> tuple[str, str]:
    """What a table measures. The sum of a value is the same whoever owns the rows."""
    return ("value", table.value_name) if table.value_name is not None else ("number of", table.unit_name or "")


def _measures(tables: Sequence[Table], sizes: Sequence[int]) -> Indices:
    places: dict[tuple[str, str], int] = {}
    return np.repeat([places.setdefault(measure(table), len(places)) for table in tables], sizes)


def _dimensions(tables: Sequence[Table]) -> list[str]:
    return sorted({name for table in tables for name in table.dimensions})


def _codes(tables: Sequence[Table], name: str) -> Indices:
    """Of every cell of every table, the number of its code in this dimension; 0: the total, or no such dimension."""
    places: dict[str, int] = {}
    return np.concatenate([_codes_in(table, name, places) for table in tables])


def _codes_in(table: Table, name: str, places: dict[str, int]) -> Indices:
    grid = table.grid
    for place, axis in enumerate(grid.axes):
        if axis.name == name:
            root = axis.hierarchies[0].root
            of_code = [0 if code == root else places.setdefault(code, len(places) + 1) for code in axis.codes]
            shape = [-1 if other == place else 1 for other in range(len(grid.axes))]
            return np.broadcast_to(np.reshape(of_code, shape), grid.shape).ravel().astype(np.int64)
    return np.zeros(grid.cells, np.int64)
