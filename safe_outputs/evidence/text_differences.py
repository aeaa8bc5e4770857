"""How one text became another: the words or lines that were removed, added and kept. Pure, and bounded in work.

Method: E. W. Myers, “An O(ND) difference algorithm and its variations”, Algorithmica 1 (1986), greedy form. Texts are
hostile: beyond `MOST_EDITS` edits the middle is shown as replaced, which is true too.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

MOST_EDITS = 400
AROUND = 3

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class Change(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class Run:
    """Words or lines that stand one after the other and share a change. `left_out`: how many are not told here."""

    change: Change
    pieces: tuple[str, ...]
    left_out: int = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def by_words(before: str, after: str) -> tuple[Run, ...]:
    """What became of the words, the spaces between them and each other character."""
    return runs(_WORDS.findall(before), _WORDS.findall(after))


def by_lines(before: str, after: str) -> tuple[Run, ...]:
    """What became of the lines (LF). The last line of both counts as one that ends."""
    return runs(_lines(before), _lines(after))


def collapsed(found: Sequence[Run], around: int = AROUND) -> tuple[Run, ...]:
    """The same runs, where of what stayed only `around` pieces beside a change are told."""
    return tuple(part for place, run in enumerate(found) for part in _parts(run, place, len(found), around))


def runs(before: Sequence[str], after: Sequence[str]) -> tuple[Run, ...]:
    """What was kept and removed, in order, is `before`; what was kept and added is `after`."""
    head = _alike(zip(before, after, strict=False))
    rest = min(len(before), len(after)) - head
    tail = min(_alike(zip(reversed(before), reversed(after), strict=False)), rest)
    middle = _script(before[head : len(before) - tail], after[head : len(after) - tail])
    kept_first = [(Change.SAME, each) for each in before[:head]]
    kept_last = [(Change.SAME, each) for each in before[len(before) - tail :]]
    steps = [*kept_first, *middle, *kept_last]
    return tuple(
        Run(change, tuple(piece for _, piece in group)) for change, group in groupby(steps, key=lambda step: step[0])
    )


Step = tuple[Change, str]


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")] if text else []


def _alike(pairs: Iterable[tuple[str, str]]) -> int:
    """How many pairs are alike before the first that is not."""
    count = 0
    for first, second in pairs:
        if first != second:
            break
        count += 1
    return count


def _script(before: Sequence[str], after: Sequence[str]) -> list[Step]:
    reached = _reached(before, after)
    if reached is None:
        return [*((Change.REMOVED, each) for each in before), *((Change.ADDED, each) for each in after)]
    return list(_back(before, after, reached))[::-1]


Reach = dict[int, int]
"""By diagonal (place in `before` less place in `after`): how much of `before` is done."""


def _reached(before: Sequence[str], after: Sequence[str]) -> list[Reach] | None:
    """How far each diagonal reached before the first edit, the second, and so on; None if there are too many."""
    reach: Reach = {1: 0}
    found = []
    for edits in range(MOST_EDITS + 1):
        found.append(dict(reach))
        for diagonal in range(-edits, edits + 1, 2):
            done = reach[diagonal + 1] if _adds(reach, diagonal, edits) else reach[diagonal - 1] + 1
            while _meet(before, after, done, done - diagonal):
                done += 1
            reach[diagonal] = done
            if done >= len(before) and done - diagonal >= len(after):
                return found
    return None


def _adds(reach: Reach, diagonal: int, edits: int) -> bool:
    """Whether the last edit on the way to this diagonal added a piece; else it removed one."""
    return diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])


def _meet(before: Sequence[str], after: Sequence[str], left: int, right: int) -> bool:
    return left < len(before) and right < len(after) and before[left] == after[right]


def _back(before: Sequence[str], after: Sequence[str], reached: list[Reach]) -> Iterator[Step]:
    """The steps, last first."""
    left, right = len(before), len(after)
    for edits in range(len(reached) - 1, -1, -1):
        diagonal = left - right
        added = _adds(reached[edits], diagonal, edits)
        came_from = diagonal + 1 if added else diagonal - 1
        to_left = reached[edits][came_from]
        to_right = to_left - came_from
        while left > to_left and right > to_right:
            left, right = left - 1, right - 1
            yield Change.SAME, before[left]
        if edits:
            yield (Change.ADDED, after[to_right]) if added else (Change.REMOVED, before[to_left])
        left, right = to_left, to_right


def _parts(run: Run, place: int, number: int, around: int) -> Iterator[Run]:
    first = around if place else 0
    last = around if place < number - 1 else 0
    left_out = len(run.pieces) - first - last
    if run.change is not Change.SAME or left_out <= 1:
        yield run
        return
    if first:
        yield Run(Change.SAME, run.pieces[:first])
    yield Run(Change.SAME, (), left_out)
    if last:
        yield Run(Change.SAME, run.pieces[-last:])
