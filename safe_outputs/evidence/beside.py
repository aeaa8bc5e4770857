"""Earlier releases of the same people, laid beside the statistic under review, the closest first.

Exact tables are laid beside exact ones and private ones beside private ones, since true numbers beside noisy ones would
undo the noise. Everything is bounded: of the newest releases the closest are compared, and the closest of these shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from datasets.populations import populations
from disclosure_control.profiles import RuleProfile, shipped_profiles
from disclosure_control.rulebook import Threshold
from governance.database import shared
from governance.people import Role, find_person
from governance.projects import Membership, Project
from safe_outputs.answers import Answer, Cell, Column, Finding, TableOfCells
from safe_outputs.asking import stored_answer
from safe_outputs.contents.groups import has_statistic_of
from safe_outputs.earlier import present_plan
from safe_outputs.evidence.differencing import (
    Groups,
    SmallDifference,
    are_comparable,
    of_small_differences,
    published_groups,
    small_between,
)
from safe_outputs.models import Release, ReleaseRequest, RequestGroup, RequestItem, Statistic
from safe_outputs.remembered import Remembered
from safe_outputs.store import Store
from safe_outputs.transitions import GONE_OUT, RequestState

MOST_LOOKED_AT = 100
MOST_COMPARED = 12
MOST_SHOWN = 3


@dataclass(frozen=True)
class EarlierTable:
    """One statistic of an earlier release, which this reader may see. `answer` is its answer's hash."""

    release: str
    title: str
    project: str
    audience: str
    released_at: datetime
    recalled: bool
    statistic: str
    answer: str
    plan: dict[str, Any]

    @property
    def exact(self) -> bool:
        return bool(self.plan["kind"] == "crosstab")

    @cached_property
    def about(self) -> "About":
        return about(self.plan)


@dataclass(frozen=True)
class Near:
    """An earlier table that is laid beside the present one. `differences`: groups whose numbers are too close."""

    earlier: EarlierTable
    differences: tuple[SmallDifference, ...]


@dataclass(frozen=True)
class EarlierOf:
    """What was released before of the same people, for one statistic.

    `shown` are laid beside it; `others` were compared too and have no small difference that is not shown; `left` is how
    many were not compared. `apart`: how many have noise where the statistic has none, or the other way; they are not
    laid beside it. `note` says that differences are too small, None where none is or `threshold` is not known.
    """

    shown: tuple[Near, ...]
    others: tuple[EarlierTable, ...]
    left: int
    apart: int
    note: Finding | None
    threshold: Threshold | None


@dataclass(frozen=True)
class Earlier:
    """The newest statistics that were released of a request's populations; `people` is each dataset's population."""

    tables: tuple[EarlierTable, ...]
    people: Mapping[str, str]

    def of_the_people_in(self, dataset: str) -> list[EarlierTable]:
        """Those of the population of a dataset."""
        wanted = self.people.get(dataset, dataset)
        return [each for each in self.tables if self.people.get(each.plan["dataset"]) == wanted]


def earlier_tables(session: Session, request: ReleaseRequest, person: str) -> Earlier:
    """What other requests released of this one's populations, newest first.

    Output checkers see all of it, also what was recalled; others what is public now, and their own projects'.
    """
    linked = populations(session, [item.statistic.dataset for item in request.items])
    people = {dataset: name for name, datasets in linked.items() for dataset in datasets}
    checker = find_person(session, person).role is Role.OUTPUT_CHECKER
    told = {"request": request.id} if checker else {"request": request.id, "person": person}
    datasets = tuple(sorted(people))

    def ask() -> tuple[EarlierTable, ...]:
        newest = session.scalars(_newest(datasets, checker), told).all()
        found = session.execute(_STATISTICS, {"releases": newest, "datasets": datasets}) if newest else ()
        return tuple(map(_earlier, found))

    same_for_all = checker and request.state not in GONE_OUT  # a request without a release leaves out none
    return Earlier(shared(session, ("earlier tables", datasets), ask) if same_for_all else ask(), people)


_STATISTICS = (
    select(
        Release.id,
        Release.title,
        Release.audience,
        Release.released_at,
        Project.name,
        ReleaseRequest.state,
        Statistic.id,
        Statistic.answer,
        Statistic.plan,
    )
    .join(Project, Project.id == Release.project_id)
    .join(ReleaseRequest, ReleaseRequest.id == Release.request_id)
    .join(RequestGroup, and_(RequestGroup.request_id == Release.request_id, RequestGroup.audience == Release.audience))
    .join(
        RequestItem,
        and_(RequestItem.request_id == Release.request_id, RequestItem.in_group == RequestGroup.position),
    )
    .join(Statistic, Statistic.id == RequestItem.statistic_id)
    # without an index on the dataset, so that the few releases are looked through, not all that it ever gave
    .where(Release.id.in_(bindparam("releases", expanding=True)))
    .where(
        func.coalesce(Statistic.dataset, "").in_(bindparam("datasets", expanding=True)), Statistic.answer.is_not(None)
    )
    .order_by(Release.released_at.desc(), Release.id, RequestItem.position)
    .limit(MOST_LOOKED_AT)
)
"""What these releases have of these datasets, newest first."""


@lru_cache(maxsize=256)
def _newest(datasets: tuple[str, ...], checker: bool) -> Select[Any]:
    """As many of the newest releases of these datasets that she may see as have all the statistics that are looked at.

    They are found first, newest on, so that the time does not grow with all that was ever released. The statement is
    made once: to make it takes longer than to ask it.
    """
    query = select(Release.id).where(Release.request_id != bindparam("request"), has_statistic_of(datasets))
    if not checker:
        own = select(Membership.project_id).where(Membership.person_name == bindparam("person"))
        recalled = select(ReleaseRequest.id).where(ReleaseRequest.state == RequestState.RECALLED)
        public = and_(Release.audience == "publication", Release.request_id.not_in(recalled))
        query = query.where(or_(public, Release.project_id.in_(own)))
    return query.order_by(Release.released_at.desc(), Release.id).limit(MOST_LOOKED_AT)


def _earlier(row: Any) -> EarlierTable:
    release, title, audience, released_at, project, state, statistic, answer, plan = row
    return EarlierTable(
        release=release,
        title=title,
        project=project,
        audience=audience,
        released_at=released_at,
        recalled=state is RequestState.RECALLED,
        statistic=statistic,
        answer=answer,
        plan=present_plan(plan),
    )


def earlier_of(store: Store, digest: str, answer: Answer, found: Sequence[EarlierTable]) -> EarlierOf:
    """Those of the tables found that are of use beside this answer (which lies in the store under `digest`)."""
    exact = answer.plan.kind == "crosstab"
    alike = _once(each for each in found if each.exact == exact and each.answer != digest)
    ours = about(answer.plan.model_dump(mode="json"))
    closest = sorted(alike, key=lambda each: closeness(ours, each.about), reverse=True)[:MOST_COMPARED]
    threshold = threshold_of(answer.profile.name) if exact else None
    compared = {
        each.answer: _differences(store, digest, each.answer, threshold) if threshold else () for each in closest
    }
    first = sorted(closest, key=lambda each: not compared[each.answer])  # stable: else the closest first
    shown = tuple(Near(each, compared[each.answer]) for each in first[:MOST_SHOWN])
    small = [difference for each in closest for difference in compared[each.answer]]
    return EarlierOf(
        shown=shown,
        others=tuple(first[MOST_SHOWN:]),
        left=len(alike) - len(closest),
        apart=len(_once(each for each in found if each.exact != exact)),
        note=of_small_differences(small, answer.unit, threshold) if small and threshold is not None else None,
        threshold=threshold,
    )


def _once(found: Iterable[EarlierTable]) -> list[EarlierTable]:
    """Each answer once, in its newest release."""
    return list({each.answer: each for each in reversed(list(found))}.values())[::-1]


Closeness = tuple[bool, int, bool, int, int]


@dataclass(frozen=True)
class About:
    """What a plan tells of whom: by which dimensions, which measures, of which population."""

    dimensions: frozenset[str]
    measures: frozenset[str]
    population: tuple[str, str]


def about(plan: dict[str, Any]) -> About:
    """The same, of a plan as JSON."""
    return About(_dimensions(plan), _measures(plan), _population(plan))


def closeness(ours: About, theirs: About) -> Closeness:
    """How close an earlier plan is to the present one: the larger, the closer.

    The same dimensions first, then how many are shared, the same population, the measures shared, few other dimensions.
    """
    return (
        ours.dimensions == theirs.dimensions,
        len(ours.dimensions & theirs.dimensions),
        ours.population == theirs.population,
        len(ours.measures & theirs.measures),
        -len(theirs.dimensions),
    )


def _dimensions(plan: dict[str, Any]) -> frozenset[str]:
    if plan["kind"] == "crosstab":
        return frozenset(plan["dimensions"])
    return frozenset(each["name"] for each in plan["by"])


def _measures(plan: dict[str, Any]) -> frozenset[str]:
    if plan["kind"] == "crosstab":
        return frozenset({str(plan["measure"])} if plan["measure"] else set())
    return frozenset(str(each) for each in plan["measures"])


def _population(plan: dict[str, Any]) -> tuple[str, str]:
    chosen = plan["where"] if plan["kind"] == "crosstab" else plan["filter"]
    return str(plan["dataset"]), str(chosen or "")


@lru_cache(maxsize=64)
def threshold_of(profile: str) -> Threshold | None:
    """The threshold rule of a shipped profile; None where it has none, or is no longer shipped."""
    return RuleProfile.load(profile).threshold if profile in shipped_profiles() else None


def _differences(store: Store, now: str, then: str, threshold: Threshold) -> tuple[SmallDifference, ...]:
    """Of two answers by their hashes. They never change, so it is worked out once in a process."""

    def find() -> tuple[SmallDifference, ...]:
        answers = stored_answer(store, now), stored_answer(store, then)
        if not are_comparable(*answers):
            return ()
        return small_between(_groups(now, answers[0]), _groups(then, answers[1]), threshold)

    return _DIFFERENCES.get((now, then, threshold), find, lambda found: 1 + len(found))


def _groups(digest: str, answer: Answer) -> Groups:
    """The groups that the answer of this hash publishes. One table is compared with many."""
    return _PUBLISHED.get(digest, lambda: published_groups(answer.table), lambda found: 1 + len(found))


_DIFFERENCES: Remembered[tuple[SmallDifference, ...]] = Remembered(200_000)
"""Of so many pairs of tables and differences."""
_PUBLISHED: Remembered[Groups] = Remembered(50_000)
"""Of so many tables and groups."""


def in_order_of(table: TableOfCells, like: TableOfCells) -> TableOfCells:
    """The same table with dimensions and rows in another one's order; what only it has comes last."""
    if table.dimensions == like.dimensions and [each.codes for each in table.cells] == [
        each.codes for each in like.cells
    ]:
        return table
    names = [each.name for each in table.dimensions]
    common = [each.name for each in like.dimensions if each.name in names]
    order = [names.index(name) for name in [*common, *(name for name in names if name not in common)]]
    places = [_places(table, like, table.dimensions[place]) for place in order]
    cells: Sequence[Cell] = table.cells
    if order != sorted(order):
        cells = [each.model_copy(update={"codes": tuple(each.codes[place] for place in order)}) for each in cells]
    return table.model_copy(
        update={
            "dimensions": tuple(table.dimensions[place] for place in order),
            "cells": tuple(sorted(cells, key=lambda cell: _row(cell, places))),
        }
    )


def _places(table: TableOfCells, like: TableOfCells, dimension: Column) -> dict[str, int]:
    """The place of each category of a dimension: as in the other table, then as in its own."""
    codes = [*_codes(like, dimension.name), *_codes(table, dimension.name)]
    return {code: place for place, code in enumerate(dict.fromkeys(codes))}


def _codes(table: TableOfCells, name: str) -> list[str]:
    names = [each.name for each in table.dimensions]
    if name not in names:
        return []
    return list(dict.fromkeys(cell.codes[names.index(name)] for cell in table.cells))


def _row(cell: Cell, places: Sequence[dict[str, int]]) -> tuple[int, ...]:
    return tuple(place[code] for code, place in zip(cell.codes, places, strict=True))
