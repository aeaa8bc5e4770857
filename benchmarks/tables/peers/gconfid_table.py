"""gconfid: sensitivity, suppression, auditing of one table. Usage: gconfid_table.py FOLDER RUNS [audit].

Reads `data.parquet` (unit, value, d0, d1, …) and `hierarchies.json`; writes cells.parquet and constraints.parquet (the
problem, as gconfid sees it), pattern.parquet and audit.parquet. One JSON line a stage and run.
"""

import json
import logging
import sys
import time
from pathlib import Path

import gconfid
import pandas as pd

logging.disable(logging.CRITICAL)
folder, runs, stages = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
data = pd.read_parquet(folder / "data.parquet")
dimensions = json.loads((folder / "hierarchies.json").read_text())
hierarchy = (
    "; ".join(": ".join(" ".join([parent, *parts]) for parent, parts in each) for each in dimensions.values()) + ";"
)


def frame(table):
    return table.to_pandas() if hasattr(table, "to_pandas") else table


def timed(stage, call, *outputs):
    begun = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - begun
    found = [frame(getattr(result, each)) for each in outputs]
    sys.__stdout__.write(json.dumps({"stage": stage, "seconds": seconds}) + "\n")
    sys.__stdout__.flush()
    return found


cells, constraints = timed(
    "sensitivity",
    lambda: gconfid.Sensitivity(
        indata=data, unit_id="unit", var="value", dimension=" ".join(dimensions), s_rule="pq .15", hierarchy=hierarchy,
        trace=False, capture=True,
    ),
    "outcell",
    "outconstraint",
)  # fmt: skip
cells.to_parquet(folder / "cells.parquet")
constraints.to_parquet(folder / "constraints.parquet")
for _ in range(runs):
    (pattern,) = timed(
        "suppression",
        lambda: gconfid.Suppression(
            incell=cells, inconstraint=constraints, cost_function1="DIGITS", cost_function2="INFORMATION",
            trace=False, capture=True,
        ),
        "outsuppress",
    )  # fmt: skip
    pattern.to_parquet(folder / "pattern.parquet")
    if stages:
        (audit,) = timed(
            "audit",
            lambda pattern=pattern: gconfid.Auditing(
                incell=pattern, inconstraint=constraints, trace=False, capture=True
            ),
            "outaudit",
        )
        audit.to_parquet(folder / "audit.parquet")
