"""From dummies to tables as checkers see them, by the rules of `disclosure_control`. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from disclosure_control import Finding as RuleFinding
from disclosure_control import Hierarchy, ProtectedTable, RuleProfile, Table, assess, recover, suppress
from disclosure_control.findings import Severity
from safe_outputs.answers import TOTAL, Cell, Column, Finding, Status, TableOfCells, Verdict

PROFILE = RuleProfile.load("abs-datalab")
"""The rules that practice cases are judged by: a threshold of ten units, and dominance with published parameters."""

Codes = Mapping[str, Sequence[str]]
PRIMARY, PUBLISHED = "primary", "published"


def table_of(data: pd.DataFrame, codes: Codes, unit: str, value: str | None = None) -> Table:
    """The table of these dummies with its totals: units, or the total of a value."""
    hierarchies = {name: Hierarchy.flat(list(each), TOTAL) for name, each in codes.items()}
    return Table.from_microdata(data, hierarchies, value=value, unit=unit, empty_codes=True)


def findings_of(table: Table, units: str) -> tuple[Finding, ...]:
    """What the rules find in a table as it is."""
    return tuple(_worded(each, units) for each in assess(table, PROFILE)[1])


def finding_of(table: Table, rule: str, units: str) -> Finding:
    """What one rule finds in a table that does not keep to it.

    Raises:
        LookupError: it finds nothing: a case must have what it says.
    """
    found = {each.rule: each for each in findings_of(table, units)}
    if rule not in found or found[rule].verdict is Verdict.SAFE:
        raise LookupError(f"the rule {rule} finds nothing in this table")
    return found[rule].model_copy(update={"verdict": Verdict.REFER, "sentence": _should(found[rule].sentence)})


def _should(sentence: str) -> str:
    """What a rule withholds, said of a table in which it was not."""
    return re.sub(r"\b(is|are) withheld\b", "should be withheld and \\1 not", sentence)


def protected(table: Table) -> ProtectedTable:
    """The table as Saferoom would release it: what is withheld cannot be had back from the rest."""
    return suppress(table, PROFILE)


def half_protected(table: Table) -> ProtectedTable:
    """What many a tool makes: the cells that a rule forbids are withheld, and the totals give them back."""
    whole = protected(table)
    value = table.cells["value"].mask(whole.cells["status"] == PRIMARY)
    status = np.where(value.isna(), PRIMARY, PUBLISHED)
    reason = whole.cells["reason"].where(value.isna(), None)
    return replace(whole, cells=whole.cells.assign(value=value, status=status, reason=reason))


def recovered(made: ProtectedTable) -> int:
    """How many withheld cells an attacker computes exactly."""
    return len(recover(made))


def shown(table: Table, codes: Codes, measure: Column, labels: Mapping[str, str]) -> TableOfCells:
    """The table with every cell published, in the order of the codes, totals last."""
    status = pd.Series(PUBLISHED, index=table.cells.index)
    return _laid_out(table.cells.assign(status=status, reason=None), codes, measure, labels)


def shown_protected(made: ProtectedTable, codes: Codes, measure: Column, labels: Mapping[str, str]) -> TableOfCells:
    """The protected table as it would be published."""
    return _laid_out(made.cells, codes, measure, labels)


def shown_fact(table: Table, fact: pd.Series, codes: Codes, measure: Column, labels: Mapping[str, str]) -> TableOfCells:
    """Another fact of the same cells."""
    status = pd.Series(PUBLISHED, index=table.cells.index)
    return _laid_out(table.cells.assign(value=fact, status=status, reason=None), codes, measure, labels)


def _laid_out(cells: pd.DataFrame, codes: Codes, measure: Column, labels: Mapping[str, str]) -> TableOfCells:
    places = {name: {code: place for place, code in enumerate([*each, TOTAL])} for name, each in codes.items()}
    order = pd.DataFrame({name: cells[name].map(places[name]) for name in codes}).sort_values(list(codes)).index
    return TableOfCells(
        dimensions=tuple(Column(name=name, label=labels.get(name, name.capitalize())) for name in codes),
        measures=(measure,),
        cells=tuple(_cell(row, codes, measure) for row in cells.loc[order].to_dict("records")),
    )


def _cell(row: Mapping[Any, Any], codes: Codes, measure: Column) -> Cell:
    names = tuple(str(row[name]) for name in codes)
    status: Status = row["status"]
    if status != PUBLISHED:
        return Cell(codes=names, status=status, reason=str(row["reason"] or "protects another cell"), values=(None,))
    value = round(float(row["value"]), measure.decimals)
    return Cell(codes=names, status=status, values=(value if measure.decimals else int(value),))


_VERDICTS: dict[Severity, Verdict] = {
    "safe": Verdict.SAFE,
    "protected": Verdict.PROTECTED,
    "refer": Verdict.REFER,
    "blocked": Verdict.BLOCKED,
}


def _worded(found: RuleFinding, units: str) -> Finding:
    """The finding, in the words of whom it is about."""
    said = {name: str(getattr(found, name)).replace("units", units) for name in ("sentence", "value", "limit", "fix")}
    return Finding(rule=found.rule, verdict=_VERDICTS[found.severity], source=found.source, **said)
