"""The last version of a file that the person saved by hand, kept in the server's home, which no kernel sees."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from tornado.web import HTTPError

from governance.errors import NotFound, SaferoomError
from hub_config.notebook import documents
from hub_config.notebook.folders import Root

P = ParamSpec("P")
R = TypeVar("R")

THE_CHECKPOINT = "saved"
MOST_KEPT = 50
"""Files with a checkpoint; that of the file that was saved longest ago goes first."""

NO_CHECKPOINT = "There is no checkpoint of this file. Save it first."


class HomeCheckpoints(AsyncCheckpoints):
    """One checkpoint for each file, under a name made from the file's path."""

    @property
    def folder(self) -> Root:
        folder = Path(self.parent.checkpoint_folder)  # type: ignore[union-attr] # its contents manager
        folder.mkdir(mode=0o700, exist_ok=True)
        return Root(folder)

    async def create_checkpoint(self, contents_mgr: Any, path: str) -> dict[str, Any]:
        return await _answered(self._keep, contents_mgr.root, path)

    async def restore_checkpoint(self, contents_mgr: Any, checkpoint_id: str, path: str) -> None:  # noqa: ARG002 - as it is called
        await _answered(self._put_back, contents_mgr.root, path)

    async def rename_checkpoint(self, checkpoint_id: str, old_path: str, new_path: str) -> None:  # noqa: ARG002 - as it is called
        await _answered(self._rename, old_path, new_path)

    async def delete_checkpoint(self, checkpoint_id: str, path: str) -> None:  # noqa: ARG002 - as it is called
        await _answered(self._delete, path)

    async def list_checkpoints(self, path: str) -> list[dict[str, Any]]:
        return await _answered(self._list, path)

    def _keep(self, root: Root, path: str) -> dict[str, Any]:
        _, content = root.read(path, documents.most_bytes(path))
        self.folder.write(_name(path), content)
        self._forget_oldest()
        return self._list(path)[0]

    def _put_back(self, root: Root, path: str) -> None:
        root.write(path, self._read(path))

    def _read(self, path: str) -> bytes:
        try:
            return self.folder.read(_name(path), documents.most_bytes(path))[1]
        except NotFound:
            raise NotFound(NO_CHECKPOINT) from None

    def _rename(self, old: str, new: str) -> None:
        content = self._read(old)
        self.folder.write(_name(new), content)
        self.folder.delete(_name(old))

    def _delete(self, path: str) -> None:
        self.folder.delete(_name(path))

    def _list(self, path: str) -> list[dict[str, Any]]:
        try:
            modified = self.folder.look(_name(path)).modified
        except NotFound:
            return []
        return [{"id": THE_CHECKPOINT, "last_modified": datetime.fromtimestamp(modified, tz=UTC)}]

    def _forget_oldest(self) -> None:
        kept = sorted(self.folder.entries(""), key=lambda entry: entry.modified)
        for entry in kept[:-MOST_KEPT]:
            self.folder.delete(entry.name)


def _name(path: str) -> str:
    return hashlib.sha256(path.strip("/").encode("utf-8", "surrogatepass")).hexdigest()


async def _answered(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except SaferoomError as error:
        raise HTTPError(error.status, error.sentence) from None
