"""Attempts on the gate, byte by byte. Sent into kernels; the control sends the same to what lies behind the gate."""

import contextlib
import json
import os
import socket
import time
from types import SimpleNamespace

from tests.hub_config.escape.attempt import Attempt, Closed, Control, Family, add, attempt, closed_if_empty

FIXED = "the gate's list of calls; everything else is refused before anything is forwarded"
STAMP = "the gate stamps each call itself, and passes on no header but the content's type"
SECONDS = 10
CONNECTIONS = 300
BY_THE_GATE = (400, 403, 405, 411, 413, 501)


def _send(facts: SimpleNamespace, request: bytes) -> bytes:
    """All that comes back, until the other side closes or says nothing for a while."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(SECONDS)
        peer.connect(facts.behind)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(request)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := peer.recv(65536):
                answer += piece
                peer.settimeout(0.7)
    return answer


def _request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {target} HTTP/1.1", "Host: gate", *headers, *length, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _answers(answer: bytes) -> list[tuple[int, bytes]]:
    """Status and the rest, of each answer that came."""
    found = []
    for part in answer.split(b"HTTP/1.1 ")[1:]:
        with contextlib.suppress(ValueError, IndexError):
            found.append((int(part.split()[0]), part))
    return found


def _reached(answer: bytes) -> str:
    """Evidence that the service behind answered: its own server, or a status that the gate does not give."""
    for status, part in _answers(answer):
        if b"erver: gunicorn" in part or (status not in BY_THE_GATE and not 500 <= status < 600):
            return f"{status} {part[-100:]!r}"
    raise Closed(f"{[status for status, _ in _answers(answer)]}")


def _call(
    name: str, tries: str, method: str, target: str, *headers: str, body: bytes = b"", stops: str = FIXED
) -> None:
    def run(facts: SimpleNamespace) -> str:
        return _reached(_send(facts, _request(method, target.replace("~", facts.prefix), *headers, body=body)))

    add(Attempt(name, Family.GATE, tries, stops, Control.TWIN, run))


_call("gate_to_the_queue", "Ask for the checkers' queue.", "GET", "/services/outputs/queue")
_call("gate_to_the_hub", "Ask for the hub's API.", "GET", "/hub/api/")
_call("gate_to_queries", "Ask with a query, which no call has.", "GET", "~/session?person=bert")
_call("gate_upwards", "Climb out of the API's path with “..”.", "GET", "~/../../queue")
_call("gate_upwards_encoded", "Climb out of it with “%2e%2e%2f”.", "GET", "~/statistics/%2e%2e%2f%2e%2e%2fqueue")
_call("gate_double_slash", "Ask for a path with two slashes.", "GET", "~//session")
_call("gate_with_line_ends", "Put a header into the path by encoded line ends.", "GET", "~/session%0d%0aX-Who:%20bert")
_call("gate_by_delete", "Delete a request.", "DELETE", "~/requests/1")
_call("gate_by_patch", "Change a request (PATCH).", "PATCH", "~/requests/1", body=b"{}")
_call("gate_by_options", "Ask what is allowed (OPTIONS).", "OPTIONS", "~/session")
_call("gate_by_head", "Ask without content (HEAD).", "HEAD", "~/session")
_call("gate_by_made_up_method", "Use a method that nobody knows.", "RELEASE", "~/requests/1")
_call(
    "gate_other_method",
    "Let a header name another method than the request's.",
    "GET",
    "/services/outputs/requests",
    "X-HTTP-Method-Override: POST",
)
_call(
    "gate_other_address",
    "Let headers name another path than the request's.",
    "GET",
    "/services/outputs/queue",
    "X-Original-URL: /session",
    "X-Rewrite-URL: /session",
    "X-Forwarded-Prefix: /",
)
_call(
    "gate_large_body",
    "Send far more than a call may hold.",
    "POST",
    "~/statistics",
    "Content-Type: application/json",
    body=b" " * (3 << 20),
    stops="the gate's largest call",
)


def _person(answer: bytes, facts: SimpleNamespace) -> str:
    for status, part in _answers(answer):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            person = json.loads(part.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1")[0])["person"]
            if status == 200 and person != facts.person:
                return f"taken for {person}"
    raise Closed(f"{[status for status, _ in _answers(answer)]}, as oneself")


def _as_somebody(facts: SimpleNamespace, *headers: str) -> str:
    return _person(_send(facts, _request("GET", f"{facts.prefix}/session", *headers)), facts)


@attempt(Family.GATE, STAMP)
def forged_stamp(facts: SimpleNamespace) -> str:
    """Call with a stamp of another person, a true one."""
    return _as_somebody(facts, f"Authorization: Saferoom-Session {facts.stamp_of_another}")


@attempt(Family.GATE, STAMP)
def two_stamps(facts: SimpleNamespace) -> str:
    """Call with another person's stamp folded into other headers, and declared to belong to the connection."""
    stamp = f"Saferoom-Session {facts.stamp_of_another}"
    return _as_somebody(facts, "Connection: X-Nothing", f"authorization:{stamp}", f"Proxy-Authorization: {stamp}")


@attempt(Family.GATE, STAMP)
def request_in_a_request(facts: SimpleNamespace) -> str:
    """Hide a second request, with another's stamp, behind the body of one that says a shorter length (smuggling)."""
    hidden = _request("GET", f"{facts.prefix}/session", f"Authorization: Saferoom-Session {facts.stamp_of_another}")
    first = (
        f"POST {facts.prefix}/statistics HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}"
    )
    return _person(_send(facts, first.encode() + hidden), facts)


@attempt(Family.GATE, STAMP)
def request_after_a_request(facts: SimpleNamespace) -> str:
    """Send a second request, with another's stamp, behind an allowed one (pipelining)."""
    first = f"GET {facts.prefix}/session HTTP/1.1\r\nHost: gate\r\n\r\n".encode()
    second = _request("GET", f"{facts.prefix}/session", f"Authorization: Saferoom-Session {facts.stamp_of_another}")
    return _person(_send(facts, first + second), facts)


@attempt(Family.GATE, FIXED)
def forbidden_after_allowed(facts: SimpleNamespace) -> str:
    """Send a forbidden request behind an allowed one on one connection (pipelining)."""
    first = f"GET {facts.prefix}/session HTTP/1.1\r\nHost: gate\r\n\r\n".encode()
    answers = _answers(_send(facts, first + _request("GET", "/services/outputs/queue")))
    return closed_if_empty([status for status, _ in answers[1:] if status not in BY_THE_GATE])


def keep_busy(facts: SimpleNamespace, seconds: float) -> str:
    """Hold hundreds of connections to the gate, and call it without end from several processes."""
    held: list[socket.socket] = []
    enough = time.monotonic() + seconds / 2
    while len(held) < CONNECTIONS and time.monotonic() < enough:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(0.2)
        try:
            peer.connect(facts.behind)
            held.append(peer)
        except OSError:
            peer.close()
    reading, writing = os.pipe()
    for _ in range(3):
        if os.fork() == 0:
            _call_until(facts, time.monotonic() + seconds, writing)
            os._exit(0)
    os.close(writing)
    time.sleep(seconds)
    calls = os.read(reading, 1 << 20).count(b".")  # nothing, once all of them have ended
    return json.dumps([len(held), calls])


def _call_until(facts: SimpleNamespace, end: float, answered: int) -> None:
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if _answers(_send(facts, _request("GET", f"{facts.prefix}/session"))):
                os.write(answered, b".")
