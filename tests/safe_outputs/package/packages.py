"""Packages for tests, made from fixed facts: nothing in them depends on a clock, a database or a folder's place."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safe_outputs.package.contents import ApprovedFile, ApprovedGroup, ApprovedStatistic, package_files
from safe_outputs.package.folder import write_package
from safe_outputs.package.keys import KnownKey, SigningKey
from safe_outputs.store import Store, digest_of
from tests.safe_outputs.factories import PRIVATE_COUNT, RELEASE_KEY, an_answer

RELEASED_AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ASKED_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
KNOWN = {RELEASE_KEY.public.id: KnownKey(RELEASE_KEY.public, since=ASKED_AT)}

ROSA = {"name": "rosa", "full_name": "Rosa Ríos", "role": "researcher", "organisation": "University"}
CLEO = {"name": "cleo", "full_name": "Cleo", "role": "output_checker", "organisation": "Statistics Office"}
CARL = {"name": "carl", "full_name": "Carl", "role": "output_checker", "organisation": "Statistics Office"}
OLGA = {"name": "olga", "full_name": "Olga", "role": "data_owner", "organisation": "RAND Corporation"}

FACTS: dict[str, Any] = {
    "id": "r-0123456789ab",
    "title": "Spending by site and plan",
    "purpose": "Table 1 of the paper.",
    "audience": "publication",
    "project": {"id": "heron", "name": "Project Heron", "purpose": "How insurance changes spending."},
    "author": ROSA,
    "owners": [{**OLGA, "dataset": "rand_hie", "version": 3, "at": ASKED_AT.isoformat()}],
    "content_hash": "e" * 64,
    "turn": 1,
    "submitted_at": ASKED_AT.isoformat(),
    "released_at": RELEASED_AT.isoformat(),
    "software": {"saferoom": "0.1.0"},
    "approvals": [{**each, "at": RELEASED_AT.isoformat(), "content_hash": "e" * 64} for each in (CLEO, CARL)],
}


CODE_FILE = b"print('a table')\n"
STATED: dict[str, Any] = {
    "made": "By hand.",
    "why_safe": "It holds no data.",
    "data": [],
    "units": None,
    "smallest": None,
    "largest_two_percent": None,
    "degrees_of_freedom": None,
}


def some_files(folder: Path, key: SigningKey = RELEASE_KEY, **facts: Any) -> dict[str, bytes]:
    """The files of a package with an exact table, one cell of it withheld, a private count, and a file of code."""
    store = Store(folder / "store")
    answers = [an_answer(store), an_answer(store, PRIVATE_COUNT)]
    statistics = [
        ApprovedStatistic(f"s-{n}", "c" * 64, each, store.get(each.file.digest), ASKED_AT, ASKED_AT)
        for n, each in enumerate(answers)
    ]
    code = ApprovedFile(
        "f-1",
        "année \u202e fig.py",
        "code",
        "text/plain; charset=utf-8",
        digest_of(CODE_FILE),
        {**STATED, "what": "code", "shows": "How table 1 was made"},
        CODE_FILE,
        ASKED_AT,
    )
    group = ApprovedGroup(FACTS["title"], FACTS["purpose"], tuple(statistics), (code,))
    return package_files({**FACTS, **facts}, [group], key)


def a_folder(folder: Path, **facts: Any) -> Path:
    """The same, written as a package's folder."""
    place = folder / "releases" / FACTS["id"]
    write_package(place, some_files(folder, **facts))
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whoever has a copy can change it
    return place


if __name__ == "__main__":
    for name, content in some_files(Path(sys.argv[1])).items():
        sys.stdout.write(f"{digest_of(content)} {name}\n")
    sys.stdout.write(f"{os.environ.get('PYTHONHASHSEED', '')} seed\n")
