"""Which cells of a table a rule profile does not let out, why, and how much protection each of them needs.

Protection levels: Hundepool et al., *Handbook on Statistical Disclosure Control*, section 4.2.2, "Upper protection
levels". As there, the lower level equals the upper one, but never reaches below what everybody knows the value to be
(0, in a table without negative values).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disclosure_control import concentration
from disclosure_control.concentration import Numbers, column
from disclosure_control.errors import MalformedProfile
from disclosure_control.findings import Finding, Severity
from disclosure_control.profiles import RuleProfile
from disclosure_control.rulebook import ClassDisclosure, Threshold
from disclosure_control.table import Table

Mask = NDArray[np.bool_]
MANY_DIGITS = 1e-12  # of a cell's total: what floating point may be off


class Verdict(NamedTuple):
    """One rule's verdict.

    Attributes:
        rule: its name in the profile; dominance with its n, as `dominance_2`.
        cells: which break it.
        reason: why, without a parameter that has to stay secret (Handbook, 4.2.1, on concentration rules).
        lower, upper: the protection that it asks for there.
        refer: the cells are not withheld; a person judges them.
    """

    rule: str
    cells: Mask
    reason: str
    lower: Numbers
    upper: Numbers
    limit: str
    source: str
    refer: bool = False


def assess(table: Table, profile: RuleProfile) -> tuple[pd.DataFrame, list[Finding]]:
    """The verdict on every cell, in the order of `table.cells`, and what the rules found.

    Returns:
        Columns `primary` (bool: it may not be published), `rule` (the first that it breaks, else None), `reason` (of
        all that it breaks), `lower_protection`, `upper_protection`, `sliding_protection` (float64, in the value's
        units, the most that a broken rule asks for, 0 where not primary), `refer` (bool: a person must judge).

    Raises:
        MalformedTable: the table lacks a fact that a rule needs. MalformedProfile: the rules are none.
    """
    if not isinstance(profile, RuleProfile):
        raise MalformedProfile(
            f'The rules are {type(profile).__name__}. Pass a RuleProfile, such as RuleProfile.load("abs-datalab").'
        )
    verdicts = list(_verdicts(table, profile))
    cells = _judged(table, verdicts)
    negative = _negatives(table) if profile.negatives.policy == "refer" else np.zeros(len(cells), bool)
    cells["refer"] |= negative
    return cells, [*map(_finding, verdicts), *_referrals(table, profile, negative)]


def broken(table: Table, profile: RuleProfile) -> dict[str, Mask]:
    """Which cells, in the order of `table.cells`, each rule found something about, by its name in the findings.

    Raises:
        MalformedTable: the table lacks a fact that a rule needs.
    """
    found = {each.rule: each.cells for each in _verdicts(table, profile)}
    return found | ({"negatives": _negatives(table)} if profile.negatives.policy == "refer" else {})


def assess_degrees_of_freedom(residual: int, profile: RuleProfile) -> Finding:
    """The verdict on a model with so many residual degrees of freedom.

    Raises:
        MalformedProfile: the profile has no such rule.
    """
    rule = profile.degrees_of_freedom
    if rule is None:
        raise MalformedProfile(
            f"The rule profile {profile.name} says nothing of degrees of freedom; a person must judge."
        )
    safe = residual >= rule.at_least
    return Finding(
        rule="degrees_of_freedom",
        severity="safe" if safe else "blocked",
        sentence=f"The model has {residual} residual degrees of freedom, {'enough' if safe else 'too few'}.",
        value=str(residual),
        limit=f"at least {rule.at_least}",
        source=rule.source,
        fix="" if safe else "Use fewer explanatory variables, or more observations.",
    )


def _verdicts(table: Table, profile: RuleProfile) -> Iterator[Verdict]:
    if profile.threshold:
        yield _threshold(table, profile.threshold, profile)
    if table.value_name is not None:
        yield from _concentration(table, profile)
    if profile.class_disclosure and set(table.dimensions) <= set(table.cells):
        yield _class_disclosure(table, profile.class_disclosure, profile)


def _judged(table: Table, verdicts: list[Verdict]) -> pd.DataFrame:
    count = len(table.cells)
    primary, refer = np.zeros(count, bool), np.zeros(count, bool)
    lower, upper = np.zeros(count), np.zeros(count)
    rule, reason = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    for each in verdicts:
        if each.refer:
            refer |= each.cells
            continue
        for place in np.flatnonzero(each.cells):
            rule[place] = rule[place] or each.rule
            reason[place] = f"{reason[place]}; {each.reason}" if reason[place] else each.reason
        primary |= each.cells
        lower = np.where(each.cells, np.maximum(lower, each.lower), lower)
        upper = np.where(each.cells, np.maximum(upper, each.upper), upper)
    return pd.DataFrame(
        {
            "primary": primary,
            "rule": pd.Series(rule, dtype=object),
            "reason": pd.Series(reason, dtype=object),
            "lower_protection": np.minimum(lower, _room_below(table)),
            "upper_protection": upper,
            "sliding_protection": np.zeros(count),
            "refer": refer,
        }
    )


def _room_below(table: Table) -> Numbers:
    """How far the value is above what everybody knows it is not below; of unknown negative values, no limit."""
    value = column(table, "value")
    if "floor" in table.cells:
        return value - column(table, "floor")
    return value if (value >= 0).all() else np.full(len(value), np.inf)


def _threshold(table: Table, rule: Threshold, profile: RuleProfile) -> Verdict:
    """Minimum frequency (Handbook, table 4.1), of holdings where known; not where all agreed to publication."""
    who = "holdings" if "holdings" in table.cells else "units"
    units = column(table, who)
    cells = units < rule.fewest
    if rule.zero_is_safe:
        cells &= units > 0
    cells &= ~_impossible(table)
    if "waived" in table.cells:
        cells &= (units == 0) | (column(table, "waived") < units)
    range_ = _safety_range(table, profile)
    limit = f"more than {rule.units}" if rule.strict else f"at least {rule.units}"
    reason = f"fewer than {rule.fewest} {who}"
    return Verdict("threshold", cells, reason, range_, range_, f"{limit} {who}", rule.source)


def _impossible(table: Table) -> Mask:
    """Structural zeros: everybody knows that they are empty, so there is nothing to protect."""
    return table.cells["impossible"].to_numpy(bool) if "impossible" in table.cells else np.zeros(len(table.cells), bool)


def _safety_range(table: Table, profile: RuleProfile) -> Numbers:
    """A part of the value; of a value of 0, of the smallest other one; of counts, at least 1."""
    value = np.abs(column(table, "value"))
    if table.value_name is None:
        return np.maximum(1, np.ceil(value * profile.protection.percent / 100))
    smallest = value[value > 0].min(initial=np.inf)
    return np.where(value > 0, value, smallest if np.isfinite(smallest) else 1) * profile.protection.percent / 100


def _concentration(table: Table, profile: RuleProfile) -> Iterator[Verdict]:
    cell = concentration.Cells(table, profile.weights.policy)
    for rule in profile.dominance:
        needed = concentration.dominance(cell, rule)
        reason = "one unit contributes most of it" if rule.n == 1 else "a few units contribute most of it"
        yield _needing(table, f"dominance_{rule.n}", needed, reason, f"({rule.n}, {rule.k:g} %)", rule.source)
    closely = "one unit could estimate another's contribution too closely"
    if profile.p_percent:
        needed = concentration.p_percent(cell, profile.p_percent)
        yield _needing(table, "p_percent", needed, closely, f"{profile.p_percent.p:g} %", profile.p_percent.source)
    if profile.pq:
        limit = f"({profile.pq.p:g} %, {profile.pq.q:g} %)"
        yield _needing(table, "pq", concentration.pq(cell, profile.pq), closely, limit, profile.pq.source)
    if profile.request:
        reason = "a unit in it asked for confidentiality"
        limit = f"{profile.request.share:g} % by a unit that asked"
        yield _needing(
            table, "request", concentration.request(cell, profile.request), reason, limit, profile.request.source
        )


def _needing(table: Table, rule: str, needed: Numbers, reason: str, limit: str, source: str) -> Verdict:
    """The verdict of a rule that is broken where its protection level is above zero."""
    cells = needed > MANY_DIGITS * concentration.total(table)
    return Verdict(rule, cells, reason, needed, needed, limit, source)


def _class_disclosure(table: Table, rule: ClassDisclosure, profile: RuleProfile) -> Verdict:
    """All units of a group in one of several categories (Handbook, 5.2). An attacker must think some are elsewhere."""
    units, possible = column(table, "units"), ~_impossible(table)
    cells = np.zeros(len(units), bool)
    for total, parts in table.relations:
        if possible[parts].sum() > 1 and units[total] > 0:
            cells[parts[(units[parts] > 0) & (units[total] - units[parts] <= rule.all_but)]] = True
    limit = "not all in one category" if not rule.all_but else f"not all but {rule.all_but} in one category"
    reason = "all units of a group, or nearly all, are in it"
    lower, refer = _safety_range(table, profile), rule.action == "refer"
    return Verdict("class_disclosure", cells, reason, lower, np.zeros(len(units)), limit, rule.source, refer)


def _negatives(table: Table) -> Mask:
    negative = np.asarray(column(table, "value") < 0)
    return negative | (column(table, "negatives") > 0) if "negatives" in table.cells else negative


def _finding(verdict: Verdict) -> Finding:
    count, of = int(verdict.cells.sum()), len(verdict.cells)
    return Finding(
        rule=verdict.rule,
        severity=_severity(count, of, verdict),
        sentence=_sentence(count, of, verdict),
        value=_cells(count),
        limit=verdict.limit,
        source=verdict.source,
        fix="Merge small categories, or widen the population." if count else "",
    )


def _severity(count: int, of: int, verdict: Verdict) -> Severity:
    if not count:
        return "safe"
    if verdict.refer:
        return "refer"
    return "blocked" if count == of else "protected"


def _sentence(count: int, of: int, verdict: Verdict) -> str:
    if not count:
        return f"Every one of {_cells(of)} keeps to the rule: {verdict.limit}."
    be = "is" if count == 1 else "are"
    done = "to be judged by a person" if verdict.refer else "withheld"
    return f"{count} of {_cells(of)} {be} {done}: {verdict.reason}."


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _referrals(table: Table, profile: RuleProfile, negative: Mask) -> Iterator[Finding]:
    kind = "frequencies" if table.value_name is None else "magnitudes"
    for each in profile.refer:
        if kind in each.applies_to:
            yield Finding(each.rule, "refer", each.why, "not judged by software", each.rule, each.source)
    if profile.rounding:
        base, method = profile.rounding.base, profile.rounding.method
        why = f"The profile also asks for {method} rounding to multiples of {base}; it is not part of this verdict."
        fix = f'Publish round_table(table, base={base}, method="{method}").'
        yield Finding("rounding", "refer", why, "not judged here", f"multiples of {base}", profile.rounding.source, fix)
    if negative.any():
        where = _cells(int(negative.sum()))
        yield Finding(
            rule="negatives",
            severity="refer",
            sentence=f"{where} with negative contributions, of which concentration rules say little.",
            value=where,
            limit="no negative contributions",
            source=profile.negatives.source,
            fix='Publish gains and losses apart, or use a profile whose negatives are "shift".',
        )
