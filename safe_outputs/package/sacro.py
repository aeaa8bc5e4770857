"""A release in the form that SACRO-Viewer opens: ACRO's `results.json`, version 0.4.

Sources: `finalise_json` and `load_records` of ACRO (AI-SDC/ACRO, acro/record.py) write and read the form; SACRO-Viewer
(AI-SDC/SACRO-Viewer) takes versions from 0.4 (sacro/settings.py), asks for `version`, `results` and the files of each
result (sacro/models.py), compares files with `checksums/NAME.txt`, and marks the cells in `sdc` by row and column of
the CSV, the first column not counted (assets/src/scripts/_table-builder.js). Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from safe_outputs.answers import TableOfCells, Verdict

VERSION = "0.4.0"
WITHHELD = "withheld"
"""The one flag of a cell: which cells were withheld first, and which to protect them, leaves in no form."""

STATUS = {
    Verdict.SAFE: "pass",
    Verdict.PROTECTED: "pass",
    Verdict.REFER: "review",
    Verdict.BLOCKED: "fail",
}


def results(record: Mapping[str, Any], tables: Sequence[TableOfCells]) -> dict[str, Any]:
    """The whole of `results.json` for a release's record and the tables of its statistics, in the record's order."""
    pairs = zip(record["statistics"], tables, strict=True)
    computed = [_result(n, said, table, record["released_at"]) for n, (said, table) in enumerate(pairs)]
    made = [_custom(n, each) for n, each in enumerate(record["files"], start=len(computed))]
    return {
        "version": VERSION,
        "tool": {"@type": "SoftwareApplication", "name": "Saferoom", "version": record["software"]["saferoom"]},
        "results": {each["uid"]: each for each in (*computed, *made)},
    }


def _result(number: int, said: Mapping[str, Any], table: TableOfCells, released_at: str) -> dict[str, Any]:
    verdict = Verdict(said["verdict"])
    return {
        "uid": f"output_{number}",
        "status": STATUS[verdict],
        "type": "table",
        "properties": {"method": said["plan"]["kind"], "dataset": said["source"]["dataset"]},
        "files": [{"name": said["file"]["name"], "sdc": _cells(table)}],
        "outcome": _outcome(table),
        "command": said["in_words"],
        "summary": "; ".join([verdict.value, *(each["sentence"] for each in said["findings"])]),
        "timestamp": said["answered_at"] or released_at,
        "comments": [],
        "exception": said["exemption"] or "",
        "fair": {},
    }


def _custom(number: int, file: Mapping[str, Any]) -> dict[str, Any]:
    """A file that a person made, as ACRO's `add_custom` writes it: for a person to review, without cells."""
    said = file["statement"]
    return {
        "uid": f"output_{number}",
        "status": STATUS[Verdict.REFER],
        "type": "custom",
        "properties": {"method": said["what"], "dataset": ", ".join(said["data"])},
        "files": [{"name": file["file"]["name"], "sdc": {"summary": {"suppressed": False}, "cells": {}}}],
        "outcome": {},
        "command": "custom",
        "summary": f"review; {said['shows']}",
        "timestamp": file["handed_in_at"],
        "comments": [said["made"]],
        "exception": said["why_safe"],
        "fair": {},
    }


def _cells(table: TableOfCells) -> dict[str, Any]:
    """The withheld cells by place: line of the file and column, counted from 0 after the head and the first column."""
    first = len(table.dimensions) - 1
    places = [[line, first + n] for line in _withheld(table) for n in range(len(table.measures))]
    return {"summary": {"suppressed": bool(places), WITHHELD: len(places)}, "cells": {WITHHELD: places}}


def _outcome(table: TableOfCells) -> dict[str, dict[str, str]]:
    """By measure and line of the file: whether the value is there."""
    withheld = frozenset(_withheld(table))
    lines = {str(line): WITHHELD if line in withheld else "ok" for line in range(len(table.cells))}
    return {each.name: dict(lines) for each in table.measures}


def _withheld(table: TableOfCells) -> list[int]:
    return [line for line, cell in enumerate(table.cells) if cell.status != "published"]
