"""A practice case: what a checker is shown, and what was planted in it. Pure, frozen."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from safe_outputs.answers import Finding, TableOfCells
from safe_outputs.practice.defects import Defect

Audience = Literal["pre_publication", "publication"]


@dataclass(frozen=True)
class Titled:
    """A table with what it is."""

    title: str
    table: TableOfCells


@dataclass(frozen=True)
class Exhibit:
    """One part of a request, as a checker sees it: a table, or a file as text; and what is shown to judge it by.

    `provenance` is that of an answer. `supporting` is for checkers alone and would never be released.
    """

    title: str
    provenance: Literal["verified", "derived", "manual"]
    table: TableOfCells | None
    file_name: str
    file_text: str
    findings: tuple[Finding, ...] = ()
    supporting: tuple[Titled, ...] = ()


@dataclass(frozen=True)
class Planted:
    """A defect that the case has: which, and the finding that tells where, by which rule, and how to fix it."""

    defect: Defect
    finding: Finding


@dataclass(frozen=True)
class Case:
    """A made-up request. One with nothing planted is clean: it should be approved; `told` says why.

    Who marks something `arguable` is not wrong: it is another name for what was planted, or follows from it.
    A case that changes gets another `version`: who has answered the earlier one has not answered this one.
    """

    id: str
    version: int
    title: str
    purpose: str
    project_purpose: str
    audience: Audience
    exhibits: tuple[Exhibit, ...]
    planted: tuple[Planted, ...]
    told: str
    earlier: tuple[Titled, ...] = ()
    arguable: frozenset[Defect] = frozenset()

    @property
    def defects(self) -> frozenset[Defect]:
        return frozenset(each.defect for each in self.planted)

    @property
    def digest(self) -> str:
        """SHA-256 of all that is shown and planted; a field that tables get later and that is empty is not in it."""
        text = json.dumps(asdict(self), sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value.model_dump(mode="json", exclude_defaults=True)
