"""What is known of a unit in a group: how many rows it has there, and the sums over them. No row is needed after it.

Pairs of several slices of the same part are merged into one of each, so that a unit of any number of rows is worked
through in slices. Sums are exact: those that could leave 64 bits are kept in two columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from disclosure_control.privacy.design import Design
from disclosure_control.privacy.expressions import Expression
from disclosure_control.privacy.measures import Factor, Grid, Series
from disclosure_control.privacy.rows import Number
from disclosure_control.privacy.words import Layout, Rows, Words

Integers: TypeAlias = NDArray[np.int64]

HALF = 31
SUMMED_WHOLE = 1 << 23  # what sums to less than 2⁶² over 2³⁹ rows
Asked: TypeAlias = tuple[tuple[Factor, ...], tuple[Expression, ...]]
"""A sum over rows: the product of factors (none: the number of rows) where all of the expressions are present."""


@dataclass(frozen=True)
class Bins:
    """How many rows a pair has in each bin of a grid, for those that are there: places of pairs, bins, counts."""

    pairs: Integers
    bins: Integers
    counts: Integers


@dataclass(frozen=True)
class Pairs:
    """One entry for each unit and group, in the order of their words.

    `sums`: of each thing that is asked, in halves of `HALF` bits where one column might not hold it.
    """

    words: Words
    rows: Integers
    keys: tuple[Integers, ...]
    sums: dict[Asked, tuple[Integers, ...]]
    bins: dict[Series, Bins] = field(default_factory=dict)


@dataclass(frozen=True)
class Pairing:
    """Makes pairs of rows that are ordered by their words."""

    design: Design
    numbers: dict[Expression, Number]
    layout: Layout

    @cached_property
    def asked(self) -> tuple[tuple[Asked, int], ...]:
        """What is summed over rows, each with the most that one row adds."""
        found: dict[Asked, int] = {}
        for series in self.design.series:
            if series.kind == "moment":
                found[series.factors, series.given] = series.largest
            if series.given and series.kind != "bins":
                found[(), series.given] = 1
        return tuple(found.items())

    @property
    def histograms(self) -> tuple[tuple[Series, Grid], ...]:
        return tuple((each, each.grid) for each in self.design.series if each.kind == "bins" and each.grid is not None)

    def of(self, rows: Rows) -> Pairs:
        layout, reader = self.layout, _Reader(self, rows)
        pairs = layout.pairs(rows.words)
        starts = _starts(pairs)
        ends = np.append(starts[1:], len(pairs)) - 1
        keys = tuple(rows.columns[name][starts] for name in layout.columns if name.startswith("_k"))
        sums = {
            asked: tuple(_summed(part, ends) for part in _halves(reader.product(*asked), most))
            for asked, most in self.asked
        }
        counts = np.diff(ends, prepend=-1)
        bins = {}
        if self.histograms:
            place = np.repeat(np.arange(len(starts)), counts)
            bins = {series: _binned(place, reader.bins(series, grid), grid) for series, grid in self.histograms}
        return Pairs(pairs[starts], counts, keys, sums, bins)

    def merged(self, several: Sequence[Pairs]) -> Pairs:
        """One entry for each unit and group of several."""
        if len(several) == 1:
            return several[0]
        words = np.concatenate([each.words for each in several])
        order = np.argsort(words, kind="stable")
        words = words[order]
        starts = _starts(words)
        place = np.empty(len(words), np.int64)
        place[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(words)))

        def added(columns: Sequence[Integers]) -> Integers:
            return np.add.reduceat(np.concatenate(columns)[order], starts) if len(starts) else columns[0]

        first = several[0]
        keys = tuple(np.concatenate([each.keys[n] for each in several])[order][starts] for n in range(len(first.keys)))
        sums = {
            asked: tuple(added([each.sums[asked][part] for each in several]) for part in range(len(first.sums[asked])))
            for asked in first.sums
        }
        offsets = np.cumsum([0, *(len(each.words) for each in several)])
        bins = {
            series: _together([each.bins[series] for each in several], offsets, place, grid)
            for series, grid in self.histograms
        }
        return Pairs(words[starts], added([each.rows for each in several]), keys, sums, bins)


@dataclass(frozen=True)
class _Reader:
    """The numbers of some rows."""

    pairing: Pairing
    rows: Rows
    _known: dict[Expression, Integers] = field(default_factory=dict)

    def number(self, of: Expression) -> Integers:
        if of not in self._known:
            self._known[of] = self.pairing.layout.number(self.rows, self.pairing.numbers[of])
        return self._known[of]

    def present(self, given: Sequence[Expression]) -> NDArray[np.bool_]:
        found = np.ones(len(self.rows), dtype=bool)
        for of in given:
            found &= self.number(of) >= self.pairing.numbers[of].lower
        return found

    def product(self, factors: Sequence[Factor], given: Sequence[Expression]) -> Integers:
        """The product of the factors in each row; 0 where something is missing, 1 for no factors."""
        found = self.present(given).astype(np.int64) if given or not factors else None
        for factor in factors:
            value = self.number(factor.of) - factor.centre
            if factor.coarse:
                value = towards_zero(value, 1 << factor.coarse)
            found = value if found is None else found * value
        return np.zeros(0, np.int64) if found is None else found

    def bins(self, series: Series, grid: Grid) -> Integers:
        """The bin of each row; below 0 for what is missing."""
        number = self.number(series.given[0])
        above = number - grid.lower
        found = 2 * (above // grid.step) + (above % grid.step != 0)
        return np.where(self.present(series.given), found, -1)


def towards_zero(numbers: Integers, by: int | Integers) -> Integers:
    """The quotients without their fractions."""
    return np.where(numbers < 0, -(-numbers // by), numbers // by)


def _starts(ordered: Words) -> Integers:
    """Where another one begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def _halves(numbers: Integers, most: int) -> tuple[Integers, ...]:
    return (numbers,) if most <= SUMMED_WHOLE else (numbers >> HALF, numbers & (1 << HALF) - 1)


def _summed(numbers: Integers, ends: Integers) -> Integers:
    """The sum of each run that ends there."""
    return np.diff(np.cumsum(numbers)[ends], prepend=0)


def _binned(place: Integers, bins: Integers, grid: Grid) -> Bins:
    present = bins >= 0
    codes, counts = np.unique(place[present] * grid.bins + bins[present], return_counts=True)
    return Bins(codes // grid.bins, codes % grid.bins, counts)


def _together(several: Sequence[Bins], offsets: Integers, place: Integers, grid: Grid) -> Bins:
    pairs = np.concatenate([place[each.pairs + offset] for each, offset in zip(several, offsets, strict=False)])
    codes = pairs * grid.bins + np.concatenate([each.bins for each in several])
    codes, inverse = np.unique(codes, return_inverse=True)
    counts = np.zeros(len(codes), np.int64)
    np.add.at(counts, inverse, np.concatenate([each.counts for each in several]))
    return Bins(codes // grid.bins, codes % grid.bins, counts)
