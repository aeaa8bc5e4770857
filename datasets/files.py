"""Files that appear whole or not at all.

A file or folder is made under a temporary name in a private folder, brought to the disk, and renamed. A process that
dies leaves a temporary folder only; such leftovers are deleted, never used.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".making-"
PRIVATE_FOLDER = 0o700


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A private temporary folder (mode 700) inside `folder`, gone at the end whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Delete what killed processes left in `folder`, and say how many there were. Only for who holds the write lock."""
    leftovers = list(folder.glob(f"{TEMPORARY}*"))
    for leftover in leftovers:
        shutil.rmtree(leftover)
    return len(leftovers)


def publish_file(made: Path, target: Path, mode: int) -> None:
    """Give a finished file its name, durably. A file of that name is replaced in one step."""
    made.chmod(mode)
    _sync(made)
    made.rename(target)
    _sync(target.parent)


def publish_folder(made: Path, target: Path, mode: int) -> None:
    """Give a finished folder its name, durably. Raises `OSError` if a folder of that name holds anything."""
    for path in made.iterdir():
        _sync(path)
    made.chmod(mode)
    _sync(made)
    made.rename(target)
    _sync(target.parent)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
