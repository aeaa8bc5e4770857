"""Metrics for Prometheus, for who shows the token. Without a token in the settings there are none."""

from collections.abc import Iterable

from flask import Blueprint, Flask, Response, current_app, make_response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from governance.database import now, reading
from safe_outputs.numbers.metrics import metrics
from safe_outputs.web.access import access
from safe_outputs.web.service import service
from safe_outputs.web.traffic import Traffic

blueprint = Blueprint("metrics", __name__)

_KEY = "saferoom_traffic"


def watch(app: Flask) -> None:
    """Count the application's requests, if anybody may read the numbers."""
    if is_scraped(app):
        app.extensions[_KEY] = Traffic()
        app.extensions[_KEY].watch(app)


def is_scraped(app: Flask) -> bool:
    """Whether somebody may scrape this application."""
    with app.app_context():
        return service().settings.metrics_token is not None


class _Found(Collector):
    """Metrics that were computed before, as a collector."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        return self._found


@blueprint.get("/metrics")
@access("scraper")
def scrape() -> Response:
    """The register's metrics, computed now, and the traffic of all processes."""
    registry = CollectorRegistry(auto_describe=False)
    with reading(service().engine) as database:
        registry.register(_Found(metrics(database, now())))
    traffic: Traffic = current_app.extensions[_KEY]
    content = generate_latest(registry) + generate_latest(traffic.collected())
    response = make_response(content)
    response.content_type = CONTENT_TYPE_LATEST
    return response
