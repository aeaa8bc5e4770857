"""Findings on the cells that they are about: numbers beside the cells, and from each finding the way back. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from safe_outputs.answers import Answer, Cell, Finding, shown_code
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.web.tables import Mark

MOST_LINKS = 12
SECONDARY = "secondary suppression"


@dataclass(frozen=True)
class CellLink:
    anchor: str
    text: str


@dataclass(frozen=True)
class NumberedFinding:
    """A finding with its number, its name on the page, and the cells that it is about; `more` are not listed."""

    number: int
    anchor: str
    finding: Finding
    cells: tuple[CellLink, ...]
    more: int


def numbered(statistic: str, answer: Answer, findings: Sequence[Finding]) -> tuple[NumberedFinding, ...]:
    """The findings in the order given, from 1."""
    return tuple(
        _numbered(statistic, answer, number, finding, findings) for number, finding in enumerate(findings, start=1)
    )


def _numbered(
    statistic: str, answer: Answer, number: int, finding: Finding, findings: Sequence[Finding]
) -> NumberedFinding:
    names = anchors(statistic, answer)
    about = [cell for cell in answer.table.cells if finding.rule in rules_of(cell, findings)]
    links = tuple(CellLink(names[cell.codes], " × ".join(map(shown_code, cell.codes))) for cell in about[:MOST_LINKS])
    return NumberedFinding(number, _anchor(statistic, number), finding, links, max(0, len(about) - MOST_LINKS))


def _anchor(statistic: str, number: int) -> str:
    return f"{statistic}-finding-{number}"


def anchors(statistic: str, answer: Answer) -> dict[tuple[str, ...], str]:
    """The name on the page of each cell's first number, by its codes."""
    return {cell.codes: f"{statistic}-cell-{place}" for place, cell in enumerate(answer.table.cells, start=1)}


def marks(statistic: str, answer: Answer, findings: Sequence[Finding]) -> dict[tuple[str, ...], tuple[Mark, ...]]:
    """The findings about each cell that has any, by its codes."""
    found = {cell.codes: tuple(_marks(statistic, cell, findings)) for cell in answer.table.cells}
    return {codes: here for codes, here in found.items() if here}


def _marks(statistic: str, cell: Cell, findings: Sequence[Finding]) -> Iterator[Mark]:
    rules = rules_of(cell, findings)
    for number, finding in enumerate(findings, start=1):
        if finding.rule in rules:
            yield Mark(number, _anchor(statistic, number))


def rules_of(cell: Cell, findings: Sequence[Finding]) -> frozenset[str]:
    """The rules whose finding is about a cell. Where the answer does not say, what its reason says."""
    if cell.marks:
        return frozenset(cell.marks)
    if cell.status == "secondary":
        return frozenset({SECONDARY})
    if cell.status == "published" or not cell.reason:
        return frozenset()
    reasons = cell.reason.split("; ")
    return frozenset(each.rule for each in findings if any(reason in each.sentence for reason in reasons))


def behind(cells: Sequence[CountedCell]) -> Mapping[tuple[str, ...], tuple[str, str]]:
    """Under the units of each cell how many they are, and under its value also what the largest contribute to it."""
    return {each.codes: (f"n = {each.units:,}", f"n = {each.units:,}{_shares(each)}") for each in cells}


def _shares(cell: CountedCell) -> str:
    shares = [f"{share * 100:.0f} %" for share in cell.shares[: min(2, cell.units)]]
    return "".join(f"\n{who} {share}" for who, share in zip(("largest", "two largest"), shares, strict=False))
