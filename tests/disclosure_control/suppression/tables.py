"""Tables for these tests: from a grid of numbers, from microdata that chance makes, and protected by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from disclosure_control import Hierarchy, RuleProfile, Table
from disclosure_control.suppression import ProtectedTable, Report

NO_REPORT = Report("by hand", "number", 0, None, None, None, 0, 0, 0, 0, 0, 0)


def grid(text: str, units: int = 5) -> Table:
    """The table of these inner cells, one row a line; every cell has so many units of equal size."""
    numbers = [[int(each) for each in line.split()] for line in text.strip().splitlines()]
    rows = [
        {"row": f"r{row}", "column": f"c{column}", "value": value / units, "unit": f"{row}-{column}-{unit}"}
        for row, line in enumerate(numbers, start=1)
        for column, value in enumerate(line, start=1)
        for unit in range(units)
    ]
    return Table.from_microdata(pd.DataFrame(rows), {"row": None, "column": None}, value="value", unit="unit")


def withheld_by_hand(table: Table, withheld: Sequence[tuple[str, ...]], protection: float = 0) -> ProtectedTable:
    """The table without these cells. Each of them requires this much protection on both sides."""
    names = list(table.dimensions)
    hidden = np.array([tuple(row) in withheld for row in table.cells[names].to_numpy().tolist()])
    cells = table.cells[names].assign(
        value=table.cells["value"].where(~hidden), status=np.where(hidden, "primary", "published"), reason=None
    )
    needs = {f"{side}_protection": np.where(hidden, protection, 0.0) for side in ("lower", "upper")}
    frame = pd.DataFrame({**needs, "sliding_protection": 0.0})
    return ProtectedTable(table, RuleProfile(threshold=3), cells, frame, (), NO_REPORT)


TREE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2"), ("B", "B3")])
REGIONS = Hierarchy.from_pairs([("all", "north"), ("all", "south"), ("all", "west")])
SIZES = Hierarchy.flat(["small", "large"])
OTHER_TREE = Hierarchy.from_pairs(
    [("T", "X"), ("T", "Y"), ("X", "A1"), ("X", "B1"), ("Y", "A2"), ("Y", "B2"), ("Y", "B3")]
)

SHAPES: dict[str, dict[str, Any]] = {
    "flat": {"region": REGIONS, "size": SIZES},
    "hierarchical": {"nace": TREE, "region": REGIONS},
    "three-way": {"nace": TREE, "region": REGIONS, "size": SIZES},
    "two hierarchies": {"nace": (TREE, OTHER_TREE), "region": REGIONS},
}


def microdata(seed: int, dimensions: dict[str, Any], rows: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    columns = {
        name: chance.choice((each if isinstance(each, Hierarchy) else each[0]).leaves, rows)
        for name, each in dimensions.items()
    }
    values = np.round(chance.lognormal(3, 1.5, rows) + 1)
    return pd.DataFrame({**columns, "value": values, "unit": range(rows)})


def business(seed: int, shape: str, rows: int, *, frequencies: bool = False) -> Table:
    """A table of this shape, of microdata that the seed makes."""
    dimensions = SHAPES[shape]
    value = None if frequencies else "value"
    return Table.from_microdata(microdata(seed, dimensions, rows), dimensions, value=value, unit="unit")


business_tables = st.builds(
    business,
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(SHAPES)),
    st.integers(20, 60),
    frequencies=st.booleans(),
)
profiles = st.sampled_from(
    [
        RuleProfile(threshold=3),
        RuleProfile(p_percent=10),
        RuleProfile(threshold=3, dominance=[(1, 60)], p_percent=15),
    ]
)
