"""The lock of a notebook server: a server extension that stands before every route, and counts every answer.

Loaded by its module's name (`jpserver_extensions`). The table in `routes` decides in one place, `decide`, for the
front door as for Jupyter's authorizer. A server whose lock does not load does not start.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_server.auth import Authorizer
from jupyterhub.singleuser.extension import JupyterHubAuthorizer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule, RuleRouter
from tornado.web import Application, OutputTransform, RequestHandler
from traitlets import Int, Unicode
from traitlets.config import LoggingConfigurable

from hub_config.notebook.budget import BYTES_A_DAY, Budget
from hub_config.notebook.outputs import KIB
from hub_config.notebook.recorder import Recorder
from hub_config.notebook.routes import OPEN, Counts, Way
from hub_config.notebook.way_out import PAUSED, SETTING, WayOut, way_out_of

GATE_VARIABLE = "SAFEROOM_HUB_GATE"
"""Names the UNIX socket over which the notebook server reaches the hub."""

CLOSED_SENTENCE = (
    "This is closed in a Saferoom session, so that nothing leaves it but through review. Work in the notebook, and "
    "request statistics for release with safe_outputs."
)
_LOCK = "saferoom_lock"


@dataclass(frozen=True)
class Decision:
    """Whether a request may go on: by which way, or with which status and sentence it is refused."""

    way: Way | None
    status: int = 403
    sentence: str = CLOSED_SENTENCE


class SessionLock(LoggingConfigurable):
    """What the lock of a session is configured with."""

    bytes_a_day = Int(BYTES_A_DAY, config=True, help="Bytes that may cross to the browser in a day.")
    ledger = Unicode("", config=True, help="The file that keeps count of them, out of the reach of kernels.")


class Lock:
    """Decides on requests to one server."""

    def __init__(self, application: Application, base_url: str) -> None:
        self.application = application
        self.base = base_url.rstrip("/")

    def decide(self, request: HTTPServerRequest) -> Decision:
        """The way that is open to a request, or why none is."""
        rule = rule_for(self.application.default_router.rules, request)
        way = self.ways(rule).get(request.method or "") if rule is not None else None
        if way is None or (way.only is not None and not way.only.fullmatch(request.path.removeprefix(self.base))):
            return Decision(None)
        return _within_bounds(way, request)

    def ways(self, rule: Rule) -> dict[str, Way]:
        """The open methods of a route."""
        return dict(OPEN.get((self.pattern(rule), getattr(rule.target, "__name__", "")), {}))

    def pattern(self, rule: Rule) -> str:
        """The pattern of a route as the table writes it."""
        if not isinstance(rule.matcher, PathMatches):
            return ""
        return rule.matcher.regex.pattern.removesuffix("$").removeprefix(self.base)


def rule_for(rules: Iterable[Rule], request: HTTPServerRequest) -> Rule | None:
    """The first rule that would handle a request, found in the order in which the server looks."""
    for rule in rules:
        if isinstance(rule.matcher, _Refused) or rule.matcher.match(request) is None:
            continue
        if not isinstance(rule.target, RuleRouter):
            return rule
        if (found := rule_for(rule.target.rules, request)) is not None:
            return found
    return None


def all_rules(rules: Iterable[Rule]) -> list[Rule]:
    """Every rule of a server that handles something itself."""
    found: list[Rule] = []
    for rule in rules:
        if isinstance(rule.target, RuleRouter):
            found += all_rules(rule.target.rules)
        elif not isinstance(rule.matcher, _Refused):
            found.append(rule)
    return found


def _within_bounds(way: Way, request: HTTPServerRequest) -> Decision:
    """Whether the body is as small as it has to be, and says how large it is."""
    said = request.headers.get("Content-Length", "0")
    if request.headers.get("Transfer-Encoding") or not said.isdecimal():
        return Decision(None, 411, "A request has to say how large it is. Use JupyterLab.")
    if int(said) > way.body:
        return Decision(None, 413, f"This is larger than the {way.body // KIB:,} KiB that can be sent here. Send less.")
    return Decision(way)


class _Refused(Matcher):
    """Matches every request that the lock refuses."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        decision = self.lock.decide(request)
        return None if decision.way else {}


class ClosedHandler(RequestHandler):
    """Answers what is closed, in every method, with one sentence."""

    SUPPORTED_METHODS = (*RequestHandler.SUPPORTED_METHODS, "PROPFIND", "TRACE", "CONNECT")

    def set_default_headers(self) -> None:
        for name, value in self.settings.get("headers", {}).items():
            self.set_header(name, value)

    def check_xsrf_cookie(self) -> None:
        """Nothing is done here that a forged request could ask for."""

    def prepare(self) -> None:
        decision = self.settings[_LOCK].decide(self.request)
        self.set_status(decision.status if decision.way is None else 403)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": decision.sentence, "reason": None}))


class Counted(OutputTransform):
    """Counts an answer against the day's budget, and refuses in its place the content of files once that is used up."""

    application: Application

    def __init__(self, request: HTTPServerRequest) -> None:
        self.request = request
        self.counts = Counts.ANSWER

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: ARG002 - as it is called
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in self.application.settings.get("headers", {}).items():
            headers.setdefault(name, value)  # also where a handler is none of Jupyter's own
        decision = self.application.settings[_LOCK].decide(self.request)
        self.counts = _counts(decision.way, self.request)
        reason = self._why_not(chunk)
        if reason is None:
            return status_code, headers, chunk
        refusal = json.dumps({"message": reason, "reason": None}).encode()
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(refusal))
        for name in ("Etag", "Last-Modified"):
            if name in headers:
                del headers[name]
        return 403, headers, refusal

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:  # noqa: ARG002 - as it is called
        """Further parts of an answer. Answers with content come in one piece; of any other, none crosses."""
        return b"" if self._why_not(chunk) else chunk

    def _why_not(self, chunk: bytes) -> str | None:
        way_out = way_out_of(self.application.settings)
        if self.counts is Counts.CONTENT and chunk:
            return way_out.why_not(len(chunk))
        if self.counts is Counts.ANSWER and not way_out.budget.count(len(chunk)):
            return PAUSED
        return None


def _counts(way: Way | None, request: HTTPServerRequest) -> Counts:
    """How the answer to a request counts. What JupyterLab asks before it saves (a file's time) is no content."""
    counts = way.counts if way else Counts.ANSWER
    no_content = request.query_arguments.get("content") == [b"0"]
    return Counts.ANSWER if counts is Counts.CONTENT and no_content else counts


class LockedAuthorizer(Authorizer):
    """Jupyter's own question on each request, answered by the same table."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:  # noqa: ARG002
        lock = handler.settings.get(_LOCK)
        return isinstance(lock, Lock) and lock.decide(handler.request).way is not None


class HubAuthorizer(LockedAuthorizer, JupyterHubAuthorizer):  # type: ignore[misc]
    """The same, for who may use this server by the hub's word."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        by_table = super().is_authorized(handler, user, action, resource)
        return by_table and bool(JupyterHubAuthorizer.is_authorized(self, handler, user, action, resource))


def lock(application: Application, base_url: str, way_out: WayOut) -> None:
    """Put the lock before every route of a server."""
    guard = Lock(application, base_url)
    application.settings[_LOCK] = guard
    application.settings[SETTING] = way_out
    application.default_router.rules.insert(0, Rule(_Refused(guard), ClosedHandler))
    application.transforms.append(type("CountedHere", (Counted,), {"application": application}))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Lock the server as it starts. Raises RuntimeError where there is nobody to tell what was held back."""
    gate = os.environ.get(GATE_VARIABLE)
    facts = SessionLock(parent=app)
    if not gate or not facts.ledger:
        raise RuntimeError(
            f"A locked notebook server needs {GATE_VARIABLE} and the ledger of its budget. Start it by the hub."
        )
    budget = Budget(Path(facts.ledger), facts.bytes_a_day)
    lock(app.web_app, app.base_url, WayOut(budget, Recorder(gate)))
