"""Content by hash: immutable files, named by the SHA-256 of their bytes."""

import hashlib
import re
from pathlib import Path

from governance.durable import write_durably
from safe_outputs.errors import NoSuchThing, Tampered

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Store:
    """A folder of immutable content. What is put is durable when `put` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._name = folder, str(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, content: bytes) -> str:
        """Keep `content` and return its digest. Content that is there already stays as it is."""
        digest = digest_of(content)
        path = Path(self._named(digest))
        if not path.exists():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            write_durably(path, content)
        return digest

    def get(self, digest: str) -> bytes:
        """The content of that digest.

        Raises:
            NoSuchThing: nothing was put under it.
            Tampered: the file no longer has its digest.
        """
        try:
            with open(self._named(digest), "rb") as file:  # noqa: PTH123 - a page reads a dozen, and a Path is slow
                content = file.read()
        except FileNotFoundError:
            raise NoSuchThing("This content is not in the store. Tell the operator; nothing is released.") from None
        if digest_of(content) != digest:
            raise Tampered("Stored content was changed after it was stored. Tell the operator; nothing is released.")
        return content

    def read_once(self) -> "ReadOnce":
        """This store for the length of one view: what was read and compared with its digest is not read again."""
        return ReadOnce(self._folder)

    def _named(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise NoSuchThing("This is no name of stored content.")
        return f"{self._name}/{digest[:2]}/{digest}"


class ReadOnce(Store):
    """A store for the length of one view, which knows what was read."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._name = folder, str(folder)
        self._read: dict[str, bytes] = {}

    def get(self, digest: str) -> bytes:
        if digest not in self._read:
            self._read[digest] = super().get(digest)
        return self._read[digest]

    def read_once(self) -> "ReadOnce":
        return self

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of all that was read."""
        return tuple(self._read)
