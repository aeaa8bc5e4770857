"""The bytes that would leave: CSV, one line a cell, withheld cells empty and marked."""

import csv
import io

from safe_outputs.answers import Column, TableOfCells


def table_as_csv(table: TableOfCells) -> bytes:
    """UTF-8 CSV (RFC 4180, LF): the dimensions, the measures with their published decimals, and `status`.

    Noisy measures have the ends of their 95 % interval beside them, `_low` and `_high`.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    ranged = _ranged(table)
    ends = [f"{table.measures[place].name}_{end}" for place in ranged for end in ("low", "high")]
    writer.writerow([*(each.name for each in (*table.dimensions, *table.measures)), *ends, "status"])
    for cell in table.cells:
        values = [_plain(value, column) for value, column in zip(cell.values, table.measures, strict=True)]
        ends = [_plain(end, table.measures[place]) for place in ranged for end in (cell.ranges[place] or (None, None))]
        writer.writerow([*cell.codes, *values, *ends, "published" if cell.status == "published" else "withheld"])
    return buffer.getvalue().encode()


def _ranged(table: TableOfCells) -> list[int]:
    """The measures whose values have an interval."""
    places = range(len(table.measures))
    return [place for place in places if any(cell.ranges and cell.ranges[place] for cell in table.cells)]


def _plain(value: int | float | None, column: Column) -> str:
    return "" if value is None else f"{value:.{column.decimals}f}"
