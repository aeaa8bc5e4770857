"""Primary suppression: which cells a rule profile does not let out, and why."""

import pandas as pd

from disclosure_control.errors import MalformedProfile
from disclosure_control.findings import Finding
from disclosure_control.profiles import RuleProfile
from disclosure_control.rulebook import Threshold

PUBLISHED, PRIMARY = "published", "primary"


def suppress_primary(facts: pd.DataFrame, profile: RuleProfile, unit_plural: str) -> tuple[pd.DataFrame, list[Finding]]:
    """The facts with `status` and `reason`, and what the rules found.

    A cell is withheld when fewer distinct units than the profile's threshold contribute to it, or fewer contribute
    a value. No margin is part of the table, so no withheld cell can be had back by subtraction within it; a
    caller who publishes margins, or a second table of the same population, needs secondary suppression as well.
    """
    rule = _threshold_of(profile)
    contributors = facts["valued_units"] if "valued_units" in facts else facts["units"]
    too_few = contributors < rule.fewest
    if rule.zero_is_safe:
        too_few &= facts["units"] > 0
    reason = f"fewer than {rule.fewest} {unit_plural}"
    protected = facts.assign(
        status=[PRIMARY if each else PUBLISHED for each in too_few],
        reason=pd.Series([reason if each else None for each in too_few], index=facts.index, dtype=object),
    )
    return protected, [_threshold_finding(int(too_few.sum()), len(facts), profile, unit_plural)]


def _threshold_of(profile: RuleProfile) -> Threshold:
    if profile.threshold is None:
        raise MalformedProfile(f"The rule profile {profile.name} has no threshold, so no cell can be judged by it.")
    return profile.threshold


def _threshold_finding(withheld: int, cells: int, profile: RuleProfile, unit_plural: str) -> Finding:
    rule = _threshold_of(profile)
    return Finding(
        rule="threshold",
        severity="blocked" if withheld == cells else "protected" if withheld else "safe",
        sentence=(
            f"{withheld} of {cells} cells have fewer than {rule.units} {unit_plural} and are withheld."
            if withheld
            else f"Every cell has at least {rule.units} {unit_plural}."
        ),
        value=f"{withheld} cells under the limit",
        limit=f"{rule.units} {unit_plural} in every cell",
        source=rule.source,
        fix="Merge small categories, or widen the population." if withheld else "",
    )
