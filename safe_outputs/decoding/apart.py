"""Runs a job of `safe_outputs.decoding.child` in a process of its own."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from governance.errors import Unavailable
from safe_outputs.decoding.refusal import NotDecodable


class DecoderBusy(Unavailable):
    """As many files are being read as this process reads at once."""


_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from safe_outputs.decoding.child import main; main(*sys.argv[2:])"
)
WALL_SECONDS = 25
"""Less than a session's gate waits for an answer."""
AT_ONCE = 1
"""How many files one process has decoded at the same time: each may take the memory that a child has."""
WAIT_SECONDS = 3

_turns = threading.BoundedSemaphore(AT_ONCE)


def decode(job: str, content: bytes, **options: Any) -> tuple[bytes, dict[str, Any]]:
    """What the decoder made of the content, and facts about it.

    Raises:
        NotDecodable: it refused, or used up its memory or time, or broke.
        DecoderBusy: other files are being read, and go on being.
    """
    with _turn():
        return _decode(job, content, options)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise DecoderBusy("Other files are being read just now, and this one was not looked at. Try again in a minute.")
    try:
        yield
    finally:
        _turns.release()


def _decode(job: str, content: bytes, options: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    command = [sys.executable, "-I", "-c", _START, str(_ROOT), job, json.dumps(options)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=WALL_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, BrokenPipeError):
        raise _broke(job) from None
    if done.returncode != 0:
        raise _broke(job)
    head, _, made = done.stdout.partition(b"\n")
    answer: dict[str, Any] = json.loads(head)
    if "refused" in answer:
        raise NotDecodable(answer["refused"])
    return made, answer["facts"]


def _broke(job: str) -> NotDecodable:
    return NotDecodable(
        f"The {job} needs more memory or time to read than a file may, or breaks what reads it. "
        "Save it again, smaller and plainer: a figure as PNG, a table as CSV."
    )
