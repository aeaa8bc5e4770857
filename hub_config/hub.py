"""The configuration of JupyterHub, in parts, each a function of the installation."""

import asyncio
import functools
import sys
from typing import Any

from tornado import web
from traitlets.config import Config

from governance.people import Role
from hub_config import register
from hub_config.authenticator import OfTheRegister, RegisterAuthenticator
from hub_config.installation import Installation
from hub_config.protections import warnings
from hub_config.proxy import SOCKETS_FOR_NODE, SocketProxy
from hub_config.session import socket_url
from hub_config.settings import CHECKOUT, OUTPUTS_PREFIX, Settings
from hub_config.spawner import SessionSpawner, refused
from hub_config.start_form import TEMPLATES
from safe_outputs.web import stamp

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",  # JupyterHub's own pages hold scripts
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

USER_SCOPES = (
    "read:users!user",
    "users:activity!user",
    "servers!user",
    "access:servers!user",
    "access:services!service=outputs",
)
"""What a signed-in person may do in the hub: see herself, start and stop her sessions, open the outputs service.

Making tokens and sharing servers, which JupyterHub would add, are left out.
"""


SECONDS_BETWEEN_CHECKS = 1
"""How long after it was asked the register is not asked again whether a person is still signed in."""


def configure(config: Config, installation: Installation) -> None:
    """Fill JupyterHub's configuration."""
    configure_sockets(config, installation.settings)
    configure_state(config, installation)
    configure_signing_in(config, installation)
    configure_sessions(config, installation)
    configure_services(config, installation.settings)
    configure_pages(config, installation)


def configure_sockets(config: Config, settings: Settings) -> None:
    """One TCP port for people; everything else on UNIX sockets, so that installations never collide."""
    config.JupyterHub.bind_url = settings.listen_url
    if settings.public_url:
        config.JupyterHub.public_url = settings.public_url + "/"
    if settings.tls_certificate and settings.tls_key:
        config.JupyterHub.ssl_cert = str(settings.tls_certificate)
        config.JupyterHub.ssl_key = str(settings.tls_key)
    config.JupyterHub.hub_bind_url = socket_url(settings.hub_socket)
    config.JupyterHub.proxy_class = SocketProxy
    config.SocketProxy.api_url = socket_url(settings.proxy_api_socket)
    config.SocketProxy.command = ["node", "--import", str(SOCKETS_FOR_NODE), str(settings.proxy_command)]
    config.SocketProxy.command_umask = 0o077
    config.SocketProxy.pid_file = str(settings.proxy_pid_file)
    config.SocketProxy.log_level = "warn"
    config.SocketProxy.extra_routes = {OUTPUTS_PREFIX: socket_url(settings.outputs_socket)}


def configure_state(config: Config, installation: Installation) -> None:
    """Sessions end when the hub is stopped; one that was killed finds them again when it comes back."""
    config.JupyterHub.db_url = f"sqlite:///{installation.settings.hub / 'jupyterhub.sqlite'}"
    config.JupyterHub.upgrade_db = True
    config.JupyterHub.cleanup_servers = True
    config.JupyterHub.cleanup_proxy = True
    config.JupyterHub.cookie_secret_file = str(installation.secrets.hub_cookie_file)
    config.SocketProxy.auth_token = installation.secrets.proxy


def configure_signing_in(config: Config, installation: Installation) -> None:
    authenticator = configure_authenticator(config, installation)
    config.JupyterHub.authenticator_class = authenticator
    common = config[authenticator.__name__]
    common.installation = installation
    common.allow_all = True  # the register says who
    common.admin_users = set()
    common.auth_refresh_age = SECONDS_BETWEEN_CHECKS
    common.auth_refresh_strict = True
    common.refresh_pre_spawn = True
    common.enable_auth_state = False
    config.JupyterHub.cookie_max_age_days = 1
    config.JupyterHub.load_roles = [{"name": "user", "scopes": list(USER_SCOPES)}]
    config.JupyterHub.tornado_settings = {
        "cookie_options": {"httponly": True, "samesite": "Strict", "secure": installation.settings.tls},
        "headers": {
            "Content-Security-Policy": PAGE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        },
    }


def configure_authenticator(config: Config, installation: Installation) -> type[OfTheRegister]:
    """Passwords and codes of the register, or the organisation that the settings name."""
    settings = installation.settings
    provider = settings.openid_provider()
    if provider is None:
        config.RegisterAuthenticator.request_otp = True
        config.RegisterAuthenticator.otp_prompt = "One-time code"
        return RegisterAuthenticator
    from hub_config.openid import OpenIDAuthenticator, client_secret  # its libraries take a while to load

    client_secret(settings.secrets)  # the hub does not start without it
    made = config.OpenIDAuthenticator
    made.provider = provider
    made.login_service = provider.name
    made.client_id = provider.client_id
    made.authorize_url, made.token_url = provider.authorize_url, provider.token_url
    made.userdata_url = provider.userdata_url or ""
    made.oauth_callback_url = settings.hub_url + "/hub/oauth_callback"
    made.scope = ["openid", "profile"]
    made.basic_auth = True  # the client's secret goes into a header
    made.validate_server_cert = True
    made.http_request_kwargs = {"follow_redirects": False, "connect_timeout": 5, "request_timeout": 10}
    return OpenIDAuthenticator


def configure_sessions(config: Config, installation: Installation) -> None:
    config.JupyterHub.spawner_class = SessionSpawner
    config.JupyterHub.allow_named_servers = True
    config.JupyterHub.named_server_limit_per_user = functools.partial(only_own_projects, installation)
    config.JupyterHub.implicit_spawn_seconds = 0
    config.SessionSpawner.installation = installation
    config.SessionSpawner.sign_stamp = stamp.sign
    config.SessionSpawner.poll_interval = installation.settings.check_rights_seconds
    config.SessionSpawner.start_timeout = 60
    config.SessionSpawner.http_timeout = 60
    config.SessionSpawner.interrupt_timeout = 10
    config.SessionSpawner.term_timeout = 5
    config.SessionSpawner.consecutive_failure_limit = 0  # one broken project must not stop its neighbours' hub


def configure_services(config: Config, settings: Settings) -> None:
    """The outputs service, the checker and the rounds, which the hub starts again when they end."""
    environment = settings.environment()
    config.JupyterHub.services = [
        {
            "name": "outputs",
            "command": service_command("outputs"),
            "cwd": str(CHECKOUT),
            "oauth_redirect_uri": OUTPUTS_PREFIX + "oauth_callback",
            "oauth_no_confirm": True,
            "environment": environment
            | {
                "JUPYTERHUB_SERVICE_PREFIX": OUTPUTS_PREFIX,
                "JUPYTERHUB_OAUTH_CALLBACK_URL": OUTPUTS_PREFIX + "oauth_callback",
            },
        },
        *(
            {"name": name, "command": service_command(name), "cwd": str(CHECKOUT), "environment": environment}
            for name in ("checker", "rounds")
        ),
    ]


def configure_pages(config: Config, installation: Installation) -> None:
    missing = warnings(installation.settings.does_without)
    config.JupyterHub.template_paths = [str(TEMPLATES)]
    config.JupyterHub.template_vars = {
        "announcement": " ".join(f"<strong>Warning.</strong> {each}" for each in missing),
        "outputs_url": OUTPUTS_PREFIX,
        "home_page": functools.partial(home_page_reader, installation),
    }
    config.JupyterHub.redirect_to_server = False
    config.JupyterHub.default_url = first_page


def service_command(name: str) -> list[str]:
    return [sys.executable, "-m", "hub_config.commands", name]


async def only_own_projects(installation: Installation, handler: web.RequestHandler) -> int:
    """Refuse, in the hub's hook for a limit of named servers, every name that is no project of the person's.

    Returns 0, which means no limit.
    """
    name, person = handler.path_kwargs.get("server_name"), handler.path_kwargs.get("user_name")
    if name and person:
        reason = await asyncio.to_thread(register.why_no_session, installation.engine, person, name)
        if reason is not None:
            raise refused(reason)
    return 0


def first_page(handler: Any) -> str:
    """Where a person is led after signing in: an output checker to the queue, everybody else to her home page."""
    info = getattr(handler.current_user, "user_info", None) or {}
    return OUTPUTS_PREFIX if info.get("role") == Role.OUTPUT_CHECKER.value else ""


def home_page_reader(installation: Installation, user: Any) -> Any:
    """What the home template calls, and waits for, to get the person's page."""
    return functools.partial(asyncio.to_thread, register.home_page, installation.engine, user.name if user else "")
