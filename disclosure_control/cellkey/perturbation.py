"""Cell-key perturbation: the same contributors get the same noise in every table.

Every unit has a record key, drawn once. A cell's key is the sum of its units' record keys modulo the number of keys of
the perturbation table; that table says which noise a cell gets, by its count and its key. Whoever asks for a cell in
another way, or in another table, meets the same noise, so that asking again does not average it out.

Sources: Fraser and Wooton (2005) and Thompson, Broadfoot and Elazar (2013), see `ptable`; for magnitudes S. Giessing
and R. Tent, “Concepts for generalising tools implementing the cell key method to the case of continuous variables”,
UNECE/Eurostat work session on statistical data confidentiality, The Hague 2019, and A. Hundepool et al., Handbook on
Statistical Disclosure Control, 2nd edition (2024), sections 4.6 and 5.4.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.cellkey.ptable import PTable
from disclosure_control.errors import MalformedPTable, MalformedRecordKeys, MalformedTable
from disclosure_control.structure import Hierarchies
from disclosure_control.table import Table

Integers = NDArray[np.int64]
Vector = NDArray[np.float64]

KEY_SUM = "record_key_sum"
PERTURBED = "perturbed"
_UNITS_TO_JUDGE = 100
_LOWEST_MEAN = 0.35
_EXACT = 2**53


@dataclass(frozen=True)
class PerturbationReport:
    """How a table was perturbed. The deviation and the variance of the noise are not in it: they help an attacker."""

    method: str
    cells: int
    empty_cells: str
    coefficient: float | None
    decimals: int | None


@dataclass(frozen=True, eq=False)
class PerturbedTable:
    """A table with noise in its cells: safe to hand on, for it keeps no true value, no cell key and no noise.

    Attributes:
        dimensions: as in the table.
        cells: one row per cell, in the table's order: the codes, `value`, `status` ("perturbed" for all, since telling
            which cells kept their value would undo it), `OBS_STATUS` and `CONF_STATUS` (SDMX: a normal value, free for
            publication). Totals have noise of their own and are not the sums of their parts.
        value_name: what is summed; None for counts.
    """

    dimensions: Mapping[str, Hierarchies]
    cells: pd.DataFrame
    value_name: str | None
    report: PerturbationReport


def perturb(
    table: Table,
    ptable: PTable | pd.DataFrame,
    record_key: str = "rkey",
    *,
    coefficient: float = 0.1,
    decimals: int = 0,
    empty_cells_key: bytes | None = None,
) -> PerturbedTable:
    """The table with noise from its cell keys.

    Counts: count + noise(count, key). Magnitudes: value + coefficient × largest contribution × noise, where the row of
    the perturbation table is value / (coefficient × largest contribution), interpolated between neighbouring rows, so
    that a sum of non-negative contributions stays non-negative; a cell with negative contributions takes the last row.
    Magnitudes use another permutation of the cell key than counts, so that a known noise of a count does not tell that
    of the sum.

    Args:
        table: made with `Table.from_microdata(…, record_key=…)`.
        ptable: a perturbation table, or a frame that `PTable.from_frame` reads.
        record_key: the record key's column, as named there.
        coefficient: δ, the share of the largest contribution that one step of noise is worth.
        decimals: magnitudes are rounded to so many decimals. Take no more than the contributions have: further digits
            would tell of the noise.
        empty_cells_key: a secret. Without it 0 stays 0. With it, an empty cell gets its cell key from this secret and
            its codes, and its noise from the row for 0; cells that cannot occur must then not be in the table.

    Raises:
        MalformedRecordKeys: the table has no sums of record keys, or they are not spread over the cell keys.
        UnknownCellKey: a count or a cell key without an entry in the perturbation table.
        MalformedPTable: `empty_cells_key` without a row for 0; magnitudes with a table whose last row does not serve
            for larger counts.
        MalformedTable: counts that are not whole numbers, or magnitudes without their largest contributions.
    """
    if isinstance(ptable, pd.DataFrame):
        ptable = PTable.from_frame(ptable)
    keys = _cell_keys(table, ptable.big_n, record_key)
    if table.value_name is None:
        values: Vector | Integers = _counts(table, ptable, keys, empty_cells_key)
        report = PerturbationReport(
            "cell key, counts", len(keys), "stay empty" if empty_cells_key is None else "perturbed", None, None
        )
    else:
        keys = _permuted(keys, table.value_name, ptable.big_n)
        values = _magnitudes(table, ptable, keys, coefficient, decimals)
        report = PerturbationReport("cell key, magnitudes", len(keys), "stay empty", coefficient, decimals)
    cells = table.cells[list(table.dimensions)].copy()
    cells["value"] = values
    cells["status"] = PERTURBED
    cells["OBS_STATUS"], cells["CONF_STATUS"] = "A", "F"
    return PerturbedTable(table.dimensions, cells, table.value_name, report)


def _cell_keys(table: Table, big_n: int, record_key: str) -> Integers:
    name = next((each for each in (KEY_SUM, record_key) if each in table.cells), None)
    if name is None:
        raise MalformedRecordKeys(
            f"The table has no sums of record keys. Make it with Table.from_microdata(…, record_key={record_key!r})."
        )
    sums = table.cells[name].to_numpy()
    if not _exact(sums):
        raise MalformedRecordKeys(
            f"The sums of {record_key} are not exact whole numbers. Use whole-numbered record keys, such as "
            "floor(key × 4294967296) of a key from 0 to 1."
        )
    whole = sums.astype(np.int64)
    if len(whole) and whole.min() < 0:
        raise MalformedRecordKeys(f"The sums of {record_key} are negative. Record keys are 0 or more.")
    _require_spread(table, whole, big_n, record_key)
    return np.asarray(whole % big_n, dtype=np.int64)


def _exact(sums: NDArray[Any]) -> bool:
    if np.issubdtype(sums.dtype, np.integer):
        return True
    return bool(np.isfinite(sums.astype(np.float64)).all() and (sums == np.rint(sums)).all() and (sums < _EXACT).all())


def _require_spread(table: Table, sums: Integers, big_n: int, record_key: str) -> None:
    """Keys from 0 to 255 in a table of 4,096 would give every small cell the same noise: refuse that."""
    units = table.cells["units"].to_numpy(dtype=np.int64)
    total = int(units.argmax()) if len(units) else 0
    if not len(units) or not units[total]:
        return
    mean = float(sums[total]) / float(units[total])
    judged = units[total] >= _UNITS_TO_JUDGE
    if (judged and mean < _LOWEST_MEAN * big_n) or (units[total] > 1 and not sums.any()):
        raise MalformedRecordKeys(
            f"The record keys {record_key} are {mean:.4g} on average; the perturbation table has {big_n} keys. "
            f"Draw them evenly from 0 to {big_n - 1} (or a multiple of that range), or take a table with fewer keys."
        )


def _counts(table: Table, ptable: PTable, keys: Integers, empty_cells_key: bytes | None) -> Integers:
    given = table.cells["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(given).all() or (given != np.rint(given)).any() or (given < 0).any():
        raise MalformedTable("Counts must be whole numbers, 0 or more. Perturb the unweighted counts of units.")
    counts = given.astype(np.int64)
    full = counts > 0
    noise = np.zeros(len(counts), dtype=np.int64)
    noise[full] = ptable.look_up(ptable.rows_for(counts[full]), keys[full])
    if empty_cells_key is not None:
        noise[~full] = _noise_of_empty(table, ptable, np.flatnonzero(~full), empty_cells_key)
    return counts + noise


def _noise_of_empty(table: Table, ptable: PTable, cells: Integers, secret: bytes) -> Integers:
    if ptable.counts[0] != 0:
        raise MalformedPTable("The perturbation table has no row for 0. Add one, or leave `empty_cells_key` out.")
    names = table.keys()
    drawn = [int.from_bytes(hmac.digest(secret, repr(names[at]).encode(), "sha256")[:16]) for at in cells]
    keys = np.array([each % ptable.big_n for each in drawn], dtype=np.int64)
    return ptable.look_up(np.zeros(len(cells), dtype=np.int64), keys)


def _magnitudes(table: Table, ptable: PTable, keys: Integers, coefficient: float, decimals: int) -> Vector:
    if ptable.repeat != 1:
        raise MalformedPTable("Magnitudes need a table whose last row serves for all larger values (repeat=1).")
    if not 0 < coefficient <= 1:
        raise MalformedTable("coefficient: a share of the largest contribution, more than 0 and at most 1.")
    if "largest_1" not in table.cells:
        raise MalformedTable("Magnitudes need each cell's largest contribution. Make the table with its largest units.")
    values = table.cells["value"].to_numpy(dtype=np.float64)
    step = coefficient * table.cells["largest_1"].to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and np.isfinite(step).all()):
        raise MalformedTable("Values and largest contributions must be finite numbers in every cell.")
    noise = _interpolated(ptable, _places(table, ptable, values, step), keys)
    return np.asarray(np.round(values + step * noise, decimals) + 0.0)


def _places(table: Table, ptable: PTable, values: Vector, step: Vector) -> Vector:
    """Where in the perturbation table each cell is looked up: value / step, at most the last row."""
    top = float(ptable.counts[-1])
    places = np.full(len(values), top)
    signed = values < 0
    if "negatives" in table.cells:
        signed |= table.cells["negatives"].to_numpy() > 0
    plain = (step > 0) & ~signed
    places[plain] = np.minimum(values[plain] / step[plain], top)
    return places


def _interpolated(ptable: PTable, places: Vector, keys: Integers) -> Vector:
    lower = np.floor(places).astype(np.int64)
    share = places - lower
    upper = np.minimum(lower + 1, int(ptable.counts[-1]))
    return (1 - share) * _row_noise(ptable, lower, keys) + share * _row_noise(ptable, upper, keys)


def _row_noise(ptable: PTable, counts: Integers, keys: Integers) -> Vector:
    noise = np.zeros(len(counts))
    known = counts >= max(int(ptable.counts[0]), 1)
    noise[known] = ptable.look_up(ptable.rows_for(counts[known]), keys[known])
    return noise


def _permuted(keys: Integers, name: str, big_n: int) -> Integers:
    """A fixed permutation of the cell keys 0 … big_n − 1, by the name of what is summed."""
    digest = hashlib.sha256(name.encode()).digest()
    factor = big_n // 4 + int.from_bytes(digest[:8]) % max(big_n // 2, 1)
    while gcd(factor, big_n) != 1:
        factor += 1
    shift = int.from_bytes(digest[8:16]) % big_n
    product = keys.astype(np.uint64) * np.uint64(factor) % np.uint64(big_n)
    return np.asarray((product + np.uint64(shift)) % np.uint64(big_n), dtype=np.int64)
