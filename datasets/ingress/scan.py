"""The scan of what a researcher wants to bring in: bytes in, a report or a refusal out. Pure, and unpacks nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datasets.ingress import formats
from datasets.ingress.errors import NotTaken
from datasets.ingress.findings import Finding, findings_in
from datasets.ingress.limits import KINDS, LIMITS, limit
from datasets.ingress.names import ending, why_not_name, why_not_together
from datasets.ingress.text import lines_of, text_of

RULES = 1
"""The version of these rules; it is part of every report, and changes when they do."""


@dataclass(frozen=True)
class File:
    """A file as it was sent: the name that the sender gave it, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Report:
    """What the scan says of one file that can be taken in. `rows` is None for what is no table."""

    kind: str
    lines: int
    rows: int | None
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "rules": RULES,
            "kind": self.kind,
            "lines": self.lines,
            "rows": self.rows,
            "findings": [each.as_json() for each in self.findings],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Report":
        findings = tuple(Finding.from_json(each) for each in value["findings"])
        return cls(value["kind"], value["lines"], value["rows"], findings)


def examine(file: File) -> Report:
    """The report on one file. Raises `NotTaken` with the sentence why it cannot be brought in."""
    if (reason := why_not_name(file.name)) is not None:
        raise NotTaken(reason)
    kind = KINDS[ending(file.name)]
    if len(file.content) > limit(kind.size):
        raise NotTaken(
            f"“{file.name}” has {len(file.content):,} bytes; at most {LIMITS[kind.size].words} are taken. "
            f"{LIMITS[kind.size].reason}"
        )
    text = text_of(file.name, file.content)
    rows, special = formats.check(file.name, text)
    lines = lines_of(text)
    return Report(kind.words, len(lines) - (not lines[-1]), rows, tuple(special + findings_in(lines)))


def refusals(files: Sequence[File]) -> tuple[str, ...]:
    """Why these files cannot be brought in together: one sentence for each file that is not taken; empty if all are."""
    together = why_not_count(files) or why_not_together([file.name for file in files])
    return tuple(([together] if together else []) + list(_each(files[: limit("files")])))


def why_not_count(files: Sequence[File]) -> str | None:
    """Why so many files, or so many bytes, are not taken in one request, or None."""
    if not files:
        return "No file was sent. Choose the files that you want to bring in."
    if len(files) > limit("files"):
        return f"{len(files)} files were sent; at most {LIMITS['files'].words} are taken. Make two requests."
    if sum(len(file.content) for file in files) > limit("total"):
        return f"The files are too large together; at most {LIMITS['total'].words} are taken. Make two requests."
    return None


def _each(files: Iterable[File]) -> Iterable[str]:
    for file in files:
        try:
            examine(file)
        except NotTaken as error:
            yield error.sentence
