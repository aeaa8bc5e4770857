"""From an accepted request to files in a project's folder: written whole, read-only, with a manifest beside them.

    incoming/<project>/<request>/<files>, manifest.json

A delivery is a folder that gets its name in one step. If Saferoom dies before, a private scratch folder is left over,
outside of every project's folder; if it dies after, the folder is there, is compared, and the state is moved on. Doing
it again changes nothing. Sessions mount a project's folder read-only.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from datasets.errors import DamagedFile, WrongState
from datasets.files import PRIVATE_FOLDER, publish_folder, scratch, sweep
from datasets.ingress import requests
from datasets.ingress.errors import NotWritten
from datasets.ingress.models import IngressRequest
from datasets.ingress.names import MANIFEST
from datasets.ingress.requests import SYSTEM, Contents
from datasets.ingress.states import Action, IngressState
from governance.database import now, reading, transaction
from governance.errors import SaferoomError

log = logging.getLogger(__name__)

FILE_MODE = 0o440
DELIVERY_MODE = 0o550
PROJECT_MODE = 0o750


def project_folder(incoming: Path, project: str) -> Path:
    """The folder of what was brought into a project, made if it is missing. Its group may read what is in it."""
    folder = incoming / project
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PROJECT_MODE)
    return folder


def share(incoming: Path, project: str, group: int) -> Path:
    """Give the project's folder, and all that was delivered into it, to the project's group; the folder.

    For the hub, before a session mounts the folder: what is delivered later belongs to the same group.
    """
    folder = project_folder(incoming, project)
    for path in (folder, *folder.rglob("*")):
        _give(path, group)
    return folder


def deliver(engine: Engine, contents: Contents, incoming: Path, request_id: str) -> Path:
    """Write an accepted request's files and record that they are delivered; the folder in which they are.

    A second call, also at the same time or after a crash, writes nothing and changes nothing.

    Raises:
        WrongState: it is not accepted, or the project is not open now.
        NotWritten: the disk does not take it; it stays accepted.
        DamagedFile: stored bytes, or a delivery that is there already, are not what was accepted.
    """
    with reading(engine) as session:
        request = session.get_one(IngressRequest, request_id)
        if request.state is not IngressState.DELIVERED:
            requests.require(session, request, SYSTEM, Action.DELIVER, now().date())
        files = _files(contents, request)
    try:
        folder = project_folder(incoming, request.project_id) / request.id
        _write(incoming, folder, files)
    except OSError as error:
        raise NotWritten(
            f"The files are accepted, but could not be written: {os.strerror(error.errno or 0)}. Nothing is lost. "
            "Tell the operator, then try again."
        ) from None
    with transaction(engine) as session:
        _record(session, session.get_one(IngressRequest, request_id), hashlib.sha256(files[MANIFEST]).hexdigest())
    return folder


def resume(engine: Engine, contents: Contents, incoming: Path, request_id: str) -> None:
    """Take the steps that Saferoom has to take itself: scan what was asked, deliver what was accepted. May raise."""
    with transaction(engine) as session:
        request = session.get_one(IngressRequest, request_id)
        if request.state is IngressState.ASKED:
            requests.scan(session, contents, request)
        state = request.state
    if state is IngressState.ACCEPTED:
        deliver(engine, contents, incoming, request_id)


def resume_all(engine: Engine, contents: Contents, incoming: Path) -> int:
    """At the start: go on with all that was interrupted, and say how many requests still wait for Saferoom.

    Only while no other process delivers, since scratch folders of killed ones are deleted.
    """
    if incoming.is_dir():
        sweep(incoming)
    stuck = 0
    for request_id in _own_moves(engine):
        try:
            resume(engine, contents, incoming, request_id)
        except SaferoomError as error:
            log.error("%s: %s while going on with it", request_id, type(error).__name__)  # noqa: TRY400 - no value
            stuck += 1
    return stuck


def _own_moves(engine: Engine) -> list[str]:
    with reading(engine) as session:
        found = requests.requests_in(session, frozenset({IngressState.ASKED, IngressState.ACCEPTED}))
        return [request.id for request in found]


def manifest(request: IngressRequest) -> dict[str, Any]:
    """What lies beside delivered files: what they are, who asked for them, who let them in, and their digests."""
    return {
        "request": request.id,
        "project": request.project_id,
        "asked_by": request.author,
        "purpose": request.purpose,
        "accepted_by": request.decided_by,
        "content_hash": request.content_hash,
        "files": [{"name": each.name, "sha256": each.digest, "bytes": each.size} for each in request.files],
    }


def _files(contents: Contents, request: IngressRequest) -> dict[str, bytes]:
    if request.content_hash != requests.content_hash(request):
        raise DamagedFile("This request is not what a steward accepted, so it is not delivered. Tell the operator.")
    files = {each.name: requests.read_file(contents, each) for each in request.files}
    listed = json.dumps(manifest(request), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    return {**files, MANIFEST: listed.encode()}


def _write(incoming: Path, folder: Path, files: Mapping[str, bytes]) -> None:
    """Publish the folder, or see that it is there and the same."""
    if not folder.exists():
        group = folder.parent.stat().st_gid
        with scratch(incoming) as made:
            for name, content in files.items():
                _write_file(made / name, content, group)
            _give(made, group)
            try:
                publish_folder(made, folder, PRIVATE_FOLDER)  # a folder that nobody may write to cannot be moved
            except OSError:
                if not folder.exists():
                    raise
    _require_same(folder, files)
    folder.chmod(DELIVERY_MODE)


def _write_file(path: Path, content: bytes, group: int) -> None:
    path.write_bytes(content)
    path.chmod(FILE_MODE)
    _give(path, group)


def _give(path: Path, group: int) -> None:
    """Deliveries belong to their project's group, as the project's folder does (`share`)."""
    if path.lstat().st_gid != group:
        os.chown(path, -1, group, follow_symlinks=False)


def _require_same(folder: Path, files: Mapping[str, bytes]) -> None:
    names = {path.name for path in folder.iterdir()}
    same = names == set(files) and all(
        not (folder / name).is_symlink() and (folder / name).read_bytes() == content for name, content in files.items()
    )
    if not same:
        raise DamagedFile(
            f"The folder of delivery {folder.name} is there and holds other files than were accepted. Nothing was "
            "written. Tell the operator."
        )


def _record(session: Session, request: IngressRequest, digest: str) -> None:
    if request.state is IngressState.DELIVERED:
        if request.manifest != digest:
            raise DamagedFile(f"Delivery {request.id} is not what was recorded. Tell the operator.")
        return
    try:
        requests.require(session, request, SYSTEM, Action.DELIVER, now().date())
    except SaferoomError as error:
        raise WrongState(error.sentence) from None
    request.manifest = digest
    requests.move(session, request, Action.DELIVER, actor=SYSTEM, manifest=digest)
