"""Product and peers on the same tables, in one run: `python -m benchmarks.tables [--quick] [--only ROW …]`.

Sets up the peers in environments of their own, and writes `benchmarks/tables/results.md`.
"""

import argparse
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.tables.rows import QUICK, ROWS, Row, Settings

RESULTS = Path(__file__).parent / "results.md"
SIGNS = {True: "yes", False: "**no**", None: ""}


def main() -> None:
    asked = _arguments()
    settings = Settings(runs=asked.runs, limit=asked.limit, quick=asked.quick, large=asked.large)
    names = asked.only or (QUICK if asked.quick else tuple(ROWS))
    found: list[Row] = []
    for name in names:
        for row in ROWS[name](settings):
            found.append(row)
            print(_line(row), flush=True)
    Path(asked.out).write_text(_page(found, settings), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, and no large tables")
    parser.add_argument("--large", action="store_true", help="1e8 rows too (a file of 1 GB)")
    parser.add_argument("--only", nargs="+", choices=sorted(ROWS), help="these rows alone")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many (3)")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one run of a peer (300)")
    parser.add_argument("--out", default=str(RESULTS), help="where the results go")
    return parser.parse_args()


def _page(rows: list[Row], settings: Settings) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "highspy", "numpy", "pandas"))
    return "\n".join(
        [
            "# Tables: product and peers",
            "",
            f"Made by `python -m benchmarks.tables` on {datetime.now(tz=UTC):%d %B %Y}: median of "
            f"{settings.runs} runs, {os.cpu_count()} processors, Python {platform.python_version()}, {libraries}. "
            "Trust the ratios, not the seconds. Each program ran in a process of its own, in turn with the other, on "
            "the same files; a peer's time is that of the call alone, without reading its data. For suppression, both "
            "solve the problem that "
            "gconfid's `Sensitivity` makes: the same cells, sums, protection (half the sensitivity on either side) "
            "and attacker (every value known to within 50 %); the product's time includes its verification.",
            "",
            "| work | peer | product | ratio | to reach | reached | remarks |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *map(_line, rows),
            "",
        ]
    )


def _line(row: Row) -> str:
    remarks = "; ".join(note for note in row.notes if note)
    return f"| {row.work} | {row.peer} | {row.ours} | {row.ratio} | {row.wanted} | {SIGNS[row.met]} | {remarks} |"


if __name__ == "__main__":
    main()
