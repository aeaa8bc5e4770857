"""What stands for the people of a population after all that was answered about them, as the privacy ledger says.

The checker alone opens the ledger. It writes what the ledger says into the register, in the transaction of each
answer, so that pages, register and release say the same. One sentence says it, in words for everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from datasets.populations import populations
from datasets.versions import newest_versions
from disclosure_control.privacy.ledger import NANO, Guarantee, epsilon, in_rho
from disclosure_control.privacy.ledger.guarantee import DELTA
from governance.database import now, shared
from safe_outputs.models import PopulationStanding, Release, RequestFile, RequestGroup, RequestItem, Statistic


@dataclass(frozen=True)
class Standing:
    """What private statistics have spent (billionths of ρ and of δ), and how many `exact` ones were handed out.

    `void_since`: when the first of these was.
    """

    nano_rho: int
    nano_delta: int
    exact: int
    void_since: datetime | None

    @classmethod
    def of(cls, guarantee: Guarantee) -> Self:
        first = guarantee.first_exact
        since = datetime.fromisoformat(first.at) if first is not None else None
        return cls(guarantee.nano_rho, guarantee.nano_delta, guarantee.exact_releases, since)

    def in_words(self, units: str) -> str:
        """What is promised to the units (a plural: persons), and what no longer is."""
        if self.void_since is None:
            return (
                f"All private statistics of these {units} together keep one guarantee: {self._spent()} was spent, "
                f"{self._promised()}. No exact statistic of them was handed out."
            )
        private = f" Each private statistic bounds what it tells by itself ({self._spent()} in all)."
        return (
            f"No guarantee (ε) holds for all statistics of these {units} together, because {self._handed_out()}. "
            f"Exact statistics are protected by the output rules alone.{private if self.nano_rho else ''}"
        )

    def _handed_out(self) -> str:
        since = f"{self.void_since.day} {self.void_since:%B %Y}" if self.void_since is not None else ""
        if self.exact == 1:
            return f"an exact one was handed out (on record since {since})"
        return f"{self.exact:,} exact ones were handed out (on record since {since})"

    def _spent(self) -> str:
        delta = f" and δ = {in_rho(self.nano_delta)}" if self.nano_delta else ""
        return f"ρ = {in_rho(self.nano_rho)}{delta}"

    def _promised(self) -> str:
        delta = DELTA + self.nano_delta / NANO
        return f"that is ε = {epsilon(self.nano_rho):.3f} at δ = {delta:g}" if delta < 1 else "from which no ε follows"


@dataclass(frozen=True)
class StandingOf:
    """A population, its datasets and their titles, and what stands for its units in a sentence."""

    population: str
    datasets: tuple[str, ...]
    title: str
    sentence: str


def record_standing(session: Session, population: str, guarantee: Guarantee) -> None:
    """Write what the ledger says of a population into the register, in the caller's transaction."""
    stands = Standing.of(guarantee)
    row = session.get(PopulationStanding, population) or PopulationStanding(population=population)
    row.nano_rho, row.nano_delta = stands.nano_rho, stands.nano_delta
    row.exact, row.void_since = stands.exact, stands.void_since
    row.recorded_at = now()
    session.add(row)


def standings(session: Session, datasets: Iterable[str]) -> tuple[StandingOf, ...]:
    """What stands for each population of these datasets of which anything was answered, by name."""
    stand = (
        shared(session, ("standing", population, members), partial(_standing, session, population, members))
        for population, members in populations(session, datasets).items()
    )
    return tuple(each for each in stand if each is not None)


def released_datasets(session: Session, audience: str) -> set[str]:
    """The datasets of which anything was released for this audience."""
    released = and_(Release.request_id == RequestGroup.request_id, Release.audience == RequestGroup.audience)
    statistics = (
        select(Statistic.dataset)
        .join(RequestItem, RequestItem.statistic_id == Statistic.id)
        .join(RequestGroup, _is_in(RequestItem))
        .join(Release, released)
        .where(Release.audience == audience)
        .distinct()
    )
    files = (
        select(RequestFile)
        .join(RequestGroup, _is_in(RequestFile))
        .join(Release, released)
        .where(Release.audience == audience)
    )
    of_files = {str(each) for file in session.scalars(files) for each in file.statement["data"]}
    return {*session.scalars(statistics), *of_files}


def _is_in(kind: type[RequestItem] | type[RequestFile]) -> ColumnElement[bool]:
    return and_(RequestGroup.request_id == kind.request_id, RequestGroup.position == kind.in_group)


def _standing(session: Session, population: str, datasets: tuple[str, ...]) -> StandingOf | None:
    row = session.get(PopulationStanding, population)
    if row is None or not (row.nano_rho or row.exact):
        return None
    newest = {each.dataset: each for each in newest_versions(session)}
    catalogues = [newest[each].catalogue for each in datasets if each in newest]
    if not catalogues:
        return None
    stands = Standing(row.nano_rho, row.nano_delta, row.exact, row.void_since)
    title = " and ".join(each.title for each in catalogues)
    return StandingOf(population, datasets, title, stands.in_words(catalogues[0].unit.plural))
