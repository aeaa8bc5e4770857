"""Every way out over HTTP, tried against a locked server and against its unlocked twin, where it works."""

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from tornado.httpclient import HTTPClientError

from hub_config.notebook.routes import CLOSED, OPEN
from tests.hub_config.notebook.server import Server

ROWS = "id,income\n" + "\n".join(f"{row},{row * 7}" for row in range(500))
NOTEBOOK = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
BINARY = base64.b64encode(b"\x00\x01" * 50).decode()

WAYS: list[tuple[str, str, Any]] = [
    ("GET", "/files/work/rows.csv", None),
    ("GET", "/files/work/rows.csv?download=1", None),
    ("GET", "/files/work/note.md", None),
    ("GET", "/api/contents/work/rows.csv?content=1", None),
    ("GET", "/api/contents/work/rows.csv?type=file&format=text&content=1", None),
    ("GET", "/api/contents/work/rows.csv?type=file&format=base64&content=1", None),
    ("GET", "/api/contents/work/rows.csv?content=0&hash=1", None),
    ("GET", "/api/contents/work/note.md?type=file&format=base64&content=1", None),
    ("GET", "/api/contents/work/link.txt?content=1", None),
    ("GET", "/api/contents/work/linked/rows.csv?content=1", None),
    ("GET", "/api/contents/work/linked?content=1", None),
    ("GET", "/api/contents/work/big.txt?content=1", None),
    ("GET", "/api/contents/work/binary.txt?content=1&format=base64&type=file", None),
    ("GET", "/api/contents/work/page.html?content=1", None),
    ("GET", "/api/contents/work/nb.ipynb?type=file&content=1", None),
    ("POST", "/api/contents/work", {"copy_from": "work/rows.csv"}),
    ("PUT", "/api/contents/work/up.bin", {"type": "file", "format": "base64", "content": BINARY}),
    ("PUT", "/api/contents/work/up.py", {"type": "file", "format": "base64", "content": BINARY}),
    ("PUT", "/api/contents/work/up.txt", {"type": "file", "format": "text", "chunk": 1, "content": "a"}),
    ("PUT", "/api/contents/work/up.csv", {"type": "file", "format": "text", "content": "1,2"}),
    ("PUT", "/api/contents/work/up.html", {"type": "file", "format": "text", "content": "<b>"}),
    ("PUT", "/api/contents/work/other.txt", {"type": "notebook", "format": "json", "content": NOTEBOOK}),
    ("GET", "/nbconvert/html/work/nb.ipynb?download=true", None),
    ("POST", "/nbconvert/html", {"type": "notebook", "content": NOTEBOOK, "name": "a.ipynb"}),
    ("GET", "/api/nbconvert", None),
    ("GET", "/view/work/page.html", None),
    ("GET", "/api/terminals", None),
    ("POST", "/api/terminals", {}),
    ("GET", "/lab/api/extensions", None),
    ("GET", "/lab/api/plugins", None),
    ("POST", "/lab/api/plugins", {"cmd": "enable", "plugin_name": "@jupyterlab/terminal-extension"}),
    ("GET", "/lab/api/build", None),
    ("GET", "/lab/api/update", None),
    ("GET", "/lab/api/licenses/", None),
    ("GET", "/lsp/status", None),
    ("GET", "/metrics", None),
    ("GET", "/api/spec.yaml", None),
    ("GET", "/api/resolvePath?path=work", None),
    ("POST", "/api/security/csp-report", {"a": 1}),
    ("PATCH", "/api/config/notebook", {"a": 1}),
    ("PUT", "/api/config/notebook", {"a": 1}),
    ("GET", "/kernelspecs/python3/kernel.json", None),
    ("OPTIONS", "/api/contents", None),
    ("HEAD", "/files/work/rows.csv", None),
]


@pytest.fixture(scope="module", autouse=True)
def _files(locked: Server, twin: Server) -> None:
    for server in (locked, twin):
        work = server.work
        (work / "rows.csv").write_text(ROWS)
        (work / "note.md").write_text("# A note")
        (work / "page.html").write_text("<b>x</b>")
        (work / "big.txt").write_text("x" * (600 * 1024))
        (work / "binary.txt").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
        (work / "table.ipynb").write_text(ROWS)
        nbformat.write(NOTEBOOK, work / "nb.ipynb")
        (work / "link.txt").symlink_to("/proc/self/environ")
        (work / "aside").mkdir()
        (work / "aside" / "rows.csv").write_text(ROWS)
        (work / "linked").symlink_to("aside")


def _said(answer: httpx.Response) -> str:
    return str(answer.json()["message"])


@pytest.mark.parametrize(("method", "path", "body"), WAYS, ids=lambda value: str(value)[:60] if value else "")
def test_a_way_that_works_without_the_lock_is_closed_with_a_sentence(
    locked: Server, twin: Server, method: str, path: str, body: Any
) -> None:
    assert twin.ask(method, path, body).status_code < 300, "the probe is broken"
    answer = locked.ask(method, path, body)
    assert answer.status_code in (403, 413, 422)
    assert "499,3493" not in answer.text and "SECRET" not in answer.text
    if method != "HEAD":
        assert len(_said(answer).split(". ")) >= 1 and _said(answer).endswith(".")
    assert not list(locked.work.glob("up.*"))


def test_events_cannot_be_written(locked: Server, twin: Server) -> None:
    event = {
        "schema_id": "https://events.jupyter.org/jupyter_server/contents_service/v1",
        "version": "1",
        "data": {"action": "get", "path": "x"},
    }
    assert twin.ask("POST", "/api/events", event).status_code == 204
    assert locked.ask("POST", "/api/events", event).status_code == 403


def test_a_renamed_table_does_not_open_as_a_notebook_or_text(locked: Server) -> None:
    (locked.work / "t.csv").write_text(ROWS)
    assert locked.ask("PATCH", "/api/contents/work/t.csv", {"path": "work/t.ipynb"}).status_code == 200
    answer = locked.open("work/t.ipynb")
    assert answer.status_code == 422 and "no notebook" in _said(answer) and "499,3493" not in answer.text
    (locked.work / "p.parquet").write_bytes(b"PAR1\x00\xff")
    assert locked.ask("PATCH", "/api/contents/work/p.parquet", {"path": "work/p.txt"}).status_code == 200
    assert locked.open("work/p.txt").status_code == 403


OUTSIDE = ["..%2f..%2fhome", "%2e%2e/%2e%2e/home", "work/..%2f..%2f..%2fhome", ".hidden", "work/.x.py"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out(locked: Server, path: str) -> None:
    (locked.work / ".x.py").write_text("hidden")
    for query in ("content=1", "content=0"):
        assert locked.open(path, query).status_code in (403, 404)
    assert locked.ask("PUT", f"/api/contents/{path}/a.py", {"type": "file", "format": "text", "content": "a"}).is_error


def test_the_server_cannot_be_shut_down(locked: Server) -> None:
    """The twin's would end; that it is open there is seen in the table of routes."""
    assert locked.ask("POST", "/api/shutdown", {}).status_code == 403
    assert locked.ask("GET", "/api/status").status_code == 200


@pytest.mark.parametrize("path", ["/terminals/websocket/1", "/lsp/ws/pylsp"])
def test_no_web_socket_leads_to_a_shell_or_language_server(locked: Server, path: str) -> None:
    with pytest.raises(HTTPClientError, match="403"):
        asyncio.run(locked.web_socket(path, []))


def test_only_the_sessions_kernel_starts_and_the_server_names_it(locked: Server) -> None:
    for body in ({"name": "python"}, {"name": "../python3"}, {"kernel_id": "../../k"}, {"kernel_id": "a/b"}):
        assert locked.ask("POST", "/api/kernels", body).is_error
    session = {"path": "a", "type": "notebook", "name": "a", "kernel": {"name": "bash"}}
    assert locked.ask("POST", "/api/sessions", session).is_error
    assert locked.ask("GET", "/api/kernels").json() == []
    assert list(locked.ask("GET", "/api/kernelspecs").json()["kernelspecs"]) == ["python3"]


def test_bodies_are_bounded_and_say_how_long_they_are(locked: Server) -> None:
    large = {"raw": "x" * 300_000}
    assert locked.ask("PUT", "/lab/api/settings/@jupyterlab/shortcuts-extension:shortcuts", large).status_code == 413
    assert locked.ask("POST", "/api/kernels", large).status_code == 413
    assert locked.ask("GET", "/api/status", {"a": 1}).status_code == 413

    def chunks() -> Any:
        yield b'{"name": "python3"}'

    answer = locked.ask("POST", "/api/kernels", content=chunks())
    assert answer.status_code == 411


def test_settings_and_layout_can_be_kept(locked: Server) -> None:
    settings = {"raw": json.dumps({"theme": "JupyterLab Dark"})}
    path = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    assert locked.ask("PUT", path, settings).status_code == 204
    assert "JupyterLab Dark" in locked.ask("GET", path).text
    layout = {"data": {}, "metadata": {"id": "default"}}
    assert locked.ask("PUT", "/lab/api/workspaces/default", layout).status_code == 204


@pytest.mark.parametrize(
    "path", ["/lab", "/api/status", "/files/a", "/nothing", "/api/contents/work", "/static/lab/x", "/lab/"]
)
def test_every_answer_has_the_strict_headers(locked: Server, path: str) -> None:
    headers = locked.ask("GET", path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == policy["frame-src"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_who_has_no_token_gets_nothing(locked: Server) -> None:
    for path in ("/api/contents", "/api/kernels", "/lab", "/files/work/note.md"):
        answer = httpx.get(locked.url + path, trust_env=False)
        assert answer.status_code in (302, 403)


WALK = """
import json, sys
from jupyter_server.serverapp import ServerApp
from hub_config.notebook.lockdown import Lock, all_rules

app = ServerApp.instance()
app.initialize(["--allow-root", "--port=0", "--ServerApp.base_url=/user/rosa/cohort/"])
lock = Lock(app.web_app, app.base_url)
methods = ("get", "head", "post", "put", "patch", "delete", "options")
print(json.dumps([
    (lock.pattern(rule), rule.target.__name__,
     [m.upper() for m in methods if getattr(rule.target, m).__qualname__ != "RequestHandler._unimplemented_method"])
    for rule in all_rules(app.web_app.default_router.rules)
]))
"""
"""A server with all that is installed switched on, so that what an update brings is seen here."""


def _registered(folder: Path) -> list[tuple[str, str, list[str]]]:
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "JUPYTER_RUNTIME_DIR": str(folder)}
    found = subprocess.run(
        [sys.executable, "-c", WALK], cwd=Path(__file__).parents[3], env=environment, capture_output=True, check=True
    )
    return [(pattern, handler, methods) for pattern, handler, methods in json.loads(found.stdout.splitlines()[-1])]


def test_every_route_of_a_running_server_is_open_or_closed_on_purpose(tmp_path: Path) -> None:
    registered = _registered(tmp_path)
    assert len(registered) > 40
    stated = OPEN.keys() | CLOSED.keys()
    by_file_server = ("/files/(.*)", "AuthenticatedFileHandler")  # with Jupyter's own manager of files
    unknown = [(pattern, handler) for pattern, handler, _ in registered if (pattern, handler) not in stated]
    assert set(unknown) <= {by_file_server}
    for pattern, handler, methods in registered:
        assert set(OPEN.get((pattern, handler), {})) <= {*methods, "GET"}, pattern


def test_no_route_is_both_open_and_closed() -> None:
    assert not OPEN.keys() & CLOSED.keys()
