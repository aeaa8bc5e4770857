"""A real Saferoom for tests: a state folder with people and a project, and the hub that `saferoom up` starts on it."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from datasets.copies import provision
from datasets.steward import take_in
from datasets.versions import VersionState, approve, make_available
from governance.agreements import agree
from governance.database import open_database, transaction
from governance.people import Role, enrol
from governance.projects import ProjectState, PurposeClass, add_member, create_project, move
from hub_config import limits
from hub_config.migrations import migrate
from hub_config.protections import Protection
from hub_config.secrets import Secrets
from hub_config.settings import CHECKOUT, Settings, load

PASSWORD = "correct horse battery staple"
COLUMNS = ["person", "year", "site", "plan_group", "medical_spending"]
FAR = date(2099, 12, 31)
SECONDS_TO_START = 90.0
SECONDS_TO_STOP = 60.0


def totp_secret(name: str) -> str:
    """A one-time secret for each name: a code works once, so people must not share them."""
    return base64.b32encode(name.encode().ljust(20, b".")).decode()


@dataclass(frozen=True)
class House:
    """A prepared state folder."""

    settings: Settings
    engine: Engine
    secrets: Secrets

    def person(self, session: Session, name: str, role: Role = Role.RESEARCHER, **facts: Any) -> None:
        defaults: dict[str, Any] = {
            "full_name": f"{name.capitalize()} Example",
            "organisation": "University",
            "accredited_until": FAR,
            "training_until": FAR,
            "password": PASSWORD,
            "totp_secret": totp_secret(name),
            "seal": self.secrets.seal,
            "actor": "operator",
        }
        enrol(session, name=name, role=role, **{**defaults, **facts})

    def project(self, session: Session, project_id: str, members: tuple[str, ...]) -> None:
        project = create_project(
            session,
            project_id=project_id,
            name=f"Project {project_id.capitalize()}",
            purpose="Spending and insurance",
            purpose_class=PurposeClass.RESEARCH,
            actor="operator",
        )
        for state in (ProjectState.SUBMITTED, ProjectState.AGREED, ProjectState.ACCREDITED, ProjectState.ACTIVE):
            move(session, project, state, actor="operator")
        for member in members:
            add_member(session, project, member, actor="operator")
        agree(session, project_id=project_id, dataset="rand_hie", version=1, columns=COLUMNS, owner="olive")

    def provide_data(self, project_id: str) -> None:
        """The real example dataset, taken in, approved and copied for a project whose agreement is on it."""
        with transaction(self.engine) as session:
            version = take_in(
                session,
                CHECKOUT / "examples" / "rand_hie.toml",
                folder=self.settings.datasets,
                search=tuple(self.settings.session_python.parent.parent.glob("lib/python*/site-packages")),
                secret=self.secrets.pseudonym,
                actor="steve",
            )
            if version.state is VersionState.SCANNED:
                approve(session, version, actor="olive")
                make_available(session, version, actor="steve")
            provision(
                session,
                project_id,
                version.dataset,
                folder=self.settings.copies,
                secret=self.secrets.copies,
                actor="steve",
            )


def build_house(folder: Path, **settings: Any) -> House:
    """Ada works in Project Heron, Bert in Wren; Carla and Dora check; Olive owns the data, Steve cares for it."""
    house = open_house(folder, **settings)
    migrate(house.engine)
    with transaction(house.engine) as session:
        for name in ("ada", "bert"):
            house.person(session, name)
        for name in ("carla", "dora"):
            house.person(session, name, Role.OUTPUT_CHECKER)
        house.person(session, "olive", Role.DATA_OWNER, organisation="RAND Corporation")
        house.person(session, "steve", Role.DATA_STEWARD)
        house.project(session, "heron", ("ada",))
        house.project(session, "wren", ("bert",))
    return house


def open_house(folder: Path, **settings: Any) -> House:
    """The house in a folder, as empty or as furnished as it is."""
    without = "" if limits.find() != limits.NO_GROUPS else Protection.SESSION_LIMITS.value
    made = load({"state": str(folder / "state"), "port": free_port(), "without": without, **settings}, environ={})
    made.prepare()
    return House(made, open_database(made.database_url), Secrets.load(made.secrets))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder of its own directly in /tmp, taken away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="saferoom-test-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_hub(house: House, log: Path, before: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """`saferoom up`, in a process group of its own; returns once the hub and the outputs service answer.

    `before` is what stands before the command, such as one that runs it as somebody else.
    """
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"PYTHONPATH": str(CHECKOUT)} | house.settings.environment()
    with log.open("ab") as output:
        hub = subprocess.Popen(
            [*before, sys.executable, "-m", "hub_config.commands", "up"],
            cwd="/" if before else house.settings.state,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        for url in (house.settings.hub_url + "/hub/login", house.settings.outputs_url):
            _until_served(url, hub, log)
    except BaseException:
        stop_hub(hub)
        raise
    return hub


def stop_hub(hub: "subprocess.Popen[bytes]", ending: signal.Signals = signal.SIGINT) -> int:
    """Send a signal and wait; kill the process if it does not end in time."""
    if hub.poll() is None:
        hub.send_signal(ending)
    try:
        return hub.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        hub.kill()
        hub.wait()
        raise


def processes_of(house: House) -> list[str]:
    """The command lines of every process that knows this house: by its environment or its arguments."""
    return processes_with(os.fsencode(house.settings.state), os.fsencode(house.settings.run))


def processes_with(*marks: bytes) -> list[str]:
    """The command lines of every process with one of these texts in its environment or its arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if any(mark in known for mark in marks):
            found.append(f"{entry.name} " + (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def _until_served(url: str, hub: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and hub.poll() is None:
        try:
            if httpx.get(url, trust_env=False, timeout=5).status_code < 400:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"The hub did not come up:\n{log.read_text(errors='replace')[-4000:]}")
