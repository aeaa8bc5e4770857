"""How much of the disk a folder uses. What is in it may change while it is counted, and may be hostile."""

import os
from contextlib import suppress
from pathlib import Path

BLOCK = 512
FILE = 4096
"""Bytes that each entry is counted with beside its blocks, so that endless empty files are counted as well."""


def used(folder: Path, enough: int) -> int:
    """Bytes on disk of all below a folder, links not followed. Stops counting once it is more than `enough`."""
    total, waiting = 0, [str(folder)]
    while waiting and total <= enough:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * BLOCK + FILE
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                if total > enough:
                    break
    return total
