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
LONGEST_NAME = 100


@dataclass(frozen=True)
class ApprovedStatistic:
    """One statistic with the bytes that were approved, and when it was asked for and answered (aware)."""

    id: str
    code_hash: str
    answer: Answer
    content: bytes
    asked_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True)
class ApprovedFile:
    """One file that people made, with the bytes that were approved. `name` is its author's word, never a file's here.

    Evidence is of no type that a package takes.
    """

    id: str
    name: str
    kind: str
    media_type: str
    digest: str
    statement: Mapping[str, Any]
    content: bytes
    handed_in_at: datetime


@dataclass(frozen=True)
class ApprovedGroup:
    """What leaves together, with what its author says that it is and is for."""

    title: str
    context: str
    statistics: tuple[ApprovedStatistic, ...] = ()
    files: tuple[ApprovedFile, ...] = ()


def package_files(facts: Mapping[str, Any], groups: Sequence[ApprovedGroup], key: SigningKey) -> dict[str, bytes]:
    """Every file of the package by its name (`/` between folders), signature included.

    `facts` says who released what for whom, and when: `released_at` is the only time that is not of the past.

    Raises:
        Tampered: the bytes of a statistic or file are not those that were approved.
    """
    statistics = [each for group in groups for each in group.statistics]
    made = [each for group in groups for each in group.files]
    records = [statistic_record(n, each) for n, each in enumerate(statistics, start=1)]
    made_records = [file_record(n, each) for n, each in enumerate(made, start=len(records) + 1)]
    record = {
        "schema": SCHEMA,
        **facts,
        "signed_with": key.public.id,
        "groups": [_group(each) for each in groups],
        "statistics": records,
        "files": made_records,
    }
    files = {
        RECORD: as_json(record),
        KEY: key.public.pem,
        SACRO: as_json(results(record, [each.answer.table for each in statistics])),
    }
    contents = [each.content for each in statistics] + [each.content for each in made]
    for content, entry in zip(contents, [*records, *made_records], strict=True):
        files[entry["file"]["name"]] = _approved(content, entry["file"]["digest"])
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


def file_record(position: int, file: ApprovedFile) -> dict[str, Any]:
    """What the record says of a file that people made: its author's name for it and statement, and its bytes' hash."""
    return {
        "id": file.id,
        "provenance": "manual",
        "called": file.name,
        "kind": file.kind,
        "statement": dict(file.statement),
        "handed_in_at": _moment(file.handed_in_at),
        "file": {
            "name": f"{position}-{_plain(file.name)}",
            "media_type": file.media_type,
            "digest": file.digest,
            "size": len(file.content),
        },
    }


def _plain(name: str) -> str:
    """A name of letters, digits, dots, hyphens and underscores, of at most 100, that ends as the file's name does."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in name)
    return plain[-LONGEST_NAME:].lstrip(".-") or "file"


def _group(group: ApprovedGroup) -> dict[str, Any]:
    return {
        "title": group.title,
        "context": group.context,
        "statistics": [each.id for each in group.statistics],
        "files": [each.id for each in group.files],
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
