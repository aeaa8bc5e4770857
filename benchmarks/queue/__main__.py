"""Pages of the review queue beside an empty Flask page, and sixteen people at once: `python -m benchmarks.queue`.

Builds a register of 10,000 requests and 100,000 audit events (once; it is kept in a folder), serves it as the hub does,
beside an empty Flask page in the same settings, and asks for pages of both by turns: through the hub's proxy, as
browsers do, and at gunicorn's socket. Then sixteen clients look and vote for a while, and the chain is verified.
Writes `benchmarks/queue/results.md` and `results.json`. On a machine that does other work, trust ratios and CPU times.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

from benchmarks.queue.application import EMPTY_PREFIX, PREFIX, SESSION_KEY, TOKEN_OF
from benchmarks.queue.asking import Client
from benchmarks.queue.register import CHECKERS, database_url, register_in
from benchmarks.queue.results import page
from benchmarks.queue.serving import Served, Serving, serving
from governance import audit
from governance.database import open_database, reading
from safe_outputs.assignment.models import Assignment
from safe_outputs.models import CheckerVote, ReleaseRequest
from safe_outputs.transitions import RequestState
from safe_outputs.web.tokens import TOKEN

HERE = Path(__file__).resolve().parent
READERS = CHECKERS[-2:]
"""Who open what they have nothing to do with."""
WARM = 50
"""So many questions of each kind are not counted."""
WARM_SECONDS = 10
"""So long the sixteen are at it before anything is counted: a desk that has just been opened is not a desk's day."""
AT_ONCE = 10
"""So many questions of one kind follow each other before the next kind's turn."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=300, help="pages of each kind (300)")
    parser.add_argument("--seconds", type=float, default=20, help="how long the sixteen are at it (20)")
    parser.add_argument(
        "--registers", default=f"{tempfile.gettempdir()}/saferoom-benchmark", help="where they are kept"
    )
    parser.add_argument("--out", default=str(HERE), help="the folder of the results")
    asked = parser.parse_args()
    built = register_in(Path(asked.registers), asked.requests, asked.events)
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        register, run = Path(folder) / "register", Path(folder)
        shutil.copytree(built, register)
        found = _measured(register, run, asked)
    found |= {"requests": asked.requests, "events": asked.events, "on": f"{datetime.now(tz=UTC):%d %B %Y}"}
    out = Path(asked.out)
    (out / "results.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "results.md").write_text(page(found), encoding="utf-8")
    print(page(found))


def _measured(register: Path, run: Path, asked: argparse.Namespace) -> dict[str, Any]:
    waiting = _waiting(register)
    with serving(register, run) as served:
        ways = {"through the hub's proxy": served.proxy, "at gunicorn's socket": None}
        enough = asked.pages + WARM
        news = [each.request for each in waiting if each.asked.isdisjoint(READERS)]
        pages = {
            way: _pages(served, address, news[number * enough :][:enough], asked.pages)
            for number, (way, address) in enumerate(ways.items())
        }
        disk = _disk(run)
        together = _together(served, waiting, register, asked.seconds)
    return {"pages": pages, "disk, ms": disk, "together": together, "verify": _verified(register)}


@dataclass(frozen=True)
class Waiting:
    """A request under review, who has voted on it, if anybody has, and who is asked to."""

    request: str
    voter: str | None
    asked: set[str]


def _waiting(register: Path) -> list[Waiting]:
    """The requests under review, in an order that follows nothing."""
    engine = open_database(database_url(register))
    with reading(engine) as session:
        under_review = ReleaseRequest.state.in_([RequestState.SUBMITTED, RequestState.IN_REVIEW])
        query = select(ReleaseRequest.id, CheckerVote.checker).outerjoin(CheckerVote).where(under_review)
        voters: dict[str, str | None] = dict(session.execute(query).all())
        asked: dict[str, set[str]] = {}
        for request, checker in session.execute(select(Assignment.request_id, Assignment.checker)):
            asked.setdefault(request, set()).add(checker)
    engine.dispose()
    found = (Waiting(request, voter, asked[request]) for request, voter in voters.items())
    return sorted(found, key=lambda each: each.request[::-1])


def _pages(served: Serving, address: Any, some: list[str], number: int) -> dict[str, dict[str, float]]:
    """By kind of page: median milliseconds, milliseconds of the workers' CPU, and how many times an empty page's.

    A request is opened by one checker after nobody, until every worker has its page, and then by another checker. Both
    have nothing to do with it yet.
    """
    first, second = (Client(address or served.outputs.socket, cookie_of(name)) for name in READERS)
    empty = Client(address or served.empty.socket)
    kinds: dict[str, tuple[Served, Callable[[int], Any]]] = {
        "an empty page": (served.empty, lambda _n: empty.get(f"{EMPTY_PREFIX}/")),
        "the queue": (served.outputs, lambda _n: first.get(f"{PREFIX}/queue")),
        "a request, opened by nobody since it changed": (
            served.outputs,
            lambda n: first.get(f"{PREFIX}/requests/{some[n]}"),
        ),
        "a request, opened since it changed": (served.outputs, lambda n: second.get(f"{PREFIX}/requests/{some[n]}")),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    cpu = dict.fromkeys(kinds, 0.0)
    for _, ask in kinds.values():
        for warm in range(number, number + WARM):
            _expect(ask(warm))
    for begin in range(0, number, AT_ONCE):
        places = range(begin, min(begin + AT_ONCE, number))
        for kind, (application, ask) in kinds.items():
            begun = application.cpu()
            times[kind] += [_expect(ask(place)) for place in places]
            cpu[kind] += application.cpu() - begun
            if ask is kinds["a request, opened by nobody since it changed"][1]:
                _show_to_all_workers(served, [some[place] for place in places])
    least = median(times["an empty page"])
    return {
        kind: {"ms": 1000 * median(each), "cpu, ms": 1000 * cpu[kind] / number, "times": median(each) / least}
        for kind, each in times.items()
    }


def _show_to_all_workers(served: Serving, requests: list[str]) -> None:
    """Open these by connections of their own, so often that each worker has most likely rendered them."""
    for _ in range(6):
        another = Client(served.outputs.socket, cookie_of(READERS[0]))
        for request in requests:
            _expect(another.get(f"{PREFIX}/requests/{request}"))


def _expect(reply: Any) -> float:
    if reply.status != 200:
        raise RuntimeError(f"a page answered {reply.status}: {reply.body[:500]!r}")
    return float(reply.seconds)


def cookie_of(name: str) -> str:
    """The session of somebody who signed in."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = SESSION_KEY
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    if serializer is None:
        raise RuntimeError("Flask signs no session without a key")
    return f"saferoom-outputs={serializer.dumps({TOKEN: TOKEN_OF + name})}"


def _disk(folder: Path) -> float:
    """Milliseconds that one write to the disk takes here: each view of a request and each vote waits for one."""
    times = []
    with (folder / "disk").open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return 1000 * median(times)


def _together(served: Serving, waiting: list[Waiting], register: Path, seconds: float) -> dict[str, Any]:
    """Fourteen checkers and two authors; a third of the votes are a request's second, and decide on it."""
    checkers, authors = CHECKERS[:14], _authors(register)
    people = [
        {
            "role": "checker",
            "cookie": cookie_of(name),
            "requests": [each.request for each in waiting[place :: len(checkers)] if each.voter != name],
        }
        for place, name in enumerate(checkers)
    ]
    people += [{"role": "author", "cookie": cookie_of(name), "requests": ids} for name, ids in authors.items()]
    told = {"address": served.outputs.socket, "prefix": PREFIX, "warm": WARM_SECONDS, "seconds": seconds}
    before = served.outputs.cpu()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.queue.load"],
        input=json.dumps(told | {"people": people}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"service, CPU seconds": served.outputs.cpu() - before}


def _authors(register: Path) -> dict[str, list[str]]:
    """Two people and their requests."""
    engine = open_database(database_url(register))
    with reading(engine) as session:
        rows = session.execute(select(ReleaseRequest.author, ReleaseRequest.id).order_by(ReleaseRequest.id)).all()
    engine.dispose()
    names = sorted({name for name, _ in rows})[:2]
    return {name: [each for author, each in rows if author == name][:50] for name in names}


def _verified(register: Path) -> dict[str, float]:
    """The chain with all that was looked at and voted meanwhile."""
    engine = open_database(database_url(register))
    with reading(engine) as session:
        begun = time.process_time()
        events = audit.verify(session)
        seconds = time.process_time() - begun
    engine.dispose()
    return {"events": events, "a second": events / seconds}


if __name__ == "__main__":
    main()
