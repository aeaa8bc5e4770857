"""Release the same approved request again and again, each time failing one step later, and tell what was left.

A process of its own, since it forks, and since an audit hook cannot be taken out again. Steps are the changes of files
below the folder (Python's audit events, and each `fsync`), and the statements and the commit on the register. A child
either dies there by SIGKILL, or has no room on the releases' disk from there on. Prints JSON, one object a failure.
"""

import errno
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from governance import audit
from governance.database import open_database, reading
from safe_outputs.checker.worker import release_next
from safe_outputs.contents.groups import audiences_of, release_id
from safe_outputs.models import Release, ReleaseRequest
from safe_outputs.package.folder import clear_leftovers
from safe_outputs.package.keys import KnownKey
from safe_outputs.package.reading import verified_record
from safe_outputs.store import Store
from tests.quick import be_quick
from tests.registers import new_register
from tests.safe_outputs.factories import RELEASE_KEY
from tests.safe_outputs.house import a_house, cast_vote, submit
from tests.safe_outputs.several import a_draft_with_everything

CHANGES = frozenset({"os.rename", "os.mkdir", "os.chmod", "os.remove", "os.rmdir", "os.link"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
KNOWN = {RELEASE_KEY.public.id: KnownKey(RELEASE_KEY.public)}
ENOUGH = 1000
PAGE = 4096

Fail = Callable[[str], None]
"""Called before each step with its name."""


def watch_files(folder: Path, fail: Fail) -> None:
    """Call `fail` before every change of a file below the folder."""

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if (writes or name in CHANGES) and str(arguments[0]).startswith(str(folder)):
            fail(f"{name} {Path(str(arguments[0])).name}")

    through = os.fsync

    def fsync(fd: Any) -> None:
        fail("fsync")
        through(fd)

    sys.addaudithook(hook)
    os.fsync = fsync


def watch_register(engine: Engine, fail: Fail) -> None:
    """Call `fail` before every statement and every commit."""
    event.listen(engine, "before_cursor_execute", lambda *arguments: fail(f"sql {arguments[2][:40]}"))
    event.listen(engine, "commit", lambda _connection: fail("commit"))


def killed(folder: Path, engine: Engine, at: int) -> None:
    steps = iter(range(at))

    def fail(_name: str) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    watch_files(folder, fail)
    watch_register(engine, fail)


def without_room(folder: Path, _engine: Engine, at: int) -> None:
    steps = iter(range(at))

    def fail(name: str) -> None:
        if next(steps, None) is None and not name.startswith(("os.remove", "os.rmdir")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    watch_files(folder / "releases", fail)


def full_register(_folder: Path, engine: Engine, at: int) -> None:
    """No file can grow beyond so many pages of SQLite's: its log of what is written is soon full, and it says so."""
    engine.connect().close()  # SQLite's shared memory is a file of a fixed size: there before, it is not in the way
    resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE * at,) * 2)


MODES = {"killed": killed, "without_room": without_room, "full_register": full_register}


def attempt(folder: Path, mode: str, at: int) -> int:
    """Try the release in a child that fails at step `at`; returns its status, or the signal that ended it, negative."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        engine = open_database(f"sqlite:///{folder}/register.sqlite")
        MODES[mode](folder, engine, at)
        release_next(engine, Store(folder / "store"), folder / "releases", {}, lambda: RELEASE_KEY)
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
        os._exit(1)
    os._exit(0)


def left(folder: Path) -> dict[str, Any]:
    """What the register and the disk say: the request's state, its release, its package, its last event."""
    engine = open_database(f"sqlite:///{folder}/register.sqlite")
    with reading(engine) as session:
        (request,) = session.query(ReleaseRequest)
        names = [release_id(request, each) for each in audiences_of(request)]
        events = audit.events_about(session, f"request:{request.id}")
        audit.verify(session)
        said = {
            "state": request.state.value,
            "registered": session.query(Release).count(),
            "last": events[-1].action,
            "reason": events[-1].detail.get("reason"),
        }
    engine.dispose()
    packages = {package_of(folder / "releases" / each) for each in names}
    return said | {"packages": sorted(packages)}


def package_of(folder: Path) -> str:
    """Whether the package is not there, whole, or something else, which must not be."""
    if not folder.exists():
        return "none"
    try:
        verified_record(folder, KNOWN)
    except Exception as error:  # noqa: BLE001 - told as it is
        return f"half: {error}"
    return "whole"


def next_start(folder: Path) -> None:
    """What the checker does when it starts again."""
    engine = open_database(f"sqlite:///{folder}/register.sqlite")
    clear_leftovers(folder / "releases")
    release_next(engine, Store(folder / "store"), folder / "releases", {}, lambda: RELEASE_KEY)
    engine.dispose()


def furnished(folder: Path) -> Path:
    """A house with one approved request for two audiences, with files and evidence."""
    folder.mkdir()
    engine = new_register(folder)
    house = a_house(engine, folder)
    request_id = a_draft_with_everything(house)
    submit(house, request_id)
    for checker in ("cleo", "carl"):
        cast_vote(house, request_id, checker)
    engine.dispose()
    return folder


def failures(folder: Path, mode: str) -> list[dict[str, Any]]:
    """What was left after each failure, one step later each time, until nothing fails any more."""
    base, found = furnished(folder / "base"), []
    for at in range(ENOUGH):
        here = shutil.copytree(base, folder / "here")
        status = attempt(here, mode, at)
        first = left(here)
        next_start(here)
        more = {"leftovers": sorted(path.name for path in (here / "releases").glob(".*")), "then": left(here)}
        found.append(first | more | {"at": at, "status": status})
        shutil.rmtree(here)
        if status == 0 and first["state"] == "released":
            return found
    raise RuntimeError("it never ended")


if __name__ == "__main__":
    be_quick()
    sys.stdout.write(json.dumps(failures(Path(sys.argv[1]), sys.argv[2])))
