"""Sixteen people at once, each a process of its own: `python -m benchmarks.queue.load`, told what by JSON on its input.

Checkers look at the queue, open requests and vote on what they opened; authors look at their lists and requests. Every
answer that is not the one that was asked for is an error. Nothing of Saferoom is imported: a client costs very little.
"""

import json
import multiprocessing
import sys
import time
from collections import Counter
from statistics import quantiles
from typing import Any
from urllib.parse import quote

from benchmarks.queue.asking import Client, Reply, between


class Person:
    """One client: what it asked, how long each took (once that counts), and what went wrong (always)."""

    def __init__(self, address: Any, prefix: str, cookie: str, counts_from: float) -> None:
        self._counts_from = counts_from
        self._client, self._prefix = Client(tuple(address) if isinstance(address, list) else address, cookie), prefix
        self.seconds: dict[str, list[float]] = {}
        self.errors: Counter[str] = Counter()

    def get(self, kind: str, path: str) -> Reply | None:
        return self._counted(kind, 200, lambda: self._client.get(self._prefix + path))

    def vote(self, request: str, page: bytes) -> None:
        """Approve what the page showed, and follow to the page that says so."""
        token = between(page, b'name="csrf_token" type="hidden" value="', b'"')
        content = between(page, b'name="content_hash" value="', b'"')
        form = f"csrf_token={quote(token)}&content_hash={content}&comment=&vote=approve"
        path = f"{self._prefix}/requests/{request}/vote"
        if self._counted("vote", 303, lambda: self._client.post(path, form)) is not None:
            self.get("request", f"/requests/{request}")

    def _counted(self, kind: str, expected: int, ask: Any) -> Reply | None:
        try:
            reply: Reply = ask()
        except OSError as error:
            self.errors[f"{kind}: {type(error).__name__}"] += 1
            return None
        if reply.status != expected:
            self.errors[f"{kind}: {reply.status}"] += 1
            return None
        if time.monotonic() >= self._counts_from:
            self.seconds.setdefault(kind, []).append(reply.seconds)
        return reply


def checker(person: Person, requests: list[str], until: float) -> None:
    """Ten questions in a round: twice the queue, six pages, one vote and the page after it."""
    place = 0
    while time.monotonic() < until:
        seen = None
        for number in range(6):
            if number % 3 == 0:
                person.get("queue", "/queue")
            chosen = requests[(place + number * 7) % len(requests)] if number < 5 else requests[place % len(requests)]
            seen = person.get("request", f"/requests/{chosen}")
        if seen is not None and place < len(requests):
            person.vote(requests[place], seen.body)
        place += 1


def author(person: Person, requests: list[str], until: float) -> None:
    place = 0
    while time.monotonic() < until:
        person.get("author's list", "/requests")
        for _ in range(3):
            person.get("request", f"/requests/{requests[place % len(requests)]}")
            place += 1


ROLES = {"checker": checker, "author": author}


def run(told: dict[str, Any], each: dict[str, Any], begin: Any, results: Any) -> None:
    begin.wait()
    counts_from = time.monotonic() + told["warm"]
    person = Person(told["address"], told["prefix"], each["cookie"], counts_from)
    cpu = time.process_time()
    ROLES[each["role"]](person, each["requests"], counts_from + told["seconds"])
    results.put((person.seconds, dict(person.errors), time.process_time() - cpu))


def main() -> None:
    told = json.load(sys.stdin)
    context = multiprocessing.get_context("fork")
    begin, results = context.Barrier(len(told["people"]) + 1), context.Queue()
    clients = [context.Process(target=run, args=(told, each, begin, results)) for each in told["people"]]
    for client in clients:
        client.start()
    begin.wait()
    begun = time.perf_counter()
    found = [results.get() for _ in clients]
    seconds = time.perf_counter() - begun
    for client in clients:
        client.join()
    json.dump(summary(found, seconds - told["warm"]) | {"warm": told["warm"]}, sys.stdout)


def summary(found: list[tuple[dict[str, list[float]], dict[str, int], float]], seconds: float) -> dict[str, Any]:
    kinds: dict[str, list[float]] = {}
    errors: Counter[str] = Counter()
    for times, wrong, _ in found:
        errors.update(wrong)
        for kind, each in times.items():
            kinds.setdefault(kind, []).extend(each)
    return {
        "clients": len(found),
        "seconds": seconds,
        "a second": sum(map(len, kinds.values())) / seconds,
        "errors": dict(errors),
        "clients, CPU seconds": sum(cpu for *_, cpu in found),
        "kinds": {
            kind: {
                "number": len(each),
                "median, ms": 1000 * sorted(each)[len(each) // 2],
                "95 %, ms": 1000 * _late(each),
            }
            for kind, each in sorted(kinds.items())
        },
    }


def _late(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]


if __name__ == "__main__":
    main()
