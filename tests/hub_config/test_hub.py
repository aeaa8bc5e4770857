"""A real hub, proxy, notebook server and kernel, used over HTTP and web-sockets like a person does."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

from governance.audit import AuditEvent
from governance.database import reading, transaction
from governance.people import Person
from governance.sign_in import LoginFailed
from hub_config import driver, register
from hub_config.driver import Browser, DriverError
from hub_config.kernel_channel import CellFailed, ChannelFailed
from hub_config.sandbox import CHANNELS
from hub_config.secrets import Secret
from hub_config.session import gate_socket, session_folder, socket_folder
from tests.hub_config.house import (
    PASSWORD,
    House,
    build_house,
    processes_of,
    processes_with,
    short_folder,
    start_hub,
    stop_hub,
    totp_secret,
)

pytestmark = pytest.mark.hub

CALL_GATE = """
import json, os, socket
def call(method, path, headers=""):
    with socket.socket(socket.AF_UNIX) as gate:
        gate.settimeout(30)
        gate.connect(os.environ["SAFEROOM_GATE"])
        gate.sendall(f"{method} {path} HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n{headers}\\r\\n".encode())
        answer = b""
        while piece := gate.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\\r\\n\\r\\n")
    return int(head.split()[1]), body.decode()
"""


@dataclass
class Running:
    """A house with its hub."""

    house: House
    hub: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        return self.house.settings.hub_url

    def sign_in(self, name: str) -> Browser:
        return driver.sign_in(self.url, name, PASSWORD, totp_secret(name))


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with short_folder() as folder:
        house = build_house(folder, run=str(folder / "run"), check_rights_seconds=2)
        house.provide_data("heron")
        house.provide_data("wren")
        made = Running(house, start_hub(house, folder / "hub.log"), folder / "hub.log")
        try:
            yield made
        finally:
            status = stop_hub(made.hub, signal.SIGTERM)
            house.engine.dispose()
        assert status == 0
        assert until(lambda: processes_of(house) == []), processes_of(house)


@pytest.fixture(scope="module")
def ada(running: Running) -> Iterator[Browser]:
    """Ada, whose session in Project Heron runs."""
    with running.sign_in("ada") as browser:
        driver.start_session(browser, "heron")
        yield browser


def until(look: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def put_notebook(browser: Browser, path: str, cells: list[Any]) -> None:
    """Save a notebook as JupyterLab does."""
    model = {"type": "notebook", "format": "json", "content": nbformat.v4.new_notebook(cells=cells)}
    assert browser.session_api("PUT", "heron", f"contents/{path}", json=model).is_success


def work_of(running: Running) -> Path:
    return session_folder(running.house.settings.sessions, "ada", "heron") / "home" / "work"


def anonymous(running: Running) -> Browser:
    return Browser(running.url, "ada", httpx.Client(base_url=running.url, follow_redirects=True, trust_env=False))


# --- signing in


@pytest.mark.parametrize(("name", "code"), [("ada", "000000x"), ("nobody", "123456"), ("<b>x</b>", "123456")])
def test_wrong_code_gets_403_and_the_one_sentence(running: Running, name: str, code: str) -> None:
    with anonymous(running) as browser:
        answer = driver.send_sign_in(browser, name, PASSWORD, code)
        assert answer.status_code == 403
        assert driver._sentence(answer) == LoginFailed().sentence
        assert "changes every 30 seconds" in answer.text
        assert "<b>x</b>" not in answer.text
        assert browser.http.get("/hub/home").url.path == "/hub/login"


def test_driver_tells_the_sentence(running: Running) -> None:
    with pytest.raises(DriverError, match="password or one-time code is not right") as caught:
        driver.sign_in(running.url, "ada", "wrong", totp_secret("ada"), patient=False)
    assert caught.value.status == 403


def test_cookies_are_for_this_site_and_not_for_scripts(running: Running) -> None:
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        for cookie in client.get("/hub/login").headers.get_list("set-cookie"):
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie


def test_front_door_leads_to_signing_in(running: Running) -> None:
    with anonymous(running) as browser:
        assert browser.http.get("/").url.path == "/hub/login"


def test_checker_is_led_to_the_outputs_service(running: Running) -> None:
    with running.sign_in("carla") as carla:
        page = carla.http.get("/hub/")
        assert page.url.path.startswith("/services/outputs/")
        assert page.status_code == 200
        with pytest.raises(DriverError, match="Only researchers work in sessions"):
            driver.start_session(carla, "heron")


# --- pages


def test_home_page_has_the_project_and_every_page_the_warning(running: Running, ada: Browser) -> None:
    home = ada.http.get("/hub/home")
    assert "Project Heron" in home.text and "Open session" in home.text and "Project Wren" not in home.text
    for path in ("/hub/login", "/hub/home", "/hub/spawn/ada/heron", "/hub/nowhere"):
        with anonymous(running) as browser:
            for page in (ada.http.get(path), browser.http.get(path)):
                if not page.url.path.startswith("/user/"):
                    assert "Warning." not in page.text, page.url
                    assert "Saferoom</title>" in page.text
                    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_start_page_says_what_may_be_used(running: Running) -> None:
    with running.sign_in("bert") as bert:
        text = " ".join(bert.http.get("/hub/spawn/bert/wren").text.split())
        assert "You work in <strong>Project Wren</strong>. You can use: <em>rand_hie</em> (v1, 20,190 rows)." in text
        assert "Your training expires in" in text


# --- what is refused


@pytest.mark.parametrize("project", ["wren", "elsewhere"])
def test_project_of_others_is_refused_with_the_reason(ada: Browser, project: str) -> None:
    reason = f"You do not belong to a project “{project}”"
    page = ada.http.get(f"/hub/spawn/ada/{project}")
    assert page.status_code == 403 and reason in page.text
    for path in (f"/users/ada/servers/{project}",):
        answer = ada.hub_api("POST", path)
        assert answer.status_code == 403 and reason in answer.json()["message"]
    assert set(driver._servers(ada)) == {"heron"}


def test_session_without_a_project_is_refused(ada: Browser) -> None:
    page = ada.http.get("/hub/spawn/ada")
    assert page.status_code == 403 and "A session belongs to a project" in page.text
    answer = ada.hub_api("POST", "/users/ada/server")
    assert answer.status_code == 403 and "A session belongs to a project" in answer.json()["message"]


def test_sessions_of_others_cannot_be_reached(running: Running, ada: Browser) -> None:
    assert ada.http.get("/hub/spawn/bert/wren").status_code in (403, 404)
    assert ada.hub_api("POST", "/users/bert/servers/wren").status_code in (403, 404)
    with running.sign_in("dora") as dora:
        assert dora.http.get("/user/ada/heron/lab").status_code in (403, 404)
        assert dora.http.get("/user/ada/heron/api/contents").status_code in (403, 404)


def test_nobody_mints_tokens_or_renames_sessions(ada: Browser) -> None:
    assert ada.http.get("/hub/token").status_code == 404
    assert ada.hub_api("POST", "/users/ada/tokens", json={"note": "mine"}).status_code in (403, 404)
    assert ada.hub_api("GET", "/users").status_code == 403
    model = ada.hub_api("GET", "/users/ada").json()
    assert not model.get("admin")
    assert ada.hub_api("PATCH", "/users/ada/servers/heron", json={"name": "wren"}).status_code >= 400
    assert set(driver._servers(ada)) == {"heron"}


def test_cross_site_call_is_refused(ada: Browser) -> None:
    answer = ada.http.delete("/hub/api/users/ada/servers/heron", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 403
    answer = ada.http.post("/user/ada/heron/api/kernels", json={}, headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 403


def test_answers_that_come_at_once_pass_the_proxy(ada: Browser) -> None:
    cross_site = {"Sec-Fetch-Mode": "cors"}
    posts = [ada.http.post("/user/ada/heron/api/kernels", json={}, headers=cross_site) for _ in range(100)]
    assert {answer.status_code for answer in posts} == {403}


# --- inside the session


def test_kernel_has_no_token_and_none_of_our_code(running: Running, ada: Browser) -> None:
    code = "import json, os, sys; print(json.dumps([dict(os.environ), sys.path]))"
    environment, path = json.loads(driver.run_code(ada, "heron", code))
    told = {name for name in environment if name.startswith(("JUPYTERHUB", "JPY", "CONFIGPROXY"))}
    assert told <= {"JPY_SESSION_NAME"}, "the notebook's own path is no secret"
    assert environment["SAFEROOM_GATE"] == "/run/saferoom/gate/gate.sock"
    assert "" not in path and str(Path(driver.__file__).parent.parent) not in path
    for package in ("datasets", "governance", "hub_config", "disclosure_control", "opendp", "flask"):
        with pytest.raises(CellFailed) as caught:
            driver.run_code(ada, "heron", f"import {package}")
        assert caught.value.name == "ModuleNotFoundError"


def test_no_secret_is_in_an_argument_list_or_a_log(running: Running, ada: Browser) -> None:
    driver.run_code(ada, "heron", "1 + 1")
    secrets = [running.house.secrets.text(secret) for secret in Secret] + [PASSWORD, totp_secret("ada")]
    logs = [running.log, *running.house.settings.log.iterdir()]
    told = "\n".join([*processes_of(running.house), *(log.read_text(errors="replace") for log in logs)])
    assert not [secret for secret in secrets if secret in told]


def test_gate_lets_the_statistics_api_through_and_nothing_else(ada: Browser) -> None:
    code = CALL_GATE + (
        "forged = 'Authorization: Saferoom-Session forged\\r\\n'\n"
        "print(json.dumps([call('GET', '/session'), call('GET', '/session', forged), call('GET', '/statistics/none'),"
        " call('GET', '/queue'), call('DELETE', '/requests/1'), call('GET', '/../../hub/api/users')]))"
    )
    session, forged, nothing, *refused = json.loads(driver.run_code(ada, "heron", code))
    assert session[0] == forged[0] == 200
    told = json.loads(session[1])
    assert (told["person"], told["project"]["id"]) == ("ada", "heron")
    assert told["datasets"][0]["rows"] == 20190
    assert json.loads(forged[1])["person"] == "ada"
    assert nothing[0] == 404
    assert [status for status, _ in refused] == [403, 403, 403]
    assert all("statistics API only" in json.loads(body)["detail"] for _, body in refused)


def test_outputs_service_takes_no_call_without_the_gate(running: Running, ada: Browser) -> None:
    for headers in ({}, {"Authorization": "Saferoom-Session forged"}):
        answer = ada.http.get("/services/outputs/api/session/session", headers=headers)
        assert answer.status_code == 401


def test_one_kernel_no_terminals_own_root(ada: Browser) -> None:
    specs = ada.session_api("GET", "heron", "kernelspecs").json()
    assert (specs["default"], set(specs["kernelspecs"])) == ("python3", {"python3"})
    assert "Project Heron" in specs["kernelspecs"]["python3"]["spec"]["display_name"]
    assert ada.session_api("POST", "heron", "terminals").status_code in (403, 404)
    names = [entry["name"] for entry in ada.session_api("GET", "heron", "contents").json()["content"]]
    assert names == ["incoming", "project", "work"]


def test_notebook_runs_in_the_kernel_and_is_saved_with_its_outputs(running: Running, ada: Browser) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Words"),
        nbformat.v4.new_code_cell("print('one')\nprint('two')\n40 + 2"),
        nbformat.v4.new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);"),
    ]
    put_notebook(ada, "work/try.ipynb", cells)
    ran = driver.run_notebook(ada, "heron", "work/try.ipynb")
    assert ran.cells[1].outputs[0].text == "one\ntwo\n"
    assert ran.cells[1].outputs[1].data["text/plain"] == "42"
    assert "image/png" in ran.cells[2].outputs[-1].data
    saved = nbformat.read(work_of(running) / "try.ipynb", as_version=4)
    assert saved.cells[1].outputs == ran.cells[1].outputs
    nbformat.validate(saved)


def test_what_was_brought_in_is_seen_and_nobody_in_the_session_writes_there(running: Running, ada: Browser) -> None:
    folder = running.house.settings.incoming / "heron"
    delivered = folder / "lookup.csv"
    delivered.write_text("code,name\n1,one\n")
    os.chown(delivered, -1, folder.stat().st_gid)
    delivered.chmod(0o440)
    assert driver.run_code(ada, "heron", "print(open('/home/researcher/incoming/lookup.csv').read())").startswith(
        "code"
    )
    for attempt in ("open('{}/planted', 'w')", "__import__('os').remove('{}/lookup.csv')"):
        with pytest.raises(CellFailed, match=r"Read-only|Permission"):
            driver.run_code(ada, "heron", attempt.format("/home/researcher/incoming"))


def test_cell_that_fails_is_raised_and_saved(running: Running, ada: Browser) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in ("1", "1 / 0", "print('never')")]
    put_notebook(ada, "work/fail.ipynb", cells)
    with pytest.raises(CellFailed, match="Cell 1: ZeroDivisionError: division by zero"):
        driver.run_notebook(ada, "heron", "work/fail.ipynb")
    saved = nbformat.read(work_of(running) / "fail.ipynb", as_version=4)
    assert saved.cells[1].outputs[0].output_type == "error"
    assert saved.cells[2].outputs == []


def test_cell_that_takes_too_long_is_given_up(ada: Browser) -> None:
    with pytest.raises(ChannelFailed, match="within 1 seconds"):
        driver.run_code(ada, "heron", "import time; time.sleep(30)", seconds=1)


def test_single_sign_on_to_the_outputs_service(ada: Browser) -> None:
    page = driver.sign_in_to_outputs(ada)
    assert page.url.path.startswith("/services/outputs/")
    assert page.status_code == 200


def test_one_tcp_port_is_listened_on(running: Running, ada: Browser) -> None:
    driver.run_code(ada, "heron", "1 + 1")
    pids = [int(line.split()[0]) for line in processes_of(running.house)]
    assert _listening(pids) == {running.house.settings.port}


def test_every_socket_is_this_users_alone(running: Running, ada: Browser) -> None:
    with driver.open_kernel(ada, "heron", "work/sockets.ipynb"):
        run = running.house.settings.run
        found = [path for path in run.rglob("*") if path.is_socket() and path.parent.name != CHANNELS]
        assert all(folder.stat().st_mode & 0o077 == 0 for folder in run.rglob(CHANNELS))
        assert {path.name for path in found} >= {"hub.sock", "proxy.sock", "outputs.sock", "server.sock", "gate.sock"}
        assert [path for path in found if path.stat().st_mode & 0o077] == []


# --- ends


def test_right_that_ends_ends_the_session_and_every_later_call(running: Running) -> None:
    house = running.house
    with running.sign_in("bert") as bert:
        driver.start_session(bert, "wren")
        assert driver.run_code(bert, "wren", CALL_GATE + "print(call('GET', '/session')[0])") == "200\n"
        with transaction(house.engine) as session:
            session.get_one(Person, "bert").training_until = register.today() - timedelta(days=1)
        assert until(lambda: not gate_socket(house.settings.run, "bert", "wren").exists())
        assert until(lambda: "wren" not in driver._servers(bert))
        assert not [line for line in processes_of(house) if "bert--wren" in line]
        page = bert.http.get("/hub/home")
        assert "Your training ended on" in page.text and "Start session" not in page.text
        with pytest.raises(DriverError, match="Your training ended on"):
            driver.start_session(bert, "wren")
    with reading(house.engine) as session:
        ended = session.query(AuditEvent).filter_by(action="session.ended").one()
        assert ended.actor == "bert" and "training ended" in ended.detail["reason"]


def test_session_whose_server_dies_leaves_nothing_and_starts_again(running: Running, ada: Browser) -> None:
    house = running.house
    kernel = driver.open_kernel(ada, "heron", "work/left.ipynb")
    with kernel:
        servers = [line for line in processes_of(house) if "-m jupyterhub.singleuser" in line and "bwrap" not in line]
        mark = ada.session_api("GET", "heron", "kernels").json()[0]["id"].encode()
        assert len(servers) == 1 and processes_with(mark)
        kernel.close_session = lambda: None
    os.kill(int(servers[0].split()[0]), signal.SIGKILL)
    assert until(lambda: not processes_with(mark))
    assert until(lambda: "heron" not in driver._servers(ada))
    assert not socket_folder(house.settings.run, "ada", "heron").exists()
    driver.start_session(ada, "heron")
    assert driver.run_code(ada, "heron", "print('again')") == "again\n"


def test_stopping_and_starting_keeps_the_workspace(running: Running, ada: Browser) -> None:
    driver.run_code(ada, "heron", "open('kept.txt', 'w').write('kept')")
    driver.stop_session(ada, "heron")
    assert "Start session" in ada.http.get("/hub/home").text
    driver.stop_session(ada, "heron")
    driver.start_session(ada, "heron")
    assert driver.run_code(ada, "heron", "print(open('kept.txt').read())") == "kept\n"


def test_killed_hub_finds_its_sessions_again_and_a_stopped_one_leaves_nothing() -> None:
    with short_folder() as folder:
        house, log = build_house(folder, run=str(folder / "run")), folder / "hub.log"
        house.provide_data("heron")
        hub = start_hub(house, log)
        try:
            with driver.sign_in(house.settings.hub_url, "ada", PASSWORD, totp_secret("ada")) as ada:
                driver.start_session(ada, "heron")
                with driver.open_kernel(ada, "heron", "work/kept.ipynb") as kernel:
                    _run(kernel, "kept = 'still here'")
                    kernel.close_session = lambda: None
                stop_hub(hub, signal.SIGKILL)
                assert until(lambda: not [line for line in processes_of(house) if "hub_config.commands" in line])
                hub = start_hub(house, log)
                assert until(lambda: bool(driver._servers(ada).get("heron", {}).get("ready")))
                session = ada.session_api("GET", "heron", "sessions").json()[0]
                assert session["path"] == "work/kept.ipynb"
                with driver.open_kernel(ada, "heron", "work/kept.ipynb") as kernel:
                    assert _run(kernel, CALL_GATE + "print(kept, call('GET', '/session')[0])") == "still here 200\n"
        finally:
            status = stop_hub(hub, signal.SIGHUP)
            house.engine.dispose()
        assert status == 0
        assert until(lambda: processes_of(house) == []), processes_of(house)
        assert not list(house.settings.run.glob("*/*.sock"))


def test_session_that_nobody_used_for_long_ends() -> None:
    """A day passes in the hub's own record of the last use, while the hub is down and the session goes on."""
    with short_folder() as folder:
        house, log = build_house(folder, run=str(folder / "run"), check_rights_seconds=2), folder / "hub.log"
        house.provide_data("heron")
        hub = start_hub(house, log)
        try:
            with driver.sign_in(house.settings.hub_url, "ada", PASSWORD, totp_secret("ada")) as ada:
                driver.start_session(ada, "heron")
                stop_hub(hub, signal.SIGKILL)
                assert until(lambda: not [line for line in processes_of(house) if "hub_config.commands" in line])
                with closing(sqlite3.connect(house.settings.hub / "jupyterhub.sqlite")) as database, database:
                    database.execute(
                        "UPDATE spawners SET last_activity = datetime('now', '-1 day') WHERE name = 'heron'"
                    )
                hub = start_hub(house, log)
                assert until(lambda: not socket_folder(house.settings.run, "ada", "heron").exists())
            with reading(house.engine) as session:
                ended = session.query(AuditEvent).filter_by(action="session.ended_idle").one()
                assert ended.actor == "ada" and "Your files are kept" in ended.detail["reason"]
        finally:
            stop_hub(hub, signal.SIGTERM)
            house.engine.dispose()


def _run(kernel: Any, code: str) -> str:
    cell = nbformat.v4.new_code_cell(code)
    kernel.run_cell(cell, 0, 60)
    return "".join(output.get("text", "") for output in cell.outputs)


def _listening(pids: list[int]) -> set[int]:
    """The TCP ports on which these processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
