"""What the benchmark of the queue found, as a page; and what is to be reached."""

import os
import platform
from importlib.metadata import version
from typing import Any

MOST_TIMES, FEWEST_A_SECOND, EVENTS_A_SECOND = 5.0, 200, 50_000


def page(found: dict[str, Any]) -> str:
    return "\n".join([*_head(found), *_pages(found), *_together(found["together"]), *_verify(found["verify"]), ""])


def _head(found: dict[str, Any]) -> list[str]:
    software = f"Python {platform.python_version()}, Flask {version('flask')}, gunicorn {version('gunicorn')}"
    return [
        "# The review queue",
        "",
        f"Made by `python -m benchmarks.queue` on {found['on']}: {found['requests']:,} requests, {found['events']:,} "
        f"audit events, SQLite, {os.cpu_count()} processors, {software}. Trust the ratios, not the seconds.",
        "",
    ]


def _pages(found: dict[str, Any]) -> list[str]:
    lines = []
    for way, pages in found["pages"].items():
        lines += [
            f"## Pages, {way}",
            "",
            "| | median | CPU of the service | times an empty page | to reach | reached |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_row(kind, each) for kind, each in pages.items()),
            "",
        ]
    return [
        *lines,
        "Each request is opened by one checker whom nobody preceded, then by another: a page is rendered once after "
        "each change, by each worker. "
        "A view of a request is on disk in the audit chain before anything of it is sent; to wait for the disk once "
        f"took {found['disk, ms']:.2f} ms here.",
        "",
    ]


def _row(kind: str, each: dict[str, float]) -> str:
    wanted = f"{MOST_TIMES:.0f}× at most" if kind != "an empty page" else ""
    reached = _said(each["times"] <= MOST_TIMES) if wanted else ""
    return f"| {kind} | {each['ms']:.2f} ms | {each['cpu, ms']:.2f} ms | {each['times']:.1f}× | {wanted} | {reached} |"


def _said(reached: bool) -> str:
    return "yes" if reached else "**no**"


def _together(found: dict[str, Any]) -> list[str]:
    errors = sum(found["errors"].values())
    reached = _said(found["a second"] >= FEWEST_A_SECOND and not errors)
    return [
        "## Sixteen people at once",
        "",
        f"{found['clients']} clients, each a process with a connection of its own to gunicorn, for "
        f"{found['seconds']:.0f} s after {found['warm']} s that do not count: {found['a second']:.0f} requests a "
        f"second, {errors} errors in all (to reach: {FEWEST_A_SECOND} a second, no error; reached: {reached}). CPU "
        f"seconds in all: {found['service, CPU seconds']:.1f} of the service, {found['clients, CPU seconds']:.1f} of "
        "the clients.",
        *([f"Errors: {found['errors']}"] if errors else []),
        "",
        "| | requests | median | 95 % within |",
        "| --- | --- | --- | --- |",
        *(
            f"| {kind} | {each['number']:,} | {each['median, ms']:.0f} ms | {each['95 %, ms']:.0f} ms |"
            for kind, each in found["kinds"].items()
        ),
        "",
    ]


def _verify(found: dict[str, Any]) -> list[str]:
    return [
        f"Then `audit verify` went through {found['events']:,} events at {found['a second']:,.0f} a second (to reach: "
        f"{EVENTS_A_SECOND:,}; reached: {_said(found['a second'] >= EVENTS_A_SECOND)}).",
    ]
