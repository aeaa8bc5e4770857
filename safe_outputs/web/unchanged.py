"""Pages as they were rendered, sent again while nothing has happened that could change them.

Every change of state leaves an event in the audit chain in its own transaction (I8), whichever process makes it. So a
page follows from who reads, what the address asks, the time, and the newest event that can change it: its mark
(`safe_outputs.web.chain_marks`). The mark is read in the same state of the database as the page. Kept is nothing that
the chain does not tell of: see `safe_outputs.web.request_page`.

A request reads the same for all output checkers who have nothing to do with it yet, and all day: how long ago things
were, and whose page it is, stands in places that are left open until it is sent (`safe_outputs.web.when_sent`). Lists
are in an order that changes with the time, so they are kept for a minute; what changes the lines of a few requests
changes the lists that show them.

Rights are asked anew at each call, stored bytes are compared with their digests, and the view is on record before the
page is sent, kept or not.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask, current_app, request, session
from sqlalchemy.orm import Session

from governance.database import now, share
from governance.views import View
from safe_outputs.evidence.budgets import Left, left_now
from safe_outputs.remembered import Remembered
from safe_outputs.store import Store
from safe_outputs.web.access import reader
from safe_outputs.web.chain_marks import ForLists, Mark, Marks, Page
from safe_outputs.web.when_sent import Pieces


@dataclass(frozen=True)
class Kept:
    """A page with open places, and what has to be true before it is shown.

    `digests`: the stored content on it. `views`: what is recorded before it is sent, as a view of whoever reads it.
    `scopes`: the budgets of which it says what is left, which the chain does not tell. `lines`: the requests of which a
    list shows lines, as they were at the event `at`.
    """

    pieces: Pieces
    digests: tuple[str, ...] = ()
    views: tuple[View, ...] = ()
    scopes: tuple[str, ...] = ()
    left: Mapping[str, Left] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    at: int = 0

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

    def mark(self, database: Session, page: Page) -> Mark | None:
        """Under what the present page can be found and kept; None where it cannot.

        A page that tells what was just done is nobody's second time.
        """
        mark = self.marks.of(database, page)
        if mark is not None:
            share(database, self.shared.under(mark.every))
        return None if request.method != "GET" or "_flashes" in session else mark

    def find(self, key: Key | None) -> Kept | None:
        """The page that was kept under this key, and says what is true."""
        kept = None if key is None else self.kept.known(key)
        if kept is not None and self.marks.changed(kept.lines, kept.at):
            self.kept.forget(key)
            return None
        return kept

    def keep(self, key: Key | None, page: Kept) -> None:
        """Keep the page that was rendered, under its key."""
        if key is not None:
            self.kept.keep(key, replace(page, at=key.mark.at), sum(map(len, page.pieces)))


MOST_CHARACTERS = 32_000_000
EXTENSION = "saferoom_pages"


def attach(app: Flask) -> None:
    """Give an application what it keeps; it goes with the application."""
    app.extensions[EXTENSION] = Pages()


def pages() -> Pages:
    """What the application keeps that handles this request."""
    found: Pages = current_app.extensions[EXTENSION]
    return found


def for_a_minute(database: Session, *, chosen: bool) -> Key | None:
    """Lists of one reader, in an order of this time. `chosen`: they hold what she looks for, and not all."""
    mark = pages().mark(database, ForLists(reader().name, chosen))
    return _key(reader(), int(now().timestamp() // 60), mark)


def for_a_day(who: Hashable, mark: Mark | None) -> Key | None:
    """A page that reads the same for all who read it as this one, until rights may end with the day."""
    return _key(who, now().date(), mark)


def _key(who: Hashable, time: Hashable, mark: Mark | None) -> Key | None:
    return None if mark is None else Key(who, (request.script_root, request.full_path), time, mark)
