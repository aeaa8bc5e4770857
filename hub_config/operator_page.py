"""The operator's page: which sessions run, and a button that stops one, with a reason.

It works inside the hub and asks the register at every call, so an operator needs no right of the hub's API beyond
what everybody has: she cannot start a session, open one, or stop one without saying why.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from sqlalchemy import Engine
from tornado import web

from governance import audit
from governance.access import why_not_operate
from governance.database import now, reading, transaction
from governance.errors import Invalid
from governance.people import Person
from hub_config.register import today

SHORTEST_REASON, LONGEST_REASON = 10, 500
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024

GONE = "That session does not run any more. Look at the list again; nothing was stopped."


@dataclass(frozen=True)
class RunningSession:
    """A line of the page. Times are aware; `memory` is in MiB, None where nobody knows."""

    person: str
    project: str
    state: str
    since: datetime | None
    last_activity: datetime | None
    memory: int | None

    @property
    def idle_minutes(self) -> int | None:
        return None if self.last_activity is None else max(0, int((now() - self.last_activity).total_seconds() // 60))


def checked_reason(text: str) -> str:
    """The reason, its white space tidied. Raises `Invalid` for one that says too little or too much."""
    reason = " ".join(text.split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise Invalid(
            f"The reason has {len(reason)} characters. Say in {SHORTEST_REASON} to {LONGEST_REASON} why you stop this "
            "session: the audit chain keeps it, and the person can ask for it. Nothing was stopped."
        )
    return reason


def reason_against(engine: Engine, name: str) -> str | None:
    """Why the person of this name is no operator today."""
    with reading(engine) as session:
        return why_not_operate(session.get(Person, name), today())


def record_stop(engine: Engine, operator: str, person: str, project: str, reason: str) -> None:
    with transaction(engine) as session:
        audit.record(
            session, operator, "session.stopped_by_operator", f"project:{project}", person=person, reason=reason
        )


def memory_of(pid: int) -> int | None:
    """The resident memory in MiB of a process and all below it, shared pages counted for each; None if it is gone."""
    waiting, pages = [pid], list[int]()
    while waiting:
        each = waiting.pop()
        if each and (found := _resident_pages(each)) is not None:
            pages.append(found)
            waiting += _children(each)
    return round(sum(pages) * PAGE_BYTES / MIB) if pages else None


class OperatorHandler(BaseHandler):
    """`/hub/operator`: the page, and the form that its buttons send."""

    async def prepare(self) -> None:
        await super().prepare()
        if self.current_user is None:
            return  # `web.authenticated` below sends her to sign in
        if (reason := await asyncio.to_thread(reason_against, self._engine, self.current_user.name)) is not None:
            raise web.HTTPError(403, reason)

    @web.authenticated
    async def get(self) -> None:
        await self._show()

    @web.authenticated
    async def post(self) -> None:
        person, project = self.get_body_argument("person", ""), self.get_body_argument("project", "")
        user = self.find_user(person)
        spawner = user and project and user.spawners.get(project)
        if not spawner or not spawner.active:
            await self._show(GONE, 404)
            return
        try:
            reason = checked_reason(self.get_body_argument("reason", ""))
        except Invalid as error:
            await self._show(error.sentence, error.status)
            return
        await asyncio.to_thread(record_stop, self._engine, self.current_user.name, person, project, reason)
        await self.stop_single_user(user, project)
        self.redirect(self.hub.base_url + "operator")

    async def _show(self, error: str | None = None, status: int = 200) -> None:
        lines = [await self._line(found) for found in self._running()]
        self.set_status(status)
        limits = {"shortest": SHORTEST_REASON, "longest": LONGEST_REASON}
        xsrf = self.xsrf_token.decode("ascii")
        self.finish(
            await self.render_template("operator.html", sessions=lines, error=error, xsrf=xsrf, reason_limits=limits)
        )

    def _running(self) -> list[Any]:
        """The spawners of sessions that start, run or stop, by person and project."""
        users = self.db.query(orm.User).order_by(orm.User.name)
        spawners = [spawner for user in users for spawner in self.users[user].spawners.values()]
        return sorted((each for each in spawners if each.active), key=lambda each: (each.user.name, each.name))

    async def _line(self, spawner: Any) -> RunningSession:
        person, project = spawner.user.name, spawner.name
        return RunningSession(
            person=person,
            project=project,
            state="running" if spawner.ready else (spawner.pending or "starting"),
            since=in_utc(spawner.orm_spawner.started),
            last_activity=in_utc(spawner.orm_spawner.last_activity),
            memory=await asyncio.to_thread(memory_of, spawner.pid),
        )

    @property
    def _engine(self) -> Engine:
        engine: Engine = self.authenticator.installation.engine
        return engine


def in_utc(at: datetime | None) -> datetime | None:
    """A time of the hub's database, which are in UTC and do not say so."""
    return None if at is None else at.replace(tzinfo=UTC)


def _children(pid: int) -> list[int]:
    """The processes that any thread of this one has started."""
    lists = (_text(path) for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for children in lists for child in children.split()]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _resident_pages(pid: int) -> int | None:
    fields = _text(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) if len(fields) > 1 else None


OPERATOR_HANDLERS: list[tuple[str, type[BaseHandler]]] = [("/operator", OperatorHandler)]
