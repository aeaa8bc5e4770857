"""The files of a session as JupyterLab sees them: notebooks and text of bounded size, in folders in which others write.

What may be opened is `documents`, how it is opened safely is `folders`; this module speaks Jupyter's contents API.
A notebook's outputs are judged here like a kernel's messages. The work on files is done in a thread of its own.
"""

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ParamSpec, TypeVar

from jupyter_server.services.contents.manager import AsyncContentsManager
from tornado.web import HTTPError
from traitlets import Instance, Unicode, default

from governance.errors import Invalid, SaferoomError
from hub_config.notebook import documents
from hub_config.notebook.checkpoints import HomeCheckpoints
from hub_config.notebook.folders import Entry, InTheWay, NoSuchFile, Root
from hub_config.notebook.outputs import HeldBack
from hub_config.notebook.way_out import way_out_of

Model = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

CLOSED_UPLOAD = (
    "Files cannot be brought in through the browser: only notebooks and text that you write here are saved. "
    "Ask the data steward to bring in code or tables for you."
)
_MOST_COPIES = 1_000


class LockedContents(AsyncContentsManager):
    """Opens, saves, copies, renames and deletes notebooks and text below `root_dir`."""

    root_dir = Unicode(config=True)
    checkpoint_folder = Unicode("", config=True, help="Where checkpoints are kept, out of the reach of kernels.")
    checkpoints_class = HomeCheckpoints
    thread = Instance(ThreadPoolExecutor, help="The one thread that works on files; signatures are kept by it, too.")

    @default("root_dir")
    def _default_root_dir(self) -> str:
        return str(self.parent.root_dir)  # type: ignore[union-attr] # the server

    @property
    def root(self) -> Root:
        return Root(Path(self.root_dir))

    @default("thread")
    def _default_thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="contents")

    async def _done(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Work on files in their thread, its errors as answers of the server."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, partial(work, *args, **kwargs))
        except SaferoomError as error:
            raise HTTPError(error.status, error.sentence) from None

    # ---------------------------------------------------------------------------------- looking

    async def dir_exists(self, path: str) -> bool:
        return await self._done(self._is_there, path, folder=True)

    async def file_exists(self, path: str = "") -> bool:
        return await self._done(self._is_there, path, folder=False)

    def _is_there(self, path: str, *, folder: bool) -> bool:
        try:
            return self.root.look(path).is_folder is folder
        except SaferoomError:
            return False

    async def is_hidden(self, path: str) -> bool:  # noqa: ARG002 - as it is called
        """Never: what is hidden is refused where it is opened, with the reason."""
        return False

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,  # noqa: A002
        format: str | None = None,  # noqa: A002
        require_hash: bool = False,
    ) -> Model:
        """A folder's list, a notebook, or a text. Raises HTTPError with the sentence that says why not."""
        model, held = await self._done(self._get, path, content=content, kind=type, form=format, with_hash=require_hash)
        if held:
            way_out_of(self.parent.web_app.settings).held_back(held)  # type: ignore[union-attr] # the server
        return model

    def _get(
        self, path: str, *, content: bool, kind: str | None, form: str | None, with_hash: bool
    ) -> tuple[Model, tuple[HeldBack, ...]]:
        entry = self.root.look(path)
        if entry.is_folder:
            _check_kind(kind, "directory")
            return self._folder(path, entry, content=content), ()
        is_notebook = documents.is_notebook(path)
        if not content and not with_hash:
            return _model(path, entry, "notebook" if is_notebook else "file"), ()
        most = documents.most_bytes(path)
        if form == "base64":
            raise documents.ClosedType("Files are opened as text here, not as bytes. Open the file by double-click.")
        entry, found = self.root.read(path, most)
        model, held = self._notebook(path, entry, found, kind) if is_notebook else self._text(path, entry, found, kind)
        if with_hash:
            model |= {"hash": hashlib.sha256(found).hexdigest(), "hash_algorithm": "sha256"}
        return (model if content else model | {"content": None, "format": None, "mimetype": None}), held

    def _folder(self, path: str, entry: Entry, *, content: bool) -> Model:
        model = _model(path, entry, "directory")
        if content:
            shown = [each for each in self.root.entries(path) if self.should_list(each.name)]  # type: ignore[no-untyped-call]
            model |= {"content": [_listed(path, each) for each in shown], "format": "json"}
        return model

    def _notebook(self, path: str, entry: Entry, found: bytes, kind: str | None) -> tuple[Model, tuple[HeldBack, ...]]:
        """A notebook with its outputs judged; trusted if this server signed it."""
        _check_kind(kind, "notebook")
        notebook = documents.notebook_of(found)
        trusted = self.notary.check_signature(notebook)
        document = documents.shown_notebook(notebook)
        self.notary.mark_cells(document.content, trusted)
        return _model(path, entry, "notebook") | {"content": document.content, "format": "json"}, document.held

    def _text(self, path: str, entry: Entry, found: bytes, kind: str | None) -> tuple[Model, tuple[HeldBack, ...]]:
        _check_kind(kind, "file")
        text = documents.text_of(found)
        return _model(path, entry, "file") | {"content": text, "format": "text", "mimetype": "text/plain"}, ()

    # ---------------------------------------------------------------------------------- changing

    async def save(self, model: Model, path: str = "") -> Model:
        """Save a notebook or a text, whole or not at all, or make a folder. Nothing else is taken."""
        return await self._done(self._save, model, path)

    def _save(self, model: Model, path: str) -> Model:
        kind = model.get("type")
        if kind == "directory":
            self.root.make_folder(path)
            return _model(path, self.root.look(path), "directory")
        self.root.write(path, self._content_to_save(model, path))
        return _model(path, self.root.look(path), "notebook" if kind == "notebook" else "file")

    def _content_to_save(self, model: Model, path: str) -> bytes:
        """The bytes to write. Raises where the file's name and what is said to be in it do not agree."""
        kind, form = model.get("type"), model.get("format")
        if model.get("chunk") is not None or form == "base64" or kind not in ("notebook", "file"):
            raise documents.ClosedType(CLOSED_UPLOAD)
        documents.most_bytes(path)
        if (kind == "notebook") is not documents.is_notebook(path):
            raise documents.ClosedType("A notebook's name ends in .ipynb, and no other file's does. Change the name.")
        if kind == "file":
            return documents.text_bytes(model.get("content"))
        notebook = documents.checked_notebook(model.get("content"))
        self.check_and_sign(notebook, path)  # type: ignore[no-untyped-call]
        return documents.notebook_bytes(notebook)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        await self._done(self.root.rename, old_path, new_path)

    async def delete_file(self, path: str) -> None:
        await self._done(self.root.delete, path)

    async def copy(self, from_path: str, to_path: str | None = None) -> Model:
        """Copy a notebook or text, byte by byte, beside it or into a folder. Nothing of it crosses to the browser."""
        return await self._done(self._copy, from_path.strip("/"), to_path)

    def _copy(self, source: str, target: str | None) -> Model:
        _, content = self.root.read(source, documents.most_bytes(source))
        path = self._place_for_copy(source, target)
        self.root.write(path, content)
        return _model(path, self.root.look(path), "notebook" if documents.is_notebook(path) else "file")

    def _place_for_copy(self, source: str, target: str | None) -> str:
        folder = str(PurePosixPath(source).parent) if target is None else target.strip("/")
        if target is not None and not self._is_there(folder, folder=True):
            if documents.suffix(folder) != documents.suffix(source) or self._is_there(folder, folder=False):
                raise InTheWay("The copy needs a new name with the same ending. Choose another name.")
            return folder
        name = PurePosixPath(source)
        for number in itertools.count(1):
            path = str(PurePosixPath(folder) / f"{name.stem}-Copy{number}{name.suffix}")
            if number > _MOST_COPIES:
                raise InTheWay("There are too many copies of this file. Delete some, and copy it again.")
            if not self._is_there(path, folder=False) and not self._is_there(path, folder=True):
                return path
        raise NoSuchFile("There is no name left for a copy.")  # the count above has no end

    # ---------------------------------------------------------------------------------- trust

    async def trust_notebook(self, path: str) -> None:
        """Sign a notebook, so that its HTML is shown as its author meant it."""
        await self._done(self._trust, path)

    def _trust(self, path: str) -> None:
        _, found = self.root.read(path, documents.most_bytes(path))
        notebook = documents.notebook_of(found)
        self.notary.mark_cells(notebook, True)
        self.check_and_sign(notebook, path)  # type: ignore[no-untyped-call]


def _check_kind(asked: str | None, found: str) -> None:
    if asked not in (None, found):
        raise Invalid(f"This is a {found}, and is opened as such only. Open it by double-click.")


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, tz=UTC)


def _model(path: str, entry: Entry, kind: str) -> Model:
    path = path.strip("/")
    return {
        "name": PurePosixPath(path).name if path else "",
        "path": path,
        "last_modified": _moment(entry.modified),
        "created": _moment(entry.created),
        "content": None,
        "format": None,
        "mimetype": None,
        "size": None if entry.is_folder else entry.size,
        "writable": bool(entry.mode & 0o222),
        "type": kind,
    }


def _listed(path: str, entry: Entry) -> Model:
    kind = "directory" if entry.is_folder else "notebook" if documents.is_notebook(entry.name) else "file"
    return _model(f"{path}/{entry.name}", entry, kind)
