"""One statistic of a request, laid out with what stands beside it for its reader."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from safe_outputs.answers import VERDICT_ORDER, Answer, Finding, Verdict
from safe_outputs.evidence.at_a_glance import AtAGlance
from safe_outputs.evidence.counts import Counts
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.reading import StatisticView
from safe_outputs.statistics import plan_to_json
from safe_outputs.web import words
from safe_outputs.web.earlier import ShownBeside
from safe_outputs.web.fixed import laid_out
from safe_outputs.web.marks import NumberedFinding, anchors, behind, marks, numbered
from safe_outputs.web.places import Places
from safe_outputs.web.tables import NO_NOTES, Notes, Shown, show, title

PROVENANCE = {
    "verified": "The checker computed it from the project copy; no number in it comes from the notebook.",
    "derived": "The checker computed it from a table that the researcher derived, and compared its units with it.",
    "manual": "A person made it; no rule has computed it anew.",
}


@dataclass(frozen=True)
class StatisticPart:
    """One statistic's part of the page, laid out."""

    view: StatisticView
    title: str
    population: str
    shown: Shown
    findings: tuple[Finding, ...]
    numbered: tuple[NumberedFinding, ...]
    counts: Counts | None
    counts_at: str
    beside: ShownBeside | None
    shares: bool
    summary: str
    provenance: str
    plan: str
    software: str


@dataclass(frozen=True)
class Listed:
    """One statistic in the list of a request's. `told`: how many cells, how protected, how many findings."""

    id: str
    position: int
    title: str
    verdict: Verdict
    told: str


def in_the_list(statistic: StatisticView) -> Listed:
    """A statistic in one line."""
    answer = statistic.answer
    named = title(answer.table.dimensions, answer.table.measures)
    looked = sum(each.verdict is not Verdict.SAFE for each in answer.findings)
    told = f"{summary(answer)}, {words.count(looked, 'finding')} to look at"
    return Listed(statistic.id, statistic.position, named, answer.verdict, told)


def part(
    statistic: StatisticView,
    beside: AtAGlance | None = None,
    places: Places | None = None,
    earlier: ShownBeside | None = None,
) -> StatisticPart:
    """A statistic, laid out: its findings worst first, with what stands beside it for this reader."""
    at = _counts_at(statistic, beside, places)
    if beside is None or statistic.id not in beside.counts:
        made = laid_out(statistic, at, noted=beside is not None, make=lambda: _part(statistic, beside))
    else:
        made = _part(statistic, beside)
    return replace(made, counts_at=at, beside=earlier)


def _part(statistic: StatisticView, beside: AtAGlance | None) -> StatisticPart:
    answer = statistic.answer
    findings = tuple(sorted(answer.findings, key=lambda each: -VERDICT_ORDER.index(each.verdict)))
    counts = beside.counts.get(statistic.id) if beside is not None else None
    cells = counts.cells if counts is not None else ()
    notes = NO_NOTES if beside is None else notes_of(statistic, findings, cells)
    return StatisticPart(
        view=statistic,
        title=title(answer.table.dimensions, answer.table.measures),
        population=words.population(answer.plan),
        shown=show(answer.table, notes),
        findings=findings,
        numbered=numbered(statistic.id, answer, findings),
        counts=counts,
        counts_at="",
        beside=None,
        shares=any(each.shares for each in cells),
        summary=summary(answer),
        provenance=PROVENANCE[answer.provenance],
        plan=json.dumps(plan_to_json(answer.plan), indent=2, ensure_ascii=False),
        software=", ".join(f"{name} {version}" for name, version in sorted(answer.software.items())),
    )


def notes_of(statistic: StatisticView, findings: Sequence[Finding], cells: Sequence[CountedCell]) -> Notes:
    """What is written beside the cells: the findings about them, and how many units are behind them."""
    answer = statistic.answer
    return Notes(
        anchors=anchors(statistic.id, answer), marks=marks(statistic.id, answer, findings), behind=behind(cells)
    )


def _counts_at(statistic: StatisticView, beside: AtAGlance | None, places: Places | None) -> str:
    """Where the counts behind a statistic can be asked for; empty where they cannot."""
    if beside is None or places is None or beside.why_not_counts is not None or statistic.answer.noise is not None:
        return ""
    return places.with_counts(statistic.id)


def summary(answer: Answer) -> str:
    """How many cells, and how they are protected."""
    cells = words.count(len(answer.table.cells), "cell")
    if answer.noise is not None:
        return f"{cells}, noise in each"
    return f"{cells}, {answer.withheld} withheld" if answer.withheld else f"{cells}, none withheld"
