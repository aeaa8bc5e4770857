"""The bytes that would leave: CSV, one line a cell, withheld cells empty and marked."""

import csv
import io

from safe_outputs.answers import Column, TableOfCells


def table_as_csv(table: TableOfCells) -> bytes:
    """UTF-8 CSV (RFC 4180, LF): the dimensions, the measures with their published decimals, and `status`."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(each.name for each in (*table.dimensions, *table.measures)), "status"])
    for cell in table.cells:
        values = [_plain(value, column) for value, column in zip(cell.values, table.measures, strict=True)]
        writer.writerow([*cell.codes, *values, "published" if cell.status == "published" else "withheld"])
    return buffer.getvalue().encode()


def _plain(value: int | float | None, column: Column) -> str:
    return "" if value is None else f"{value:.{column.decimals}f}"
