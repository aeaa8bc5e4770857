"""OpenDP's Polars path: noisy count and sum by 100 keys, K = 3, M = 2. `python opendp_polars.py FILE RUNS`.

It is measured, not recommended: see docs/privacy.md for what is unsound in it.
"""

import json
import resource
import sys
import time

import numpy as np
import opendp.prelude as dp
import polars as pl

dp.enable_features("contrib")
K, M, UPPER = 3, 2, 200_000


def released(path: str) -> int:
    """The number of groups released. `truncate_num_groups` keeps one group fewer than asked in 0.16.0: hence K + 1."""
    context = dp.Context.compositor(
        data=pl.read_parquet(path).lazy(),
        privacy_unit=dp.unit_of(contributions=1, identifier=pl.col("person")),
        privacy_loss=dp.loss_of(epsilon=1.0),
        split_evenly_over=1,
        margins=[
            dp.polars.Margin(by=[], max_length=10**9),
            dp.polars.Margin(by=["region"], max_length=10**8, max_groups=100),
        ],
    )
    query = context.query().truncate_per_group(M, by=["region"])
    query = query.truncate_num_groups(K + 1, by=["region"], keep="first")
    query = query.group_by("region").agg(dp.len(), pl.col("income").dp.sum((0, UPPER)))
    query = query.with_keys(pl.LazyFrame({"region": np.arange(100)}))
    return len(query.release().collect())


for _ in range(int(sys.argv[2])):
    begun, used = time.perf_counter(), time.process_time()
    groups = released(sys.argv[1])
    record = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used, "groups": groups}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(record | {"peak_mb": peak}), flush=True)
