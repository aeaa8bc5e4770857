"""ACRO: counts and sums of a two-way table with its checks. Usage: acro_cells.py PARQUET RUNS. One JSON line a run."""

import json
import logging
import os
import sys
import tempfile
import time

import pandas as pd

data = pd.read_parquet(sys.argv[1])
os.chdir(tempfile.mkdtemp())  # ACRO writes its outputs to where it is
from acro import ACRO  # noqa: E402 - after the change of folder

logging.disable(logging.CRITICAL)
session = ACRO(suppress=False)
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    session.crosstab(data.sector, data.region, values=data.turnover, aggfunc="sum")
    print(json.dumps({"seconds": time.perf_counter() - begun}), flush=True)
