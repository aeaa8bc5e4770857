"""Whom to ask, of those who could review a request: those who may and can, the least loaded first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """An output checker, as she stands towards one request.

    `may`: rights let her review it; `can`: she has every skill that it needs; `away`: she has said that she is not
    here; `passed`: she was asked in this turn already; `voted`: she voted in it without being asked. `load` is how much
    waits for her in what she is assigned; `last` is when she was last assigned anything (aware), or None.
    """

    name: str
    may: bool = True
    can: bool = True
    away: bool = False
    passed: bool = False
    voted: bool = False
    load: int = 0
    last: datetime | None = None

    @property
    def eligible(self) -> bool:
        return self.may and self.can and not self.away and not self.passed


def choose(candidates: Iterable[Candidate], number: int, *, keep: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of at most `number` who are eligible; fewer where there are no more.

    Those of `keep`, who know the request from an earlier turn, come first, in their order. Then it is the least load,
    the longest time since she was last assigned, and the name. Who has voted comes after all others, and does come: if
    she were left out, the number of those who are asked would tell of her vote.
    """
    eligible = [each for each in candidates if each.eligible]
    places = {name: place for place, name in enumerate(dict.fromkeys(keep))}
    ordered = sorted(eligible, key=lambda each: (each.voted, places.get(each.name, len(places)), *_order(each)))
    return tuple(each.name for each in ordered[: max(0, number)])


def _order(candidate: Candidate) -> tuple[int, datetime, str]:
    return candidate.load, candidate.last or LONG_AGO, candidate.name
