"""Files of sessions: raw bytes through the gate, judged by what they are, kept by hash.

The name is in the header `Content-Disposition` (RFC 6266), percent-encoded, so that any name can be sent: with paths,
nulls and marks that turn text around. It is shown, and never the name of a file here. What the bytes are is asked of
the bytes; the header that says their type is not read.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header

from governance.database import reading, transaction
from safe_outputs.contents.groups import find_file
from safe_outputs.contents.handing_in import hand_in, judged, require_room, require_room_for, too_large
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted
from safe_outputs.limits import LARGEST_FILE
from safe_outputs.models import FileRole, OutputFile
from safe_outputs.web.access import access, asker
from safe_outputs.web.api.session import SessionFile, facts
from safe_outputs.web.api.statement import described
from safe_outputs.web.bodies import MalformedBody
from safe_outputs.web.service import service

blueprint = Blueprint("session_files", __name__, url_prefix="/api/session/files")

MARGIN = 1024
"""More than the largest file is read, so that one that is too large is refused with the sentence that says so."""


@blueprint.post("/<role>")
@described(
    "session",
    "POST",
    "Hand in a file, as output or as evidence; 200 where it was handed in before.",
    **facts(SessionFile, status=201, also=(200,), raw=True, refuses=(NoSuchThing, MalformedBody, NotPermitted)),
)
@access("gate")
def hand_in_file(role: str) -> tuple[Response, int]:
    """Keep a file as `output`, which may leave once it is approved, or as `evidence`, which never does."""
    use = _role(role)
    request.max_content_length = LARGEST_FILE + MARGIN
    content = _body()
    with reading(service().engine) as database:
        require_room(database, asker().project, 0)
    taken = judged(_name(), content, use)
    with reading(service().engine) as database:
        require_room_for(database, asker(), use, taken)
    service().store.put(taken.content)
    with transaction(service().engine) as database:
        kept = hand_in(database, service().store, asker(), use, taken)
        answer = file_json(find_file(database, kept.id, asker().project))
    return jsonify(answer), 201 if kept.new else 200


def file_json(file: OutputFile) -> dict[str, Any]:
    """A file as its session sees it: what it is by its bytes, and what was found in them."""
    names = ("id", "name", "kind", "media_type", "digest", "size", "findings", "facts")
    return {each: getattr(file, each) for each in names} | {"role": file.role.value}


def _body() -> bytes:
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise MalformedRequest(too_large()) from None


def _role(word: str) -> FileRole:
    if word not in list(FileRole):
        raise NoSuchThing("A file is handed in as output or as evidence. Use so.file or evidence= in the notebook.")
    return FileRole(word)


def _name() -> str:
    """The name that the session gave. Raises `MalformedBody` when there is none."""
    _, options = parse_options_header(request.headers.get("Content-Disposition", ""))
    name = options.get("filename", "")
    if not name:
        raise MalformedBody(
            "The file has no name. Send one in the header “Content-Disposition: attachment; filename=…”."
        )
    return name
