"""A client of a running Saferoom: it does over HTTP and web-sockets what a person does in the browser.

    browser = sign_in("http://127.0.0.1:8000", "ada", password, totp_secret)
    start_session(browser, "heron")
    notebook = run_notebook(browser, "heron", "work/examples/first_release.ipynb")

Everything here has a time limit; what goes wrong is raised as a `DriverError` with what the server said.
"""

import time
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import nbformat
import pyotp

from hub_config.kernel_channel import KernelChannel
from hub_config.settings import OUTPUTS_PREFIX

SECONDS_FOR_A_PAGE = 30.0
SECONDS_FOR_A_SESSION = 90.0
SECONDS_FOR_A_CELL = 300.0
SECONDS_BETWEEN_LOOKS = 0.2
CODE_PERIOD_SECONDS = 30


class DriverError(Exception):
    """The server did not do what was asked. Its sentence and the status, where there was an answer."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(f"{sentence} (status {status})" if status else sentence)
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True)
class Browser:
    """A signed-in person's cookies. Close it, or use it in a `with` statement."""

    base_url: str
    name: str
    http: httpx.Client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def hub_api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A call of the hub's API, as its own pages make it."""
        return self.http.request(method, f"/hub/api{path}", headers=self._script("/hub/"), **options)

    def session_api(self, method: str, project: str, path: str, **options: Any) -> httpx.Response:
        """A call of the notebook server's API, as JupyterLab makes it."""
        prefix = self.session_path(project)
        return self.http.request(method, f"{prefix}api/{path}", headers=self._script(prefix), **options)

    def session_path(self, project: str) -> str:
        return f"/user/{self.name}/{project}/"

    def cookie_header(self, path: str) -> str:
        """The cookies that a browser would send to `path`."""
        cookies = [cookie for cookie in self.http.cookies.jar if path.startswith(cookie.path)]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)

    def token(self, path: str) -> str:
        """The token against cross-site requests that the pages under `path` hold."""
        return self.http.cookies.get("_xsrf", path=path) or ""

    def _script(self, path: str) -> dict[str, str]:
        """What a browser says of a call that a page's script makes."""
        return {"X-XSRFToken": self.token(path), "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


def sign_in(base_url: str, name: str, password: str, totp_secret: str, *, patient: bool = True) -> Browser:
    """Sign in with password and one-time code.

    A code works once: when the present one is refused, a `patient` caller waits for the next and tries once more.

    Raises:
        DriverError: with the sentence on the sign-in page.
    """
    browser = Browser(base_url.rstrip("/"), name, _client(base_url))
    codes = pyotp.TOTP(totp_secret, interval=CODE_PERIOD_SECONDS)
    try:
        answer = send_sign_in(browser, name, password, codes.now())
        if answer.status_code == 403 and patient:
            time.sleep(CODE_PERIOD_SECONDS - time.time() % CODE_PERIOD_SECONDS + 0.5)
            answer = send_sign_in(browser, name, password, codes.now())
        _check(answer)
    except BaseException:
        browser.close()
        raise
    return browser


def send_sign_in(browser: Browser, name: str, password: str, code: str) -> httpx.Response:
    """Fill in the sign-in form and send it. The answer may be the form again, with a sentence."""
    _check(browser.http.get("/hub/login"))
    form = {"_xsrf": browser.token("/hub/"), "username": name, "password": password, "otp": code}
    return browser.http.post("/hub/login", data=form)


def start_session(browser: Browser, project: str, *, seconds: float = SECONDS_FOR_A_SESSION) -> None:
    """Start the session of a project, as the start page does, and wait until it can be used.

    A session that runs already is left as it is.

    Raises:
        DriverError: with the reason why it may not start, or did not.
    """
    path = f"/hub/spawn/{browser.name}/{project}"
    page = _check(browser.http.get(path))
    if page.url.path.startswith("/hub/spawn/"):
        _check(browser.http.post(path, data={"_xsrf": browser.token("/hub/")}))
    _wait_until_ready(browser, project, seconds)
    _check(browser.http.get(browser.session_path(project) + "lab"))


def stop_session(browser: Browser, project: str, *, seconds: float = SECONDS_FOR_A_SESSION) -> None:
    """Stop the session of a project and wait until it has ended. One that does not run is left as it is."""
    answer = browser.hub_api("DELETE", f"/users/{browser.name}/servers/{project}")
    if answer.status_code not in (202, 204, 404):
        _check(answer)
    _until(lambda: project not in _servers(browser), seconds, f"the session of {project} did not end")


def run_notebook(browser: Browser, project: str, path: str, *, seconds: float = SECONDS_FOR_A_CELL) -> Any:
    """Run every code cell of a notebook in a kernel of the session, and save it with its outputs.

    `seconds` is for each cell. Returns the notebook as nbformat has it. A failed cell's output is saved as well.

    Raises:
        CellFailed: a cell raised; with the cell's error.
        DriverError: the session does not answer as it should.
    """
    model = _json(browser.session_api("GET", project, f"contents/{path}", params={"type": "notebook", "content": 1}))
    notebook = nbformat.from_dict(model["content"])
    with open_kernel(browser, project, path) as kernel:
        try:
            for number, cell in enumerate(notebook.cells):
                if cell.cell_type == "code" and cell.source.strip():
                    kernel.run_cell(cell, number, seconds)
        finally:
            _save(browser, project, path, notebook)
    return notebook


def run_code(browser: Browser, project: str, code: str, *, seconds: float = SECONDS_FOR_A_CELL) -> str:
    """Run code in a new kernel of the session; the text that it printed or returned. Raises `CellFailed`."""
    cell = nbformat.v4.new_code_cell(code)
    with open_kernel(browser, project, "work/code.ipynb") as kernel:
        kernel.run_cell(cell, 0, seconds)
    return "".join(_text(output) for output in cell.outputs)


def open_kernel(browser: Browser, project: str, path: str) -> KernelChannel:
    """A kernel of the session and its web-socket. Leaving the `with` statement ends both."""
    body = {"path": path, "name": path.rpartition("/")[2], "type": "notebook", "kernel": {"name": "python3"}}
    session = _json(browser.session_api("POST", project, "sessions", json=body))
    prefix = browser.session_path(project)
    address = urlsplit(browser.base_url)
    url = f"{'wss' if address.scheme == 'https' else 'ws'}://{address.netloc}{prefix}"
    return KernelChannel(
        url=f"{url}api/kernels/{session['kernel']['id']}/channels",
        headers={
            "Cookie": browser.cookie_header(prefix),
            "Origin": browser.base_url,
            "Sec-Fetch-Mode": "websocket",
            "Sec-Fetch-Site": "same-origin",
        },
        close_session=lambda: browser.session_api("DELETE", project, f"sessions/{session['id']}"),
    )


def sign_in_to_outputs(browser: Browser, path: str = "") -> httpx.Response:
    """Open a page of the outputs service, through its single sign-on. Raises `DriverError`."""
    return _check(browser.http.get(OUTPUTS_PREFIX + path))


def _client(base_url: str) -> httpx.Client:
    headers = {"Accept": "text/html,application/json;q=0.9", "Sec-Fetch-Mode": "navigate"}
    return httpx.Client(
        base_url=base_url, timeout=SECONDS_FOR_A_PAGE, follow_redirects=True, headers=headers, trust_env=False
    )


def _wait_until_ready(browser: Browser, project: str, seconds: float) -> None:
    def look() -> bool:
        server = _servers(browser).get(project)
        if server is None:
            raise DriverError(_why_not_running(browser, project))
        return bool(server["ready"])

    _until(look, seconds, f"the session of {project} was not ready")


def _why_not_running(browser: Browser, project: str) -> str:
    page = browser.http.get(f"/hub/spawn-pending/{browser.name}/{project}")
    return _sentence(page) or f"The session of {project} did not start."


def _servers(browser: Browser) -> dict[str, Any]:
    servers: dict[str, Any] = _json(browser.hub_api("GET", f"/users/{browser.name}")).get("servers") or {}
    return servers


def _until(look: Any, seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise DriverError(f"After {seconds:.0f} seconds {otherwise}.")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _save(browser: Browser, project: str, path: str, notebook: Any) -> None:
    body = {"type": "notebook", "format": "json", "content": notebook}
    _check(browser.session_api("PUT", project, f"contents/{path}", json=body))


def _text(output: Any) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


def _json(answer: httpx.Response) -> Any:
    return _check(answer).json()


def _check(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise DriverError(_sentence(answer) or f"{answer.url} failed", answer.status_code)
    return answer


def _sentence(answer: httpx.Response) -> str:
    """The server's own words: of a problem, of the hub's API, or of the part of a page that is an alert."""
    if "json" in answer.headers.get("content-type", ""):
        body = answer.json()
        return str(body.get("detail") or body.get("message") or "") if isinstance(body, dict) else ""
    alerts = _Alerts()
    alerts.feed(answer.text)
    return " ".join(" ".join(alerts.words).split())


class _Alerts(HTMLParser):
    """The text of elements with role="alert"."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("role", "alert") in attrs:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.words.append(data)
