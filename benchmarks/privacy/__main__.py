"""Product and peer on the same microdata, in one run: `python -m benchmarks.privacy [--rows N …] [--large]`.

Noisy counts and sums by 100 public keys; a person counts in K = 3 groups at most, with M = 2 rows in each. Sets up
OpenDP with Polars in an environment of its own, and writes `benchmarks/privacy/results.md`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import venv
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "benchmarks"
PEER = ("opendp[polars]==0.16.0", "numpy")
WANTED = {10**6: "10× faster, under 0.5 GB", 10**7: "10× faster, under 1 GB", 10**8: "under 60 s and 4 GB"}
MOST_MB = {10**6: 500, 10**7: 1000, 10**8: 4000}
MOST_SECONDS = 60
PEERS_MOST_ROWS = 10**7  # beyond it the peer needs more memory than there is


def main() -> None:
    asked = _arguments()
    rows = asked.rows or [10**6, 10**7, *([10**8] if asked.large else [])]
    lines = [_line(each, asked) for each in rows]
    Path(asked.out).write_text(_page(lines, asked.runs), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", help="numbers of rows (1e6 and 1e7)")
    parser.add_argument("--large", action="store_true", help="1e8 rows too (a file of 1 GB)")
    parser.add_argument("--runs", type=int, default=3, help="the product's median of so many (3)")
    parser.add_argument("--peer-runs", type=int, default=1, help="the peer's (1)")
    parser.add_argument("--out", default=str(HERE / "results.md"), help="where the results go")
    return parser.parse_args()


def microdata(rows: int) -> Path:
    """The same for everybody: five rows a person, in no order, 100 regions, skewed incomes."""
    path = BUILD / f"people-{rows}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        normal = "sqrt(-2 * ln(((hash(i + 13) % 1000000) + 1) / 1000001.0)) * cos((hash(i + 29) % 1000000) / 159155.0)"
        query = f"""
            SELECT (hash(i) % {rows // 5})::BIGINT AS person, (hash(i + 7) % 100)::BIGINT AS region,
                least(200000, 25000 * exp(0.6 * {normal}))::BIGINT AS income
            FROM range({rows}) t(i)
        """  # noqa: S608 - our own numbers
        with duckdb.connect(config={"preserve_insertion_order": "false"}) as connection:
            connection.execute(f"COPY ({query}) TO '{path}.part' (FORMAT parquet)")
        Path(f"{path}.part").rename(path)
    return path


def _line(rows: int, asked: argparse.Namespace) -> str:
    path = microdata(rows)
    ours = _run([sys.executable, "-m", "benchmarks.privacy.ours", str(path), str(asked.runs)])
    peer = None
    if rows <= PEERS_MOST_ROWS:
        script = str(HERE / "peers" / "opendp_polars.py")
        peer = _run([str(_peers_python()), script, str(path), str(asked.peer_runs)])
    line = _told(rows, ours, peer)
    print(line, flush=True)
    return line


def _told(rows: int, ours: list[dict[str, Any]], peer: list[dict[str, Any]] | None) -> str:
    mine, used, memory = _middle(ours, "seconds"), _middle(ours, "cpu"), max(each["peak_mb"] for each in ours)
    met, theirs, ratio = memory < MOST_MB.get(rows, 4000), "not possible", "–"
    if peer is None:
        met &= mine < MOST_SECONDS
    else:
        seconds, theirs_used = _middle(peer, "seconds"), _middle(peer, "cpu")
        met &= seconds >= 10 * mine
        theirs = f"{seconds:.1f} s ({theirs_used:.1f}), {max(each['peak_mb'] for each in peer):,} MB"
        ratio = f"{seconds / mine:.1f}× ({theirs_used / used:.1f}×)"
    return (
        f"| {rows:.0e} | {theirs} | {mine:.1f} s ({used:.1f}), {memory:,} MB | {ratio} | "
        f"{WANTED.get(rows, '')} | {'yes' if met else '**no**'} |"
    )


def _middle(records: list[dict[str, Any]], what: str) -> float:
    return float(median(each[what] for each in records))


def _run(command: list[str]) -> list[dict[str, Any]]:
    print(" ".join(command[1:]), file=sys.stderr)
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)  # noqa: S603 - ours
    if done.returncode:
        raise SystemExit(f"{command[1]} failed ({done.returncode}): {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _peers_python() -> Path:
    folder = BUILD / "opendp-polars"
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    if not (stamp.exists() and stamp.read_text() == "\n".join(PEER)):
        print(f"setting up {PEER[0]} in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.run([*pip, *PEER], check=True)  # noqa: S603 - the list above
        stamp.write_text("\n".join(PEER))
    return python


def _page(lines: list[str], runs: int) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "numpy", "opendp"))
    return "\n".join(
        [
            "# Private statistics: product and peer",
            "",
            f"Made by `python -m benchmarks.privacy` on {datetime.now(tz=UTC):%d %B %Y}: median of {runs} runs, "
            f"{os.cpu_count()} processors, Python {platform.python_version()}, {libraries}. Trust the ratios, not the "
            "seconds; in brackets, those of the processors. Noisy counts and sums by 100 public keys, K = 3, M = 2, "
            "from the same Parquet file, five rows a person in no order. The product's time is that of a whole "
            "release: ledger, bounded sums, noise; it writes no row to a file. The peer "
            f"is {PEER[0]}, which charges nothing durably.",
            "",
            "| rows | OpenDP Polars | product | ratio | to reach | reached |",
            "| --- | --- | --- | --- | --- | --- |",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
