"""Exact recovery by linear algebra: the withheld cells that the published ones determine.

A withheld cell is determined by the equations alone exactly when it is zero in every vector of their null space. Needs
no solver and knows no bounds, so it checks the intervals from another side.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from disclosure_control.attack.attack import _as_list, _by_table
from disclosure_control.attack.view import Indices, Protected, View, view_of

ZERO = 1e-9


def recover(protected: Protected | Sequence[Protected]) -> pd.DataFrame:
    """The withheld cells that can be computed exactly, one row each: the codes and `recovered`, their value.

    Raises:
        AttackFailed: a published cell is not true.
    """
    tables = _as_list(protected)
    view = view_of(tables)
    determined = np.zeros(len(view), bool)
    for columns, rows in _components(view):
        determined[columns] = _fixed(view, columns, rows)
    found = pd.DataFrame({"recovered": view.truth})
    whole = _by_table(tables, view, found.assign(_determined=determined))
    return whole[whole["_determined"]].drop(columns="_determined").reset_index(drop=True)


def _fixed(view: View, columns: Indices, entries: Indices) -> np.ndarray:
    """Which of a component's cells are zero in the whole null space."""
    rows = np.unique(view.rows[entries], return_inverse=True)[1]
    matrix = np.zeros((rows.max(initial=-1) + 1, len(columns)))
    matrix[rows, np.searchsorted(columns, view.columns[entries])] = view.signs[entries]
    _, sizes, vectors = np.linalg.svd(matrix, full_matrices=True)
    rank = int((sizes > ZERO * max(matrix.shape) * sizes.max(initial=0)).sum())
    return np.asarray((np.abs(vectors[rank:]) < ZERO * len(columns)).all(axis=0))


def _components(view: View) -> list[tuple[Indices, Indices]]:
    """The cells that equations link, and the entries of those equations; cells in no equation are alone."""
    leader = np.arange(len(view))
    changed = True
    while changed:
        least = np.full(len(view.starts) - 1, len(view))
        np.minimum.at(least, view.rows, leader[view.columns])
        before = leader.copy()
        np.minimum.at(leader, view.columns, least[view.rows])
        changed = bool((before != leader).any())
    order, entries = np.argsort(leader, kind="stable"), np.argsort(leader[view.columns], kind="stable")
    heads = np.unique(leader)
    cells = np.split(order, np.searchsorted(leader[order], heads)[1:])
    at = leader[view.columns][entries]
    return [
        (np.sort(each), entries[np.searchsorted(at, head) : np.searchsorted(at, head, side="right")])
        for head, each in zip(heads.tolist(), cells, strict=True)
    ]
