"""A release package: a folder with the approved bytes as CSV, and `release.json`, the record of how they came out.

The record names every file with its SHA-256, the plan, rules, versions, charges and people. `verify_package` needs
nothing but the folder.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safe_outputs.answers import Answer
from safe_outputs.errors import NoSuchThing, Tampered
from safe_outputs.store import digest_of, sync_folder, write_durably

RECORD = "release.json"
SCHEMA = "saferoom-release/1"


@dataclass(frozen=True)
class ApprovedStatistic:
    """One statistic with the bytes that were approved."""

    id: str
    code_hash: str
    answer: Answer
    content: bytes


def statistic_record(position: int, statistic: ApprovedStatistic) -> dict[str, Any]:
    """What the record says of one statistic."""
    answer = statistic.answer.model_dump(mode="json")
    file = {**answer.pop("file"), "name": f"{position}-{statistic.answer.file.name}"}
    table = answer.pop("table")
    return {
        "id": statistic.id,
        "code_hash": statistic.code_hash,
        "file": file,
        "columns": {"dimensions": table["dimensions"], "measures": table["measures"]},
        "cells": len(table["cells"]),
        "withheld": statistic.answer.withheld,
        **answer,
    }


def write_package(folder: Path, facts: dict[str, Any], statistics: list[ApprovedStatistic]) -> str:
    """Write the package so that `folder` exists whole or not at all; returns the digest of its record.

    A folder of that name which was never entered in the register is replaced: nobody has seen it.
    """
    records = [statistic_record(n, each) for n, each in enumerate(statistics, start=1)]
    record = {"schema": SCHEMA, **facts, "statistics": records}
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        making.chmod(0o755)
        for each, entry in zip(statistics, records, strict=True):
            _require_digest(each.content, entry["file"]["digest"])
            write_durably(making / entry["file"]["name"], each.content, mode=0o444)
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        write_durably(making / RECORD, text, mode=0o444)
        shutil.rmtree(folder, ignore_errors=True)
        making.replace(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    sync_folder(folder.parent)
    return digest_of(text)


def read_package(folder: Path) -> dict[str, Any]:
    """The record of a package. Raises `NoSuchThing`."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except FileNotFoundError:
        raise NoSuchThing("There is no release package here. Check the name.") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise Tampered("This folder's record is not that of a Saferoom release.")
    return record


def verify_package(folder: Path) -> dict[str, Any]:
    """The record, once every file has the digest it names and no other file lies beside them. Raises `Tampered`."""
    record = read_package(folder)
    named = {each["file"]["name"]: each["file"]["digest"] for each in record["statistics"]}
    found = {path.name for path in folder.iterdir()} - {RECORD}
    if found != set(named):
        raise Tampered("The package has files that its record does not name, or lacks one that it names.")
    for name, digest in named.items():
        _require_digest((folder / name).read_bytes(), digest)
    return record


def _require_digest(content: bytes, digest: str) -> None:
    if digest_of(content) != digest:
        raise Tampered("A file of this package is not the one that was approved. Do not use it.")
