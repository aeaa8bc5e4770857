"""The product's side: `python -m benchmarks.privacy.ours FILE RUNS` prints one JSON line a run.

A whole release: plan, charge in a ledger on disk, bounded sums, noise, result stored. No row is written to a file. A
process of its own, so that its memory is its own.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from disclosure_control import Ledger, PrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import Column
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows, Sum
from disclosure_control.privacy.plan import Price

MEMORY = "1GB"  # of DuckDB, as for project copies
DATASET = PublicDataset(
    name="people",
    version=1,
    table="people",
    unit="person",
    columns=(
        PublicColumn(name="income", kind="integer", lower=0, upper=200_000, missing=False),
        PublicColumn(name="region", kind="integer", lower=0, upper=99, key=True, missing=False),
    ),
)
PLAN = PrivatePlan.of(
    DATASET,
    by=[Key(name="region", of=Column(name="region"))],
    groups_per_unit=3,
    rows_per_unit=2,
    measures=[CountRows(name="rows"), Sum(name="income", of=Column(name="income"))],
    price=Price(nano_rho=100_000_000),
)


def released(path: str, folder: str, number: int) -> int:
    """The number of groups released."""
    with Ledger(f"sqlite:///{folder}/{number}.sqlite") as ledger:
        ledger.grant("dataset:people", 10**9, granted_by="owner")
        settings = {"threads": "2", "memory_limit": MEMORY, "preserve_insertion_order": "false"}
        with duckdb.connect(config=settings | {"temp_directory": ""}) as connection:
            connection.execute(f"CREATE VIEW people AS FROM '{path}'")
            return len(PLAN.release(connection, ledger, ["dataset:people"]).codes)


def main(path: str, runs: int) -> None:
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        for number in range(runs):
            begun, used = time.perf_counter(), time.process_time()
            groups = released(path, folder, number)
            record = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used, "groups": groups}
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(json.dumps(record | {"peak_mb": peak}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
