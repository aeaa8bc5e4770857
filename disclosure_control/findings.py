"""What a rule found in a table."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["safe", "protected", "refer", "blocked"]


@dataclass(frozen=True)
class Finding:
    """The rule, what it found, the limit it applied, where the limit comes from, and how to fix it."""

    rule: str
    severity: Severity
    sentence: str
    value: str
    limit: str
    source: str
    fix: str = ""
