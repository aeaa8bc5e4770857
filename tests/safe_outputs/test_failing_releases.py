"""A release that fails, at each of its writes: nothing or the whole, and the next start finishes it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import quick_folder

CHECKOUT = Path(__file__).resolve().parents[2]
DONE = {"state": "released", "registered": 2, "last": "request.released", "reason": None, "packages": ["whole"]}


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory, where there is room: each failure leaves a whole house behind, which the next one has anew."""
    with tempfile.TemporaryDirectory(prefix="failing-", dir=quick_folder()) as folder:
        yield Path(folder)


def failures(folder: Path, mode: str) -> list[dict[str, Any]]:
    """What was left by each failure, in order of the step at which it came; the last one did not fail."""
    command = [sys.executable, "-m", "tests.safe_outputs.failing_releases", str(folder), mode]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def all_is_well_at_the_next_start(found: list[dict[str, Any]]) -> None:
    for each in found:
        assert each["then"] == DONE, each
        assert each["leftovers"] == [], each


def test_a_checker_that_is_killed_at_any_write_leaves_nothing_or_the_whole(folder: Path) -> None:
    found = failures(folder, "killed")
    *killed, last = found
    assert len(killed) > 60
    assert {each["status"] for each in killed} == {-9}
    assert {tuple(each["packages"]) for each in killed} == {("none",), ("none", "whole"), ("whole",)}
    for each in killed:
        assert (each["state"], each["registered"], each["last"]) == ("approved", 0, "request.approved"), each
    assert {name: last[name] for name in DONE} == DONE
    all_is_well_at_the_next_start(found)


def test_a_full_disk_ends_in_a_sentence_and_changes_no_state(folder: Path) -> None:
    found = failures(folder, "without_room")
    *full, last = found
    assert len(full) > 40
    for each in full:
        assert (each["status"], each["state"], each["registered"]) == (0, "approved", 0), each
        assert each["last"] == "request.not_released"
        assert each["reason"].startswith("The release package could not be written (No space left on device).")
        assert set(each["packages"]) <= {"none", "whole"}, each
    assert {name: last[name] for name in DONE} == DONE
    all_is_well_at_the_next_start(found)


def test_a_register_that_cannot_be_written_changes_no_state(folder: Path) -> None:
    """Not even the reason can be kept then; the checker goes on, and the next start releases."""
    found = failures(folder, "full_register")
    *full, last = found
    assert {each["last"] for each in full} == {"request.approved", "request.not_released"}
    for each in full:
        assert (each["status"], each["state"], each["registered"]) == (0, "approved", 0), each
        assert set(each["packages"]) <= {"none", "whole"}, each
    assert {name: last[name] for name in DONE} == DONE
    all_is_well_at_the_next_start(found)


STEPS = {
    "submit": ("draft", "submitted", 5),
    "vote": ("submitted", "in_review", 5),
    "approve": ("in_review", "approved", 5),
    "recall": ("released", "recalled", 4),
}
"""Each step's state before and after it, and how many writes it has at the least. The release is killed above."""


def test_whoever_is_killed_between_two_writes_of_any_step_leaves_it_undone_or_done(folder: Path) -> None:
    """State, votes, turns, releases and audit events are those of before the step, all of them, until it is done."""
    command = [sys.executable, "-m", "tests.safe_outputs.failing_steps", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert list(found) == list(STEPS)
    for name, (before, after, writes) in STEPS.items():
        assert (found[name]["before"]["state"], found[name]["after"]["state"]) == (before, after)
        assert len(found[name]["killed"]) >= writes, name
        for each in found[name]["killed"]:
            assert each["status"] == -9, name
            assert each["left"] == found[name]["before"], name
        assert found[name]["after"]["audit_event"] > found[name]["before"]["audit_event"]
