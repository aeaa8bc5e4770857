"""Submit, vote, approve and recall, each killed at each of their writes, and what the register says then.

A process of its own, as `failing_releases`, whose way of dying this uses. Prints JSON: what was there before the step,
what is there after it, and what each killed child left.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from governance import audit
from governance.database import open_database, reading
from safe_outputs import reviewing
from safe_outputs.store import Store
from tests.quick import be_quick
from tests.registers import new_register
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.failing_releases import ENOUGH, killed
from tests.safe_outputs.house import House, a_house, cast_vote, release_next_of, submit, the_request
from tests.safe_outputs.several import a_draft_with_everything

REQUEST = "SELECT id FROM release_request"
TABLES = (
    "release_request",
    "checker_vote",
    "request_turn",
    "release",
    "released_table",
    "request_remark",
    "audit_event",
)


def the_id(house: House) -> str:
    with house.engine.connect() as connection:
        return str(connection.scalar(text(REQUEST)))


def vote(house: House, checker: str) -> None:
    cast_vote(house, the_id(house), checker)


def recall(house: House) -> None:
    request_id = the_id(house)
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, request_id), person="cleo", reason="Wrong.", today=TODAY
        )
    )


STEPS: tuple[tuple[str, Callable[[House], object]], ...] = (
    ("submit", lambda house: submit(house, the_id(house))),
    ("vote", lambda house: vote(house, "cleo")),
    ("approve", lambda house: vote(house, "carl")),
    ("release", release_next_of),
    ("recall", recall),
)
"""In order: each begins where the one before it ended. `failing_releases` kills the release."""


def at(folder: Path) -> House:
    return House(open_database(f"sqlite:///{folder}/register.sqlite"), Store(folder / "store"), folder)


def attempt(folder: Path, step: Callable[[House], object], kill_at: int) -> int:
    """Take the step in a child that is killed at this write; its status, or the signal that ended it, negative."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        house = at(folder)
        killed(folder, house.engine, kill_at)
        step(house)
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
        os._exit(1)
    os._exit(0)


def left(folder: Path) -> dict[str, Any]:
    """The state, and how many rows each table has; the chain of audit events is whole."""
    house = at(folder)
    with reading(house.engine) as session:
        audit.verify(session)
        state = the_request(session, the_id(house)).state.value
        rows = {each: session.scalar(text(f"SELECT COUNT(*) FROM {each}")) for each in TABLES}
    house.engine.dispose()
    return {"state": state, **rows}


def furnished(folder: Path) -> Path:
    """A house with one draft for two audiences, with files and evidence."""
    folder.mkdir()
    engine = new_register(folder)
    a_draft_with_everything(a_house(engine, folder))
    engine.dispose()
    return folder


def failures(base: Path, step: Callable[[House], object]) -> dict[str, Any]:
    """What the step leaves when it is killed one write later each time, until it is not."""
    found, here = [], base.with_name("here")
    for number in range(ENOUGH):
        shutil.copytree(base, here)
        status = attempt(here, step, number)
        found.append({"status": status, "left": left(here)})
        if status == 0:
            before, after = left(base), left(here)
            shutil.rmtree(base)
            here.rename(base)
            return {"before": before, "after": after, "killed": found[:-1]}
        shutil.rmtree(here)
    raise RuntimeError("it never ended")


def every_step(folder: Path) -> dict[str, Any]:
    """All steps, one after the other, on the same request."""
    base = furnished(folder / "base")
    found = {}
    for name, step in STEPS:
        if name == "release":
            house = at(base)
            step(house)
            house.engine.dispose()
        else:
            found[name] = failures(base, step)
    return found


if __name__ == "__main__":
    be_quick()
    sys.stdout.write(json.dumps(every_step(Path(sys.argv[1]))))
