"""Attempts to leave nothing for others: memory, disk, processes, the hub's attention, the browser's budget."""

from tests.hub_config.escape.attempt import Attempt, Closed, Control, Family, add

NAMELESS = """
import os
held = []
for _ in range({pieces}):
    held.append(os.memfd_create("nameless"))
    os.posix_fallocate(held[-1], 0, 32 << 20)
print("held", len(held))
"""
"""Memory in files without a name, which no limit of a process counts."""

ENDLESS = """
import time
from pathlib import Path
folder = Path("endless")
folder.mkdir(exist_ok=True)
for number in range({files}):
    (folder / str(number)).touch()
time.sleep(5)
print("kept", number + 1)
"""

PAGES = """
import time
for number in range({pages}):
    print("{mark}" * {times})
    time.sleep(0.35)
"""
"""Slowly, since Jupyter itself holds back what comes faster than a megabyte a second."""


def _row(name: str, tries: str, stops: str, control: Control) -> str:
    def run(_: object) -> str:
        raise Closed("a test of its own says what came of it")

    add(Attempt(name, Family.EXHAUSTION, tries, stops, control, run))
    return name


_row(
    "nameless_memory",
    "Take more memory than a session may have, in files without names, which no limit of a process counts.",
    "the session's control group; without groups, every page says that it is missing",
    Control.TWIN,
)
_row(
    "endless_files",
    "Fill the disk with files that are empty, and take no blocks.",
    "the server counts what is in the folders, every file with a page at least, and ends the kernel",
    Control.TWIN,
)
_row(
    "flooded_gate",
    "Call the gate without end, and hold hundreds of connections to it, while a neighbour works.",
    "a gate takes 64 connections; the hub passes calls on without waiting, and the outputs service answers in threads",
    Control.COUNT,
)
_row(
    "flood_of_outputs",
    "Print page after page, each of a size that may be shown.",
    "the day's budget of what may cross to the browser, which is recorded",
    Control.SERVER,
)
