"""Rounding of tables: conventional, random, controlled."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.errors import MalformedRounding
from disclosure_control.flags import CHANGED
from disclosure_control.rounding.alone import Ties, at_random, draws, nearest
from disclosure_control.rounding.controlled import control
from disclosure_control.structure import Hierarchies, require_names
from disclosure_control.table import Table

__all__ = ["RoundedTable", "RoundingReport", "round_table"]

Method = Literal["conventional", "random", "controlled"]
Integers = NDArray[np.int64]

ROUNDED = "rounded"
_LARGEST = 2**53


@dataclass(frozen=True)
class RoundingReport:
    """How a table was rounded. For the statistician: do not publish `distance`.

    Attributes:
        totals: whether totals are the sums of their rounded parts.
        relaxation: what cells were allowed to do (controlled rounding), in words.
        draw: where chance came from (random rounding): "key", "seed" or "fresh".
        distance: the sum of the distances from the truth over all cells.
        gap: how far, in shares of it, the distance can be from the smallest there is (controlled rounding): 0 is proof.
    """

    method: Method
    base: int
    totals: str
    cells: int
    relaxation: str
    draw: str
    distance: int
    gap: float
    seconds: float


@dataclass(frozen=True, eq=False)
class RoundedTable:
    """A rounded table: it keeps no true value, so that it can be handed on.

    Attributes:
        dimensions: as in the table.
        cells: one row per cell, in the table's order: the codes, `value` (a multiple of the base), `status` ("rounded"
            for all: telling which cells kept their value would give them away), `OBS_STATUS` and `CONF_STATUS` (SDMX: a
            normal value, free for publication).
        value_name: what is summed; None for counts.
    """

    dimensions: Mapping[str, Hierarchies]
    cells: pd.DataFrame
    value_name: str | None
    report: RoundingReport

    def to_html(self) -> str:
        """A picture, which says how the table was rounded."""
        from disclosure_control.show import rounded_html  # noqa: PLC0415 - pictures know tables, not the other way

        return rounded_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()


def round_table(
    table: Table,
    base: int = 5,
    method: Method = "controlled",
    seed: int | None = None,
    *,
    key: bytes | None = None,
    ties: Ties = "even",
    zero_restricted: bool = True,
    max_steps: int = 1,
    gap: float = 0.0,
    seconds: float | None = None,
) -> RoundedTable:
    """The table with every cell, totals too, rounded to a multiple of the base.

    - "conventional": to the nearest multiple, each cell by itself. Totals need not be the sums of their parts. Safe for
      quality, weak for protection: the Handbook does not recommend it against disclosure.
    - "random": to one of the two multiples next to it, by chance and without bias, each cell by itself.
    - "controlled": the additive table nearest to the truth. Multiples stay and other cells go to a multiple next to
      them, if such a table adds up; if there is proof that none does, the report says what was relaxed.

    Args:
        seed: fixes the chance of random rounding, for tests. Who knows the seed knows the draws.
        key: a secret that fixes it: the same cell with the same value is rounded in the same way in every table, so
            that asking again does not average it out. Without key and seed, chance is fresh.
        ties: half-way, with an even base (conventional rounding): "even" to the even multiple, "away" from 0.
        zero_restricted: look first for a table in which multiples stay, and relax only with proof that none exists. The
            proof can take long in three and more dimensions; False lets multiples move by one base from the start.
        max_steps: how many multiples further cells may go, if nothing nearer adds up (controlled rounding).
        gap: how far, in shares of it, the distance may be from the smallest there is (controlled rounding). Large
            tables of three and more dimensions need a gap, such as 0.02, to be done soon; the report says what is left.
        seconds: at most so long (controlled rounding).

    Raises:
        MalformedRounding: a base that is not a whole number of 2 or more, values that are not whole numbers, an unknown
            method, a seed or key where nothing is drawn.
        RoundingFailed: controlled rounding without proof.
    """
    begun = monotonic()
    _require_parameters(base, method, seed, key, ties)
    _require_search(max_steps, gap)
    require_names(table.dimensions, ("status",))
    values = _whole_values(table)
    relaxation, draw, left = "", "", 0.0
    if method == "conventional":
        rounded = nearest(values, base, ties)
    elif method == "random":
        secret, draw = _secret(seed, key)
        names = [(table.value_name, each) for each in table.keys()]  # noqa: SIM118 - a table is no mapping
        rounded = at_random(values, base, draws(secret, names, values, base))
    else:
        solution = control(values, table.relations, base, -1 if zero_restricted else 0, max_steps, gap, seconds)
        rounded, relaxation, left = solution.values, solution.relaxation, solution.gap
    report = RoundingReport(
        method=method,
        base=base,
        totals="sums of their parts" if method == "controlled" else "rounded by themselves",
        cells=len(values),
        relaxation=relaxation,
        draw=draw,
        distance=int(np.abs(rounded - values).sum()),
        gap=left,
        seconds=monotonic() - begun,
    )
    return RoundedTable(table.dimensions, _cells(table, rounded), table.value_name, report)


def _cells(table: Table, rounded: Integers) -> pd.DataFrame:
    cells = table.cells[list(table.dimensions)].copy()
    cells["value"] = rounded
    cells["status"] = ROUNDED
    return cells.assign(**CHANGED)


def _secret(seed: int | None, key: bytes | None) -> tuple[bytes, str]:
    if key is not None:
        return key, "key"
    if seed is not None:
        return f"seed {seed}".encode(), "seed"
    return secrets.token_bytes(32), "fresh"


def _whole_values(table: Table) -> Integers:
    values = table.cells["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise MalformedRounding("A cell has no finite value. Every cell of a table to be rounded must have one.")
    if (values != np.rint(values)).any() or (np.abs(values) >= _LARGEST).any():
        raise MalformedRounding(
            "The table has values that are not whole numbers. Multiply them, or round them to whole numbers first."
        )
    return values.astype(np.int64)


def _require_parameters(base: int, method: str, seed: int | None, key: bytes | None, ties: str) -> None:
    if not _is_whole(base) or not 2 <= base <= 10**9:
        raise MalformedRounding(
            f"base: it is {base!r}; rounding needs a whole number of 2 or more, such as 3, 5 or 10."
        )
    if method not in get_args(Method):
        raise MalformedRounding(f"There is no method “{method}”. There are: {', '.join(get_args(Method))}.")
    if ties not in get_args(Ties):
        raise MalformedRounding(f"ties: it is {ties!r}; half-way values go “even” or “away” from 0.")
    if method != "random" and (seed is not None or key is not None):
        raise MalformedRounding(f"seed and key: {method} rounding draws nothing. Leave them out.")
    if seed is not None and key is not None:
        raise MalformedRounding("seed and key: give one of them.")
    if key is not None and len(key) < 16:
        raise MalformedRounding("key: a secret of 16 bytes or more, such as secrets.token_bytes(32).")


def _require_search(max_steps: int, gap: float) -> None:
    if not _is_whole(max_steps) or max_steps < 0:
        raise MalformedRounding(f"max_steps: it is {max_steps!r}; give a whole number of 0 or more.")
    if not 0 <= gap < 1:
        raise MalformedRounding(f"gap: it is {gap!r}; give a share from 0 to less than 1.")


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
