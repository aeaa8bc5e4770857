"""Whose turn it is to write to a SQLite ledger: writers queue on a lock of a file beside it, and sleep while they wait.

The lock is only the queue. What keeps two writers apart is SQLite's own (`BEGIN IMMEDIATE`), so a ledger stays correct
whoever writes without asking here. The kernel takes the lock (`flock`) from a process that ends, however it ends, and
gives it to those who wait in their order. Never lock the database's own file: closing it would drop SQLite's locks.
"""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDING = "-turn"
"""Of the file's name, after the ledger's."""
_MODE = 0o644


@contextmanager
def turn(ledger: Path, until: float) -> Iterator[None]:
    """Have the turn until this ends.

    Raises:
        TimeoutError: it was not had by `until` (monotonic seconds).
        OSError: there is no folder, or no right to write there.
    """
    opened = os.open(f"{ledger}{ENDING}", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
    if not (_at_once(opened) or _Waiter(opened).had(until)):
        raise TimeoutError(errno.ETIMEDOUT, "another process writes to the ledger")
    try:
        yield
    finally:
        fcntl.flock(opened, fcntl.LOCK_UN)  # for those too to whom a fork handed the open file on
        os.close(opened)


def _at_once(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Waiter:
    """Waits in a thread, since the kernel's wait has no end of its own. Given up, it hands on the turn that it gets."""

    def __init__(self, opened: int) -> None:
        self._opened = opened
        self._ours, self._had, self._gone = threading.Lock(), threading.Lock(), False
        self._had.acquire()

    def had(self, until: float) -> bool:
        """Whether the turn was had in time."""
        threading.Thread(target=self._wait, name="ledger-turn", daemon=True).start()
        if self._had.acquire(timeout=max(0.0, until - time.monotonic())):
            return True
        with self._ours:
            self._gone = not self._had.acquire(blocking=False)
        return not self._gone

    def _wait(self) -> None:
        fcntl.flock(self._opened, fcntl.LOCK_EX)
        with self._ours:
            if self._gone:
                os.close(self._opened)
            else:
                self._had.release()
