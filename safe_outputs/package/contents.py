"""The files of a package, by name: made from the record's facts, the approved statistics and a key, and nothing else.

Pure: no clock, no chance, no order of a folder. The same arguments give the same bytes in every process.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from safe_outputs.answers import Answer
from safe_outputs.errors import Tampered
from safe_outputs.package.crate import crate
from safe_outputs.package.keys import SigningKey
from safe_outputs.package.sacro import results
from safe_outputs.store import digest_of

SCHEMA = "saferoom-release/2"
UNSIGNED_SCHEMA = "saferoom-release/1"
"""Packages of the first release: a record and the files that it names, without a signature."""
MANIFEST_SCHEMA = "saferoom-manifest/1"

RECORD = "release.json"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
KEY = "public-key.pem"
CRATE = "ro-crate-metadata.json"
SACRO = "results.json"
CHECKSUMS = "checksums"


@dataclass(frozen=True)
class ApprovedStatistic:
    """One statistic with the bytes that were approved, and when it was asked for and answered (aware)."""

    id: str
    code_hash: str
    answer: Answer
    content: bytes
    asked_at: datetime | None = None
    answered_at: datetime | None = None


def package_files(
    facts: Mapping[str, Any], statistics: Sequence[ApprovedStatistic], key: SigningKey
) -> dict[str, bytes]:
    """Every file of the package by its name (`/` between folders), signature included.

    `facts` says who released what for whom, and when: `released_at` is the only time that is not of the past.

    Raises:
        Tampered: the bytes of a statistic are not those that its answer names.
    """
    records = [statistic_record(n, each) for n, each in enumerate(statistics, start=1)]
    record = {"schema": SCHEMA, **facts, "signed_with": key.public.id, "statistics": records}
    files = {
        RECORD: as_json(record),
        KEY: key.public.pem,
        SACRO: as_json(results(record, [each.answer.table for each in statistics])),
    }
    for each, entry in zip(statistics, records, strict=True):
        files[entry["file"]["name"]] = _approved(each.content, entry["file"]["digest"])
        files[f"{CHECKSUMS}/{entry['file']['name']}.txt"] = entry["file"]["digest"].encode()
    files[CRATE] = as_json(crate(record, files, unlisted=(MANIFEST, SIGNATURE)))
    files[MANIFEST] = as_json(_manifest(record, files))
    files[SIGNATURE] = key.sign(files[MANIFEST])
    return files


def _manifest(record: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """What is signed: every other file of the package with its SHA-256 and size in bytes."""
    return {
        "schema": MANIFEST_SCHEMA,
        "release": record["id"],
        "released_at": record["released_at"],
        "key": record["signed_with"],
        "files": [
            {"name": name, "sha256": digest_of(content), "size": len(content)}
            for name, content in sorted(files.items())
        ],
    }


def statistic_record(position: int, statistic: ApprovedStatistic) -> dict[str, Any]:
    """What the record says of one statistic: how it came about, and not one cell of it."""
    answer = statistic.answer.model_dump(mode="json")
    file = {**answer.pop("file"), "name": f"{position}-{statistic.answer.file.name}"}
    table = answer.pop("table")
    return {
        "id": statistic.id,
        "code_hash": statistic.code_hash,
        "asked_at": _moment(statistic.asked_at),
        "answered_at": _moment(statistic.answered_at),
        "file": file,
        "columns": {"dimensions": table["dimensions"], "measures": table["measures"]},
        "cells": len(table["cells"]),
        "withheld": statistic.answer.withheld,
        **answer,
    }


def as_json(value: Any) -> bytes:
    """JSON that people can read and that is the same each time: keys sorted, UTF-8, no NaN, a line feed at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _approved(content: bytes, digest: str) -> bytes:
    if digest_of(content) != digest:
        raise Tampered("A file of this package is not the one that was approved. Do not use it.")
    return content
