"""The outputs web service: the statistics API of sessions, the review queue, and the public releases."""

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from governance.database import open_database
from governance.views import Views
from safe_outputs.store import Store
from safe_outputs.web import (
    access,
    assignment,
    author,
    bodies,
    filters,
    ingress,
    metrics,
    notifications,
    numbers,
    owner,
    packages,
    practice,
    preferences,
    previews,
    problems,
    public,
    queue,
    release_pages,
    request_page,
    security,
    session_api,
    session_files,
    sign_in,
    state,
    together,
    unchanged,
)
from safe_outputs.web.api.blueprints import BLUEPRINTS as API_BLUEPRINTS
from safe_outputs.web.hub import Hub, JupyterHub
from safe_outputs.web.prefix import UnderPrefix
from safe_outputs.web.service import Service, attach
from safe_outputs.web.settings import WebSettings

__all__ = ["WebSettings", "create_app"]

HOURS_SIGNED_IN = 12

BLUEPRINTS = (
    sign_in.blueprint,
    session_api.blueprint,
    session_files.blueprint,
    queue.blueprint,
    together.blueprint,
    request_page.blueprint,
    author.blueprint,
    ingress.blueprint,
    packages.blueprint,
    previews.blueprint,
    preferences.blueprint,
    notifications.blueprint,
    assignment.blueprint,
    owner.blueprint,
    public.blueprint,
    release_pages.blueprint,
    numbers.blueprint,
    metrics.blueprint,
    practice.blueprint,
)


def create_app(settings: WebSettings, hub: Hub | None = None) -> Flask:
    """The service as a WSGI application. `hub` stands for another hub than the one that manages this service."""
    app = Flask(__name__, static_folder=None)
    app.config.update(_configuration(settings))
    engine = open_database(settings.database_url)
    attach(app, Service(settings, engine, Store(settings.store), hub or JupyterHub(), Views(engine)))
    unchanged.attach(app)
    state.attach(app)
    security.protect(app)
    app.before_request(access.enforce)
    csrf = CSRFProtect(app)
    for blueprint in (session_api.blueprint, session_files.blueprint):
        csrf.exempt(blueprint)  # they take no cookie, only the gate's stamp
    filters.register(app)
    problems.register(app)
    for blueprint in API_BLUEPRINTS:
        csrf.exempt(blueprint)  # `tokens` asks for the token in a header, where a call comes with a cookie
    for blueprint in (*BLUEPRINTS, *API_BLUEPRINTS):
        app.register_blueprint(blueprint)
    app.add_url_rule("/static/<path:name>", "static", public.static)
    metrics.watch(app)
    app.url_map.merge_slashes = False  # an address is right or it is not; no redirect guesses
    app.wsgi_app = UnderPrefix(app.wsgi_app, settings.prefix)  # type: ignore[method-assign]
    return app


def _configuration(settings: WebSettings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.session_key,
        "SESSION_COOKIE_NAME": "saferoom-outputs",
        "SESSION_COOKIE_PATH": settings.prefix,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SESSION_COOKIE_SECURE": settings.secure,
        "PERMANENT_SESSION_LIFETIME": HOURS_SIGNED_IN * 3600,
        "PROVIDE_AUTOMATIC_OPTIONS": False,  # nothing here asks for them, and no other origin may
        "MAX_CONTENT_LENGTH": bodies.LARGEST_BODY,
        "MAX_FORM_MEMORY_SIZE": bodies.LARGEST_BODY // 8,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a review may take hours
    }
