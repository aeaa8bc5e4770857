"""A package as one download: a ZIP that is the same byte for byte each time it is made.

Nothing is compressed and every entry has the same date, so that neither a library's version nor a clock is in the
bytes. Whoever reads one makes it anew from what was read and compares: no trick with entries can hide in it.
"""

import io
import re
import zipfile
from collections.abc import Mapping

from safe_outputs.errors import Tampered

EARLIEST = (1980, 1, 1, 0, 0, 0)
_REGULAR_READABLE = 0o100444 << 16
_UNIX = 3
_FOLDER = re.compile(r"[a-z0-9][a-z0-9-]*")


def as_zip(name: str, files: Mapping[str, bytes]) -> bytes:
    """The files in a folder `name`, in order of their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for each in sorted(files):
            entry = zipfile.ZipInfo(f"{name}/{each}", date_time=EARLIEST)
            entry.create_system, entry.external_attr = _UNIX, _REGULAR_READABLE
            archive.writestr(entry, files[each])
    return buffer.getvalue()


def read_zip(content: bytes) -> dict[str, bytes]:
    """The files of a package's ZIP. Raises `Tampered` when it is not byte for byte what `as_zip` makes of them."""
    try:
        name, files = _read(content)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise Tampered("This is no ZIP of a release package, or it is damaged. Download it again.") from None
    if as_zip(name, files) != content:
        raise Tampered(
            "This ZIP was not made by Saferoom, or was changed. If you packed it yourself, verify the folder instead; "
            "otherwise download it again."
        )
    return files


def _read(content: bytes) -> tuple[str, dict[str, bytes]]:
    """The folder's name and the files, at most as many bytes as there are (nothing may be compressed)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if any(each.compress_type != zipfile.ZIP_STORED for each in entries):
            raise ValueError("compressed")
        if sum(each.file_size for each in entries) > len(content):
            raise ValueError("larger than itself")
        name = entries[0].filename.partition("/")[0] if entries else ""
        if not _FOLDER.fullmatch(name):
            raise ValueError("another folder")
        return name, {each.filename.partition("/")[2]: archive.read(each) for each in entries}
