"""Sessions with a sandbox and without, on the same machine in one run: `python -m benchmarks.sessions`.

Starts a hub for each, and a session in both by turns; measures how long until JupyterLab's page is there and until a
kernel has answered, and the memory of all processes of the session (proportional set size, so that what two processes
share counts once). Then ten sessions at once in the sandboxed hub. Writes `benchmarks/sessions/results.md`.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from signal import SIGTERM
from statistics import median

from governance.database import transaction
from hub_config import driver, limits
from hub_config.driver import Browser
from tests.hub_config.house import (
    PASSWORD,
    House,
    build_house,
    processes_with,
    short_folder,
    start_hub,
    stop_hub,
    totp_secret,
)

HERE = Path(__file__).resolve().parent
PROJECT = "heron"
WORK = "import pandas, duckdb; print(pandas.DataFrame({'a': range(10)}).a.sum())"
WANTED = 1.1


@dataclass(frozen=True)
class Measured:
    """Seconds until the page and from there until a kernel has done its first work; megabytes in use then."""

    page: float
    kernel: float
    memory: float


@dataclass(frozen=True)
class Running:
    house: House
    people: tuple[str, ...]

    def sign_in(self, name: str) -> Browser:
        return driver.sign_in(self.house.settings.hub_url, name, PASSWORD, totp_secret(name))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="sessions of each kind (7)")
    parser.add_argument("--at-once", type=int, default=10, help="sessions at once (10)")
    parser.add_argument("--out", default=str(HERE / "results.md"), help="where the results go")
    asked = parser.parse_args()
    with ExitStack() as stack:
        closed = stack.enter_context(_hub("", asked.at_once))
        opened = stack.enter_context(_hub("sandbox", 1))
        kinds = {"without a sandbox": opened, "in a sandbox": closed}
        browsers = {kind: stack.enter_context(hub.sign_in(hub.people[0])) for kind, hub in kinds.items()}
        found: dict[str, list[Measured]] = {kind: [] for kind in kinds}
        for number in range(asked.runs + 1):
            for kind, hub in kinds.items():
                measured = _session(hub, browsers[kind])
                if number:  # the first of each fills the caches
                    found[kind].append(measured)
                print(kind, measured, file=sys.stderr, flush=True)
        many = _at_once(closed)
    Path(asked.out).write_text(_page(found, many, asked.runs), encoding="utf-8")


@contextmanager
def _hub(without: str, people: int) -> Iterator[Running]:
    names = ("ada", *(f"researcher-{number}" for number in range(2, people + 1)))
    with short_folder() as folder:
        house = build_house(folder, run=str(folder / "run"), without=_without(without))
        with transaction(house.engine) as session:
            for name in names[1:]:
                house.person(session, name)
            house.project(session, "many", names)
        house.provide_data(PROJECT)
        house.provide_data("many")
        hub = start_hub(house, folder / "hub.log")
        try:
            yield Running(house, names)
        finally:
            stop_hub(hub, SIGTERM)
            house.engine.dispose()


def _without(names: str) -> str:
    groups = limits.find() != limits.NO_GROUPS
    return ",".join(part for part in (names, "" if groups else "session-limits") if part)


def _session(hub: Running, browser: Browser) -> Measured:
    begun = time.perf_counter()
    driver.start_session(browser, PROJECT)
    page = time.perf_counter()
    with driver.open_kernel(browser, PROJECT, "work/code.ipynb") as kernel:
        _work(kernel)
        done = time.perf_counter()
        memory = sum(map(_proportional, _processes(hub, f"{hub.people[0]}--{PROJECT}")))
    driver.stop_session(browser, PROJECT)
    return Measured(page - begun, done - page, memory)


def _work(kernel: driver.KernelChannel) -> None:
    cell = driver.nbformat.v4.new_code_cell(WORK)
    kernel.run_cell(cell, 0, 60)


def _at_once(hub: Running) -> tuple[float, float, int]:
    """Seconds until all have worked, megabytes of all together, and how many worked."""
    browsers = [hub.sign_in(name) for name in hub.people]

    def whole(browser: Browser) -> int:
        driver.start_session(browser, "many")
        return int(driver.run_code(browser, "many", WORK))

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(whole, browsers))
    seconds = time.perf_counter() - begun
    memory = sum(_proportional(pid) for name in hub.people for pid in _processes(hub, f"{name}--many"))
    for browser in browsers:
        browser.close()
    return seconds, memory, answers.count(45)


def _processes(hub: Running, session: str) -> set[int]:
    """The session's processes: those that name it, and all below them."""
    mark = os.fsencode(hub.house.settings.sessions / session)
    found = {int(line.split()[0]) for line in processes_with(mark)}
    table = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout  # noqa: S607
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in table.splitlines())}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _proportional(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _page(found: dict[str, list[Measured]], many: tuple[float, float, int], runs: int) -> str:
    rows, plain = [], found["without a sandbox"]
    for name, read in (
        ("start, until the page is there", lambda each: each.page),
        ("a kernel, until its first work is done", lambda each: each.kernel),
        ("both", lambda each: each.page + each.kernel),
        ("memory", lambda each: each.memory),
    ):
        before, after = (median(map(read, each)) for each in (plain, found["in a sandbox"]))
        unit = "MB" if name == "memory" else "s"
        reached = "yes" if after <= WANTED * before else "**no**"
        digits = 0 if unit == "MB" else 2
        rows.append(
            f"| {name} | {before:.{digits}f} {unit} | {after:.{digits}f} {unit} | {after / before:.2f}× "
            f"| {WANTED}× at most | {reached} |"
        )
    seconds, memory, worked = many
    return "\n".join(
        [
            "# Sessions: with a sandbox and without",
            "",
            f"Made by `python -m benchmarks.sessions` on {datetime.now(tz=UTC):%d %B %Y}: medians of {runs} sessions "
            f"of each kind by turns, {os.cpu_count()} processors, Python {platform.python_version()}, jupyterhub "
            f"{version('jupyterhub')}, jupyterlab {version('jupyterlab')}. Trust the ratios, not the seconds.",
            "",
            "| | without a sandbox | in a sandbox | ratio | to reach | reached |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"{worked} sessions at once, each with a kernel at work: all had answered after {seconds:.0f} s, with "
            f"{memory:,.0f} MB in use by their notebook servers.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
