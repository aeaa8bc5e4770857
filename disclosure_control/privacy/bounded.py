"""Bounded contributions: what every unit may add to every group, and their sums. Trusted side only: no noise yet.

A unit with more than M rows in a group counts as M rows of their mean; this is what M rows drawn at random would add on
average, without the chance. A unit in more than K groups keeps K of them, chosen by a salted hash, the same in all
series. What a unit adds depends on its own rows only (and on the salt), so `sensitivity` holds. Sums are over whole
numbers and do not depend on the order of the rows, nor on how the work is divided.

DuckDB evaluates expressions, filter and keys, and hands over the rows of one range of units after the other (`rows`).
They are packed into words of 64 bits and sorted (`words`), made into one entry for each unit and group (`pairs`), and
added up (`adding`), while the next range is read.
"""

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import numpy as np

from disclosure_control.privacy.adding import Codes, Totals
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.pairs import Integers, Pairing, Pairs
from disclosure_control.privacy.rows import BYTES_IN_A_PART, Part, Source, source_of
from disclosure_control.privacy.words import Layout, Rows, joined, layout_of, word

__all__ = ["Bounded", "Codes", "Integers", "bounded", "require_table"]

ROWS_AT_ONCE = 1 << 20
MOST_THREADS = 8
WORD_BYTES = 8
WAITING = 4  # chunks for each thread
WORD_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Bounded:
    """The sums of each series, by its name: one for each group, in the order of `codes`; (group, bin) for histograms.

    With public keys `codes` are all groups. With unknown ones they are those that somebody is in: never show them.
    """

    codes: tuple[Codes, ...]
    sums: dict[str, Integers]


def bounded(connection: duckdb.DuckDBPyConnection, design: Design, salt: int | None = None) -> Bounded:
    """The bounded sums. `salt` decides which groups of a unit are kept; fresh where it is None.

    Raises:
        UnknownColumn: the table lacks a column of the catalogue.
    """
    grain = secrets.randbits(62) if salt is None else salt
    source = source_of(connection, design)
    totals = Totals(source)
    _add_up(source, totals, grain)
    codes = totals.codes()
    return Bounded(tuple(codes), {design.names[each]: totals.sums(each, codes.values()) for each in design.series})


def require_table(connection: duckdb.DuckDBPyConnection, design: Design) -> None:
    """Raise `UnknownColumn` or `MalformedPrivatePlan` unless the table is what its catalogue says; reads no row."""
    source_of(connection, design)


def _add_up(source: Source, totals: Totals, salt: int) -> None:
    """Read one part while the one before it is worked on; each unit is the business of one thread."""
    (row,) = source.connection.execute("SELECT current_setting('threads')").fetchall()
    threads = max(1, min(int(row[0]), MOST_THREADS))
    with ThreadPoolExecutor(threads) as pool:
        before: list[Future[None]] = []
        for part in source.parts(_row_bytes(source)):
            shares = _read(source, part, layout_of(source, part, salt), pool, threads)
            _wait(before)
            before = [pool.submit(share.add_up, totals) for share in shares]
        _wait(before)


def _row_bytes(source: Source) -> int:
    """What a row takes in memory, if the units are spread evenly over the parts."""
    rows, least, most = source.extent
    span = None if least is None or most is None else (0, (most - least) // (1 + rows * WORD_BYTES // BYTES_IN_A_PART))
    return layout_of(source, Part(span=span), 0).row_bytes


def _read(source: Source, part: Part, layout: Layout, pool: ThreadPoolExecutor, threads: int) -> "list[Share]":
    """The rows of a part, packed by the threads, shared out by their units."""
    packing = deque[Future[list[Rows]]]()
    most = 2 * BYTES_IN_A_PART // (layout.row_bytes * threads)
    shares = [Share(Pairing(source.design, source.numbers, layout), most) for _ in range(threads)]
    for chunk in source.chunks(part, numbered=layout.numbered):
        packing.append(pool.submit(layout.shared_out, chunk, threads))
        if len(packing) > WAITING * threads:
            _take(shares, packing.popleft())
    for packed in packing:
        _take(shares, packed)
    return shares


def _take(shares: "Sequence[Share]", packed: Future[list[Rows]]) -> None:
    for share, rows in zip(shares, packed.result(), strict=True):
        share.take(rows)


def _wait(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        future.result()


@dataclass
class Share:
    """A thread's rows of a part: all rows of its units. More than `most` rows at once are made into pairs early."""

    pairing: Pairing
    most: int
    _rows: list[Rows] = field(default_factory=list)
    _pairs: list[Pairs] = field(default_factory=list)

    def take(self, rows: Rows) -> None:
        self._rows.append(rows)
        if sum(map(len, self._rows)) > self.most:
            self._pairs = [self._all_pairs()]

    def add_up(self, totals: Totals) -> None:
        """Add what its units contribute."""
        if self._pairs:
            totals.add(self._all_pairs(), self.pairing.layout)
            return
        rows = self._ordered()
        for several in _by_units(rows, self.pairing.layout):
            totals.add(
                self.pairing.merged([self.pairing.of(rows.taken(each)) for each in several]), self.pairing.layout
            )

    def _all_pairs(self) -> Pairs:
        rows = self._ordered()
        return self.pairing.merged(
            [*self._pairs, *(self.pairing.of(rows.taken(each)) for each in _slices(0, len(rows)))]
        )

    def _ordered(self) -> Rows:
        if not self._rows:
            return self.pairing.layout.no_rows()
        rows, self._rows = joined(self._rows), []
        return rows.ordered()


def _slices(start: int, end: int) -> list[slice]:
    return [slice(each, min(each + ROWS_AT_ONCE, end)) for each in range(start, end, ROWS_AT_ONCE)]


def _by_units(rows: Rows, layout: Layout) -> Iterator[list[slice]]:
    """Slices that hold all rows of their units; several, in which it goes on, of a unit of more than that."""
    start, end, words = 0, len(rows), rows.words
    unit = (WORD_MASK >> layout.below_unit) << layout.below_unit
    while start < end:
        cut = min(start + ROWS_AT_ONCE, end)
        if cut < end:
            cut = int(np.searchsorted(words, words[cut] & word(unit)))
        if cut == start:
            cut = int(np.searchsorted(words, words[start] | word(~unit), side="right"))
        yield _slices(start, cut)
        start = cut
