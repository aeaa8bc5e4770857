"""cell-key-perturbation: one frequency table. Usage: cell_keys.py PARQUET RUNS. One JSON line a run."""

import contextlib
import io
import json
import sys
import time

import pandas as pd
from cell_key_perturbation.create_perturbed_table import create_perturbed_table
from cell_key_perturbation.utils.generate_test_ptable import generate_ptable_10_5_rule

data = pd.read_parquet(sys.argv[1])
by, ptable = ["area", "age", "sex"], generate_ptable_10_5_rule()
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    data.groupby(by).agg(n=("rkey", "size"), k=("rkey", "sum"))
    grouped = time.perf_counter() - begun
    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        create_perturbed_table(data, ptable, by[:1], by[1:], "rkey")
    print(json.dumps({"seconds": time.perf_counter() - begun, "group_by": grouped}), flush=True)
