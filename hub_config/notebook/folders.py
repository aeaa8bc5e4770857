"""Files in folders in which hostile others write at the same time.

Every path is walked component by component, each opened below the one before without following links, and what is
read is what was opened and looked at: nothing is checked by name and used by name. No call waits for another process
(a FIFO is opened without blocking and refused), and none reads more than it was allowed.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from governance.errors import Conflict, NotFound, Refused, SaferoomError

MOST_ENTRIES = 2_000
"""Names in a folder that is shown. A longer list is no folder that a person reads."""

_DEEPEST = 32
_LONGEST_NAME = 255
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class ClosedPath(Refused):
    """A path that is hidden, a link, no regular file, or leads out of the folder."""


class TooLarge(SaferoomError):
    """More bytes, or more names, than are shown."""

    status = 413


class NoSuchFile(NotFound):
    pass


class InTheWay(Conflict):
    """A name that is taken, or a folder that is not empty."""


class NotWritable(SaferoomError):
    """The disk, the quota or the folder's mode does not let us write."""

    status = 507


@dataclass(frozen=True)
class Entry:
    """What a name in a folder stands for: a regular file or a folder. Times are seconds since the epoch."""

    name: str
    is_folder: bool
    size: int
    modified: float
    created: float
    mode: int


def components(path: str) -> tuple[str, ...]:
    """The names in an API path. Raises `ClosedPath` for what leads out, is hidden, or is no name."""
    names = tuple(name for name in path.split("/") if name)
    if len(names) > _DEEPEST:
        raise ClosedPath(f"Folders lie at most {_DEEPEST} deep here. Move the file further up.")
    for name in names:
        _check_name(name)
    return names


def _check_name(name: str) -> None:
    if name.startswith("."):
        raise ClosedPath("Hidden files, and paths that lead out of the workspace, are closed. Choose another name.")
    if not name.isprintable() or "\\" in name or len(os.fsencode(name)) > _LONGEST_NAME:
        raise ClosedPath("This name has signs that are not shown here, or is too long. Rename the file in a cell.")


@dataclass(frozen=True)
class Root:
    """A folder, and all that may be done below it. `path` itself is trusted; everything in it is not."""

    path: Path

    @contextmanager
    def _folder(self, names: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of the folder at `names`, reached without following a link."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                below = _opened(name, _FOLDER, descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        names = components(path)
        if not names:
            raise ClosedPath("The workspace itself cannot be changed. Choose a file or folder in it.")
        with self._folder(names[:-1]) as folder:
            yield folder, names[-1]

    def look(self, path: str) -> Entry:
        """What is at `path`. Raises `NoSuchFile` where nothing is, `ClosedPath` for a link or special file."""
        names = components(path)
        if not names:
            status = self.path.stat()
            return _entry("", status)
        with self._parent(path) as (folder, name):
            return _entry(name, _status(name, folder))

    def entries(self, path: str) -> list[Entry]:
        """The regular files and folders at `path` that are not hidden. Links and special files are not shown.

        Raises `TooLarge` where there are more names than `MOST_ENTRIES`.
        """
        with self._folder(components(path)) as folder, os.scandir(folder) as found:
            return [entry for each in _at_most(found) if (entry := _shown(each)) is not None]

    def read(self, path: str, most: int) -> tuple[Entry, bytes]:
        """The content of a regular file of at most `most` bytes, and what it was when it was read.

        Raises `TooLarge`, `NoSuchFile`, or `ClosedPath` for a link, a FIFO, a device, or a file with several names.
        """
        with self._parent(path) as (folder, name):
            descriptor = _opened(name, _READ, folder)
        try:
            entry = _regular(name, os.fstat(descriptor))
            return entry, _content(descriptor, entry.size, most)
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes) -> None:
        """Put `content` in the place of the file at `path`, whole or not at all, through no link."""
        with self._parent(path) as (folder, name):
            mode = _mode_to_write(name, folder)
            temporary = f".saferoom-{secrets.token_hex(8)}"
            with _said_why():
                _write_new(temporary, folder, content, mode)
                try:
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=folder)
                    raise

    def make_folder(self, path: str) -> None:
        """Make a folder. Raises `InTheWay` where the name is taken."""
        with self._parent(path) as (folder, name), _said_why():
            os.mkdir(name, 0o700, dir_fd=folder)
            if os.fstat(folder).st_mode & stat.S_ISGID:
                _open_to_group(name, folder)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name. Raises `InTheWay` where the name is taken.

        Should a hostile process take the name in that moment, its own file is replaced.
        """
        with self._parent(old) as (here, old_name), self._parent(new) as (there, new_name), _said_why():
            _entry(old_name, _status(old_name, here))
            if _exists(new_name, there):
                raise InTheWay("A file or folder of that name is there already. Choose another name.")
            os.rename(old_name, new_name, src_dir_fd=here, dst_dir_fd=there)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder that is empty. What a link points to stays."""
        with self._parent(path) as (folder, name), _said_why():
            if stat.S_ISDIR(_status(name, folder).st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)


def _opened(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise NoSuchFile("There is no such file or folder. Refresh the list of files.") from None
    except OSError:
        raise ClosedPath("Links, special files and files of others are not opened. Copy the file in a cell.") from None


def _status(name: str, folder: int) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        raise NoSuchFile("There is no such file or folder. Refresh the list of files.") from None


def _exists(name: str, folder: int) -> bool:
    with suppress(NoSuchFile):
        return bool(_status(name, folder))
    return False


def _entry(name: str, status: os.stat_result) -> Entry:
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        raise ClosedPath("Links and special files are not opened. Copy the file itself in a cell.")
    return Entry(name, is_folder, status.st_size, status.st_mtime, status.st_ctime, stat.S_IMODE(status.st_mode))


def _regular(name: str, status: os.stat_result) -> Entry:
    entry = _entry(name, status)
    if entry.is_folder:
        raise ClosedPath("This is a folder. Open a file in it.")
    if status.st_nlink != 1:
        raise ClosedPath("A file with several names (hard links) is not opened. Copy it in a cell and open the copy.")
    return entry


def _shown(each: "os.DirEntry[str]") -> Entry | None:
    """A name as the list of files shows it, or None for what stays hidden."""
    try:
        _check_name(each.name)
        return _entry(each.name, each.stat(follow_symlinks=False))
    except (ClosedPath, OSError):
        return None


def _at_most(found: "Iterator[os.DirEntry[str]]") -> "Iterator[os.DirEntry[str]]":
    for number, each in enumerate(found, 1):
        if number > MOST_ENTRIES:
            raise TooLarge(f"This folder holds more than {MOST_ENTRIES:,} names. Move files into folders in a cell.")
        yield each


def _content(descriptor: int, size: int, most: int) -> bytes:
    """All of the file, which may grow or shrink meanwhile, and never more than `most` bytes."""
    held = bytearray()
    while size <= most and len(held) <= most:
        chunk = os.read(descriptor, min(1 << 20, most + 1 - len(held)))
        if not chunk:
            return bytes(held)
        held += chunk
    raise TooLarge(f"This file is larger than the {most // 1024:,} KiB that can be opened. Read it in a cell instead.")


def _mode_to_write(name: str, folder: int) -> int:
    """The mode of the file that is replaced; for a new one, its group's too where the folder is a group's."""
    if _exists(name, folder):
        status = _status(name, folder)
        if stat.S_ISDIR(status.st_mode):
            raise InTheWay("A folder of that name is there already. Choose another name.")
        if stat.S_ISREG(status.st_mode):
            return status.st_mode & 0o777 | 0o600
    return 0o660 if os.fstat(folder).st_mode & stat.S_ISGID else 0o600


def _open_to_group(name: str, folder: int) -> None:
    descriptor = _opened(name, _FOLDER, folder)
    try:
        os.fchmod(descriptor, 0o2770)
    finally:
        os.close(descriptor)


def _write_new(name: str, folder: int, content: bytes, mode: int) -> None:
    descriptor = os.open(name, _CREATE, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


@contextmanager
def _said_why() -> Iterator[None]:
    """A failed call of the operating system as a sentence."""
    try:
        yield
    except FileExistsError:
        raise InTheWay("A file or folder of that name is there already. Choose another name.") from None
    except OSError as error:
        kind, sentence = _SENTENCES.get(error.errno or 0, (NotWritable, _NOT_WRITTEN))
        raise kind(sentence) from None


_NOT_WRITTEN = (
    "The file could not be written. Nothing was changed; try another folder, and tell the operator if it stays."
)
_FULL = "The disk or your quota is full, and nothing was changed. Delete files that you no longer need, and save again."
_READ_ONLY = "Nothing can be written here. Use the folders “work” and “project”."
_SENTENCES: dict[int, tuple[type[SaferoomError], str]] = {
    errno.ENOSPC: (NotWritable, _FULL),
    errno.EDQUOT: (NotWritable, _FULL),
    errno.EFBIG: (NotWritable, _FULL),
    errno.EROFS: (ClosedPath, _READ_ONLY),
    errno.EACCES: (ClosedPath, _READ_ONLY),
    errno.EPERM: (ClosedPath, _READ_ONLY),
    errno.EXDEV: (ClosedPath, "Files cannot be moved between these folders. Copy the file, and delete the first."),
    errno.ENOTEMPTY: (InTheWay, "This folder is not empty. Delete what is in it first, hidden files in a cell."),
    errno.ENOENT: (NoSuchFile, "There is no such file or folder. Refresh the list of files."),
    errno.EISDIR: (InTheWay, "A folder of that name is there already. Choose another name."),
}
