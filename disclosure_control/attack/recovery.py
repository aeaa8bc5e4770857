"""Exact recovery by linear algebra: the withheld cells that the published ones determine.

A withheld cell is determined by the equations alone exactly when it is zero in every vector of their null space; that
is when the row space has its unit vector. Needs no solver, no bounds and nothing of the reduction, so it checks the
intervals from another side.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from disclosure_control.attack.attack import as_list, by_table
from disclosure_control.attack.facts import Protected
from disclosure_control.attack.links import Indices, Mask, leaders
from disclosure_control.attack.view import View, view_of

ZERO = 1e-9


def recover(protected: Protected | Sequence[Protected]) -> pd.DataFrame:
    """The withheld cells that can be computed exactly, one row each: the codes and `recovered`, their value.

    Those that another of the tables publishes, or that are impossible, are among them. With several tables, `table`
    is the place of the table.

    Raises:
        AttackFailed: a published cell is not true.
    """
    tables = as_list(protected)
    view = view_of(tables)
    determined = view.known.copy()
    for columns, entries in _components(view):
        determined[columns] |= _fixed(view, columns, entries)
    found = by_table(tables, view, pd.DataFrame({"recovered": view.truth, "_determined": determined}))
    withheld = [
        each.cells["value"].isna().to_numpy()[rows] for each, (rows, _) in zip(tables, view.places, strict=True)
    ]
    return found[found["_determined"] & np.concatenate(withheld)].drop(columns="_determined").reset_index(drop=True)


def _fixed(view: View, columns: Indices, entries: Indices) -> Mask:
    """Which of a component's columns are zero in the whole null space of its equations."""
    rows = np.unique(view.equations.rows[entries], return_inverse=True)[1]
    matrix = np.zeros((int(rows.max(initial=-1)) + 1, len(columns)))
    matrix[rows, np.searchsorted(columns, view.equations.columns[entries])] = view.equations.signs[entries]
    matrix[:, view.known[columns]] = 0
    _, sizes, vectors = np.linalg.svd(matrix, full_matrices=False)
    rank = int((sizes > ZERO * max(matrix.shape) * sizes.max(initial=0)).sum())
    return np.asarray(1 - np.square(vectors[:rank]).sum(axis=0) < ZERO * len(columns))


def _components(view: View) -> Iterator[tuple[Indices, Indices]]:
    """The columns that equations link, and the entries of those equations."""
    rows, columns, _ = view.equations
    first = columns[np.searchsorted(rows, rows)]
    leader = leaders(len(view), columns, first)
    order, entries = np.argsort(leader, kind="stable"), np.argsort(leader[columns], kind="stable")
    for head in np.unique(leader[columns]).tolist():
        inside, equations = (
            slice(*np.searchsorted(each, [head, head + 1])) for each in (leader[order], leader[columns][entries])
        )
        yield order[inside], entries[equations]
