"""A PostgreSQL server of the tests' own: on a UNIX socket in a folder of its own, gone when the tests end."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam
from typing import Any

import pg8000.dbapi
from sqlalchemy import make_url

PROGRAMS = "/usr/lib/postgresql/*/bin"
"""Where Debian puts the server's programs, which are on nobody's PATH."""
UNPRIVILEGED = ("postgres", "nobody")
USER = "ledger"
SECONDS_TO_START = 60
LINES_WHEN_STARTED = 8
ROOM = 1 << 30
SMALL = ("shared_buffers=16MB", "max_wal_size=64MB")


@dataclass(frozen=True)
class Server:
    """A running server. Who may enter its folder may do everything, and nobody else can reach it."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?unix_sock={self.socket}"

    def new_database(self, like: str = "template1") -> str:
        """The URL of a new database with what is in another: nothing, unless one is named."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database away with what is in it, whoever is still connected: thousands of them are gigabytes."""
        self.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        with contextlib.closing(self._connect(database)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    def _connect(self, database: str) -> Any:
        return pg8000.dbapi.connect(user=USER, database=database, unix_sock=str(self.socket), ssl_context=False)

    def is_ready(self) -> bool:
        """Whether the server says so in its own file; to be refused by one that starts would leave a socket behind."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == LINES_WHEN_STARTED and lines[-1].strip() == "ready"


@contextlib.contextmanager
def running(*settings: str) -> Iterator[Server]:
    """A server with `settings` (`name=value`), until the end of the block."""
    with _folder() as folder:
        as_owner = _as_owner(folder)
        data = folder / "data"
        initdb = [_program("initdb"), "-D", str(data), "--username", USER, "--auth", "trust", "--no-sync"]
        command = [*initdb, "--encoding", "UTF8", "--locale", "C"]
        made = subprocess.run(command, check=False, capture_output=True, **as_owner)
        assert made.returncode == 0, made.stderr.decode()
        options = (f"unix_socket_directories={folder}", "listen_addresses=", *SMALL, *settings)
        command = [_program("postgres"), "-D", str(data), *(f"--{option}" for option in options)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **as_owner)
        try:
            yield _started(Server(folder), process)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing in it is wanted any more
            process.wait(60)


def _started(server: Server, process: subprocess.Popen[bytes]) -> Server:
    until = time.monotonic() + SECONDS_TO_START
    while not server.is_ready():
        assert process.poll() is None and time.monotonic() < until, (server.folder / "log").read_text()
        time.sleep(0.05)
    return server


def _as_owner(folder: Path) -> dict[str, Any]:
    """How a program is run as the user whom a folder belongs to, without root's groups."""
    owner = folder.stat()
    root = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return {"cwd": folder, **root}


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the server's user owns: PostgreSQL refuses to run as root. Short, since a socket lies in it."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-", dir=quick_folder()))
    try:
        if os.geteuid() == 0:
            os.chown(folder, *_unprivileged())
        yield folder
    finally:
        shutil.rmtree(folder)


def quick_folder() -> Path:
    """A folder in memory, where there is room: what is on disk before a call returns costs the tests nothing there."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else Path("/tmp")


def _unprivileged() -> tuple[int, int]:
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise AssertionError(f"PostgreSQL refuses to run as root, and there is no user of these: {UNPRIVILEGED}")


def _program(name: str) -> str:
    found = sorted(Path("/").glob(f"{PROGRAMS.removeprefix('/')}/{name}"), key=lambda path: int(path.parts[4]))
    program = str(found[-1]) if found else shutil.which(name)
    assert program, f"PostgreSQL's {name} is not installed. Debian's package postgresql has it."
    return program
