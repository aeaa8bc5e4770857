"""The defects that practice cases can have, and that a checker can mark. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Defect(StrEnum):
    """What can be wrong with an output."""

    SMALL_COUNTS = "small_counts"
    DOMINANCE = "dominance"
    CLASS_DISCLOSURE = "class_disclosure"
    RECOVERABLE = "recoverable"
    DIFFERENCING = "differencing"
    EXACT_BESIDE_NOISE = "exact_beside_noise"
    INDIVIDUALS = "individuals"
    ACTIVE_CONTENT = "active_content"
    CONTEXT_MISSING = "context_missing"
    WRONG_AUDIENCE = "wrong_audience"


@dataclass(frozen=True)
class Described:
    """A defect as people read it, and where it is explained."""

    label: str
    source: str


HANDBOOK = "Hundepool et al., Handbook on Statistical Disclosure Control"
SECONDARY = f"{HANDBOOK}, chapter 4: secondary suppression"
IDENTITY = f"{HANDBOOK}: identity and attribute disclosure"
OTHER_TABLES = "docs/tables.md: other tables of the same people count as known"

DEFECTS: dict[Defect, Described] = {
    Defect.SMALL_COUNTS: Described("Too few units behind a number", f"{HANDBOOK}, table 4.1: minimum frequency"),
    Defect.DOMINANCE: Described("One unit makes up most of a number", f"{HANDBOOK}, section 4.2.1"),
    Defect.CLASS_DISCLOSURE: Described("All or none of a group share a value", f"{HANDBOOK}, section 5.2"),
    Defect.RECOVERABLE: Described("A withheld number can be computed from the totals", SECONDARY),
    Defect.DIFFERENCING: Described(
        "Can be undone together with an earlier release",
        OTHER_TABLES,
    ),
    Defect.EXACT_BESIDE_NOISE: Described(
        "The exact number stands beside the noisy one", "docs/privacy.md, Release policy"
    ),
    Defect.INDIVIDUALS: Described("Tells of single persons or businesses", IDENTITY),
    Defect.ACTIVE_CONTENT: Described("A file holds formulas or other active content", "OWASP, CSV Injection"),
    Defect.CONTEXT_MISSING: Described(
        "What is needed to judge it is missing", "OpenSAFELY, requesting file release: context for each output"
    ),
    Defect.WRONG_AUDIENCE: Described("Not for this audience", "docs/review.md"),
}
