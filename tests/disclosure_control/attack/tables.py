"""Tables for these tests, protected by hand or by chance, never by the suppressor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from disclosure_control import Hierarchy, RuleProfile, Table


@dataclass(frozen=True)
class ByHand:
    """A protected table as the attack reads it."""

    table: Table
    profile: RuleProfile | None
    cells: pd.DataFrame
    protection: pd.DataFrame


def grid(text: str, **options: Any) -> Table:
    """The table of these inner cells with its margins: rows r1, r2, …, columns c1, c2, …; five equal units in each."""
    lines = [line.split() for line in text.strip().splitlines()]
    rows = [
        {"row": f"r{row}", "column": f"c{column}", "value": float(value) / 5, "unit": f"{row}-{column}-{unit}"}
        for row, line in enumerate(lines, start=1)
        for column, value in enumerate(line, start=1)
        for unit in range(5)
    ]
    return Table.from_microdata(
        pd.DataFrame(rows), {"row": None, "column": None}, value="value", unit="unit", **options
    )


def counts(text: str) -> Table:
    """The same, of people, who are counted."""
    lines = [[int(each) for each in line.split()] for line in text.strip().splitlines()]
    rows = [
        {"row": f"r{row}", "column": f"c{column}"}
        for row, line in enumerate(lines, start=1)
        for column, value in enumerate(line, start=1)
        for _ in range(value)
    ]
    return Table.from_microdata(pd.DataFrame(rows), {"row": None, "column": None}, empty_codes=True)


def protected(
    table: Table,
    withheld: Sequence[Sequence[str]],
    needs: Mapping[Any, float | tuple[float, float]] | None = None,
    sliding: float = 0,
    profile: RuleProfile | None = None,
) -> ByHand:
    """The table without these cells, named by their codes; some need protection, on both sides or below and above."""
    names = list(table.dimensions)
    codes = [tuple(row) for row in table.cells[names].to_numpy().tolist()]
    assert {tuple(each) for each in withheld} <= set(codes)
    hidden = np.array([code in {tuple(each) for each in withheld} for code in codes])
    lower, upper, apart = np.zeros(len(codes)), np.zeros(len(codes)), np.zeros(len(codes))
    for code, need in (needs or {}).items():
        at = codes.index(tuple(code))
        lower[at], upper[at] = need if isinstance(need, tuple) else (need, need)
        apart[at] = sliding
    return ByHand(
        table, profile, table.cells[names].assign(value=table.cells["value"].mask(hidden)), needing(lower, upper, apart)
    )


def needing(lower: np.ndarray, upper: np.ndarray, apart: np.ndarray | float = 0.0) -> pd.DataFrame:
    return pd.DataFrame({"lower_protection": lower, "upper_protection": upper, "sliding_protection": apart})


TREE = Hierarchy.from_pairs([("T", "A"), ("T", "B"), ("A", "A1"), ("A", "A2"), ("B", "B1"), ("B", "B2"), ("B", "B3")])
OTHER = Hierarchy.from_pairs([("T", "X"), ("T", "Y"), ("X", "A1"), ("X", "B1"), ("Y", "A2"), ("Y", "B2"), ("Y", "B3")])
SHAPES: dict[str, dict[str, Any]] = {
    "flat": {"a": None, "b": None},
    "hierarchical": {"tree": TREE, "b": None},
    "three-way": {"a": None, "b": None, "c": None},
    "two hierarchies": {"tree": [TREE, OTHER], "b": None},
}
CODES = {"a": ["a1", "a2", "a3"], "b": ["b1", "b2", "b3"], "c": ["c1", "c2"], "tree": list(TREE.leaves)}


def microdata(seed: int, rows: int, *, negative: bool = False) -> pd.DataFrame:
    """Units with a code in every dimension and a value."""
    chance = np.random.default_rng(seed)
    codes = {name: chance.choice(each, rows) for name, each in CODES.items()}
    value = np.ceil(chance.lognormal(3, 1.2, rows)) - (30 if negative else 0)
    return pd.DataFrame({**codes, "value": value, "unit": range(rows)})


def chance_table(seed: int, shape: str, kind: str, rows: int = 40) -> Table:
    """A table of this shape, of a value, a value that may be negative, or frequencies."""
    data = microdata(seed, rows, negative=kind == "negative")
    codes = {name: CODES[name] for name in SHAPES[shape]}
    dimensions = {name: Hierarchy.flat(codes[name]) if each is None else each for name, each in SHAPES[shape].items()}
    value = None if kind == "frequencies" else "value"
    return Table.from_microdata(data, dimensions, value=value, unit="unit", empty_codes=True)


def chance_pattern(table: Table, seed: int, share: float) -> ByHand:
    """The table without this share of its cells; half of them need protection, by up to their value."""
    chance = np.random.default_rng(seed)
    count, value = len(table.cells), table.cells["value"].to_numpy()
    hidden = chance.random(count) < share
    size = np.where(hidden & (chance.random(count) < 0.5), np.abs(value) * chance.random(count), 0)
    size = np.ceil(size) if table.value_name is None else size
    cells = table.cells[list(table.dimensions)].assign(value=table.cells["value"].mask(hidden))
    return ByHand(table, None, cells, needing(size, size))


patterns = st.builds(
    lambda seed, shape, kind, share: chance_pattern(chance_table(seed, shape, kind), seed + 1, share),
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(SHAPES)),
    st.sampled_from(["value", "negative", "frequencies"]),
    st.sampled_from([0.2, 0.5, 0.8]),
)
