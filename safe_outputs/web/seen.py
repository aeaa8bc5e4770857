"""Every view of a request is an event in the audit chain, on disk before anything of it is sent (I8)."""

from typing import Literal

from safe_outputs.reading import VIEWED, RequestView
from safe_outputs.web.service import service


def seen(view: RequestView, person: str, by: Literal["page", "session"]) -> None:
    """This person is about to see the request as it is in this view. Raises `DatabaseUnavailable`: show nothing."""
    subject = f"request:{view.line.id}"
    service().views.record(person, VIEWED, subject, turn=view.turn, content=view.content_hash, by=by)


def seen_incoming(ingress_id: str, person: str, file: int | None = None) -> None:
    """This person is about to see what somebody asks to bring in, or one file of it. Raises `DatabaseUnavailable`."""
    detail = {} if file is None else {"file": file}
    service().views.record(person, "ingress.viewed", f"ingress:{ingress_id}", **detail)
