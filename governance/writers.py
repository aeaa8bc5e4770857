"""Whose turn it is to write to a SQLite register.

One transaction writes at a time. SQLite lets who finds another writing look again after 1, 2, 5, 10 and then ever more
milliseconds, so that with many writers nobody writes for most of the time. Here each waits for her turn before she
begins: the threads of a process for a lock, the processes for one on the register's folder. Turns save time and do
nothing else: who writes without one, after a long wait or from another program, is kept apart by SQLite as ever.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_AGAIN_SECONDS = 0.0004
PATIENCE_SECONDS = 10.0
"""So long somebody waits for a turn; then she goes on without one."""


class Turns:
    """The turns of the threads of this process to write to a register, among those of other processes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._threads = folder, threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it until the end."""
        until = time.monotonic() + PATIENCE_SECONDS
        if not self._threads.acquire(timeout=PATIENCE_SECONDS):
            yield
            return
        try:
            with self._among_processes(until):
                yield
        finally:
            self._threads.release()

    @contextmanager
    def _among_processes(self, until: float) -> Iterator[None]:
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            yield  # SQLite says better what is the matter with it
            return
        try:
            while not _locked(folder) and time.monotonic() < until:
                time.sleep(LOOK_AGAIN_SECONDS)
            yield
        finally:
            fcntl.flock(folder, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
            os.close(folder)


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
