"""How much of the disk folders use. What is in them may change while it is counted, and is hostile.

What cannot be counted counts as too much, such as folders that lie too deep. Files that have no
name any more, but are kept open, use the disk as well.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

BLOCK = 512
ENTRY = 4096
"""Bytes that each entry is counted with beside its blocks, so that endless empty files are counted as well."""
DEEPEST = 64
MOST_DESCRIPTORS = 50_000
TOO_MUCH = 1 << 62


def used(folder: Path, enough: int) -> int:
    """Bytes on disk of all below a folder, links not followed. Stops counting once it is more than `enough`.

    `TOO_MUCH` where it cannot be counted. A folder that is not there uses nothing.
    """
    try:
        top = _opened(str(folder), None)
    except FileNotFoundError:
        return 0
    except OSError:
        return TOO_MUCH
    try:
        return _below(top, enough, DEEPEST)
    finally:
        os.close(top)


def _below(descriptor: int, enough: int, depth: int) -> int:
    """Opens each folder below the one before, so that no path can be too long for it."""
    total = 0
    with os.scandir(descriptor) as entries:
        for entry in entries:
            total += _entry(descriptor, entry, enough - total, depth)
            if total > enough:
                break
    return total


def _entry(parent: int, entry: "os.DirEntry[str]", enough: int, depth: int) -> int:
    try:
        found = entry.stat(follow_symlinks=False)
        size = found.st_blocks * BLOCK + ENTRY
        if not entry.is_dir(follow_symlinks=False):
            return size
        if found.st_uid != os.geteuid() and not os.access(entry.name, os.R_OK | os.X_OK, dir_fd=parent):
            return size  # a colleague's, whose own session counts it
        folder = _opened(entry.name, parent)
    except FileNotFoundError:
        return 0  # taken away meanwhile
    except OSError:
        return TOO_MUCH
    try:
        return size + (_below(folder, enough - size, depth - 1) if depth else TOO_MUCH)
    finally:
        os.close(folder)


def _opened(name: str, parent: int | None) -> int:
    """The descriptor of a folder; one of our own that was closed to us is opened first. Raises OSError."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        handle = os.open(name, os.O_PATH | flags, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - the folder itself, whatever has its name now
        finally:
            os.close(handle)
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)


def kept_open(folders: Iterable[Path], processes: Path = Path("/proc")) -> int:
    """Bytes of files on the folders' disks that have no name any more, and that some process here keeps open."""
    disks = {folder.stat().st_dev for folder in folders if folder.exists()}
    seen: set[tuple[int, int]] = set()
    total = looked = 0
    for process in processes.iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                looked += 1
                with suppress(OSError):
                    found = descriptor.stat()
                    if found.st_nlink == 0 and found.st_dev in disks and (found.st_dev, found.st_ino) not in seen:
                        seen.add((found.st_dev, found.st_ino))
                        total += found.st_blocks * BLOCK
    return TOO_MUCH if looked > MOST_DESCRIPTORS else total
