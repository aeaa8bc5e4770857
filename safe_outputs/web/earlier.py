"""Earlier releases laid beside a statistic: rows in the same order, numbers that are too close marked.

How one answer looks beside another follows from the two alone, so it is laid out once and kept by their hashes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from markupsafe import Markup

from safe_outputs.answers import AUDIENCES, TOTAL, Answer, Cell, Finding, TableOfCells
from safe_outputs.evidence.beside import EarlierOf, EarlierTable, Near, in_order_of
from safe_outputs.evidence.differencing import SmallDifference
from safe_outputs.remembered import Remembered
from safe_outputs.web import words
from safe_outputs.web.tables import NO_NOTES, Notes, show, title

MOST_CELLS = 300
"""Of a larger earlier table only the groups are laid out that the present one has too."""

Group = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """Which release an earlier table is of."""

    release: str
    public: bool
    title: str
    facts: str
    at: datetime


@dataclass(frozen=True)
class ShownEarlier:
    """`told`: what it is of, in words; `cut`: cells that are not laid out."""

    line: Line
    told: str
    population: str
    tables: Markup
    close: int
    cut: int


@dataclass(frozen=True)
class ShownBeside:
    """All that was released before of the same people, for one statistic. `said`: what is not shown, in sentences."""

    shown: tuple[ShownEarlier, ...]
    others: tuple[Line, ...]
    note: Finding | None
    said: tuple[str, ...]


Read = Callable[[str], Answer]
"""The stored answer of a hash."""


def lay_beside(found: EarlierOf, digest: str, answer: Answer, read: Read) -> ShownBeside:
    """The earlier tables as people read them, beside this answer of that hash."""
    return ShownBeside(
        shown=tuple(_earlier(each, digest, answer, read) for each in found.shown),
        others=tuple(_line(each) for each in found.others),
        note=found.note,
        said=tuple(_said(found, answer)),
    )


def _said(found: EarlierOf, answer: Answer) -> Iterator[str]:
    if found.left:
        yield (
            f"{words.count(found.left, 'more table')} of the same people released before, less like this one, "
            f"{'was' if found.left == 1 else 'were'} not compared with it. They are in the list at the end of the page."
        )
    if found.apart:
        noise = "no noise" if answer.noise is not None else "noise"
        has, are = ("has", "is") if found.apart == 1 else ("have", "are")
        yield (
            f"{words.count(found.apart, 'statistic')} of the same people released before {has} {noise}, and {are} not "
            "laid beside it: true numbers beside noisy ones would undo the noise."
        )
    if answer.noise is None and found.threshold is None and found.shown:
        yield "The rules of this statistic have no threshold, so the numbers are compared by nobody but you."


def _earlier(near: Near, digest: str, answer: Answer, read: Read) -> ShownEarlier:
    key = (digest, near.earlier.answer)
    told, population, tables, cut = _LAID_OUT.get(
        key, lambda: _laid_out(read(near.earlier.answer), answer, near.differences), lambda made: len(made[2])
    )
    return ShownEarlier(_line(near.earlier), told, population, tables, len(near.differences), cut)


LaidOut = tuple[str, str, Markup, int]
"""What a table is of, whom it counts, its markup, and how many cells are left out."""

_LAID_OUT: Remembered[LaidOut] = Remembered(8_000_000)
"""Of so many characters."""


def _laid_out(then: Answer, now: Answer, differences: Sequence[SmallDifference]) -> LaidOut:
    whole = in_order_of(then.table, now.table)
    table = _shared(whole, now.table) if len(whole.cells) > MOST_CELLS else whole
    shown = show(table, Notes(behind=_close(table, now, differences)) if differences else NO_NOTES)
    tables = Markup(current_app.jinja_env.get_template("parts.html").module.tables(shown))  # type: ignore[attr-defined]  # noqa: S704 - the template escapes
    told = title(table.dimensions, table.measures)
    return told, words.population(then.plan), tables, len(whole.cells) - len(table.cells)


def _line(earlier: EarlierTable) -> Line:
    facts = [earlier.project, f"for {AUDIENCES[earlier.audience].split(',')[0]}"]
    facts += ["recalled"] if earlier.recalled else []
    public = earlier.audience == "publication" and not earlier.recalled
    return Line(earlier.release, public, earlier.title, ", ".join(facts), earlier.released_at)


def group_of(cell: Cell, names: list[str]) -> Group:
    """Whom a cell is about: its categories, but for totals."""
    return frozenset((name, code) for name, code in zip(names, cell.codes, strict=True) if code != TOTAL)


def _groups(table: TableOfCells) -> dict[tuple[str, ...], Group]:
    names = [each.name for each in table.dimensions]
    return {cell.codes: group_of(cell, names) for cell in table.cells}


def _shared(table: TableOfCells, other: TableOfCells) -> TableOfCells:
    theirs = set(_groups(other).values())
    ours = _groups(table)
    return table.model_copy(update={"cells": tuple(each for each in table.cells if ours[each.codes] in theirs)})


def _close(
    table: TableOfCells, answer: Answer, differences: Sequence[SmallDifference]
) -> dict[tuple[str, ...], tuple[str]]:
    """Beside each number that is too close to the present one: by how much they differ."""
    groups = _groups(answer.table)
    close = {groups[each.codes]: each for each in differences}
    return {
        codes: (f"≈ now {close[group].now:,}\ndiffers by {close[group].difference:,}",)
        for codes, group in _groups(table).items()
        if group in close
    }
