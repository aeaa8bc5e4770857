"""Rows packed into words of 64 bits, which sort by unit, then by chance, then by group.

A word is, from its high bits: the unit, a salted hash of the unit and the group (the chance), the group, and, where
there is room, all numbers of the row. So to sort the words brings the rows of a unit in a group together, and a unit's
first K groups are those that it keeps. Which they are depends on the unit, its groups and the salt only: two groups of
the same chance come in the order of their codes or, with half of the salts, in the reverse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disclosure_control.errors import PrivateReleaseFailed
from disclosure_control.privacy.rows import NUMBERING, Chunk, Number, Part, Source

Words = NDArray[np.uint64]

WORD_BITS = 64
CHANCE_BITS = 14
NUMBERED_UNITS = 25  # bits: units in a part, where they are numbered; ten times as many as a part has rows
NUMBERED_UNITS_AND_GROUPS = (23, 27)  # where groups are numbered too; their sum and the chance are a word


@dataclass(frozen=True)
class Rows:
    """Words, and beside them the columns that are not in them."""

    words: Words
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.words)

    def taken(self, which: Any) -> "Rows":
        """Those of a slice, of places, or of a mask."""
        return Rows(self.words[which], {name: column[which] for name, column in self.columns.items()})

    def ordered(self) -> "Rows":
        """Sorted by their words; in place where there is nothing else."""
        if self.columns:
            return self.taken(np.argsort(self.words))
        self.words.sort()
        return self


def joined(rows: Sequence[Rows]) -> Rows:
    names = rows[0].columns
    columns = {name: np.concatenate([each.columns[name] for each in rows]) for name in names}
    return Rows(np.concatenate([each.words for each in rows]), columns)


@dataclass(frozen=True)
class Layout:
    """Which bits of a word say what.

    Attributes:
        base: the unit of which the word's first bits are 0.
        columns: names of what goes beside the words.
        packed: the numbers in a word, each with the place of its lowest bit.
    """

    units: int
    chance: int
    groups: int
    salt: int
    base: int = 0
    numbered: bool = False
    columns: tuple[str, ...] = ()
    packed: tuple[tuple[Number, int], ...] = ()

    @property
    def low(self) -> int:
        """Bits below the group."""
        return sum(number.bits for number, _ in self.packed)

    @property
    def below_unit(self) -> int:
        return self.chance + self.groups + self.low

    @property
    def flip(self) -> int:
        """Turns the order of the groups round, for half of the salts."""
        return (1 << self.groups) - 1 if self.salt & 1 else 0

    @property
    def row_bytes(self) -> int:
        """What a row takes in memory, at most."""
        return 8 + 8 * len(self.columns) + (NUMBERING if self.numbered else 0)

    def no_rows(self) -> Rows:
        return Rows(np.zeros(0, np.uint64), {name: np.zeros(0, np.int64) for name in self.columns})

    def rows_of(self, chunk: Chunk) -> tuple[Rows, Words]:
        """The rows of a chunk as words, and a hash of each row's unit.

        Raises:
            PrivateReleaseFailed: more units or groups in one part than a word has room for.
        """
        units, groups = _unsigned(chunk["_u"]), _unsigned(chunk["_g"])
        if self.numbered:
            self._require_room(units, groups)
        hashes = mixed(_unsigned(chunk["_h" if self.numbered else "_u"]) ^ word(self.salt))
        words = units - word(self.base)
        if self.chance:
            chance = hashes + _unsigned(chunk.get("_gh", groups)) * word(GOLDEN)
            words = words << word(self.chance) | mixed(chance) >> word(WORD_BITS - self.chance)
        words = words << word(self.groups) | groups ^ word(self.flip)
        for number, _ in self.packed:
            words = words << word(number.bits) | _above(chunk[number.alias], number)
        return Rows(words, {name: chunk[name] for name in self.columns}), hashes

    def shared_out(self, chunk: Chunk, shares: int) -> list[Rows]:
        """The rows of a chunk in so many shares, all rows of a unit in the same one in every chunk."""
        rows, hashes = self.rows_of(chunk)
        if shares == 1:
            return [rows]
        owner = (hashes >> word(WORD_BITS // 2)) % word(shares)
        return [rows.taken(owner == word(share)) for share in range(shares)]

    def _require_room(self, units: Words, groups: Words) -> None:
        if int(units.max(initial=0)) >> self.units or int(groups.max(initial=0)) >> self.groups:
            raise PrivateReleaseFailed(
                "One part of the data has more units or groups than can be told apart, so nothing was computed. "
                "Tell the operator."
            )

    def pairs(self, words: Words) -> Words:
        """The unit, the chance and the group alone."""
        return words >> word(self.low)

    def groups_of(self, pairs: Words) -> NDArray[np.int64]:
        return ((pairs ^ word(self.flip)) & word((1 << self.groups) - 1)).astype(np.int64)

    def units_of(self, pairs: Words) -> Words:
        return pairs >> word(self.chance + self.groups)

    def number(self, rows: Rows, number: Number) -> NDArray[np.int64]:
        """A column of the rows; what is missing is `lower` - 1."""
        for each, lowest in self.packed:
            if each == number:
                field = (rows.words >> word(lowest)) & word((1 << number.bits) - 1)
                return field.view(np.int64) + (number.lower - 1)
        return np.clip(rows.columns[number.alias].astype(np.int64), number.lower - 1, number.upper)


def layout_of(source: Source, part: Part, salt: int) -> Layout:
    """How the rows of a part are packed. What a unit keeps does not depend on it."""
    numbers = tuple(source.numbers.values())
    chance = 0 if not source.design.unknown and source.design.groups >= source.cells else CHANCE_BITS
    groups = (source.cells - 1).bit_length()
    low, high = part.span or (0, (1 << WORD_BITS) - 1)
    units = (high - low).bit_length()
    numbered = part.span is None or source.wide or units + chance + groups > WORD_BITS
    if numbered:
        units, low = NUMBERED_UNITS, 0
    if source.wide:
        units, groups = NUMBERED_UNITS_AND_GROUPS
    room = WORD_BITS - units - chance - groups
    fits = not source.wide and sum(number.bits for number in numbers) <= room
    keys = tuple(f"_k{place}" for place in range(len(source.places))) if source.wide else ()
    columns = keys if fits else (*keys, *(number.alias for number in numbers))
    packed = _packed(numbers) if fits else ()
    return Layout(units, chance, groups, salt, low, numbered, columns, packed)


def _packed(numbers: Sequence[Number]) -> tuple[tuple[Number, int], ...]:
    """The first number in the highest bits."""
    found, lowest = [], sum(number.bits for number in numbers)
    for number in numbers:
        lowest -= number.bits
        found.append((number, lowest))
    return tuple(found)


GOLDEN = 0x9E3779B97F4A7C15


def mixed(numbers: Words) -> Words:
    """The finalizer of SplitMix64, a bijection (Steele, Lea, Flood, "Fast splittable generators", OOPSLA 2014)."""
    numbers = (numbers ^ numbers >> word(30)) * word(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ numbers >> word(27)) * word(0x94D049BB133111EB)
    return np.asarray(numbers ^ numbers >> word(31), dtype=np.uint64)


def word(number: int) -> np.uint64:
    """Of 64 bits, those of a negative number in two's complement."""
    return np.uint64(number & (1 << WORD_BITS) - 1)


def _unsigned(column: NDArray[Any]) -> Words:
    return column if column.dtype == np.uint64 else column.astype(np.int64, copy=False).view(np.uint64)


def _above(column: NDArray[Any], number: Number) -> Words:
    """How far above what stands for missing; held within the bounds, so that it never reaches into other bits."""
    near = np.clip(column.astype(np.int64, copy=False), number.lower - 1, number.upper)
    return near.view(np.uint64) - word(number.lower - 1)
