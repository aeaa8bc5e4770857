"""The product's side: `python -m benchmarks.tables.ours TASK ARGUMENTS…` prints one JSON line a run.

A process of its own for each row of the results, so that its memory is its own.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from disclosure_control import Hierarchy, RuleProfile, Table, build_ptable, perturb
from disclosure_control.attack import attack, passes
from disclosure_control.rules import assess
from disclosure_control.suppression import suppress
from disclosure_control.suppression.lp import Deadline
from disclosure_control.suppression.problem import NOBODY, Equations, Problem
from disclosure_control.suppression.solve import Solution, solve

Record = dict[str, Any]
PRIOR = 0.5  # gconfid's attacker knows every withheld cell to within 50 %


def cells(path: str, runs: str) -> Iterator[Record]:
    """Cell facts and verdicts, as ACRO's crosstab with a sum: threshold 10, (2, 90) dominance, p 10 %."""
    profile = RuleProfile(threshold=10, dominance=[(2, 90)], p_percent=10)
    for _ in range(int(runs)):
        begun = time.perf_counter()
        table = Table.from_microdata(path, {"sector": None, "region": None}, value="turnover")
        assess(table, profile)
        yield {"seconds": time.perf_counter() - begun, "cells": len(table.cells)}


def cell_keys(path: str, runs: str) -> Iterator[Record]:
    """Perturbed counts from microdata, beside one GROUP BY of the same data in DuckDB; both on data in memory.

    `work`: their processor time, as a multiple of the GROUP BY's; other programs on the machine disturb it less.
    """
    ptable, by = build_ptable(5, {1: 2.0, 2: 3.0}, big_n=256), ("area", "age", "sex")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people AS FROM '{path}'")
        query = f"SELECT {', '.join(by)}, count(*), sum(rkey) FROM people GROUP BY ALL"  # noqa: S608
        for _ in range(int(runs)):
            begun, busy = time.perf_counter(), time.process_time()
            connection.execute(query).df()
            grouped, grouping = time.perf_counter() - begun, time.process_time() - busy
            begun, busy = time.perf_counter(), time.process_time()
            table = Table.from_microdata(connection.table("people"), dict.fromkeys(by), record_key="rkey")
            perturb(table, ptable, record_key="rkey")
            spent, work = time.perf_counter() - begun, time.process_time() - busy
            yield {"seconds": spent, "group_by": grouped, "work": work / grouping}


def same_problem(folder: str, runs: str) -> Iterator[Record]:
    """Suppression of gconfid's own problem: its cells, aggregates, sensitivities and attacker."""
    where = Path(folder)
    found, constraints = (pd.read_parquet(where / f"{name}.parquet") for name in ("cells", "constraints"))
    for _ in range(int(runs)):
        begun = time.perf_counter()
        problem, table_cells = problem_of(found, constraints)
        solution = solve(problem, Deadline(), lambda _step, _done: None)
        record = {"seconds": time.perf_counter() - begun, "method": solution.method}
        yield record | weights(problem, table_cells, solution)
    np.save(where / "ours.npy", solution.withheld)


def whole_way(folder: str, runs: str) -> Iterator[Record]:
    """The public way: from microdata to a protected table, with full protection and lone contributors as attackers."""
    for _ in range(int(runs)):
        begun = time.perf_counter()
        protected = suppress(table_of(Path(folder)), RuleProfile(p_percent=15), prior=PRIOR)
        seconds = time.perf_counter() - begun
        withheld = protected.table.cells.loc[protected.withheld, "value"]
        yield {"seconds": seconds, "suppressed": len(withheld), "value": float(withheld.sum())}


def attacks(folder: str, runs: str) -> Iterator[Record]:
    """The attack on gconfid's pattern: exact intervals of all withheld cells, and pass or fail alone."""
    pattern = gconfids_pattern(Path(folder))
    for _ in range(int(runs)):
        begun = time.perf_counter()
        found = attack(pattern, PRIOR)
        exact = time.perf_counter() - begun
        begun = time.perf_counter()
        safe = passes(pattern, PRIOR)
        yield {"seconds": exact, "passes": time.perf_counter() - begun, "withheld": len(found), "safe": safe}


# ------------------------------------------------------------------------------------------------- gconfid's problem


def problem_of(found: pd.DataFrame, constraints: pd.DataFrame) -> tuple[Problem, np.ndarray]:
    """The problem of gconfid in our form, and which of its cells are cells of the table (the others are aggregates).

    Each sensitive cell needs half its sensitivity on either side; withheld cells are known to within 50 %; a cell costs
    the logarithm of its value.
    """
    values = found["TotalNoise"].to_numpy(dtype=np.float64)
    sensitive = (found["Status"] == "S").to_numpy()
    need = np.where(sensitive, np.minimum(found["Sensitivity"].to_numpy(), values), 0.0) / 2
    shown = (found["Type"] == "C").to_numpy()
    place = pd.Series(np.arange(len(found)), index=found["CellId"])
    constraints = constraints.sort_values("ConstraintId", kind="stable")
    starts = np.flatnonzero(constraints["ConstraintId"].diff().fillna(1) != 0)
    equations = Equations(
        np.append(starts, len(constraints)).astype(np.int64),
        place[constraints["CellId"]].to_numpy(dtype=np.int64),
        constraints["Coefficient"].to_numpy(dtype=np.float64),
    )
    problem = Problem(
        values=values,
        room_down=values / 2,
        room_up=values / 2,
        need_down=need,
        need_up=need,
        primary=sensitive,
        candidate=np.ones(len(values), dtype=bool),
        cost=np.where(shown, np.log10(values + 1), 0.0) * ~sensitive,
        equations=equations,
        knower=np.full(len(values), NOBODY, dtype=np.int64),
        exempt=np.zeros((0, 2), dtype=np.int64),
        virtual=~shown,
    )
    return problem, shown


def weights(problem: Problem, shown: np.ndarray, solution: Solution) -> Record:
    """How much is withheld: cells, value, information (the sum of log10(value + 1)), and its proven lower bound."""
    withheld = solution.withheld & shown
    information = np.log10(problem.values + 1)
    sure = float(information[problem.primary & shown].sum())
    return {
        "suppressed": int(withheld.sum()),
        "value": float(problem.values[withheld].sum()),
        "information": float(information[withheld].sum()),
        "bound": None if solution.bound is None else sure + solution.bound,
    }


def table_of(folder: Path) -> Table:
    trees = json.loads((folder / "hierarchies.json").read_text())
    dimensions = {
        name: Hierarchy.from_pairs((parent, child) for parent, parts in tree for child in parts)
        for name, tree in trees.items()
    }
    return Table.from_microdata(
        pd.read_parquet(folder / "data.parquet"), dimensions, value="value", unit="unit", empty_codes=True
    )


def gconfids_pattern(folder: Path) -> SimpleNamespace:
    """The pattern of gconfid on our table, for the attack.

    With gconfid's protection levels and its attacker: nobody is told which cells have one contributor. Its sums of
    cells (52 of 449 here) are not part of it.
    """
    table, names = table_of(folder), list(json.loads((folder / "hierarchies.json").read_text()))
    pattern = pd.read_parquet(folder / "pattern.parquet").query("Type == 'C'").set_index(names)
    pattern = pattern.reindex(pd.MultiIndex.from_frame(table.cells[names]))
    hidden = (pattern["OutStatus"] == "X").to_numpy()
    need = np.where((pattern["Status"] == "S").to_numpy(), pattern["Sensitivity"].to_numpy() / 2, 0.0)
    cells = table.cells[names].assign(value=table.cells["value"].where(~hidden))
    protection = pd.DataFrame({"lower_protection": need, "upper_protection": need, "sliding_protection": 0.0})
    table = replace(table, cells=table.cells.drop(columns="units"))
    return SimpleNamespace(table=table, profile=None, cells=cells, protection=protection.fillna(0.0))


TASKS: dict[str, Callable[..., Iterator[Record]]] = {
    each.__name__: each for each in (cells, cell_keys, same_problem, whole_way, attacks)
}

if __name__ == "__main__":
    for record in TASKS[sys.argv[1]](*sys.argv[2:]):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({**record, "peak_mb": peak}), flush=True)
