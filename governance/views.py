"""Events of looking: who opened what. They change no state, so they need no transaction of the caller's.

An event is on disk before `record` returns, so nobody sees what she was not recorded to see. Pages that are opened at
the same time share one transaction: one of them writes for all that wait, and the disk is waited for once.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from governance import audit
from governance.database import transaction


@dataclass(eq=False)
class _View:
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    written: bool = field(default=False)


class Views:
    """Records views in one database. For all threads of a process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_View] = []
        self._adding, self._turn = threading.Lock(), threading.Lock()

    def record(self, actor: str, action: str, subject: str, **detail: Any) -> None:
        """Append the event, and return when it is on disk.

        Raises:
            DatabaseUnavailable: it is not, and so the caller shows nothing.
        """
        view = _View(actor, action, subject, detail)
        with self._adding:
            self._waiting.append(view)
        with self._turn:
            if not view.written:
                self._write(self._all_with(view))

    def _all_with(self, view: _View) -> list[_View]:
        """All that wait, and this one, which another may have failed to write."""
        with self._adding:
            waiting, self._waiting = self._waiting, []
        return waiting if view in waiting else [*waiting, view]

    def _write(self, views: list[_View]) -> None:
        with transaction(self._engine) as session:
            for each in views:
                audit.record(session, each.actor, each.action, each.subject, **each.detail)
        for each in views:
            each.written = True
