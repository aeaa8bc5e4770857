"""What the audit chain says of pages that are kept: which event changes which page.

Every change of state leaves an event in the chain in its own transaction (I8), whichever process makes it. What stands
in no table here changes every page.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import GENESIS, AuditEvent, Head
from safe_outputs.reading import VIEWED

CHANGES_NOTHING = frozenset({VIEWED, "ingress.viewed"})
"""Looking is on record, and on no page that is kept."""

CHANGES_ITS_REQUEST = frozenset(
    {
        *("request.drafted", "request.edited", "request.checklist", "request.submitted", "request.in_review"),
        *("request.voted", "request.question", "request.answer", "request.comment", "request.note"),
        *("request.assigned", "request.unassigned", "request.approved", "request.changes_requested"),
        *("request.rejected", "request.withdrawn"),
    }
)
"""What is shown on the page of its own request and in lists of requests, and on no other request's page."""

BEGINS_REVIEW = "request.in_review"
CHANGES_ITS_LINE = frozenset({BEGINS_REVIEW, "request.comment", "request.note"})
"""Of these, what changes a list for who did it, for who looks for states, and where the request's line is shown: it
comes and goes in nobody else's list. So does the vote with which a review begins; a later one can decide it."""

MOST_EVENTS = 5_000
MOST_REQUESTS = 10_000


@dataclass(frozen=True)
class Mark:
    """The hashes of the newest event that can change every page, and of the newest that can change this one.

    `at`: the newest event of all in the state in which the mark was read; two marks are the same without it.
    """

    every: str
    own: tuple[str, ...]
    at: int = field(compare=False)


@dataclass(frozen=True)
class ForRequest:
    """The page of one request."""

    request: str


@dataclass(frozen=True)
class ForLists:
    """Lists of requests, as somebody reads them. `chosen`: they hold what she looks for, and not all."""

    reader: str
    chosen: bool


Page = ForRequest | ForLists


class Marks:
    """Keeps up with the audit chain of one database. For all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = Head(0, GENESIS)
        self._every = self._lists = self._lines = ""
        self._own: dict[str, str] = {}
        self._by: dict[str, str] = {}
        self._line_at: dict[str, int] = {}
        self._began: set[str] = set()

    def of(self, database: Session, page: Page) -> Mark | None:
        """The mark of a page in the state of the database that this session sees.

        None where that state is older than what was seen before, by another thread: keep nothing of it then.
        """
        with self._lock:
            last = self._last
        rows = database.connection().execute(_SINCE, {"last": last.sequence}).all()
        if last.sequence and not rows:
            return None
        if not last.sequence or rows[0].hash != last.hash or len(rows) == MOST_EVENTS:
            return self._begin(last, audit.head(database), page)
        return self._go_on(rows, page)

    def changed(self, requests: Iterable[str], after: int) -> bool:
        """Whether the line of one of these requests changed after an event, of which its list's mark does not tell."""
        with self._lock:
            return any(self._line_at.get(f"request:{each}", 0) > after for each in requests)

    def _go_on(self, rows: Sequence[Any], page: Page) -> Mark | None:
        with self._lock:
            if rows[-1].sequence < self._last.sequence:
                return None
            for row in rows:
                if row.sequence > self._last.sequence and row.action not in CHANGES_NOTHING:
                    self._happened(row)
            self._last = Head(rows[-1].sequence, rows[-1].hash)
            return self._mark(page)

    def _begin(self, known: Head, present: Head, page: Page) -> Mark | None:
        """At the first page, after a long pause, or where the register was restored: nothing from before is kept."""
        with self._lock:
            if self._last != known:
                return None
            self._last = present
            self._change_all(present.hash)
            return self._mark(page)

    def _mark(self, page: Page) -> Mark:
        at = self._last.sequence
        match page:
            case ForRequest(request):
                return Mark(self._every, (self._own.get(f"request:{request}", ""),), at)
            case ForLists(reader, chosen):
                own = self._lists, self._by.get(reader, ""), self._lines if chosen else ""
                return Mark(self._every, own, at)

    def _happened(self, row: Any) -> None:
        known = row.action in CHANGES_ITS_REQUEST and row.subject.startswith("request:")
        if not known or len(self._own) >= MOST_REQUESTS:
            self._change_all(row.hash)
            return
        self._own[row.subject] = row.hash
        if row.action == BEGINS_REVIEW:
            self._began.add(row.subject)
        if row.action in CHANGES_ITS_LINE or self._is_first_vote(row):
            self._lines = self._by[row.actor] = row.hash
            self._line_at[row.subject] = row.sequence
        else:
            self._lists = row.hash

    def _is_first_vote(self, row: Any) -> bool:
        """Whether it is the vote with which a review began: it is recorded in the same transaction. Asked once."""
        if row.action != "request.voted" or row.subject not in self._began:
            return False
        self._began.discard(row.subject)
        return True

    def _change_all(self, event: str) -> None:
        self._every, self._lists, self._lines = event, "", ""
        for each in (self._own, self._by, self._line_at, self._began):
            each.clear()


_SINCE = (
    select(AuditEvent.sequence, AuditEvent.hash, AuditEvent.action, AuditEvent.subject, AuditEvent.actor)
    .where(AuditEvent.sequence >= bindparam("last"))
    .order_by(AuditEvent.sequence)
    .limit(MOST_EVENTS)
)
