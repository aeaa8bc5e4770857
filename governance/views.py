"""Events of looking: who opened what. They change no state, so they need no transaction of the caller's.

An event is on disk before `record` returns, so nobody sees what she was not recorded to see. Pages that are opened at
the same time share one transaction: one of them writes for all that wait, and the disk is waited for once.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from governance import audit
from governance.database import writing

View = audit.Told
"""Who is about to see what."""


@dataclass(eq=False)
class _Page:
    views: Sequence[View]
    written: bool = False


class Views:
    """Records views in one database. For all threads of a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Page] = []
        self._adding, self._turn = threading.Lock(), threading.Lock()

    def record(self, *views: View) -> None:
        """Append an event for each, and return when they are on disk.

        Raises:
            DatabaseUnavailable: they are not, none of them, and so the caller shows nothing.
        """
        page = _Page(views)
        with self._adding:
            self._waiting.append(page)
        with self._turn:
            if not page.written:
                self._write(self._all_with(page))

    def _all_with(self, page: _Page) -> list[_Page]:
        """All that wait, and this one, which another may have failed to write."""
        with self._adding:
            waiting, self._waiting = self._waiting, []
        return waiting if page in waiting else [*waiting, page]

    def _write(self, pages: list[_Page]) -> None:
        with writing(self._engine) as connection:
            audit.record_all(connection, [view for page in pages for view in page.views])
        for page in pages:
            page.written = True
