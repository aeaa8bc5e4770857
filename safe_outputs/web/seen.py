"""Every view of a request is an event in the audit chain, on disk before anything of it is sent (I8)."""

from collections.abc import Sequence
from typing import Literal

from governance.views import View
from safe_outputs.reading import VIEWED, RequestView
from safe_outputs.web.service import service


def seen(person: str, by: Literal["page", "session", "api"], *views: RequestView, counts: Sequence[str] = ()) -> None:
    """This person is about to see the requests as they are in these views, and the counts behind these statistics.

    Raises:
        DatabaseUnavailable: that is not on record; show nothing then.
    """
    service().views.record(*(_looked_at(each, person, by, counts) for each in views))


def _looked_at(view: RequestView, person: str, by: str, counts: Sequence[str]) -> View:
    detail = {"turn": view.turn, "content": view.content_hash, "by": by} | ({"counts": list(counts)} if counts else {})
    return View(person, VIEWED, f"request:{view.line.id}", detail)


def seen_incoming(ingress_id: str, person: str, file: int | None = None) -> None:
    """This person is about to see what somebody asks to bring in, or one file of it. Raises `DatabaseUnavailable`."""
    detail = {} if file is None else {"file": file}
    service().views.record(View(person, "ingress.viewed", f"ingress:{ingress_id}", detail))
