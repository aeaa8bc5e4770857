"""A protected table: what is published, what is withheld, why, and how that was proven."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from disclosure_control.findings import Finding
from disclosure_control.flags import PUBLISHED
from disclosure_control.profiles import RuleProfile
from disclosure_control.table import Table


@dataclass(frozen=True)
class Report:
    """How a pattern was found and what is proven of it.

    Attributes:
        method: "sequential" or "exact".
        cost: the measure that was kept small; `secondary_cost` is its sum over the secondary cells.
        bound: a proven lower bound of that sum over all safe patterns; `gap`: the certified distance from it,
            as a part. None where the table is too large for a certificate.
        prior: what the attacker is taken to know of every value; None: that it is not negative.
        primary, secondary: cells, of all tables that were protected together, each counted once.
        unions: sums of withheld cells that needed protection too.
        lone_contributors: who know a withheld cell's value, and were treated as attackers.
        programs: linear programs solved; `seconds`: time taken.
        largest_contributors: who know their share of a withheld cell, could see through a pattern without it, and were
            treated as attackers too.
    """

    method: str
    cost: str
    secondary_cost: float
    bound: float | None
    gap: float | None
    prior: float | None
    primary: int
    secondary: int
    unions: int
    lone_contributors: int
    programs: int
    seconds: float = field(compare=False)
    largest_contributors: int = 0


@dataclass(frozen=True, eq=False)
class ProtectedTable:
    """A table whose withheld cells cannot be bounded more closely than their protection, proven when it was made.

    Attributes:
        table: the truth; never to be released.
        cells: the table's dimensions, `value` (missing where withheld), `status` ("published", "primary" where a rule
            forbids it, "secondary"), `reason` (None where published), and the SDMX flags `OBS_STATUS` and `CONF_STATUS`
            (see `flags`). Nothing in it is derived from a withheld value.
        protection: by cell, `lower_protection`, `upper_protection` and `sliding_protection` in the values' units.
    """

    table: Table
    profile: RuleProfile
    cells: pd.DataFrame
    protection: pd.DataFrame
    findings: tuple[Finding, ...]
    report: Report

    @property
    def withheld(self) -> np.ndarray:
        """Which cells are not published."""
        return np.asarray(self.cells["status"] != PUBLISHED)

    def to_html(self) -> str:
        """A picture: withheld cells bear a letter, with the reason on hover and in the lines below."""
        from disclosure_control.show import protected_html  # noqa: PLC0415 - pictures know tables, not the other way

        return protected_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()
