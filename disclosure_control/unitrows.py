"""Units with several rows: the rows come out as numbers (leaf cell, unit, amount), a range of units at a time.

Memory does not grow with the data. Microdata that are ordered by an integer unit are read once, others once for every
range.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disclosure_control.cellfacts import quoted
from disclosure_control.contributions import facts_of_rows
from disclosure_control.errors import MalformedTable
from disclosure_control.microdata import VIEW, type_of
from disclosure_control.rowfacts import CHANGED, Groups
from disclosure_control.structure import Axis, Grid
from disclosure_control.unitfacts import Contributions, LeafFacts, nobody

BATCHES = 8  # of this many, if that makes batches of this size:
SMALLEST, LARGEST = 5_000_000, 16_000_000  # rows in memory at once, about
FEW = 32  # codes that are found faster by looking through them than by a join
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_SALTS = range(8)

Fetched = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Reading:
    """What is read of every row: the unit by this column, and, unless units are only counted, what belongs to them."""

    groups: Groups
    grid: Grid
    unit: str
    counted: bool

    @property
    def ranks(self) -> int:
        return 0 if self.counted else self.groups.source.columns.ranks

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        return self.groups.source.query(query).fetchall()


def facts_by_unit(groups: Groups, grid: Grid, unit: str, *, counted: bool = False) -> LeafFacts:
    """The facts of leaf cells, and of all cells for units that are in several.

    `counted`: the units are only counted, whatever they contribute.

    Raises:
        MalformedTable: the rows of one unit differ in what belongs to the unit.
    """
    reading = Reading(groups, grid, unit, counted or groups.source.columns.frequencies)
    found, rows = LeafFacts(nobody((grid.leaf_cells,), reading.ranks)), 0
    for batch in _batches(reading):
        rows += len(batch["unit"])
        found = found.and_of(facts_of_rows(_contributions(batch, reading), grid, reading.ranks, once=reading.counted))
    missing = groups.facts.get("missing")
    if rows != groups.rows - (0 if missing is None else int(missing.sum())):
        raise MalformedTable(CHANGED)
    return found


def _contributions(batch: Fetched, reading: Reading) -> Contributions:
    size = batch.get("size")
    if size is None and not reading.counted:
        size = np.ones(len(batch["unit"]), np.int64)
    belongs = {name: batch[name] for name in ("estimate", "record_key", "waived", "requested") if name in batch}
    return Contributions(batch["unit"], batch["cell"], size, **belongs)


def _batches(reading: Reading) -> Iterator[Fetched]:
    """The rows with a value, all of one unit in one batch."""
    key = _key(reading)
    query = _query(reading, key)
    for condition in _ranges(reading, key):
        found = reading.groups.source.query(f"{query} WHERE {condition}").fetchnumpy()
        batch = {name: np.asarray(each) for name, each in found.items()}
        if (batch["cell"] < 0).any():
            raise MalformedTable(CHANGED)
        yield batch


def _query(reading: Reading, key: str) -> str:
    source, axes = reading.groups.source, reading.grid.axes
    wanted = {"cell": f"coalesce({_cell(reading.grid)}, -1)::INTEGER", "unit": key}
    if source.columns.value is not None and not reading.counted:
        wanted["size"] = source.size.sql
    if source.estimate:
        wanted["estimate"] = source.estimate.sql
    columns = source.columns
    belongs = {"record_key": (columns.record_key, "BIGINT"), "waived": (columns.waiver, "BOOLEAN")}
    for name, (column, kind) in {**belongs, "requested": (columns.request, "BOOLEAN")}.items():
        if column is not None:
            wanted[name] = f"{quoted(column)}::{kind}"
    chosen = ", ".join(f"{expression} AS {name}" for name, expression in wanted.items())
    many = [(place, axis) for place, axis in enumerate(axes) if len(axis.leaves) > FEW]
    maps = ", ".join(
        f"_sdc_map_{place}(_sdc_code_{place}, _sdc_leaf_{place}) AS (VALUES {_pairs(axis)})" for place, axis in many
    )
    joins = " ".join(
        f"LEFT JOIN _sdc_map_{place} ON _sdc_code_{place} = {quoted(axis.name)}::VARCHAR" for place, axis in many
    )
    return f"{f'WITH {maps} ' if maps else ''}SELECT {chosen} FROM {VIEW} {joins}"  # noqa: S608 - names and codes are quoted


def _cell(grid: Grid) -> str:
    """The leaf cell of a row, NULL for a code that is no leaf."""
    terms = []
    for place, axis in enumerate(grid.axes):
        stride = int(np.prod(grid.leaf_shape[place + 1 :], dtype=np.int64))
        leaf = f"_sdc_leaf_{place}"
        if len(axis.leaves) <= FEW:
            leaf = f"(list_position([{', '.join(map(_text, axis.leaves))}], {quoted(axis.name)}::VARCHAR) - 1)"
        terms.append(f"{leaf} * {stride}")
    return " + ".join(terms)


def _pairs(axis: Axis) -> str:
    return ", ".join(f"({_text(leaf)}, {place})" for place, leaf in enumerate(axis.leaves))


def _text(code: str) -> str:
    return "'" + code.replace("'", "''") + "'"


def _key(reading: Reading) -> str:
    """An expression that gives each unit a number of its own.

    Units that are no integers are numbered by a hash; that no two of them share a number is checked, not assumed.
    """
    column = quoted(reading.unit)
    if type_of(reading.groups.source.data, reading.unit) in _INTEGERS:
        return column
    for salt in _SALTS:
        key = f"(hash({column}, {salt}) >> 1)::BIGINT"
        units = f"SELECT DISTINCT {column} FROM {VIEW}"  # noqa: S608 - a quoted name
        shared = f"SELECT 1 FROM ({units}) GROUP BY {key} HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - as above
        if not reading.asked(shared):
            return key
    raise MalformedTable(f"The units of {reading.unit} could not be numbered. Make the column an integer.")


def _ranges(reading: Reading, key: str) -> list[str]:
    """Conditions that part the rows with a value into ranges of units, of about so many rows as may be in memory."""
    value = reading.groups.source.columns.value
    valued = "true" if value is None else f"{quoted(value)} IS NOT NULL"
    batch = min(max(reading.groups.rows // BATCHES, SMALLEST), LARGEST)
    ranges = -(-reading.groups.rows // batch)
    if ranges == 1:
        return [valued]
    shares = ", ".join(str(place / ranges) for place in range(1, ranges))
    sample = f"SELECT {key} AS k FROM {VIEW} USING SAMPLE reservoir(20000 ROWS) REPEATABLE (1)"  # noqa: S608 - quoted
    edges = sorted(set(reading.asked(f"SELECT quantile_disc(k, [{shares}]) FROM ({sample})")[0][0]))  # noqa: S608 - as above
    lower, upper = [f"{key} >= {edge}" for edge in edges], [f"{key} < {edge}" for edge in edges]
    between = [" AND ".join(pair) for pair in zip(lower[:-1], upper[1:], strict=True)]
    return [f"{condition} AND {valued}" for condition in (upper[0], *between, lower[-1])]
