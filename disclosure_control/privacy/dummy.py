"""Made-up data of a dataset's public form, for dry runs: nothing in it comes from data."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd

from disclosure_control.cellfacts import quoted
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset, whole

ROWS = (1, 1, 1, 2, 3)  # of a unit, each as likely
TYPES = {"integer": "BIGINT", "decimal": "DOUBLE", "category": "VARCHAR", "boolean": "BOOLEAN"}


def dummy_table(connection: duckdb.DuckDBPyConnection, dataset: PublicDataset, units: int, seed: int) -> None:
    """Create the dataset's table, with so many units; values are spread evenly over their bounds or labels."""
    chance = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), chance.choice(ROWS, units))
    columns = {each.name: _values(each, len(unit), chance) for each in dataset.columns}
    connection.register("_dummy", pd.DataFrame({dataset.unit: unit, **columns}))
    named = ", ".join(f"{quoted(each.name)}::{TYPES[each.kind]} AS {quoted(each.name)}" for each in dataset.columns)
    wanted = f"{quoted(dataset.unit)}{', ' if named else ''}{named}"
    connection.execute(f"CREATE TABLE {quoted(dataset.table)} AS SELECT {wanted} FROM _dummy")  # noqa: S608 - quoted
    connection.unregister("_dummy")


def _values(column: PublicColumn, rows: int, chance: np.random.Generator) -> Any:
    match column.kind:
        case "boolean":
            return chance.integers(0, 2, rows).astype(bool)
        case "category":
            return pd.array(np.array(column.labels, dtype=object)[chance.integers(0, len(column.labels), rows)])
    if column.lower is None or column.upper is None:
        return np.zeros(rows)
    steps = chance.integers(whole(column.lower, column.places), whole(column.upper, column.places), rows, endpoint=True)
    return steps if column.kind == "integer" else steps / 10**column.places
