"""A package on disk: a folder that exists whole or not at all, and that is read with suspicion.

The folder is the form of a package because it is the form of an RO-Crate and of what SACRO-Viewer opens, and because
one file of it can be read alone. `zipped.py` makes one download of it.
"""

import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.durable import sync_folder, write_durably
from safe_outputs.errors import NoSuchThing, Tampered
from safe_outputs.package.contents import KEY, MANIFEST, RECORD, SCHEMA, SIGNATURE, UNSIGNED_SCHEMA
from safe_outputs.package.keys import PublicKey
from safe_outputs.package.verify import read_manifest
from safe_outputs.store import digest_of

MAKING, LEAVING = ".making-", ".leaving-"
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._ -]*")


def write_package(folder: Path, files: Mapping[str, bytes]) -> str:
    """Write the package so that `folder` exists whole or not at all; returns the digest of its manifest.

    All is written beside its place and moved there at the end. A folder of that name which was never entered in the
    register is replaced: nobody has seen it. What a killed process leaves beside it, `clear_leftovers` takes away.

    Raises:
        OSError: the disk is full, or refuses; then `folder` is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=MAKING))
    try:
        making.chmod(0o755)
        for name in sorted(files):
            _write(making, name, files[name])
        _put_in_place(making, folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return digest_of(files[MANIFEST])


def _write(making: Path, name: str, content: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise Tampered("A file of this release has a name that no file may have here. Nothing was released.")
    path = making / name
    if not path.parent.exists():
        path.parent.mkdir()
        sync_folder(making)
    write_durably(path, content, mode=0o444)


def _put_in_place(making: Path, folder: Path) -> None:
    """Move the new folder to its place. One that is there is first moved aside, whole, and then removed."""
    if folder.exists():
        leaving = Path(tempfile.mkdtemp(dir=folder.parent, prefix=LEAVING))
        folder.replace(leaving)
        making.replace(folder)
        shutil.rmtree(leaving, ignore_errors=True)
    else:
        making.replace(folder)
    sync_folder(folder.parent)


def clear_leftovers(releases: Path) -> int:
    """Remove what killed processes left half-done; returns how many folders. Call while nobody writes a release."""
    left = [path for mark in (MAKING, LEAVING) for path in sorted(releases.glob(f"{mark}*"))]
    for path in left:
        shutil.rmtree(path)
    return len(left)


def read_folder(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder by name; None for links, devices and empty folders. Raises `NoSuchThing`."""
    if not folder.is_dir():
        raise NoSuchThing(f"There is no folder {folder}. Name the folder of a release package, or its ZIP.")
    return dict(_found(folder, ""))


def _found(folder: Path, prefix: str) -> Iterator[tuple[str, bytes | None]]:
    entries = sorted(os.scandir(folder), key=lambda each: each.name)
    if prefix and not entries:
        yield prefix, None
    for entry in entries:
        name, path = prefix + entry.name, Path(entry.path)
        kind = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            yield from _found(path, f"{name}/")
        else:
            yield name, path.read_bytes() if stat.S_ISREG(kind) else None


@dataclass(frozen=True)
class OpenedPackage:
    """A package whose list of files is the one in the register. `digests`: of every file but the signature."""

    folder: Path
    record: dict[str, Any]
    digests: Mapping[str, str]

    @property
    def signed(self) -> bool:
        """Whether it is of a time in which packages were signed."""
        return MANIFEST in self.digests

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.digests, SIGNATURE) if self.signed else tuple(self.digests)

    def file(self, name: str) -> bytes:
        """The bytes of one file of the package.

        Raises:
            NoSuchThing: the package has no such file.
            Tampered: it is not the file that was released.
        """
        if name == SIGNATURE and self.signed:
            return self._signature()
        if name not in self.digests:
            raise NoSuchThing("This release has no such file. Its page lists those that it has.")
        return _checked(self.folder / name, self.digests[name])

    def files(self) -> dict[str, bytes]:
        """All of them. Raises `Tampered`."""
        return {name: self.file(name) for name in self.names}

    def _signature(self) -> bytes:
        signature = _read(self.folder / SIGNATURE)
        if not PublicKey.of_pem(self.file(KEY)).signed(self.file(MANIFEST), signature):
            raise Tampered("The signature of this release was changed after its release. Tell the operator.")
        return signature


def open_package(folder: Path, record_hash: str) -> OpenedPackage:
    """The package that the register knows by this hash: of its manifest, or of the record where there was none yet.

    Raises:
        NoSuchThing: there is no package.
        Tampered: it is another one.
    """
    if not (folder / MANIFEST).exists():
        record = read_record(_checked(folder / RECORD, record_hash))
        named = {each["file"]["name"]: each["file"]["digest"] for each in record["statistics"]}
        return OpenedPackage(folder, record, named | {RECORD: record_hash})
    manifest = read_manifest(_checked(folder / MANIFEST, record_hash))
    digests = manifest.digests | {MANIFEST: record_hash}
    return OpenedPackage(folder, read_record(_checked(folder / RECORD, digests[RECORD])), digests)


def read_package(folder: Path) -> dict[str, Any]:
    """The record of a package, whoever made it. Raises `NoSuchThing`, `Tampered`."""
    return read_record(_read(folder / RECORD))


def read_record(content: bytes) -> dict[str, Any]:
    """The record in these bytes. Raises `Tampered`."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("schema") not in {SCHEMA, UNSIGNED_SCHEMA}:
        raise Tampered("This folder's record is not that of a Saferoom release.")
    return record


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if path.name == RECORD:
            raise NoSuchThing("There is no release package here. Check the name.") from None
        raise Tampered("A file of this release is missing. It is not shown; tell the operator.") from None


def _checked(path: Path, digest: str) -> bytes:
    content = _read(path)
    if digest_of(content) != digest:
        raise Tampered("A file of this release was changed after its release. It is not shown; tell the operator.")
    return content
