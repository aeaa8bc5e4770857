"""Perturbation tables: which noise a cell gets, by its count and its cell key.

The form is the field's: one row of noise for each count, looked up by a whole-numbered cell key (B. Fraser and
J. Wooton, “A proposed method for confidentialising tabular output to protect against differencing”, UNECE/Eurostat work
session on statistical data confidentiality, Geneva 2005; G. Thompson, S. Broadfoot and D. Elazar, “Methodology for the
automatic confidentialisation of statistical outputs from remote servers at the Australian Bureau of Statistics”,
UNECE/Eurostat work session, Ottawa 2013).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control.cellkey.entropy import apportion
from disclosure_control.errors import MalformedPTable, UnknownCellKey

Integers = NDArray[np.int64]

KEYS = 4096
_TOLERANCE = 1e-4
_LARGEST = 2**32


@dataclass(frozen=True, eq=False)
class PTable:
    """Noise by count and cell key.

    Attributes:
        big_n: the number of cell keys; a cell's key is the sum of its record keys modulo `big_n`.
        counts: the counts that have a row: whole numbers without a gap, from 0 or 1. Without a row for 0, 0 stays 0.
        first: where each row begins in `starts` and `noise`, and at the end their length.
        starts: the first cell key of each run of keys that share their noise; each row begins at 0.
        noise: what is added to the count in that run.
        repeat: so many of the last rows serve, in turn, for all larger counts (1: the last row; 0: a larger count
            raises).
        biased: whether the noise may be other than 0 on average. The row for 0 may be in any case, since noise on an
            empty cell cannot be negative.

    Raises:
        MalformedPTable: gaps, bias, noise that makes a count negative, rows that do not cover every key.
    """

    big_n: int
    counts: Integers
    first: Integers
    starts: Integers
    noise: Integers
    repeat: int = 1
    biased: bool = False
    _at: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_keys(self.big_n)
        _require_rows(self.counts, self.repeat)
        _require_runs(self)
        row = np.repeat(np.arange(len(self.counts), dtype=np.int64), np.diff(self.first))
        object.__setattr__(self, "_at", row * self.big_n + self.starts)
        _require_no_negative(self)
        if not self.biased:
            _require_no_bias(self)
        for array in (self.counts, self.first, self.starts, self.noise, self._at):
            array.setflags(write=False)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, repeat: int = 0, *, biased: bool = False) -> "PTable":
        """A table in the form of the ABS and the ONS: columns `pcv` (count), `ckey` (cell key), `pvalue` (noise).

        `repeat`: as above; the ONS tables of 750 rows use the last 250 again (`repeat=250`).
        """
        pcv, ckey, pvalue = (_whole(frame, name) for name in ("pcv", "ckey", "pvalue"))
        if not len(pcv):
            raise MalformedPTable("The perturbation table has no rows.")
        if pcv.min() < 0 or ckey.min() < 0:
            raise MalformedPTable("pcv and ckey: counts and cell keys are 0 or more.")
        big_n = int(ckey.max()) + 1
        counts = np.unique(pcv)
        order = np.lexsort((ckey, pcv))
        _require_complete(pcv[order], ckey[order], counts, big_n)
        return cls._from_dense(pvalue[order].reshape(len(counts), big_n), counts, repeat, biased)

    @classmethod
    def from_intervals(cls, frame: pd.DataFrame, big_n: int = _LARGEST, *, biased: bool = False) -> "PTable":
        """A table in the form of the R packages `ptable` and `cellKey` and of τ-Argus.

        Columns: `i` (count), `v` (noise), `p_int_ub` (upper bound of the interval of cell keys in (0, 1] that get this
        noise). The last row serves for all larger counts. Record keys of that family are fractions in [0, 1); here they
        are whole numbers: floor(key × big_n).
        """
        counts = _whole(frame, "i")
        noise = _whole(frame, "v")
        upper = _numbers(frame, "p_int_ub")
        rows = []
        for count in np.unique(counts):
            mine = np.flatnonzero(counts == count)
            mine = mine[np.argsort(upper[mine], kind="stable")]
            if abs(upper[mine[-1]] - 1) > _TOLERANCE:
                raise MalformedPTable(f"i = {count}: the probabilities sum to {upper[mine[-1]]:g}. They must sum to 1.")
            ends = np.rint(upper[mine] * big_n).astype(np.int64)
            starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]])
            used = ends > starts
            rows.append((int(count), starts[used], noise[mine][used]))
        return cls._from_rows(rows, big_n, biased=biased)

    @classmethod
    def from_probabilities(
        cls, probabilities: Mapping[int, Mapping[int, float]], big_n: int = KEYS, *, biased: bool = False
    ) -> "PTable":
        """A table of these probabilities: count → noise → probability. The last row serves for all larger counts.

        Each noise value gets so many of the `big_n` keys that its share is its probability to within about one key,
        and the mean of an unbiased row stays 0.
        """
        _require_keys(big_n)
        rows = []
        for count in sorted(probabilities):
            noise = np.array(sorted(probabilities[count]), dtype=np.int64)
            shares = np.array([probabilities[count][int(each)] for each in noise], dtype=np.float64)
            _require_probabilities(count, shares)
            if not biased and count and abs(float(shares @ noise)) > _TOLERANCE:
                raise MalformedPTable(_bias_sentence(count, float(shares @ noise)))
            keys = apportion(shares / shares.sum(), noise, big_n, biased=biased or count == 0)
            starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(keys)[:-1]])
            rows.append((count, starts[keys > 0], noise[keys > 0]))
        return cls._from_rows(rows, big_n, biased=biased)

    @classmethod
    def _from_rows(cls, rows: list[tuple[int, Integers, Integers]], big_n: int, *, biased: bool = False) -> "PTable":
        if not rows:
            raise MalformedPTable("The perturbation table has no rows.")
        return cls(
            big_n=big_n,
            counts=np.array([count for count, _, _ in rows], dtype=np.int64),
            first=np.cumsum([0, *(len(starts) for _, starts, _ in rows)], dtype=np.int64),
            starts=np.concatenate([starts for _, starts, _ in rows]),
            noise=np.concatenate([noise for _, _, noise in rows]),
            biased=biased,
        )

    @classmethod
    def _from_dense(cls, noise: Integers, counts: Integers, repeat: int, biased: bool) -> "PTable":
        begins = np.ones(noise.shape, dtype=bool)
        begins[:, 1:] = noise[:, 1:] != noise[:, :-1]
        lengths = begins.sum(axis=1)
        return cls(
            big_n=noise.shape[1],
            counts=counts,
            first=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)]),
            starts=np.nonzero(begins)[1].astype(np.int64),
            noise=noise[begins],
            repeat=repeat,
            biased=biased,
        )

    @property
    def max_deviation(self) -> int:
        """The largest noise, up or down. Do not publish it: it tells an attacker how far a count can be off."""
        return int(np.abs(self.noise).max())

    @property
    def probabilities(self) -> pd.DataFrame:
        """One row per count and noise value: `count`, `noise`, `keys` (how many lead to it), `probability`."""
        frame = pd.DataFrame({"count": np.repeat(self.counts, np.diff(self.first)), "noise": self.noise})
        frame["keys"] = self._lengths()
        summed = frame.groupby(["count", "noise"])["keys"].sum().reset_index()
        summed["probability"] = summed["keys"] / self.big_n
        return summed

    def to_frame(self) -> pd.DataFrame:
        """The table in the form of the ABS and the ONS: `pcv`, `ckey`, `pvalue`, one row per count and cell key."""
        return pd.DataFrame(
            {
                "pcv": np.repeat(self.counts, self.big_n),
                "ckey": np.tile(np.arange(self.big_n, dtype=np.int64), len(self.counts)),
                "pvalue": np.repeat(self.noise, self._lengths()),
            }
        )

    def rows_for(self, counts: Integers) -> Integers:
        """The number of the row that serves for each count.

        Raises:
            UnknownCellKey: a count has no row and `repeat` is 0, or it is negative, or 0 without a row for 0.
        """
        top = int(self.counts[-1])
        reached = counts
        if self.repeat:
            base = top - self.repeat + 1
            reached = np.where(counts > top, base + (counts - base) % self.repeat, counts)
        if len(reached) and (reached.min() < self.counts[0] or reached.max() > top):
            raise UnknownCellKey(
                f"A cell has a count that the perturbation table has no row for: rows for {self.counts[0]} to {top}. "
                "Use a table with more rows, or say with `repeat` how many of the last rows serve for larger counts."
            )
        return np.asarray(reached - self.counts[0], dtype=np.int64)

    def look_up(self, rows: Integers, keys: Integers) -> Integers:
        """The noise at these rows (see `rows_for`) and cell keys.

        Raises:
            UnknownCellKey: a cell key outside 0 … big_n − 1.
        """
        if len(keys) and (keys.min() < 0 or keys.max() >= self.big_n):
            raise UnknownCellKey(f"A cell key is outside 0 to {self.big_n - 1}. Take sums of record keys modulo big_n.")
        places = np.searchsorted(self._at, rows * self.big_n + keys, side="right") - 1
        return self.noise[places]

    def _lengths(self) -> Integers:
        return np.diff(self._at, append=len(self.counts) * self.big_n)


def is_whole(number: object) -> bool:
    """Whether it is a whole number (True and False are none)."""
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _require_keys(big_n: int) -> None:
    if not is_whole(big_n) or not 2 <= big_n <= _LARGEST:
        raise MalformedPTable(f"big_n: the number of cell keys is a whole number from 2 to {_LARGEST}.")


def _require_rows(counts: Integers, repeat: int) -> None:
    if not len(counts) or counts[0] not in (0, 1) or (np.diff(counts) != 1).any():
        raise MalformedPTable("Its counts must run without a gap from 0 or 1. Add the missing rows.")
    if not 0 <= repeat <= len(counts):
        raise MalformedPTable(f"repeat: there are {len(counts)} rows; 0 to {len(counts)} of the last can serve again.")


def _require_runs(table: PTable) -> None:
    lengths = np.diff(table.first)
    whole = (
        len(table.first) == len(table.counts) + 1
        and table.first[0] == 0
        and len(table.starts) == len(table.noise) == table.first[-1]
        and (lengths > 0).all()
    )
    if not whole or (table.starts[table.first[:-1]] != 0).any():
        raise MalformedPTable("Its rows do not cover every cell key from 0. Give each row all keys.")
    same_row = np.ones(len(table.starts), dtype=bool)
    same_row[table.first[:-1]] = False
    if (np.diff(table.starts, prepend=0)[same_row] <= 0).any() or table.starts.max() >= table.big_n:
        raise MalformedPTable(f"The cell keys of a row must ascend and be less than {table.big_n}.")


def _require_no_negative(table: PTable) -> None:
    lowest = np.minimum.reduceat(table.noise, table.first[:-1])
    negative = np.flatnonzero(table.counts + lowest < 0)
    if len(negative):
        raise MalformedPTable(
            f"The row for count {table.counts[negative[0]]} makes it negative. Bound its noise at minus the count."
        )


def _require_no_bias(table: PTable) -> None:
    """Every row but that of 0 has mean 0, to the resolution of one key."""
    sums = np.add.reduceat(table.noise * table._lengths(), table.first[:-1])  # noqa: SLF001 - its own check
    highest = np.maximum.reduceat(table.noise, table.first[:-1])
    lowest = np.minimum.reduceat(table.noise, table.first[:-1])
    allowed = np.maximum(highest - lowest, _TOLERANCE * table.big_n)
    found = np.flatnonzero((np.abs(sums) > allowed) & (table.counts > 0))
    if len(found):
        raise MalformedPTable(_bias_sentence(int(table.counts[found[0]]), float(sums[found[0]]) / table.big_n))


def _bias_sentence(count: int, mean: float) -> str:
    return (
        f"The row for count {count} changes it by {mean:.4g} on average: sums over many cells would drift. Correct it, "
        "or pass biased=True if that is wanted."
    )


def _require_probabilities(count: int, shares: NDArray[np.float64]) -> None:
    if not len(shares) or not np.isfinite(shares).all() or (shares < 0).any() or (shares > 1).any():
        raise MalformedPTable(f"The row for count {count}: probabilities are numbers from 0 to 1.")
    if abs(float(shares.sum()) - 1) > 1e-6:
        raise MalformedPTable(
            f"The row for count {count}: the probabilities sum to {shares.sum():g}. They must sum to 1."
        )


def _require_complete(pcv: Integers, ckey: Integers, counts: Integers, big_n: int) -> None:
    """Every count has every key once; both arrays are sorted by count and key."""
    whole = len(pcv) == len(counts) * big_n
    if not (whole and np.array_equal(ckey, np.tile(np.arange(big_n), len(counts)))):
        raise MalformedPTable(
            f"Every count (pcv) must have every cell key (ckey) from 0 to {big_n - 1} exactly once. Add the missing "
            "combinations, take out the double ones."
        )


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        raise MalformedPTable(
            f"The perturbation table has no column {name}. It has: {', '.join(map(str, frame.columns))}."
        )
    numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise MalformedPTable(f"{name}: every value must be a number.")
    return numbers


def _whole(frame: pd.DataFrame, name: str) -> Integers:
    numbers = _numbers(frame, name)
    if (numbers != np.rint(numbers)).any():
        raise MalformedPTable(f"{name}: every value must be a whole number.")
    return numbers.astype(np.int64)
