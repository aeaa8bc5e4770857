"""Differencing: what could be had by subtracting one exact table from another.

Until software proves two tables safe together, a person judges it; these findings make her look (I4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from datasets.populations import populations
from disclosure_control.rulebook import Threshold
from governance.database import shared
from safe_outputs.answers import TOTAL, Answer, Finding, TableOfCells, Verdict
from safe_outputs.contents.file_findings import of_files
from safe_outputs.models import ReleasedTable, ReleaseRequest, Statistic
from safe_outputs.transitions import OWNERS, Owner

RULE = "differencing"
SOURCE = "Saferoom, invariant I4: other tables of the same people count as known to an attacker"
LIMIT = "no two populations that differ by fewer than the threshold"


Table = tuple[str, str, int | None]
"""A dataset, the hash of a plan, and a version."""


def with_earlier_releases(earlier: int) -> list[Finding]:
    """What to say of an exact table when `earlier` other exact tables of its population were released."""
    if not earlier:
        return []
    return [
        _finding(
            f"{_counted(earlier)} of the same people {'was' if earlier == 1 else 'were'} released before. An output "
            "checker has to judge whether anybody can be singled out by subtraction.",
            f"{_counted(earlier)} released before",
        )
    ]


def within_request(statistics: Sequence[Statistic], linked: Mapping[str, Sequence[str]]) -> list[Finding]:
    """What to say of a request that holds several exact tables of a population, or exact and private statistics of it.

    `linked`: all datasets of each.
    """
    return [*_several_exact(statistics, linked), *_exact_beside_private(statistics, linked)]


def _several_exact(statistics: Sequence[Statistic], linked: Mapping[str, Sequence[str]]) -> list[Finding]:
    tables = {(each.plan["dataset"], each.plan_hash, each.version) for each in statistics if is_exact(each)}
    return [
        _finding(
            f"This request holds {count} exact tables of {_asked(statistics, datasets)}. An output checker has to "
            "judge whether anybody can be singled out by subtracting one from another.",
            f"{count} exact tables in one request",
        )
        for datasets in linked.values()
        if (count := sum(found in datasets for found, _, _ in tables)) > 1
    ]


def _asked(statistics: Sequence[Statistic], datasets: Sequence[str]) -> str:
    """Those of a population's datasets that a request has statistics of, in words."""
    return " and ".join(sorted({each.plan["dataset"] for each in statistics} & set(datasets)))


def _exact_beside_private(statistics: Sequence[Statistic], linked: Mapping[str, Sequence[str]]) -> list[Finding]:
    exact = {each.plan["dataset"] for each in statistics if is_exact(each)}
    private = {each.plan["dataset"] for each in statistics if not is_exact(each)}
    return [
        Finding(
            rule="exact beside private",
            verdict=Verdict.REFER,
            sentence=f"This request holds exact and private statistics of {_asked(statistics, datasets)}. Where both "
            "tell the same of the same people, the exact one gives away what the noise hides. An output checker has to "
            "judge whether any do.",
            value="exact and private statistics of one population",
            limit="no exact statistic of what a private one tells",
            source="docs/privacy.md, Release policy: exact and private statistics of one population do not add up",
            fix="Leave one of them out where they tell the same.",
        )
        for datasets in linked.values()
        if exact & set(datasets) and private & set(datasets)
    ]


def of_request(session: Session, request: ReleaseRequest) -> list[Finding]:
    """What is to say of a request now: of its files, of its tables together, and of those with what was released."""
    statistics = [item.statistic for item in request.items]
    linked = populations(session, [each.plan["dataset"] for each in statistics])
    of_contents = [*of_files(request), *within_request(statistics, linked)]
    if OWNERS[request.state] is Owner.NOBODY:
        return of_contents
    exact = [each for each in statistics if is_exact(each)]
    own = {(each.dataset, each.plan_hash, each.version) for each in exact}
    concerned = populations(session, [each.plan["dataset"] for each in exact]).values()
    earlier = sum(_number_released(session, datasets, own) for datasets in concerned)
    return [*of_contents, *with_earlier_releases(earlier)]


Group = frozenset[tuple[str, str]]
"""Whom a cell is about: its categories, but for totals."""

Groups = Mapping[Group, tuple[tuple[str, ...], int]]
"""By group, the codes of its cell and its number of units."""


@dataclass(frozen=True)
class SmallDifference:
    """The same group in two exact tables, with numbers of units so close that subtraction leaves a few.

    `codes` are those of the cell in the present table.
    """

    codes: tuple[str, ...]
    now: int
    then: int

    @property
    def difference(self) -> int:
        return abs(self.now - self.then)


def small_differences(now: Answer, then: Answer, threshold: Threshold) -> tuple[SmallDifference, ...]:
    """The groups that both exact tables publish, and whose numbers of units differ by fewer than the threshold.

    Groups are compared by what they are made of, a total being everybody of its dimension: a margin of one table is
    the cell of another. No difference is none to subtract. Of a private statistic nothing is compared.
    """
    if not are_comparable(now, then):
        return ()
    return small_between(published_groups(now.table), published_groups(then.table), threshold)


def are_comparable(now: Answer, then: Answer) -> bool:
    """Whether both are exact, and one is not the other computed again from the same version."""
    return now.noise is None and then.noise is None and not _same_people(now, then)


def small_between(now: Groups, then: Groups, threshold: Threshold) -> tuple[SmallDifference, ...]:
    """The groups that are in both, and whose numbers of units differ by fewer than the threshold."""
    return tuple(
        SmallDifference(codes, units, then[group][1])
        for group, (codes, units) in now.items()
        if group in then and 0 < abs(units - then[group][1]) < threshold.fewest
    )


def of_small_differences(found: Sequence[SmallDifference], unit: str, threshold: Threshold) -> Finding:
    """What to say of numbers so close to those of an earlier release; `unit` is the plural of whom they count."""
    closest = min(each.difference for each in found)
    number = "1 number differs" if len(found) == 1 else f"{len(found)} numbers differ"
    return Finding(
        rule=RULE,
        verdict=Verdict.REFER,
        sentence=f"{number} from those of an earlier release by fewer than {threshold.fewest} {unit}: who subtracts "
        "one from the other may single somebody out.",
        value=f"a difference of {closest}",
        limit=LIMIT,
        source=f"{SOURCE}; the threshold: {threshold.source}",
        fix="Withhold these cells, merge them with others, or ask for the population of the earlier release.",
    )


def published_groups(table: TableOfCells) -> Groups:
    """By group, the codes and the number of units of each cell that is published."""
    names = [each.name for each in table.dimensions]
    return {
        frozenset((name, code) for name, code in zip(names, cell.codes, strict=True) if code != TOTAL): (
            cell.codes,
            int(cell.values[0]),
        )
        for cell in table.cells
        if cell.status == "published" and cell.values[0] is not None
    }


def _same_people(now: Answer, then: Answer) -> bool:
    return now.plan_hash == then.plan_hash and now.source.version_digest == then.source.version_digest


def is_exact(statistic: Statistic) -> bool:
    return statistic.exact


def released_tables(session: Session, dataset: str) -> set[tuple[str, int | None]]:
    """The exact tables of a dataset's population that were released: plan hash and version of each."""
    return {table for datasets in populations(session, [dataset]).values() for table in _released(session, datasets)}


def _released(session: Session, datasets: Sequence[str]) -> set[tuple[str, int | None]]:
    query = select(ReleasedTable.plan_hash, ReleasedTable.version).where(ReleasedTable.dataset.in_(datasets))
    return {(row.plan_hash, row.version) for row in session.execute(query)}


def _number_released(session: Session, datasets: Sequence[str], own: Iterable[Table]) -> int:
    """How many exact tables of these datasets were released, but for one's own."""
    named = tuple(datasets)
    number = shared(
        session, ("number released", named), lambda: session.scalar(_RELEASED, {"datasets": list(named)}) or 0
    )
    return number - sum(each[0] in datasets and _is_released(session, each) for each in own if each[2])


def _is_released(session: Session, table: Table) -> bool:
    dataset, plan_hash, version = table
    told = {"dataset": dataset, "plan": plan_hash, "version": version}
    return shared(session, ("is released", table), lambda: bool(session.scalar(_IS_RELEASED, told)))


_IS_RELEASED = select(
    exists().where(
        ReleasedTable.dataset == bindparam("dataset"),
        ReleasedTable.plan_hash == bindparam("plan"),
        ReleasedTable.version == bindparam("version"),
    )
)
_RELEASED = (
    select(func.count())
    .select_from(ReleasedTable)
    .where(ReleasedTable.dataset.in_(bindparam("datasets", expanding=True)))
)


def _counted(tables: int) -> str:
    return "1 other exact table" if tables == 1 else f"{tables} other exact tables"


def _finding(sentence: str, value: str) -> Finding:
    return Finding(
        rule=RULE,
        verdict=Verdict.REFER,
        sentence=sentence,
        value=value,
        limit=LIMIT,
        source=SOURCE,
        fix="Say in the request's purpose how the populations differ.",
    )
