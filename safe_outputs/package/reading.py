"""Read a package that somebody has, folder or ZIP, and say whether it is what was released."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safe_outputs.errors import NoSuchThing, Tampered
from safe_outputs.package.contents import RECORD
from safe_outputs.package.folder import read_folder, read_record
from safe_outputs.package.keys import KnownKey
from safe_outputs.package.verify import Examined, Files, examine
from safe_outputs.package.zipped import read_zip


def files_at(path: Path) -> Files:
    """The files of the package at this path. Raises `NoSuchThing`, `Tampered`."""
    try:
        return read_folder(path) if path.is_dir() else read_zip(path.read_bytes())
    except FileNotFoundError:
        raise NoSuchThing(f"There is no release package {path}. Name its folder, or its ZIP.") from None
    except OSError as error:
        raise NoSuchThing(f"{path} cannot be read: {error.strerror}. Copy the package where you may read it.") from None


def verify(path: Path, known: Mapping[str, KnownKey]) -> Examined:
    """What `examine` says of the package at this path. Raises `NoSuchThing`, `Tampered`."""
    return examine(files_at(path), known)


def verified_record(path: Path, known: Mapping[str, KnownKey]) -> dict[str, Any]:
    """The record of a package without a problem. Raises `Tampered` with the first problem of any other."""
    files = files_at(path)
    if problems := examine(files, known).problems:
        raise Tampered(problems[0])
    return read_record(files[RECORD] or b"")
