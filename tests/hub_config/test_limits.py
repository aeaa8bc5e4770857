"""Limits by control groups, in the form that this machine has, and which files the other forms would write."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_config import limits
from hub_config.limits import NO_GROUPS, Form, Groups
from hub_config.session import Limits

SMALL = Limits(memory=64, processes=10, cpus=50)


def test_each_form_writes_the_files_that_its_documentation_names() -> None:
    two = limits.values(Form.V2, SMALL)
    assert two["memory"] == {"memory.max": str(64 * 2**20), "memory.swap.max": "0", "memory.oom.group": "0"}
    assert two["pids"] == {"pids.max": "10"} and two["cpu"] == {"cpu.max": "50000 100000"}
    one = limits.values(Form.V1, SMALL)
    assert one["memory"]["memory.limit_in_bytes"] == str(64 * 2**20)
    assert one["cpu"] == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    assert limits.values(Form.NONE, SMALL) == {}


def tree(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / name).write_text("")
    return folder


def test_v1_is_found_below_the_own_group_and_needs_every_controller(tmp_path: Path) -> None:
    for controller in limits.CONTROLLERS:
        tree(tmp_path / controller / "mine", "cgroup.procs")
    own = tmp_path / "own"
    own.write_text("4:memory:/mine\n3:pids:/mine\n2:cpu:/mine\n0::/\n")
    found = limits.find(tmp_path, own)
    assert found == Groups(Form.V1, {each: tmp_path / each / "mine" for each in limits.CONTROLLERS})
    (tmp_path / "pids" / "mine" / "cgroup.procs").unlink()
    assert limits.find(tmp_path, own) == NO_GROUPS


def test_v2_is_made_below_the_own_group_and_every_limit_is_written(tmp_path: Path) -> None:
    mine = tree(tmp_path / "mine", "cgroup.procs", "cgroup.subtree_control")
    tree(tmp_path, "cgroup.controllers")
    own = tmp_path / "own"
    own.write_text("0::/mine\n")
    found = limits.find(tmp_path, own)
    assert found == Groups(Form.V2, {"all": mine})
    assert (mine / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    assert limits.make(found, "ada", SMALL) == (mine / "saferoom-ada" / "cgroup.procs",)
    assert (mine / "saferoom-ada" / "memory.max").read_text() == str(64 * 2**20)
    assert (mine / "saferoom-ada" / "pids.max").read_text() == "10"


def test_v2_after_a_restart_finds_the_group_above_its_own_leaf(tmp_path: Path) -> None:
    mine = tree(tmp_path / "mine", "cgroup.procs", "cgroup.subtree_control")
    tree(tmp_path, "cgroup.controllers")
    own = tmp_path / "own"
    own.write_text(f"0::/mine/{limits.SUPERVISOR}\n")
    assert limits.find(tmp_path, own).folders["all"] == mine


def test_without_groups_nothing_is_counted_and_nothing_fails() -> None:
    assert limits.make(NO_GROUPS, "x", SMALL) == ()
    assert limits.members(NO_GROUPS, "x") == []
    assert limits.killed_for_memory(NO_GROUPS, "x") == 0
    assert limits.memory_used(NO_GROUPS, "x") is None
    limits.end(NO_GROUPS, "x")
    limits.remove(NO_GROUPS, "x")


@pytest.fixture
def session() -> Iterator[tuple[Groups, str]]:
    groups, name = limits.find(), f"test-{os.getpid()}"
    try:
        yield groups, name
    finally:
        limits.end(groups, name)
        limits.remove(groups, name)


def start(groups: Groups, name: str, *command: str) -> "subprocess.Popen[bytes]":
    entries = limits.make(groups, name, SMALL)

    def enter() -> None:
        for entry in entries:
            entry.write_text(str(os.getpid()))

    return subprocess.Popen(
        command,
        preexec_fn=enter,  # noqa: PLW1509 - no other thread runs here
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_real_groups_hold_what_this_machine_lets_them_hold(session: tuple[Groups, str]) -> None:
    """Where the machine has none, the very same is what `saferoom doctor` has to say."""
    groups, name = session
    if groups == NO_GROUPS:
        assert not any(os.access(limits.ROOT / each, os.W_OK) for each in ("memory", "cgroup.procs"))
        return
    hog = start(groups, name, "python3", "-c", "x = bytearray(300 * 2**20); print('kept')")
    assert b"kept" not in hog.communicate(timeout=30)[0]
    assert limits.killed_for_memory(groups, name) == 1
    many = "import os\nfor _ in range(30):\n    os.fork() or __import__('time').sleep(5)"
    forks = start(groups, name, "python3", "-c", many)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline and len(limits.members(groups, name)) < SMALL.processes:
        time.sleep(0.05)
    assert 1 < len(limits.members(groups, name)) <= SMALL.processes
    used = limits.memory_used(groups, name)
    assert used is not None and 0 < used <= 64 * 2**20
    limits.end(groups, name)
    forks.communicate(timeout=30)
    assert limits.members(groups, name) == []
