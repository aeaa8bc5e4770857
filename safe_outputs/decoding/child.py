"""What the child process does: little memory, little time, one job, then it ends.

Standard input is the content. Standard output is a line of JSON, `{"facts": …}` or `{"refused": …}`, then the bytes.
"""

import json
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from safe_outputs.decoding.refusal import NotDecodable

MEMORY = 1_500_000_000
SECONDS = 10
FILES = 64

Decoder = Callable[..., tuple[bytes, dict[str, Any]]]

JOBS = {
    "picture": "safe_outputs.decoding.pictures",
    "drawing": "safe_outputs.decoding.drawings",
    "workbook": "safe_outputs.decoding.workbooks",
}


def main(job: str, options: str) -> None:
    """Do the job on what comes in, and say what came of it."""
    bound()
    decode: Decoder = import_module(JOBS[job]).decode
    try:
        made, facts = decode(sys.stdin.buffer.read(), **json.loads(options))
        answer: dict[str, Any] = {"facts": facts}
    except NotDecodable as refused:
        made, answer = b"", {"refused": str(refused)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + made)


def bound(seconds: int = SECONDS) -> None:
    """From here on this process has so much memory and time, may write no file and leaves no core."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        resource.setrlimit(what, (most, most))
