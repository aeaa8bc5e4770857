"""Files that people of the house handed in, for tests of the pages that show them."""

import io
import secrets

from PIL import Image
from sqlalchemy.orm import Session

from governance.database import now
from safe_outputs.files import take
from safe_outputs.models import FileRole, OutputFile, RequestEvidence
from tests.safe_outputs.house import House, the_request


def a_picture(size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return file.getvalue()


def a_file(house: House, request_id: str, name: str, content: bytes) -> str:
    """The id of a file that was taken, and stands in a request of rosa's as evidence. Raises `FileNotTaken`."""
    taken = take(name, content)

    def step(session: Session) -> str:
        request = the_request(session, request_id)
        kept = OutputFile(
            id=f"f-{secrets.token_hex(8)}",
            project_id=request.project_id,
            author=request.author,
            role=FileRole.EVIDENCE,
            name=taken.name,
            kind=taken.kind.value,
            media_type=taken.media_type,
            digest=house.store.put(taken.content),
            size=len(taken.content),
            findings=[each.model_dump(mode="json") for each in taken.findings],
            facts=taken.facts,
            at=now(),
        )
        session.add(kept)
        session.flush()
        request.evidence.append(RequestEvidence(position=len(request.evidence) + 1, file_id=kept.id))
        return kept.id

    return str(house.do(step))
