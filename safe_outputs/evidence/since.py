"""What became of a request's statistics between two moments, as differences of tables, code and facts. Pure.

Cells are compared by their codes, so that a table that was turned or put into another order is the same table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safe_outputs.answers import Answer, Cell, Column, Finding, TableOfCells, price_in_words
from safe_outputs.evidence.text_differences import Run, by_lines, by_words


class CellChange(StrEnum):
    """What became of one combination of codes."""

    CHANGED = "changed"
    WITHHELD = "withheld"
    PUBLISHED = "published"
    NEW = "new"
    GONE = "gone"
    REASON = "reason"


OPPOSITE: Mapping[CellChange, CellChange] = {
    CellChange.CHANGED: CellChange.CHANGED,
    CellChange.WITHHELD: CellChange.PUBLISHED,
    CellChange.PUBLISHED: CellChange.WITHHELD,
    CellChange.NEW: CellChange.GONE,
    CellChange.GONE: CellChange.NEW,
    CellChange.REASON: CellChange.REASON,
}
"""What each change is when the two moments are exchanged."""


@dataclass(frozen=True)
class ChangedCell:
    """A cell that is not what it was, with the measures that both tables have. None: it was, or is, not there."""

    codes: tuple[str, ...]
    change: CellChange
    before: Cell | None
    after: Cell | None


@dataclass(frozen=True)
class TableDifference:
    """One table against another of the same dimensions.

    `dimensions` are those of the later table, `measures` those of its that both have. `redefined`: the columns whose
    label, unit or decimals changed, before and after. `codes_new`, `codes_gone`: categories that only one of the
    tables has, each with its dimension's name.
    """

    dimensions: tuple[Column, ...]
    measures: tuple[Column, ...]
    measures_added: tuple[Column, ...]
    measures_removed: tuple[Column, ...]
    redefined: tuple[tuple[Column, Column], ...]
    codes_new: tuple[tuple[str, str], ...]
    codes_gone: tuple[tuple[str, str], ...]
    cells: tuple[ChangedCell, ...]
    unchanged: int

    @property
    def empty(self) -> bool:
        return not (self.cells or self.measures_added or self.measures_removed or self.redefined)

    def count(self, change: CellChange) -> int:
        """How many cells changed in this way."""
        return sum(each.change is change for each in self.cells)


@dataclass(frozen=True)
class Item:
    """One statistic of a request at one moment. `digest` is its answer's."""

    statistic: str
    position: int
    digest: str
    code: str
    answer: Answer


@dataclass(frozen=True)
class Fact:
    """Something said of a statistic, as it was and as it is."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class StatisticDifference:
    """One statistic that was there and is there, and what changed. `table`: None where the dimensions are others."""

    before: Item
    after: Item
    table: TableDifference | None
    facts: tuple[Fact, ...]
    code: tuple[Run, ...]
    findings_gone: tuple[Finding, ...]
    findings_new: tuple[Finding, ...]

    @property
    def empty(self) -> bool:
        told = self.facts or self.code or self.findings_gone or self.findings_new
        return self.table is not None and self.table.empty and not told


@dataclass(frozen=True)
class Rewording:
    """A text of the request that changed."""

    label: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Difference:
    """What changed between two moments of a request; each statistic is in one of the four places."""

    words: tuple[Rewording, ...]
    changed: tuple[StatisticDifference, ...]
    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    kept: tuple[Item, ...]

    @property
    def empty(self) -> bool:
        return not (self.words or self.changed or self.added or self.removed)


Words = Mapping[str, str]
"""The texts of a request, by what they are."""


def difference(words_before: Words, before: Sequence[Item], words_after: Words, after: Sequence[Item]) -> Difference:
    """What became of texts and statistics."""
    pairs = paired(before, after)
    compared = [compare(*pair) for pair in pairs]
    still, now_there = {id(old) for old, _ in pairs}, {id(new) for _, new in pairs}
    return Difference(
        words=tuple(_rewordings(words_before, words_after)),
        changed=tuple(each for each in compared if not each.empty),
        added=tuple(each for each in after if id(each) not in now_there),
        removed=tuple(each for each in before if id(each) not in still),
        kept=tuple(each.after for each in compared if each.empty),
    )


def _rewordings(before: Words, after: Words) -> Iterator[Rewording]:
    for label in dict.fromkeys([*before, *after]):
        old, new = before.get(label, ""), after.get(label, "")
        if old != new:
            yield Rewording(label, by_words(old, new))


def paired(before: Sequence[Item], after: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Which statistic became which: the same one, else the same question, shape or place; in the order of `after`."""
    left, pairs = list(before), []
    open_ = list(after)
    for alike in ALIKE:
        for new in list(open_):
            old = next((each for each in left if alike(each, new)), None)
            if old is not None:
                pairs.append((old, new))
                left.remove(old)
                open_.remove(new)
    return sorted(pairs, key=lambda pair: pair[1].position)


def _same_data(one: Item, other: Item) -> bool:
    first, second = one.answer.plan, other.answer.plan
    return (first.kind, first.dataset) == (second.kind, second.dataset)


def _names(columns: Sequence[Column]) -> list[str]:
    return sorted(each.name for each in columns)


def _same_dimensions(one: Item, other: Item) -> bool:
    first, second = one.answer.table.dimensions, other.answer.table.dimensions
    return _same_data(one, other) and _names(first) == _names(second)


def _same_shape(one: Item, other: Item) -> bool:
    first, second = one.answer.table.measures, other.answer.table.measures
    return _same_dimensions(one, other) and _names(first) == _names(second)


def _same_place(one: Item, other: Item) -> bool:
    shared = set(_names(one.answer.table.dimensions)) & set(_names(other.answer.table.dimensions))
    return one.position == other.position and _same_data(one, other) and bool(shared)


ALIKE: tuple[Callable[[Item, Item], bool], ...] = (
    lambda one, other: one.statistic == other.statistic,
    lambda one, other: one.answer.plan_hash == other.answer.plan_hash,
    _same_shape,
    _same_dimensions,
    _same_place,
)
"""When an earlier statistic is taken for what became a later one, the surest sign first."""


def compare(before: Item, after: Item) -> StatisticDifference:
    """One statistic as it was and as it is."""
    old, new = before.answer, after.answer
    return StatisticDifference(
        before=before,
        after=after,
        table=table_difference(old.table, new.table),
        facts=tuple(_facts(old, new)),
        code=by_lines(before.code, after.code) if before.code != after.code else (),
        findings_gone=tuple(each for each in old.findings if each not in new.findings),
        findings_new=tuple(each for each in new.findings if each not in old.findings),
    )


def _noise(answer: Answer) -> str:
    return answer.noise.in_words if answer.noise is not None else "none"


def _policy(answer: Answer) -> str:
    return answer.policy.digest if answer.policy is not None else "none: from before there were policies"


FACTS: Mapping[str, Callable[[Answer], str]] = {
    "What was asked": lambda answer: answer.in_words,
    "Verdict": lambda answer: str(answer.verdict),
    "Provenance": lambda answer: answer.provenance,
    "Data": lambda answer: f"{answer.source.title}, version {answer.source.version}",
    "Dataset version’s hash": lambda answer: answer.source.version_digest,
    "Rules": lambda answer: f"{answer.profile.name}, version {answer.profile.version}",
    "Rules’ hash": lambda answer: answer.profile.digest,
    "Release policy’s hash": _policy,
    "Output checkers wanted": lambda answer: str(answer.checkers),
    "95 % error of the noise": _noise,
    "Paid": lambda answer: price_in_words(answer.charge) if answer.charge is not None else "nothing",
}
"""What is said of a statistic beside its numbers, and where it changed is told."""


def _facts(before: Answer, after: Answer) -> Iterator[Fact]:
    for label, of in FACTS.items():
        fact = Fact(label, of(before), of(after))
        if fact.before != fact.after:
            yield fact


def table_difference(before: TableOfCells, after: TableOfCells) -> TableDifference | None:
    """The difference, cell by cell; None where the tables have other dimensions."""
    if _names(before.dimensions) != _names(after.dimensions):
        return None
    shared = [each for each in after.measures if each.name in _names(before.measures)]
    old, new = _by_codes(before, after.dimensions, shared), _by_codes(after, after.dimensions, shared)
    changed = tuple(_changed_cells(old, new))
    names = [each.name for each in after.dimensions]
    return TableDifference(
        dimensions=after.dimensions,
        measures=tuple(shared),
        measures_added=_but_for(after.measures, before.measures),
        measures_removed=_but_for(before.measures, after.measures),
        redefined=tuple(_redefined(before, after)),
        codes_new=tuple(_only_in(new, old, names)),
        codes_gone=tuple(_only_in(old, new, names)),
        cells=changed,
        unchanged=len(new) - sum(each.after is not None for each in changed),
    )


def _but_for(columns: Sequence[Column], others: Sequence[Column]) -> tuple[Column, ...]:
    return tuple(each for each in columns if each.name not in _names(others))


def _redefined(before: TableOfCells, after: TableOfCells) -> Iterator[tuple[Column, Column]]:
    old = {each.name: each for each in (*before.dimensions, *before.measures)}
    for column in (*after.dimensions, *after.measures):
        if column.name in old and old[column.name] != column:
            yield old[column.name], column


def _by_codes(
    table: TableOfCells, dimensions: Sequence[Column], measures: Sequence[Column]
) -> dict[tuple[str, ...], Cell]:
    """The cells, by their codes in the order of these dimensions, with these measures alone."""
    order = [[each.name for each in table.dimensions].index(wanted.name) for wanted in dimensions]
    places = [[each.name for each in table.measures].index(wanted.name) for wanted in measures]
    return {tuple(cell.codes[place] for place in order): _turned(cell, order, places) for cell in table.cells}


def _turned(cell: Cell, order: Sequence[int], places: Sequence[int]) -> Cell:
    return cell.model_copy(
        update={
            "codes": tuple(cell.codes[place] for place in order),
            "values": tuple(cell.values[place] for place in places),
            "ranges": tuple(cell.ranges[place] for place in places) if cell.ranges else (),
            "marks": (),
        }
    )


Cells = Mapping[tuple[str, ...], Cell]


def _only_in(cells: Cells, others: Cells, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The categories that only the first have, by dimension."""
    for place, name in enumerate(names):
        there = {codes[place] for codes in others}
        yield from ((name, code) for code in dict.fromkeys(codes[place] for codes in cells) if code not in there)


def _changed_cells(old: Cells, new: Cells) -> Iterator[ChangedCell]:
    for codes in dict.fromkeys([*new, *old]):
        before, after = old.get(codes), new.get(codes)
        if before != after:
            yield ChangedCell(codes, _change(before, after), before, after)


def _change(before: Cell | None, after: Cell | None) -> CellChange:
    if before is None:
        return CellChange.NEW
    if after is None:
        return CellChange.GONE
    match before.status == "published", after.status == "published":
        case True, False:
            return CellChange.WITHHELD
        case False, True:
            return CellChange.PUBLISHED
        case False, False:
            return CellChange.REASON
        case _:
            return CellChange.CHANGED
