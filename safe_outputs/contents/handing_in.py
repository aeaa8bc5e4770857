"""Files as sessions hand them in: judged by their bytes, kept by hash, bounded by a quota, and never changed.

The same bytes under the same name for the same use are one file: handing them in again changes nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from safe_outputs.asking import Asker
from safe_outputs.errors import MalformedRequest
from safe_outputs.files import TakenFile, take
from safe_outputs.limits import BYTES_IN_A_WEEK, FILES_IN_A_WEEK, LARGEST_FILE, LONGEST_NAME, in_megabytes
from safe_outputs.models import FileRole, OutputFile
from safe_outputs.store import Store

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class HandedIn:
    """A file's id, and whether it was not there before."""

    id: str
    new: bool


def judged(name: str, content: bytes, role: FileRole) -> TakenFile:
    """The file by what its bytes are. Raises `FileNotTaken`, `MalformedRequest`; nothing is kept yet."""
    if not name or len(name) > LONGEST_NAME:
        raise MalformedRequest(f"A file needs a name of at most {LONGEST_NAME} characters. Rename it, then try again.")
    if len(content) > LARGEST_FILE:
        raise MalformedRequest(too_large())
    return take(name, content, evidence=role is FileRole.EVIDENCE)


def too_large() -> str:
    """The sentence for a file that is larger than any may be."""
    return (
        f"A file may hold at most {in_megabytes(LARGEST_FILE)}, and this one holds more, so it was not kept. An output "
        "that people can judge is smaller: leave out what its audience does not need."
    )


def why_not_more(session: Session, project_id: str, size: int, at: datetime) -> str | None:
    """Why a project cannot hand in so many bytes more now; None if it can."""
    since = at - WEEK
    query = select(func.count(), func.coalesce(func.sum(OutputFile.size), 0))
    number, used = session.execute(query.where(OutputFile.project_id == project_id, OutputFile.at > since)).one()
    if number < FILES_IN_A_WEEK and used + size <= BYTES_IN_A_WEEK:
        return None
    return (
        f"Your project may hand in at most {FILES_IN_A_WEEK:,} files and {in_megabytes(BYTES_IN_A_WEEK)} in seven "
        f"days, and has handed in {number:,} files of {in_megabytes(int(used))}. This one was not kept; those before "
        "it were. Ask for fewer outputs that say more, or wait until the first of them is seven days old."
    )


def require_room(session: Session, project_id: str, size: int) -> None:
    """Raise `MalformedRequest` when the project's quota has no room for so many bytes more."""
    if (reason := why_not_more(session, project_id, size, now())) is not None:
        raise MalformedRequest(reason)


def require_room_for(session: Session, asker: Asker, role: FileRole, taken: TakenFile) -> None:
    """Raise `MalformedRequest` where this file would be refused for the quota: before its bytes are kept."""
    if _earlier(session, asker, role, taken) is None:
        require_room(session, asker.project, len(taken.content))


def hand_in(session: Session, store: Store, asker: Asker, role: FileRole, taken: TakenFile) -> HandedIn:
    """Keep a judged file for the asker's project, with its audit event.

    Raises:
        MalformedRequest: the project's quota is used up.
    """
    if (earlier := _earlier(session, asker, role, taken)) is not None:
        return HandedIn(earlier, new=False)
    require_room(session, asker.project, len(taken.content))
    file = OutputFile(
        id=f"f-{secrets.token_hex(6)}",
        project_id=asker.project,
        author=asker.person,
        role=role,
        digest=store.put(taken.content),
        size=len(taken.content),
        at=now(),
        **_facts(taken),
    )
    session.add(file)
    told = {"project": asker.project, "role": role.value, "digest": file.digest, "size": file.size}
    audit.record(session, asker.person, "file.handed_in", f"file:{file.id}", **told)
    return HandedIn(file.id, new=True)


def _earlier(session: Session, asker: Asker, role: FileRole, taken: TakenFile) -> str | None:
    """The same bytes under the same name for the same use, as the project handed them in before."""
    query = (
        select(OutputFile.id)
        .where(OutputFile.project_id == asker.project, OutputFile.digest == taken.digest)
        .where(OutputFile.role == role, OutputFile.name == taken.name)
    )
    return session.scalars(query).first()


def _facts(taken: TakenFile) -> Mapping[str, Any]:
    return {
        "name": taken.name,
        "kind": taken.kind.value,
        "media_type": taken.media_type,
        "findings": [each.model_dump(mode="json") for each in taken.findings],
        "facts": dict(taken.facts),
    }
