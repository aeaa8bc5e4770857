"""What every view needs: settings, database, store and hub, kept with the application and never in a global."""

from dataclasses import dataclass
from datetime import date

from flask import Flask, current_app
from sqlalchemy import Engine

from governance.database import now
from governance.views import Views
from safe_outputs.store import Store
from safe_outputs.web.hub import Hub
from safe_outputs.web.settings import WebSettings

_KEY = "saferoom"


@dataclass(frozen=True)
class Service:
    settings: WebSettings
    engine: Engine
    store: Store
    hub: Hub
    views: Views


def attach(app: Flask, service: Service) -> None:
    app.extensions[_KEY] = service


def service() -> Service:
    """The service of the application that handles this request."""
    found: Service = current_app.extensions[_KEY]
    return found


def today() -> date:
    """The day on which rights are judged, in UTC."""
    return now().date()
