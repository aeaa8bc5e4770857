"""The outputs service as gunicorn serves it."""

from flask import Flask

from hub_config.protections import warnings
from hub_config.secrets import Secrets
from hub_config.settings import OUTPUTS_PREFIX, Settings, load
from safe_outputs.web import create_app
from safe_outputs.web.settings import WebSettings


def web_settings(settings: Settings) -> WebSettings:
    """What the outputs service is told. Of the secrets, it gets its own key and the gates'."""
    secrets = Secrets(settings.secrets)
    return WebSettings(
        database_url=settings.database_url,
        store=settings.store,
        releases=settings.releases,
        incoming=settings.incoming,
        session_lock=settings.session_lock,
        public_url=settings.outputs_url,
        session_key=secrets.web,
        gate_key=secrets.gate,
        prefix=OUTPUTS_PREFIX,
        notices=warnings(settings.does_without),
        metrics_token=secrets.metrics if settings.metrics else None,
        time_zone=settings.time_zone,
        sends_mail=settings.sends_mail,
    )


def create() -> Flask:
    """The application, for the installation that the environment names."""
    return create_app(web_settings(load()))
