"""Pages as they were rendered, sent again while nothing has happened that could change them.

Every change of state leaves an event in the audit chain in its own transaction (I8), whichever process makes it. So a
page follows from who reads, what the address asks, the time, and the newest event that can change it: its mark. The
mark is read in the same state of the database as the page. What stands in no table here changes every page. Kept is
nothing that the chain does not tell of: see `safe_outputs.web.request_page`.

A request reads the same for all output checkers who have nothing to do with it yet, and all day: how long ago things
were, and whose page it is, stands in places that are left open until it is sent (`safe_outputs.web.when_sent`). Lists
are in an order that changes with the time, so they are kept for a minute.

Rights are asked anew at each call, stored bytes are compared with their digests, and the view is on record before the
page is sent, kept or not.
"""

import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask, current_app, request, session
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import GENESIS, AuditEvent, Head
from governance.database import now, share
from governance.views import View
from safe_outputs.evidence.budgets import Left, left_now
from safe_outputs.reading import VIEWED
from safe_outputs.remembered import Remembered
from safe_outputs.store import Store
from safe_outputs.web.access import reader
from safe_outputs.web.when_sent import Pieces

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

MOST_EVENTS = 5_000
MOST_REQUESTS = 10_000

Mark = tuple[str, str]
"""The hashes of two events: the newest that can change every page, and the newest that can change this one."""


class Marks:
    """Keeps up with the audit chain of one database. For all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = Head(0, GENESIS)
        self._all = self._lists = ""
        self._own: dict[str, str] = {}

    def of(self, database: Session, request_id: str | None = None) -> Mark | None:
        """The mark of a request's page, or of lists of requests, in the state of the database that this session sees.

        None where that state is older than what was seen before, by another thread: keep nothing of it then.
        """
        with self._lock:
            last = self._last
        rows = database.connection().execute(_SINCE, {"last": last.sequence}).all()
        if last.sequence and not rows:
            return None
        if not last.sequence or rows[0].hash != last.hash or len(rows) == MOST_EVENTS:
            return self._begin(last, audit.head(database), request_id)
        return self._go_on(rows, request_id)

    def _go_on(self, rows: Sequence[Any], request_id: str | None) -> Mark | None:
        with self._lock:
            if rows[-1].sequence < self._last.sequence:
                return None
            for row in rows:
                if row.sequence > self._last.sequence:
                    self._happened(row.action, row.subject, row.hash)
            self._last = Head(rows[-1].sequence, rows[-1].hash)
            return self._mark(request_id)

    def _begin(self, known: Head, present: Head, request_id: str | None) -> Mark | None:
        """At the first page, after a long pause, or where the register was restored: nothing from before is kept."""
        with self._lock:
            if self._last != known:
                return None
            self._last, self._all, self._lists = present, present.hash, ""
            self._own.clear()
            return self._mark(request_id)

    def _mark(self, request_id: str | None) -> Mark:
        return self._all, self._lists if request_id is None else self._own.get(f"request:{request_id}", "")

    def _happened(self, action: str, subject: str, event: str) -> None:
        if action in CHANGES_NOTHING:
            return
        self._lists = event
        if action not in CHANGES_ITS_REQUEST or len(self._own) >= MOST_REQUESTS:
            self._all = event
            self._own.clear()
        else:
            self._own[subject] = event


_SINCE = (
    select(AuditEvent.sequence, AuditEvent.hash, AuditEvent.action, AuditEvent.subject)
    .where(AuditEvent.sequence >= bindparam("last"))
    .order_by(AuditEvent.sequence)
    .limit(MOST_EVENTS)
)


@dataclass(frozen=True)
class Kept:
    """A page with open places, and what has to be true before it is shown.

    `digests`: the stored content on it. `views`: what is recorded before it is sent, as a view of whoever reads it.
    `scopes`: the budgets of which it says what is left, which the chain does not tell.
    """

    pieces: Pieces
    digests: tuple[str, ...] = ()
    views: tuple[View, ...] = ()
    scopes: tuple[str, ...] = ()
    left: Mapping[str, Left] = field(default_factory=dict)

    def still_holds(self, database: Session) -> bool:
        """Whether as much is left in the budgets as the page says."""
        return not self.scopes or left_now(database, self.scopes) == self.left

    def compare(self, store: Store) -> None:
        """Raise `Tampered` or `NoSuchThing` where stored content is no longer what is shown here (I7)."""
        for digest in self.digests:
            store.get(digest)

    @property
    def looks(self) -> tuple[View, ...]:
        """The views to be recorded, of who reads it now."""
        return tuple(replace(each, actor=reader().name) for each in self.views)


@dataclass(frozen=True)
class Key:
    """As who somebody reads what, when, under which mark."""

    who: Hashable
    address: tuple[str, str]
    time: Hashable
    mark: Mark


class Shared:
    """What readings of one state of the register find alike, until something happens that can change every page."""

    def __init__(self) -> None:
        self._under: tuple[str, dict[Hashable, Any]] = "", {}

    def under(self, mark: str) -> dict[Hashable, Any]:
        """What was found under this mark; begins anew under another one."""
        known = self._under
        if known[0] != mark:
            self._under = known = mark, {}
        return known[1]


@dataclass(frozen=True)
class Pages:
    """The pages that one process keeps, together of at most so many characters, and the marks that they stand on."""

    marks: Marks = field(default_factory=Marks)
    shared: Shared = field(default_factory=Shared)
    kept: Remembered[Kept] = field(default_factory=lambda: Remembered(MOST_CHARACTERS))

    def mark(self, database: Session, request_id: str | None = None) -> Mark | None:
        """Under what the present page can be found and kept; None where it cannot.

        A page that tells what was just done is nobody's second time.
        """
        mark = self.marks.of(database, request_id)
        if mark is not None:
            share(database, self.shared.under(mark[0]))
        return None if request.method != "GET" or "_flashes" in session else mark

    def find(self, key: Key | None) -> Kept | None:
        """The page that was kept under this key."""
        return None if key is None else self.kept.known(key)

    def keep(self, key: Key | None, page: Kept) -> None:
        """Keep the page that was rendered, under its key."""
        if key is not None:
            self.kept.keep(key, page, sum(map(len, page.pieces)))


MOST_CHARACTERS = 32_000_000
EXTENSION = "saferoom_pages"


def attach(app: Flask) -> None:
    """Give an application what it keeps; it goes with the application."""
    app.extensions[EXTENSION] = Pages()


def pages() -> Pages:
    """What the application keeps that handles this request."""
    found: Pages = current_app.extensions[EXTENSION]
    return found


def for_a_minute(mark: Mark | None) -> Key | None:
    """A page of one reader that says what comes before what at this time."""
    return _key(reader(), int(now().timestamp() // 60), mark)


def for_a_day(who: Hashable, mark: Mark | None) -> Key | None:
    """A page that reads the same for all who read it as this one, until rights may end with the day."""
    return _key(who, now().date(), mark)


def _key(who: Hashable, time: Hashable, mark: Mark | None) -> Key | None:
    return None if mark is None else Key(who, (request.script_root, request.full_path), time, mark)
