"""What changed since a turn, laid out: each change has a sign and a word, so that none hangs on colour. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from safe_outputs.answers import WITHHELD_SIGN, Cell, Column, shown, shown_code
from safe_outputs.evidence.since import (
    CellChange,
    ChangedCell,
    Difference,
    Fact,
    Item,
    StatisticDifference,
    TableDifference,
)
from safe_outputs.evidence.text_differences import Run, collapsed
from safe_outputs.web import words
from safe_outputs.web.tables import NO_VALUE, label, title

MOST_ROWS = 200

SIGNS: Mapping[CellChange, tuple[str, str]] = {
    CellChange.CHANGED: ("≠", "changed"),
    CellChange.WITHHELD: (WITHHELD_SIGN, "now withheld"),
    CellChange.PUBLISHED: ("○", "no longer withheld"),
    CellChange.NEW: ("+", "new cell"),
    CellChange.GONE: ("−", "gone"),
    CellChange.REASON: ("▤", "withheld, now for another reason"),
}
"""The sign of each change of a cell, and its words."""


@dataclass(frozen=True)
class ShownChange:
    """One measure of a cell: its text before and after, the same where it did not change; `by`: how much it grew."""

    before: str
    after: str
    by: str = ""

    @property
    def same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True)
class ShownRow:
    codes: tuple[str, ...]
    sign: str
    words: str
    kind: str
    cells: tuple[ShownChange, ...]


@dataclass(frozen=True)
class ShownDifference:
    """One statistic that changed. `left_out`: changed cells that are not told, since there are too many."""

    anchor: str
    title: str
    before: str
    facts: tuple[Fact, ...]
    columns: tuple[str, ...]
    measures: tuple[str, ...]
    rows: tuple[ShownRow, ...]
    left_out: int
    unchanged: str
    structure: tuple[str, ...]
    code: tuple[Run, ...]
    findings_gone: tuple[str, ...]
    findings_new: tuple[str, ...]


@dataclass(frozen=True)
class ShownItem:
    anchor: str
    title: str


@dataclass(frozen=True)
class ShownSince:
    """All that changed. `summary` says it in one line."""

    summary: str
    words: tuple[tuple[str, tuple[Run, ...]], ...]
    changed: tuple[ShownDifference, ...]
    added: tuple[ShownItem, ...]
    removed: tuple[ShownItem, ...]
    kept: tuple[ShownItem, ...]


def lay_out(found: Difference) -> ShownSince:
    """The difference as people read it."""
    return ShownSince(
        summary=summary(found),
        words=tuple((each.label, each.runs) for each in found.words),
        changed=tuple(_statistic(each) for each in found.changed),
        added=tuple(map(_item, found.added)),
        removed=tuple(map(_item, found.removed)),
        kept=tuple(map(_item, found.kept)),
    )


def summary(found: Difference) -> str:
    """What changed in one line: “1 statistic changed, 1 statistic was added.”."""
    if found.empty:
        return "Nothing changed."
    numbers = (
        (len(found.words), "text of the request changed", "texts of the request changed"),
        (len(found.changed), "statistic changed", "statistics changed"),
        (len(found.added), "statistic was added", "statistics were added"),
        (len(found.removed), "statistic was removed", "statistics were removed"),
        (len(found.kept), "statistic is as it was", "statistics are as they were"),
    )
    told = [words.count(number, one, many) for number, one, many in numbers if number]
    return f"{', '.join(told)}."


def _item(item: Item) -> ShownItem:
    return ShownItem(item.statistic, f"{item.position}. {_title(item)}")


def _title(item: Item) -> str:
    return title(item.answer.table.dimensions, item.answer.table.measures)


def _statistic(found: StatisticDifference) -> ShownDifference:
    table = found.table
    return ShownDifference(
        anchor=found.after.statistic,
        title=f"{found.after.position}. {_title(found.after)}",
        before="" if found.before.statistic == found.after.statistic else found.before.statistic,
        facts=found.facts,
        columns=tuple(label(each) for each in table.dimensions) if table else (),
        measures=tuple(label(each) for each in table.measures) if table else (),
        rows=tuple(_row(each, table.measures) for each in table.cells[:MOST_ROWS]) if table else (),
        left_out=max(0, len(table.cells) - MOST_ROWS) if table else 0,
        unchanged=f"{words.count(table.unchanged, 'cell')} unchanged" if table else "",
        structure=_structure(table) if table else (_other_table(found),),
        code=collapsed(found.code),
        findings_gone=tuple(each.sentence for each in found.findings_gone),
        findings_new=tuple(each.sentence for each in found.findings_new),
    )


def _other_table(found: StatisticDifference) -> str:
    return (
        f"It is another table: it was “{_title(found.before)}”. Its cells cannot be laid beside those of before; read "
        "it as a new one."
    )


def _structure(table: TableDifference) -> tuple[str, ...]:
    """What is other about the table than its cells, in sentences."""
    labels = {each.name: each.label for each in table.dimensions}
    return (
        *(f"{labels[name]} has a new category: {shown_code(code)}." for name, code in table.codes_new),
        *(f"{labels[name]} no longer has the category {shown_code(code)}." for name, code in table.codes_gone),
        *(f"A measure was added: {label(each)}." for each in table.measures_added),
        *(f"A measure was removed: {label(each)}." for each in table.measures_removed),
        *(f"{_column(old)} became {_column(new)}." for old, new in table.redefined),
    )


def _column(column: Column) -> str:
    return f"“{label(column)}” with {words.count(column.decimals, 'decimal')}"


def _row(found: ChangedCell, measures: tuple[Column, ...]) -> ShownRow:
    sign, said = SIGNS[found.change]
    withheld = found.after if found.after is not None and found.after.status != "published" else None
    said = f"{said}: {withheld.reason}" if withheld is not None and withheld.reason else said
    cells = tuple(_change(found, place, column) for place, column in enumerate(measures))
    return ShownRow(tuple(map(shown_code, found.codes)), sign, said, str(found.change), cells)


def _change(found: ChangedCell, place: int, column: Column) -> ShownChange:
    before, after = _text(found.before, place, column), _text(found.after, place, column)
    return ShownChange(before, after, _by(found, place, column))


def _text(cell: Cell | None, place: int, column: Column) -> str:
    if cell is None:
        return "not there"
    if cell.status != "published":
        return f"{WITHHELD_SIGN} withheld"
    value = cell.values[place]
    return NO_VALUE if value is None else shown(value, column) + _range(cell, place, column)


def _range(cell: Cell, place: int, column: Column) -> str:
    ends = cell.ranges[place] if cell.ranges else None
    return "" if ends is None else f" ({shown(ends[0], column)} to {shown(ends[1], column)})"


def _by(found: ChangedCell, place: int, column: Column) -> str:
    old = found.before.values[place] if found.before is not None else None
    new = found.after.values[place] if found.after is not None else None
    if old is None or new is None or old == new:
        return ""
    return f"{'+' if new > old else '−'}{shown(abs(new - old), column)}"
