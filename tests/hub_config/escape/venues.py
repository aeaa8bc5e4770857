"""Where attempts are made: a real session among others, its twin without a sandbox, and a process with every freedom.

All three are on the same machine and have the same targets, those of the real Saferoom: only what is a session's own
(its copy, its connection file, its gate) is each one's own.
"""

import asyncio
import base64
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import nbformat
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from governance.database import transaction
from governance.projects import add_member, find_project
from hub_config import driver
from hub_config.driver import Browser
from hub_config.kernel_channel import KernelChannel
from hub_config.register import describe_session
from hub_config.session import Session
from tests.hub_config.escape import attempt
from tests.hub_config.escape.attempt import Outcome
from tests.hub_config.house import (
    PASSWORD,
    House,
    build_house,
    short_folder,
    start_hub,
    stop_hub,
    totp_secret,
)
from tests.hub_config.notebook.server import V1, Kernel

SENT = ("attempt", "network", "files", "processes", "system", "gate")
"""The modules that are sent into kernels, those that others need first."""

MEBIBYTE = 1 << 20
SMALL = {
    "session_memory_mb": 1024,
    "session_processes": 96,
    "project_disk_mb": 64,
    "session_scratch_mb": 32,
    "session_output_mb": 4,
}
"""Limits of the real sessions, soon reached. The twin has those that are set where nobody sets any."""

NO_SANDBOX = "sandbox,session-limits"
PREFIX = "/services/outputs/api/session"

BEGIN = """
import base64, json, sys, types
for name, text in json.loads(base64.b64decode({sources!r})).items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
from tests.hub_config.escape.attempt import try_all
"""


def beginning() -> str:
    """Code that makes the attempts known where it runs."""
    folder, package = Path(__file__).parent, __package__
    texts = {f"{package}.{name}": (folder / f"{name}.py").read_text(encoding="utf-8") for name in SENT}
    return BEGIN.format(sources=base64.b64encode(json.dumps(texts).encode()).decode())


@dataclass
class Place:
    """A Saferoom with a signed-in person, whose session runs."""

    house: House
    browser: Browser
    kernel: KernelChannel

    @property
    def session(self) -> Session:
        return self.session_of("ada", "heron")

    def session_of(self, person: str, project: str) -> Session:
        return describe_session(self.house.settings, self.house.engine, person, project)

    def run(self, code: str, seconds: float = 120) -> str:
        return run_in(self.kernel, code, seconds)


def run_in(kernel: KernelChannel, code: str, seconds: float = 120) -> str:
    """What a cell prints."""
    cell = nbformat.v4.new_code_cell(code)
    kernel.run_cell(cell, 0, seconds)
    return "".join(output.get("text", "") for output in cell.outputs)


@contextmanager
def furnished(*, real: bool) -> Iterator[House]:
    """A Saferoom's state: Ada works in two projects, with Emil in one of them, and Bert in a third."""
    with short_folder() as folder:
        folder.chmod(0o711)
        facts: dict[str, Any] = SMALL if real else {"without": NO_SANDBOX}
        house = build_house(folder, run=str(folder / "run"), **facts)
        with transaction(house.engine) as session:
            house.person(session, "emil")
            house.project(session, "crane", ("ada",))
            add_member(session, find_project(session, "heron"), "emil", actor="operator")
        for project in ("heron", "crane") if real else ("heron",):
            house.provide_data(project)
        yield house
        house.engine.dispose()


@contextmanager
def running(*houses: House) -> Iterator[None]:
    """The same while they run. They are started and stopped side by side."""
    hubs: list[subprocess.Popen[bytes]] = []
    try:
        together(*(lambda house=house: hubs.append(start_hub(house, _log(house))) for house in houses))
        yield
    finally:
        together(*(lambda hub=hub: stop_hub(hub) for hub in hubs))


def _log(house: House) -> Path:
    return house.settings.state.parent / "hub.log"


@contextmanager
def signed_in(house: House, name: str, project: str) -> Iterator[Place]:
    """A person whose session of a project runs, with a kernel."""
    with driver.sign_in(house.settings.hub_url, name, PASSWORD, totp_secret(name)) as browser:
        driver.start_session(browser, project)
        with driver.open_kernel(browser, project, f"work/{name}.ipynb") as kernel:
            yield Place(house, browser, kernel)


OWN = """
import ipykernel, os
from pathlib import Path
_file = ipykernel.get_connection_file()
_copies = sorted(str(path) for path in Path(os.environ["SAFEROOM_DATA"]).iterdir() if path.is_file())
print(json.dumps({"connection_file": _file, "own_channels": str(Path(_file).parent), "own_copy": _copies[0]}))
"""


# --- making attempts


def in_kernel(place: Place, names: list[str], facts: dict[str, Any]) -> dict[str, Outcome]:
    """Make attempts from a new kernel of Ada's, beside the one that she has already."""
    with driver.open_kernel(place.browser, "heron", "work/attempts.ipynb") as kernel:
        own = json.loads(run_in(kernel, beginning() + OWN))
        told = base64.b64encode(json.dumps(facts | own).encode()).decode()
        code = f"print(try_all({names!r}, json.loads(base64.b64decode({told!r}))))"
        return dict(json.loads(run_in(kernel, code).splitlines()[-1]))


FREE = ("unshare", "--user", "--map-root-user", "--mount", "--uts", "--ipc", "--pid", "--fork", "--net", "--mount-proc")


def in_free_process(house: House, names: list[str], facts: dict[str, Any]) -> dict[str, Outcome]:
    """Make attempts from a process with namespaces of its own, which was given what a careless server would give."""
    state = os.open(house.settings.state, os.O_RDONLY)
    environment = {
        "PATH": "/usr/bin:/bin",
        "JUPYTERHUB_API_TOKEN": "given",
        "SAFEROOM_DATA": str(house.settings.copies),
    }
    code = beginning() + "names, facts = json.load(sys.stdin)\nprint(try_all(names, facts))"
    try:
        done = subprocess.run(
            [*FREE, str(house.settings.session_python), "-P", "-c", code],
            input=json.dumps([names, facts | {"connection_file": "/nowhere", "own_channels": "/nowhere"}]),
            pass_fds=(state,),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(state)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def together(*work: Callable[[], Any]) -> list[Any]:
    """Do several things at once; their results in order."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(each) for each in work]]


def rows(*families: attempt.Family) -> list[attempt.Attempt]:
    return [row for row in attempt.ATTEMPTS.values() if row.family in families]


@contextmanager
def heard(browser: Browser, project: str) -> Iterator[Kernel]:
    """A new kernel of a session, as a browser hears it: every byte that crosses."""
    channel = driver.open_kernel(browser, project, "work/heard.ipynb")
    session, loop = uuid.uuid4().hex, asyncio.new_event_loop()
    request = HTTPRequest(f"{channel.url}?session_id={session}", headers=dict(channel.headers))

    async def connect() -> Any:
        return await websocket_connect(request, subprotocols=[V1], max_message_size=1 << 28)

    identifier = channel.url.rsplit("/", 2)[1]
    made = Kernel(cast(Any, None), identifier, session, loop.run_until_complete(connect()), V1, loop)
    try:
        yield made
    finally:
        made.close()
        channel.close_session()
