"""What is derived from a session's description: kernelspec, server, environments and the start page's words."""

import dataclasses
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub.slugs import is_valid_safe_slug

from hub_config import session as sessions
from hub_config.session import Copy, Limits, MalformedSession, Programs, Session
from hub_config.start_form import render, start_page, training_sentence

TODAY = date(2026, 11, 22)

FROM_HUB = {
    "JUPYTERHUB_API_TOKEN": "the-hub-token",
    "JPY_API_TOKEN": "the-hub-token",
    "JUPYTERHUB_USER": "ada",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/heron/",
    "JUPYTERHUB_ADMIN_ACCESS": "1",
    "LD_LIBRARY_PATH": "/somewhere",
    "PYTHONPATH": "/somewhere",
    "SAFEROOM_STATE": "/srv/saferoom",
    "CONFIGPROXY_AUTH_TOKEN": "the-proxy-token",
}


def a_session(**facts: object) -> Session:
    session = Session(
        person="ada",
        full_name="Ada Example",
        project="heron",
        project_name="Project Heron",
        training_until=date(2027, 1, 2),
        copies=(Copy("visits", 3, 20190, Path("/srv/copies/heron/visits-v3-0.duckdb")),),
        notices=(),
        folder=Path("/srv/sessions/ada--heron"),
        sockets=Path("/tmp/saferoom-0-0123456789/0123456789ab"),
        shared=Path("/srv/projects/heron"),
        incoming=Path("/srv/incoming/heron"),
        programs=Programs(
            server=Path("/opt/service/bin/python"),
            kernel=Path("/opt/session/bin/python"),
            kernel_folders=(Path("/opt/session"), Path("/opt/python")),
            server_folders=(Path("/opt/service"), Path("/opt/python")),
        ),
    )
    return dataclasses.replace(session, **facts)  # type: ignore[arg-type]


def test_kernel_has_the_environment_of_its_spec_and_one_command() -> None:
    spec = sessions.kernelspec(a_session(), ["bwrap", "--"])
    assert spec["env"] == sessions.kernel_environment(a_session())
    assert spec["argv"] == ["/opt/session/bin/python", "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    provisioner = spec["metadata"]["kernel_provisioner"]
    assert provisioner["provisioner_name"] == "saferoom-sandbox"
    assert provisioner["config"]["arguments"] == ["bwrap", "--"]


def test_kernel_gets_nothing_of_the_hub() -> None:
    environment = sessions.kernel_environment(a_session())
    assert not any(name.startswith(("JUPYTER", "JPY")) for name in environment)
    assert environment["SAFEROOM_GATE"] == "/run/saferoom/gate/gate.sock"
    assert environment["HOME"] == "/home/researcher/work"
    assert not set(environment) & {sessions.HUB_GATE_VARIABLE, sessions.SESSION_VARIABLE}


def test_inside_of_a_sandbox_nothing_shows_whose_it_is_or_where() -> None:
    told = " ".join([*sessions.kernel_environment(a_session()).values(), *map(str, vars(sessions.INSIDE).values())])
    assert not any(part in told for part in ("ada", "heron", "/srv/sessions"))


def test_without_a_sandbox_the_places_are_the_machines_own() -> None:
    environment = sessions.kernel_environment(a_session(sandboxed=False))
    assert environment["SAFEROOM_GATE"] == "/tmp/saferoom-0-0123456789/0123456789ab/gate/gate.sock"
    assert environment["HOME"] == "/srv/sessions/ada--heron/home/work"
    assert environment["SAFEROOM_DATA"] == "/srv/copies/heron"


@pytest.mark.parametrize("name", ["memory", "processes", "cpus", "disk", "scratch", "output", "idle"])
def test_limits_are_at_least_one(name: str) -> None:
    with pytest.raises(MalformedSession, match=name):
        Limits(**{name: 0})


def test_server_gets_its_token_and_no_other_secret() -> None:
    environment = sessions.server_environment(a_session(), FROM_HUB)
    assert environment["JUPYTERHUB_API_TOKEN"] == "the-hub-token"
    left_out = {"JPY_API_TOKEN", "JUPYTERHUB_ADMIN_ACCESS", "LD_LIBRARY_PATH", "PYTHONPATH", "SAFEROOM_STATE"}
    assert not left_out & set(environment)
    assert "the-proxy-token" not in environment.values()


def test_server_is_apart_from_the_workspace() -> None:
    session = a_session()
    environment = sessions.server_environment(session, FROM_HUB)
    assert environment["JUPYTERHUB_DISABLE_USER_CONFIG"] == environment["PYTHONSAFEPATH"] == "1"
    for name, value in environment.items():
        if name != "JUPYTERHUB_ROOT_DIR":
            assert str(session.places.home) not in value, name
    assert environment["JUPYTERHUB_API_URL"] == "http+unix://%2Frun%2Fsaferoom%2Fhub%2Fhub.sock/hub/api"
    assert environment["JUPYTERHUB_SERVICE_URL"].endswith("server.sock/user/ada/heron/")


def test_server_listens_on_its_socket_and_offers_one_kernel() -> None:
    made = sessions.server_configuration(a_session(), as_root=False)
    assert made["ServerApp"]["sock"].endswith("/server.sock")
    assert made["ServerApp"]["terminals_enabled"] is False
    assert made["ServerApp"]["disable_check_xsrf"] is False
    assert made["ServerApp"]["allow_root"] is False
    assert made["KernelSpecManager"] == {"allowed_kernelspecs": ["python3"], "ensure_native_kernel": False}
    assert made["KernelManager"]["transport"] == "ipc"
    assert sessions.server_configuration(a_session(), as_root=True)["ServerApp"]["allow_root"] is True


@pytest.mark.parametrize(
    "name", ["", "Ada", "ada/heron", "..", "a--b", "-a", "a-", "1a", "a" * 31, "ada.b", "ada b", "ädä", "a\n"]
)
def test_names_that_are_no_slugs_are_refused(name: str) -> None:
    with pytest.raises(MalformedSession, match="cannot name a session"):
        a_session(person=name)
    with pytest.raises(MalformedSession):
        sessions.session_folder(Path("/srv"), "ada", name)


@given(st.text(alphabet="ab1-", max_size=32))
def test_names_are_those_that_the_hub_accepts(name: str) -> None:
    try:
        sessions.check_name(name)
    except MalformedSession:
        assert not is_valid_safe_slug(name)
    else:
        assert is_valid_safe_slug(name)


_names = st.from_regex(r"[a-c]([a-c1]|-[a-c1]){0,6}", fullmatch=True)


@given(_names, _names, _names, _names)
def test_two_sessions_never_share_a_folder(one: str, two: str, three: str, four: str) -> None:
    folders = {sessions.session_folder(Path("/s"), *pair) for pair in ((one, two), (three, four))}
    sockets = {sessions.socket_folder(Path("/r"), *pair) for pair in ((one, two), (three, four))}
    assert len(folders) == len(sockets) == len({(one, two), (three, four)})


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        (date(2027, 1, 2), "Your training expires in 41 days."),
        (date(2026, 11, 23), "Your training expires in 1 day."),
        (TODAY, "Your training expires today."),
        (date(2026, 11, 21), "Your training ended on 21 November 2026."),
    ],
)
def test_training_in_words(until: date, sentence: str) -> None:
    assert training_sentence(until, TODAY) == sentence


def test_start_page_says_what_and_how_long_and_how_results_leave() -> None:
    page = start_page(a_session(notices=("Maintenance tonight.",)), TODAY)
    text = " ".join(render(page).split())
    assert "You work in <strong>Project Heron</strong>. You can use: <em>visits</em> (v3, 20,190 rows)." in text
    assert "Your training expires in 41 days." in text
    assert "statistics leave through review" in text
    assert "Maintenance tonight." in text


def test_start_page_without_data_says_whom_to_ask() -> None:
    text = render(start_page(a_session(copies=()), TODAY))
    assert "You can use" not in text
    assert "Ask the data steward." in text


def test_start_page_escapes_names() -> None:
    copies = (Copy("<img src=x>", 1, 1, Path("/x")),)
    text = render(start_page(a_session(project_name="<script>", copies=copies), TODAY))
    assert "<script>" not in text and "<img" not in text
