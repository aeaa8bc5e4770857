"""JupyterHub's configuration: what it must hold, whatever else changes."""

import asyncio
import copy
import os
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SpawnException
from traitlets import TraitError
from traitlets.config import Config

from hub_config import hub
from hub_config.authenticator import RegisterAuthenticator
from hub_config.installation import Installation
from hub_config.proxy import SocketProxy
from hub_config.secrets import Secret
from hub_config.session import socket_url
from hub_config.spawner import SessionSpawner
from tests.hub_config.house import House


@pytest.fixture
def installation(house: House) -> Installation:
    return Installation(house.settings, house.engine, house.secrets)


@pytest.fixture
def config(installation: Installation) -> Config:
    made = Config()
    hub.configure(made, installation)
    return made


def test_one_tcp_address(config: Config, house: House) -> None:
    assert config.JupyterHub.bind_url == f"http://127.0.0.1:{house.settings.port}"
    assert config.JupyterHub.hub_bind_url.startswith("http+unix://")
    assert config.SocketProxy.api_url.startswith("http+unix://")
    assert all(target.startswith("http+unix://") for target in config.SocketProxy.extra_routes.values())
    assert not any("url" in service for service in config.JupyterHub.services)


def test_nobody_is_an_administrator_or_mints_tokens(config: Config) -> None:
    assert config.RegisterAuthenticator.admin_users == set()
    assert [role["name"] for role in config.JupyterHub.load_roles] == ["user"]
    scopes = set(config.JupyterHub.load_roles[0]["scopes"])
    assert not {"self", "inherit"} & scopes
    assert not any("tokens" in scope or "shares" in scope or "admin" in scope for scope in scopes)
    assert all("!user" in scope or "!service=outputs" in scope for scope in scopes)


def test_services_get_no_secret(config: Config, house: House) -> None:
    for service in config.JupyterHub.services:
        told = " ".join([*service["command"], *service["environment"].values()])
        assert not any(house.secrets.text(secret) in told for secret in Secret)


def test_cookies(config: Config) -> None:
    options = config.JupyterHub.tornado_settings["cookie_options"]
    assert options == {"httponly": True, "samesite": "Strict", "secure": False}
    over_tls = Config()
    settings = SimpleNamespace(tls=True, openid_provider=lambda: None)
    hub.configure_signing_in(over_tls, SimpleNamespace(settings=settings))  # type: ignore[arg-type]
    assert over_tls.JupyterHub.tornado_settings["cookie_options"]["secure"] is True


def test_every_setting_is_one_that_jupyterhub_knows(config: Config) -> None:
    known: dict[str, set[str]] = {
        "JupyterHub": set(JupyterHub.class_trait_names(config=True)),
        "SocketProxy": set(SocketProxy.class_trait_names(config=True)),
        "RegisterAuthenticator": set(RegisterAuthenticator.class_trait_names(config=True)),
        "SessionSpawner": set(SessionSpawner.class_trait_names(config=True)),
    }
    for name, values in config.items():
        assert set(values) <= known[name], name


def test_configuration_survives_copying(config: Config, installation: Installation) -> None:
    assert copy.deepcopy(config).SessionSpawner.installation is installation


def test_only_own_projects_get_a_named_server(installation: Installation) -> None:
    def limit(**names: str) -> int:
        return asyncio.run(hub.only_own_projects(installation, SimpleNamespace(path_kwargs=names)))  # type: ignore[arg-type]

    assert limit() == 0
    assert limit(user_name="ada", server_name="heron") == 0
    for name in ("wren", "whatever", "../heron"):
        with pytest.raises(SpawnException) as caught:
            limit(user_name="ada", server_name=name)
        assert caught.value.status_code == 403
        assert "You do not belong" in caught.value.message


def test_checkers_are_led_to_the_queue_and_others_home() -> None:
    def first(info: Any) -> str:
        return hub.first_page(SimpleNamespace(current_user=info and SimpleNamespace(user_info=info)))

    assert first({"role": "output_checker"}) == "/services/outputs/"
    assert first({"role": "researcher"}) == first(None) == ""


def test_nothing_is_announced_while_nothing_is_missing(config: Config) -> None:
    assert config.JupyterHub.template_vars["announcement"] == ""


def test_what_the_operator_does_without_is_said_on_every_page(house: House) -> None:
    settings = house.settings.model_copy(update={"without": "sandbox"})
    made = Config()
    hub.configure(made, Installation(settings, house.engine, house.secrets))
    assert "not sandboxed" in made.JupyterHub.template_vars["announcement"]


def _a_proxy(house: House, **routes: str) -> SocketProxy:
    app = SimpleNamespace(subdomain_host="", internal_ssl=False)
    return SocketProxy(
        app=app, api_url=socket_url(house.settings.proxy_api_socket), auth_token="x", extra_routes=dict(routes)
    )


def test_proxy_routes_lead_to_sockets_only(house: House) -> None:
    _a_proxy(house, **{"/services/outputs/": "http+unix://%2Frun%2Foutputs.sock"})
    for prefix, target in (("/a/", "http://10.0.0.1/"), ("/a", "http+unix://%2Fx"), ("a/", "http+unix://%2Fx")):
        with pytest.raises(TraitError):
            _a_proxy(house, **{prefix: target})


def test_proxy_stops_no_stranger(house: House) -> None:
    with pytest.raises(ProcessLookupError):
        _a_proxy(house)._check_pid(os.getpid())
