"""Every view of a request is an event in the audit chain, on disk before anything of it is sent (I8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from governance.views import View
from safe_outputs.reading import VIEWED, RequestView
from safe_outputs.web.service import service


def seen(person: str, by: Literal["page", "session", "api"], *views: RequestView, counts: Sequence[str] = ()) -> None:
    """This person is about to see the requests as they are in these views, and the counts behind these statistics.

    Raises:
        DatabaseUnavailable: that is not on record; show nothing then.
    """
    service().views.record(*looks(person, by, *views, counts=counts))


def looks(
    person: str, by: Literal["page", "session", "api"], *views: RequestView, counts: Sequence[str] = ()
) -> tuple[View, ...]:
    """What is to be recorded when this person sees the requests as they are in these views."""
    return tuple(_looked_at(each, person, by, counts) for each in views)


def _looked_at(view: RequestView, person: str, by: str, counts: Sequence[str]) -> View:
    detail = {"turn": view.turn, "content": view.content_hash, "by": by} | ({"counts": list(counts)} if counts else {})
    return View(person, VIEWED, f"request:{view.line.id}", detail)


@dataclass(frozen=True)
class FileSeen:
    """A look at a file of a request: which request, its turn and content hash then, and the file's digest."""

    request_id: str
    turn: int
    content: str | None
    digest: str


def seen_file(person: str, look: FileSeen) -> None:
    """This person is about to see a file of a request. Raises `DatabaseUnavailable`: show nothing then."""
    detail = {"turn": look.turn, "content": look.content, "by": "page", "file": look.digest}
    service().views.record(View(person, VIEWED, f"request:{look.request_id}", detail))


def seen_incoming(ingress_id: str, person: str, file: int | None = None) -> None:
    """This person is about to see what somebody asks to bring in, or one file of it. Raises `DatabaseUnavailable`."""
    detail = {} if file is None else {"file": file}
    service().views.record(View(person, "ingress.viewed", f"ingress:{ingress_id}", detail))
