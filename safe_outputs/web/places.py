"""Which statistics of a request are on its page, and where the others are read. Pure.

A long request is read one statistic after the other, behind a page that lists them all; a short one on one page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_AT_ONCE = 8
ALL = "all"


@dataclass(frozen=True)
class Places:
    """`numbers`: the position of each statistic by its id. `read`: the positions of those on this page.

    `one`: the only one that is read here, None where it is more or none. `counts`: with the counts behind cells.
    """

    numbers: Mapping[str, int]
    read: tuple[int, ...]
    one: int | None
    counts: bool

    @property
    def overview(self) -> bool:
        """Whether the page lists statistics that are read on pages of their own."""
        return not self.read and bool(self.numbers)

    @property
    def before(self) -> int | None:
        """The position before the one that is read here."""
        return self._next(-1)

    @property
    def after(self) -> int | None:
        """The position after the one that is read here."""
        return self._next(1)

    def to(self, statistic: str) -> str:
        """Where a statistic is read."""
        number = self.numbers[statistic]
        return f"#{statistic}" if number in self.read else self.at(number)

    def at(self, number: int | str) -> str:
        """The page of a position, or of all."""
        return _address(item=str(number), counts="1" if self.counts else "")

    def with_counts(self, statistic: str) -> str:
        """Where a statistic is read with the counts behind its cells."""
        here = str(self.one) if self.one is not None else ""
        here = here or (ALL if len(self.read) > MOST_AT_ONCE else "")
        return f"{_address(item=here, counts='1')}#{statistic}"

    def _next(self, step: int) -> int | None:
        if self.one is None:
            return None
        order = sorted(self.numbers.values())
        place = order.index(self.one) + step
        return order[place] if 0 <= place < len(order) else None


def _address(**arguments: str) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in arguments.items() if value)


def places(numbers: Mapping[str, int], item: str, *, counts: bool) -> Places:
    """What is read on the page that an address asks for: `item` is a position, “all”, or nothing that is known."""
    one = int(item) if item.isascii() and item.isdigit() and len(item) < 5 and int(item) in numbers.values() else None
    if one is not None:
        read: tuple[int, ...] = (one,)
    elif item == ALL or len(numbers) <= MOST_AT_ONCE:
        read = tuple(sorted(numbers.values()))
    else:
        read = ()
    return Places(numbers, read, one, counts)
