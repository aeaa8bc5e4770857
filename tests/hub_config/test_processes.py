"""Processes: known by more than their number, found by their mark, and ended with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from hub_config import processes


def _until(look: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_identity_is_of_one_process_and_ends_with_it() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        first = processes.identity(child.pid)
        assert first is not None
        assert first == processes.identity(child.pid)
        assert first != processes.identity(os.getpid())
        child.kill()
        assert _until(lambda: processes.identity(child.pid) is None), "a zombie is not a running process"
    assert processes.identity(child.pid) is None


def test_command_line() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert _until(lambda: processes.command_line(child.pid) == ["sleep", "60"])
        child.kill()
    assert processes.command_line(child.pid) == []


def test_marked_processes_are_found_and_ended_and_others_left() -> None:
    mark = f"/tmp/mark-{os.getpid()}"
    with (
        subprocess.Popen(["sleep", "60"], env={"SAFEROOM_GATE": mark}) as marked,
        subprocess.Popen(["sleep", "60"], env={"SAFEROOM_GATE": mark + "2"}) as other,
    ):
        assert _until(lambda: processes.with_variable("SAFEROOM_GATE", mark) == [marked.pid])
        processes.end([marked.pid, 2**22 + 1])
        assert marked.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


def test_service_ends_when_its_parent_is_killed() -> None:
    child = (
        "from hub_config.processes import end_with_parent; end_with_parent(); "
        "import time; print('up', flush=True); time.sleep(60)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"service = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(service.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as started:
        lines = [started.stdout.readline().strip(), started.stdout.readline().strip()] if started.stdout else []
        service = int(next(line for line in lines if line != "up"))
        assert processes.identity(service) is not None
        started.kill()
    assert _until(lambda: processes.identity(service) is None)
