"""Contributions of units, and their sums over all units: exact, whatever the data is, and held within 2⁶¹ at the end.

By the proven headroom no data within the ceiling of units reaches 2⁶¹. Beyond it, to hold the whole sum there changes
it by no more than a unit adds.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from disclosure_control.privacy.catalogue import WORD
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.keys import codes_of
from disclosure_control.privacy.measures import BIN_WEIGHT, Series
from disclosure_control.privacy.pairs import HALF, Integers, Pairs, towards_zero
from disclosure_control.privacy.rows import Source, label_at
from disclosure_control.privacy.words import Layout

Codes: TypeAlias = tuple[str, ...]

CEILING = WORD // 2
HALF_A_WORD = 32


@dataclass(frozen=True)
class Bounding:
    """K groups and M rows of each unit, from pairs."""

    design: Design
    layout: Layout

    def kept(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Whether a pair is among the first K of its unit; all pairs of the unit must be there."""
        units, most = self.layout.units_of(pairs.words), self.design.groups
        found = np.ones(len(units), dtype=bool)
        found[most:] = units[most:] != units[:-most]
        return found

    def added(self, pairs: Pairs, kept: NDArray[np.bool_], series: Series) -> Integers:
        """What each kept pair adds to a series that is no histogram."""
        if series.kind == "units":
            return np.ones(int(kept.sum()), np.int64)
        rows = pairs.sums[(), series.given][0][kept] if series.given else pairs.rows[kept]
        if series.kind == "rows":
            return np.minimum(rows, self.design.rows)
        sums = tuple(each[kept] for each in pairs.sums[series.factors, series.given])
        return self._scaled_down(sums, rows, series)

    def _scaled_down(self, sums: tuple[Integers, ...], rows: Integers, series: Series) -> Integers:
        """Sums of rows, as if there were M rows of their mean if there are more; times 2^shift, towards zero."""
        up, down, most = 1 << max(series.shift, 0), 1 << max(-series.shift, 0), self.design.rows
        total = sums[0] if len(sums) == 1 else (sums[0] << HALF) + sums[1]  # wrong for many rows: see below
        few = total * up if down == 1 else towards_zero(total, down)
        many = np.flatnonzero(rows > most)
        if len(many):
            few[many] = _means([each[many] for each in sums], rows[many], up * most, down, series.largest)
        return few

    def weights(self, pairs: Pairs, kept: NDArray[np.bool_], series: Series) -> tuple[Integers, Integers, Integers]:
        """What kept pairs add to bins: places of pairs among the kept, bins, weights."""
        found = pairs.bins[series]
        present = np.zeros(len(kept), np.int64)
        np.add.at(present, found.pairs, found.counts)
        which = kept[found.pairs]
        place, rows = found.pairs[which], present[found.pairs[which]]
        weight = found.counts[which] * BIN_WEIGHT * np.minimum(rows, self.design.rows) // rows
        return (np.cumsum(kept) - 1)[place], found.bins[which], weight


def _means(sums: Sequence[Integers], rows: Integers, up: int, down: int, largest: int) -> Integers:
    """sums·up ÷ (rows·down), towards zero; in long integers where 64 bits might not do."""
    most = int(rows.max())
    if most * largest * up < WORD and most * down < WORD:
        total = sums[0] if len(sums) == 1 else (sums[0] << HALF) + sums[1]
        return towards_zero(total * up, rows * down)
    found = np.empty(len(rows), np.int64)
    for place, (count, *parts) in enumerate(zip(rows.tolist(), *(each.tolist() for each in sums), strict=True)):
        total = parts[0] if len(parts) == 1 else (parts[0] << HALF) + parts[1]
        size = abs(total) * up // (count * down)
        found[place] = -size if total < 0 else size
    return found


class Exact:
    """Sums of any number of 64-bit numbers, in halves."""

    def __init__(self, size: int) -> None:
        self.high, self.low = np.zeros(size, np.int64), np.zeros(size, np.int64)

    def add(self, places: Integers, numbers: Integers) -> None:
        np.add.at(self.low, places, numbers & (1 << HALF_A_WORD) - 1)
        np.add.at(self.high, places, numbers >> HALF_A_WORD)
        self.high += self.low >> HALF_A_WORD
        self.low &= (1 << HALF_A_WORD) - 1

    def whole(self) -> list[int]:
        return [(high << HALF_A_WORD) + low for high, low in zip(self.high.tolist(), self.low.tolist(), strict=True)]

    def held(self) -> Integers:
        """The sums, held within the ceiling."""
        high = np.clip(self.high, -(CEILING >> HALF_A_WORD) - 1, CEILING >> HALF_A_WORD)
        return np.asarray(np.clip((high << HALF_A_WORD) + self.low, -CEILING, CEILING), dtype=np.int64)


@dataclass
class Totals:
    """Sums over units, of all threads."""

    source: Source
    _lock: Any = field(default_factory=threading.Lock)
    _dense: dict[Series, Exact] = field(default_factory=dict)
    _sparse: dict[Series, dict[tuple[int, ...], int]] = field(default_factory=dict)

    @property
    def design(self) -> Design:
        return self.source.design

    def add(self, pairs: Pairs, layout: Layout) -> None:
        """The contributions of units all of whose pairs are here."""
        bounding = Bounding(self.design, layout)
        kept = bounding.kept(pairs)
        keys = tuple(each[kept] for each in pairs.keys) or (layout.groups_of(pairs.words[kept]),)
        for series in self.design.series:
            if series.kind != "bins":
                self._add(series, keys, bounding.added(pairs, kept, series), 1)
            elif series.grid is not None:
                place, bins, weights = bounding.weights(pairs, kept, series)
                self._add(series, (*(each[place] for each in keys), bins), weights, series.grid.bins)

    def _add(self, series: Series, keys: tuple[Integers, ...], numbers: Integers, bins: int) -> None:
        if self.design.unknown:
            found, place = _distinct(keys)
            exact = Exact(len(found))
            exact.add(place, numbers)
            with self._lock:
                known = self._sparse.setdefault(series, {})
                for key, number in zip(found, exact.whole(), strict=True):
                    known[key] = known.get(key, 0) + number
            return
        places = keys[0] if bins == 1 else keys[0] * bins + keys[1]
        with self._lock:
            if series not in self._dense:
                self._dense[series] = Exact(self.source.cells * bins)
            self._dense[series].add(places, numbers)

    def codes(self) -> dict[Codes, tuple[int, ...]]:
        """The groups in their order, each with the places of its keys: all, or with unknown keys those with a unit."""
        if not self.design.unknown:
            return {code: (number,) for number, code in enumerate(codes_of(self.design.domains))}
        units = next((each for each in self._sparse if each.kind == "units"), None)
        found = self._sparse[units] if units is not None else {}
        return dict(sorted((self._labels(key), key) for key in found))

    def _labels(self, key: tuple[int, ...]) -> Codes:
        places = list(key)
        if not self.source.wide:
            (code,), places = key, []
            for place in reversed(self.source.places):
                code, rest = divmod(code, place.size)
                places.insert(0, rest)
        return tuple(label_at(domain, place) for domain, place in zip(self.design.domains, places, strict=True))

    def sums(self, series: Series, keys: Iterable[tuple[int, ...]]) -> Integers:
        """One for each group, or one for each group and bin."""
        bins = series.grid.bins if series.grid is not None else 1
        if not self.design.unknown:
            held = self._dense.get(series, Exact(self.source.cells * bins)).held()
        else:
            known = self._sparse.get(series, {})
            places = [(*key, each) for key in keys for each in range(bins)] if series.grid is not None else keys
            held = np.array([max(-CEILING, min(CEILING, known.get(each, 0))) for each in places], dtype=np.int64)
        return held if series.grid is None else held.reshape(-1, bins)


def _distinct(keys: tuple[Integers, ...]) -> tuple[list[tuple[int, ...]], Integers]:
    """The different keys, and which of them each entry has."""
    if len(keys) == 1:
        found, place = np.unique(keys[0], return_inverse=True)
        return [(each,) for each in found.tolist()], place
    table, place = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
    return [tuple(row) for row in table.tolist()], place.reshape(-1)
