"""How many requests each route answered, with which status, and how long it took: right over all worker processes.

Each process counts in files of its own below `PROMETHEUS_MULTIPROC_DIR`, and a scrape adds up those of all, also of
processes that ended; without that variable (in tests) there is one process, which counts in memory.
"""

import os
import time
from dataclasses import dataclass, field

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


@dataclass
class Traffic:
    """The counters of one application. Labels are the routes as they are declared, with no value of an address."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.answered = Counter(
            "saferoom_http_requests", "Answers.", ["route", "method", "status"], registry=self.registry
        )
        self.took = Histogram(
            "saferoom_http_request_seconds",
            "How long an answer took.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )

    def watch(self, app: Flask) -> None:
        """Count every request of this application."""
        app.before_request_funcs.setdefault(None, []).insert(0, _begin)
        app.after_request(self._count)

    def _count(self, response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else OTHER
        method = request.method if request.method in METHODS else OTHER
        self.answered.labels(route, method, str(response.status_code)).inc()
        begun = g.get("saferoom_begun")
        if begun is not None:
            self.took.labels(route).observe(time.perf_counter() - begun)
        return response

    def collected(self) -> CollectorRegistry:
        """What to scrape: of all processes, where they keep files; of this one otherwise."""
        folder = os.environ.get(FOLDER)
        if not folder:
            return self.registry
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, folder)  # type: ignore[no-untyped-call]  # it has no types
        return everybody


def _begin() -> None:
    g.saferoom_begun = time.perf_counter()
