"""The checker on real data: what it computes, what it refuses, and what happens when it dies (I2, I3, I6)."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from datasets.copies import ProjectCopy, provision
from datasets.engines import Workspace, open_copy
from datasets.steward import take_in
from datasets.versions import VersionState, approve, find_version, make_available, withdraw
from disclosure_control import Ledger, consistent_release
from disclosure_control.errors import RoundingFailed
from disclosure_control.privacy import release
from disclosure_control.privacy.mechanisms import NANO
from governance import agreements, audit, projects
from governance.audit import AuditEvent
from governance.database import open_database, reading, transaction
from governance.people import Role
from governance.projects import ProjectState, PurposeClass
from safe_outputs import asking, client
from safe_outputs.answers import Answer
from safe_outputs.asking import Asker
from safe_outputs.checker import private_table, protection, worker
from safe_outputs.checker.disclosure_stage import protected_table
from safe_outputs.checker.evidence import gather
from safe_outputs.checker.ledger_record import verify_ledger
from safe_outputs.checker.worker import AnotherChecker, CheckerSettings
from safe_outputs.client import room as client_room
from safe_outputs.client.asking import Asked
from safe_outputs.client.gate import Gate
from safe_outputs.evidence import budgets, underlying
from safe_outputs.evidence.standing import standings
from safe_outputs.evidence.underlying import Underlying
from safe_outputs.models import PopulationStanding, Statistic
from safe_outputs.statistics import Condition, Crosstab, Measure, Private, PrivateKey, UnknownKeys
from safe_outputs.store import Store
from safe_outputs.transitions import StatisticState
from tests.governance.people_factory import a_person
from tests.registers import new_register
from tests.safe_outputs.factories import private_count, the_release_key

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PACKAGES = tuple((EXAMPLES.parent / ".session" / "lib").glob("python3.*/site-packages"))
COLUMNS = ["site", "plan_group", "year", "female", "medical_spending", "doctor_visits"]


@dataclass(frozen=True)
class Room:
    """A project with a copy of the real data, and a checker's settings."""

    engine: Engine
    settings: CheckerSettings
    copy: ProjectCopy

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_url, key=self.settings.ledger_key)

    def ask(self, plan: Crosstab | Private) -> str:
        with transaction(self.engine) as session:
            return asking.ask(session, Asker("ada", "wren"), plan, "the cell").id

    def work(self) -> None:
        """Answer or refuse whatever waits."""
        store = Store(self.settings.store)
        while worker.answer_next(self.engine, store, self.ledger):
            pass

    def statistic(self, statistic_id: str) -> Statistic:
        with reading(self.engine) as session:
            return asking.find_statistic(session, statistic_id, "wren")

    def answered(self, plan: Crosstab | Private) -> Answer:
        statistic_id = self.ask(plan)
        self.work()
        return asking.read_answer(Store(self.settings.store), self.statistic(statistic_id))

    def refused(self, plan: Crosstab | Private) -> dict[str, Any]:
        statistic_id = self.ask(plan)
        self.work()
        statistic = self.statistic(statistic_id)
        assert statistic.state is StatisticState.REFUSED
        assert statistic.answer is None
        assert statistic.problem is not None
        return statistic.problem


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ProjectCopy]:
    """The folder with the real data taken in, agreed and copied once; tests work on copies of its database."""
    folder = tmp_path_factory.mktemp("furnished")
    engine = new_register(folder)
    with transaction(engine) as session:
        a_person(session, "ada")
        a_person(session, "owner", Role.DATA_OWNER, organisation="RAND Corporation")
        a_person(session, "steward", Role.DATA_STEWARD)
        _a_project(session)
        version = take_in(
            session,
            EXAMPLES / "rand_hie.toml",
            folder=folder / "datasets",
            search=PACKAGES,
            secret=b"p" * 32,
            actor="steward",
        )
        approve(session, version, actor="owner")
        make_available(session, version, actor="steward")
        agreements.agree(
            session, project_id="wren", dataset="rand_hie", version=version.number, columns=COLUMNS, owner="owner"
        )
        copy = provision(session, "wren", "rand_hie", folder=folder / "copies", secret=b"c" * 32, actor="steward")
    engine.dispose()
    return folder, copy


def _a_project(session: Session) -> None:
    project = projects.create_project(
        session, project_id="wren", name="Wren", purpose="To learn", purpose_class=PurposeClass.RESEARCH, actor="ada"
    )
    for state in (ProjectState.SUBMITTED, ProjectState.AGREED, ProjectState.ACCREDITED, ProjectState.ACTIVE):
        projects.move(session, project, state, actor="panel")
    projects.add_member(session, project, "ada", actor="panel")


@pytest.fixture
def room(furnished: tuple[Path, ProjectCopy], tmp_path: Path) -> Iterator[Room]:
    folder, copy = furnished
    shutil.copy(folder / "register.sqlite", tmp_path / "register.sqlite")
    engine = open_database(f"sqlite:///{tmp_path}/register.sqlite")
    settings = CheckerSettings(
        database_url=str(engine.url),
        ledger_url=f"sqlite:///{tmp_path}/ledger.sqlite",
        store=tmp_path / "store",
        releases=tmp_path / "releases",
        lock=tmp_path / "lock",
        ledger_key=b"l" * 32,
        release_key=the_release_key,
        poll_seconds=0.01,
    )
    ledger = Ledger(settings.ledger_url, key=settings.ledger_key)
    ledger.grant("dataset:rand_hie", NANO, granted_by="owner")
    ledger.grant("project:wren/rand_hie", NANO // 10, granted_by="owner")
    yield Room(engine, settings, copy)
    engine.dispose()


BY_SITE = Crosstab(dataset="rand_hie", dimensions=("site",))
A_COUNT = private_count(NANO // 20, by="site")


def test_persons_are_counted_and_not_their_years(room: Room) -> None:
    answer = room.answered(BY_SITE)
    assert [cell.values for cell in answer.table.cells] == [(1164,), (1232,), (735,), (905,), (786,), (1090,), (5912,)]
    assert answer.table.cells[-1].codes == ("_T",)
    assert (answer.verdict, answer.provenance, answer.unit) == ("safe", "verified", "persons")
    assert answer.source.copy_digest == room.copy.digest


def test_a_boolean_is_a_dimension_and_a_sum_is_exact(room: Room) -> None:
    plan = Crosstab(
        dataset="rand_hie", dimensions=("female",), measure=Measure(column="doctor_visits", aggregate="sum")
    )
    cells = {cell.codes: cell.values for cell in room.answered(plan).table.cells}
    assert set(cells) == {("no",), ("yes",), ("_T",)}
    assert int(cells["no",][1] or 0) + int(cells["yes",][1] or 0) == cells["_T",][1] == 57752


def test_the_file_that_would_leave_is_the_table(room: Room) -> None:
    answer = room.answered(BY_SITE)
    content = Store(room.settings.store).get(answer.file.digest).decode()
    assert content.splitlines()[:2] == ["site,persons,status", "Site 1,1164,published"]


def test_a_private_count_is_charged_and_a_retry_is_the_same(room: Room) -> None:
    first = room.answered(A_COUNT)
    assert first.charge is not None
    assert first.charge.remaining == {"dataset:rand_hie": NANO * 19 // 20, "project:wren/rand_hie": NANO // 20}
    assert room.answered(A_COUNT) == first
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_a_price_above_what_is_left_is_refused_and_nothing_is_spent(room: Room) -> None:
    dear = private_count(NANO // 5)
    problem = room.refused(dear)
    assert "ρ = 0.1 left" in problem["detail"]
    assert room.ledger.spent("dataset:rand_hie") == 0


def compared(column: str, value: str) -> dict[str, Any]:
    left, right = {"op": "column", "name": column}, {"op": "number", "value": value}
    return {"op": "compare", "operator": "<", "left": left, "right": right}


def where(column: str, value: Any, operator: Any = "==") -> tuple[Condition, ...]:
    return (Condition(column=column, operator=operator, values=(value,)),)


MALFORMED: dict[str, tuple[Crosstab | Private, str]] = {
    "a missing dimension": (Crosstab(dataset="rand_hie", dimensions=("planet",)), "no column “planet”"),
    "a column that was not agreed": (Crosstab(dataset="rand_hie", dimensions=("income",)), "no column “income”"),
    "a dimension without categories": (
        Crosstab(dataset="rand_hie", dimensions=("medical_spending",)),
        "no categories",
    ),
    "the unit as a dimension": (Crosstab(dataset="rand_hie", dimensions=("person",)), "no categories"),
    "a measure that is no number": (
        Crosstab(dataset="rand_hie", dimensions=("site",), measure=Measure(column="plan_group", aggregate="mean")),
        "not a number",
    ),
    "the unit as a measure": (
        Crosstab(dataset="rand_hie", dimensions=("site",), measure=Measure(column="person", aggregate="sum")),
        "not a number",
    ),
    "a population of one person": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("person", 5)),
        "names single persons",
    ),
    "an unknown category": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("year", "Year 9")),
        "no category of “year”",
    ),
    "a constant of another type": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("year", 5)),
        "constants of that type",
    ),
    "an order where there is none": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("year", "Year 5", "<")),
        "has no order",
    ),
    "nobody in the population": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("doctor_visits", 99, ">")),
        "Nobody is in the population",
    ),
    "a constant outside of the bounds": (
        Crosstab(dataset="rand_hie", dimensions=("site",), where=where("medical_spending", 10**37, "<")),
        "within these bounds",
    ),
    "a constant that cannot be stored": (
        private_count(1, filter=compared("doctor_visits", str(2**127))),
        "too large",
    ),
    "a dataset of others": (Crosstab(dataset="tax", dimensions=("site",)), "not open to your project"),
    "a key that is not public": (
        private_count(1, by="medical_spending"),
        "no public keys",
    ),
}


@pytest.mark.parametrize("case", list(MALFORMED))
def test_what_cannot_be_computed_is_refused_with_a_sentence(room: Room, case: str) -> None:
    plan, said = MALFORMED[case]
    problem = room.refused(plan)
    assert said in problem["detail"]
    assert problem["detail"].endswith(".")
    assert problem["status"] in {403, 422}


def test_without_an_agreement_nothing_is_computed(room: Room) -> None:
    with transaction(room.engine) as session:
        agreement = agreements.agreement_in_force(session, "wren", "rand_hie")
        assert agreement is not None
        agreements.withdraw(session, agreement, owner="owner")
    assert room.refused(BY_SITE)["status"] == 403


def test_a_withdrawn_version_is_not_computed_from(room: Room) -> None:
    with transaction(room.engine) as session:
        withdraw(session, find_version(session, "rand_hie", room.copy.version), actor="owner")
    assert "not open to your project" in room.refused(BY_SITE)["detail"]


def test_a_copy_that_a_kernel_changed_is_not_computed_from(room: Room) -> None:
    """I2: whoever can write to the copy cannot change a verified number."""
    path = Path(room.copy.path)
    content = path.read_bytes()
    path.chmod(0o600)
    try:
        path.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
        assert "was changed after it was made" in room.refused(BY_SITE)["detail"]
    finally:
        path.write_bytes(content)
        path.chmod(0o440)


def test_an_unforeseen_error_tells_its_kind_and_no_data(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    """The ledger's file is a folder: the database layer fails with a text of its own, which stays inside."""
    broken = Path(room.settings.ledger_url.removeprefix("sqlite:///"))
    store, ledger = Store(room.settings.store), room.ledger
    statistic_id = room.ask(A_COUNT)
    broken.write_bytes(b"these bytes are no database: person 125024")
    for suffix in ("-wal", "-shm"):
        Path(f"{broken}{suffix}").unlink(missing_ok=True)
    ledger.close()
    assert worker.answer_next(room.engine, store, ledger)
    problem = room.statistic(statistic_id).problem
    assert problem is not None
    assert problem["status"] == 500
    assert "Nothing was released" in problem["detail"]
    assert "125024" not in json.dumps(problem) + caplog.text
    assert "DatabaseError" in caplog.text


def run_checker(settings: CheckerSettings) -> None:
    worker.run(settings, threading.Event())


def a_checker(room: Room) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=run_checker, args=(room.settings,))
    process.start()
    return process


def wait_for(room: Room, statistic_id: str, state: StatisticState) -> None:
    until = time.monotonic() + 60
    while room.statistic(statistic_id).state is not state:
        assert time.monotonic() < until, room.statistic(statistic_id).state
        time.sleep(0.01)


def test_a_checker_that_dies_in_the_middle_releases_nothing_and_goes_on_after_restart(room: Room) -> None:
    """It is killed while it waits for the ledger, which somebody else holds: in the middle of the statistic."""
    held = open_database(room.settings.ledger_url)
    checker = a_checker(room)
    wait_for(room, room.ask(BY_SITE), StatisticState.ANSWERED)
    with held.connect() as connection:
        connection.begin()
        statistic_id = room.ask(A_COUNT)
        wait_for(room, statistic_id, StatisticState.COMPUTING)
        os.kill(checker.pid, signal.SIGKILL)
        checker.join(30)
        assert room.statistic(statistic_id).state is StatisticState.COMPUTING
        assert room.statistic(statistic_id).answer is None
        connection.rollback()
    held.dispose()
    checker = a_checker(room)
    try:
        wait_for(room, statistic_id, StatisticState.ANSWERED)
    finally:
        checker.terminate()
        checker.join(30)
    assert room.statistic(statistic_id).attempts == 2
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_a_charge_without_a_stored_result_is_used_and_not_paid_again(room: Room) -> None:
    """The checker died after its charge was durable: the next one draws under the same charge."""
    first = room.answered(A_COUNT)
    with transaction(room.engine) as session:
        statistic = session.scalars(select(Statistic)).one()
        statistic.state, statistic.answer = StatisticState.COMPUTING, None
    with reading(room.engine) as session:
        assert session.scalars(select(Statistic)).one().attempts == 1
    with transaction(room.engine) as session:
        assert asking.take_up_again(session, "checker") == 1
    assert room.answered(A_COUNT).table == first.table
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_what_ends_the_checker_again_and_again_is_given_up(room: Room) -> None:
    statistic_id = room.ask(BY_SITE)
    for _ in range(asking.MAX_ATTEMPTS):
        with transaction(room.engine) as session:
            asking.take_up_again(session, "checker")
            asking.take_next(session, "checker")
    with transaction(room.engine) as session:
        asking.take_up_again(session, "checker")
    statistic = room.statistic(statistic_id)
    assert statistic.state is StatisticState.REFUSED
    assert "was given up" in str(statistic.problem)


def test_two_checkers_do_not_work_side_by_side(room: Room) -> None:
    checker = a_checker(room)
    try:
        wait_for(room, room.ask(BY_SITE), StatisticState.ANSWERED)
        with pytest.raises(AnotherChecker, match="runs on this state already"):
            worker.run(room.settings, threading.Event())
    finally:
        checker.terminate()
        checker.join(30)


def test_an_exact_table_is_on_the_ledgers_record_once_and_voids_the_epsilon(room: Room) -> None:
    room.answered(A_COUNT)
    assert room.ledger.guarantee("dataset:rand_hie").holds
    room.refused(Crosstab(dataset="rand_hie", dimensions=("planet",)))
    assert room.ledger.guarantee("dataset:rand_hie").holds
    for _ in range(2):
        room.answered(BY_SITE)
    guarantee = room.ledger.guarantee("dataset:rand_hie")
    assert not guarantee.holds
    assert (guarantee.exact_releases, guarantee.nano_rho) == (1, NANO // 20)
    assert guarantee.first_exact is not None
    assert guarantee.first_exact.what.startswith("crosstab ")
    assert guarantee.first_exact.recorded_by == "project wren"


def test_each_answer_says_what_is_promised_from_then_on_and_the_register_says_the_same(room: Room) -> None:
    def register() -> str:
        with reading(room.engine) as session:
            (found,) = standings(session, ["rand_hie"])
        return found.sentence

    private_one = room.answered(A_COUNT)
    assert "that is ε = 1.472" in private_one.standing
    assert register() == private_one.standing
    exact = room.answered(BY_SITE)
    assert exact.standing.startswith("No guarantee (ε) holds for all statistics of these persons together")
    assert register() == exact.standing
    assert private_one.noise is not None
    assert "ε = 1.472" in private_one.noise.guarantee  # its own bound, which stays


def test_exact_statistics_of_a_ledger_that_did_not_record_them_are_put_on_record(room: Room, tmp_path: Path) -> None:
    """The first release's ledger knew private statistics alone: its ε must not be said to hold."""
    room.answered(BY_SITE)
    room.answered(BY_SITE)
    exact = room.ledger.guarantee("dataset:rand_hie").first_exact
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"ledger.sqlite{suffix}").unlink(missing_ok=True)
    with transaction(room.engine) as session:
        session.execute(delete(AuditEvent).where(AuditEvent.subject == "ledger"))
    stop = threading.Event()
    stop.set()
    for _ in range(2):
        worker.run(room.settings, stop)
    with reading(room.engine) as session:
        (found,) = standings(session, ["rand_hie"])
    guarantee = room.ledger.guarantee("dataset:rand_hie")
    assert guarantee.exact_releases == 1
    assert exact is not None and guarantee.first_exact is not None
    assert (guarantee.first_exact.what, guarantee.first_exact.recorded_by) == (exact.what, exact.recorded_by)
    assert "No guarantee (ε) holds" in found.sentence


def test_what_was_asked_of_the_first_release_is_answered_by_this_one(room: Room) -> None:
    """A plan that waited in the queue while Saferoom was renewed."""
    statistic_id = room.ask(A_COUNT)
    with transaction(room.engine) as session:
        waiting = asking.find_statistic(session, statistic_id, "wren")
        waiting.plan = {
            "kind": "private_count",
            "dataset": "rand_hie",
            "by": "site",
            "groups_per_unit": 1,
            "nano_rho": NANO // 20,
            "where": [{"column": "year", "operator": "in", "values": ["Year 4", "Year 5"]}],
        }
    room.work()
    answer = asking.read_answer(Store(room.settings.store), room.statistic(statistic_id))
    assert answer.in_words == (
        "Differentially private number of persons in rand_hie, by site, each counted in one group at most, where year "
        "is one of Year 4, Year 5."
    )
    assert sum(cell.values[0] or 0 for cell in answer.table.cells) == pytest.approx(1744, abs=120)


def killed_at(settings: CheckerSettings, step: str, before: bool) -> None:
    """A checker that ends itself at a step of the ledger, before it or after."""
    taken = getattr(Ledger, step)

    def dying(*arguments: Any, **others: Any) -> Any:
        found = None if before else taken(*arguments, **others)
        os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(Ledger, step, dying)
    worker.run(settings, threading.Event())


KILLED = {
    "before it was charged": ("reserve", True, []),
    "charged, before it read": ("begin", True, ["void"]),
    "when it might have read": ("begin", False, ["committed"]),
    "before the result was stored": ("commit", True, ["committed"]),
    "when the result was stored": ("commit", False, ["committed"]),
}


@pytest.mark.parametrize("case", list(KILLED))
def test_what_a_killed_checker_charged_and_did_not_read_for_is_given_back(room: Room, case: str) -> None:
    step, before, states = KILLED[case]
    statistic_id = room.ask(A_COUNT)
    process = multiprocessing.get_context("spawn").Process(target=killed_at, args=(room.settings, step, before))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    stop = threading.Event()
    starting = threading.Timer(0.5, stop.set)
    starting.start()
    worker.run(room.settings, stop)
    starting.join()
    room.work()
    assert room.statistic(statistic_id).state is StatisticState.ANSWERED
    history = room.ledger.history("dataset:rand_hie")
    assert [str(each.state) for each in history] == (["void", "committed"] if states == ["void"] else ["committed"])
    assert room.ledger.spent("dataset:rand_hie") == room.ledger.spent("project:wren/rand_hie") == NANO // 20
    room.ledger.verify()
    with room.ledger._database.reading() as connection:
        reasons = connection.exec_driver_sql("SELECT detail FROM ledger_entry WHERE kind = 'void'").scalars().all()
    assert [json.loads(each)["reason"] for each in reasons] == (
        ["the checker stopped before it read the data"] if states == ["void"] else []
    )


def withdrawing_after(step: str, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner withdraws the version just after a step of the ledger."""
    taken = getattr(Ledger, step)

    def then_withdraw(*arguments: Any, **others: Any) -> Any:
        found = taken(*arguments, **others)
        with transaction(room.engine) as session:
            version = find_version(session, "rand_hie", room.copy.version)
            if version.state is VersionState.AVAILABLE:
                withdraw(session, version, actor="owner")
        return found

    monkeypatch.setattr(Ledger, step, then_withdraw)


def test_a_version_that_is_withdrawn_after_the_charge_is_not_read_and_not_paid(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawing_after("reserve", room, monkeypatch)
    monkeypatch.setattr(release, "bounded", lambda *_: pytest.fail("the data was read"))
    assert "not open to your project" in room.refused(A_COUNT)["detail"]
    assert room.ledger.spent("dataset:rand_hie") == 0
    (charge,) = room.ledger.history("dataset:rand_hie")
    assert charge.state == "void"
    with room.ledger._database.reading() as connection:
        reason = connection.exec_driver_sql("SELECT detail FROM ledger_entry WHERE kind = 'void'").scalar_one()
    assert json.loads(reason) == {"reason": "refused before the data was read (NotPermitted)"}


def test_a_version_that_is_withdrawn_once_reading_began_stays_paid(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can make a computation fail must not learn from it for nothing."""
    withdrawing_after("begin", room, monkeypatch)
    room.answered(A_COUNT)
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_a_retry_that_is_no_longer_allowed_gives_nothing_back_for_what_may_have_been_read(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "bounded", lambda *_: (_ for _ in ()).throw(MemoryError()))
    assert "stays charged" in room.refused(A_COUNT)["detail"]
    monkeypatch.undo()
    withdrawing_after("reserve", room, monkeypatch)
    assert "not open to your project" in room.refused(A_COUNT)["detail"]
    (charge,) = room.ledger.history("dataset:rand_hie")
    assert charge.state == "reading"
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_a_checker_that_starts_sweeps_what_a_killed_one_spilled(room: Room, tmp_path: Path) -> None:
    settings = replace(room.settings, workspace=Workspace(memory_mb=200, temp=tmp_path / "temp"))
    left = tmp_path / "temp" / ".making-killed" / "duckdb_temp_storage-0.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"spilled")
    room.ask(A_COUNT)
    stop = threading.Event()
    threading.Timer(3.0, stop.set).start()
    worker.run(settings, stop)
    assert list((tmp_path / "temp").iterdir()) == []
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


def test_a_checker_that_starts_brings_the_register_up_to_the_ledger(room: Room) -> None:
    """A register of before it kept this, or a checker that died between ledger and register."""
    room.answered(A_COUNT)
    with transaction(room.engine) as session:
        session.execute(delete(PopulationStanding))
    stop = threading.Event()
    stop.set()
    worker.run(room.settings, stop)
    with reading(room.engine) as session:
        (found,) = standings(session, ["rand_hie"])
    assert "ρ = 0.05" in found.sentence


def ended(room: Room) -> str:
    """What a checker says that does not start."""
    with pytest.raises(worker.Refusal) as told:
        worker.run(room.settings, threading.Event())
    return told.value.sentence


def test_a_checker_does_not_start_on_a_ledger_that_was_put_back(room: Room, tmp_path: Path) -> None:
    """Charges that are in the register's audit chain are missing from the old copy, which is whole by itself."""
    source, copy = sqlite3.connect(tmp_path / "ledger.sqlite"), sqlite3.connect(tmp_path / "old.sqlite")
    with closing(source), closing(copy):
        source.backup(copy)
    room.answered(A_COUNT)
    verify_ledger(room.engine, room.ledger, "checker")
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"ledger.sqlite{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.sqlite", tmp_path / "ledger.sqlite")
    room.ledger.verify()
    assert "does not hold entry" in ended(room)


def test_a_checker_does_not_start_on_a_ledger_that_was_edited(room: Room, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE ledger_balance SET granted = granted + 1 WHERE scope = 'dataset:rand_hie'")
    assert "The ledger was edited: the balance of “dataset:rand_hie”" in ended(room)


def test_a_checker_does_not_start_with_another_key(room: Room) -> None:
    room = replace(room, settings=replace(room.settings, ledger_key=b"x" * 32))
    assert "Open it with the key that it was made with" in ended(room)


def test_where_the_ledger_ends_is_recorded_when_it_has_moved(room: Room) -> None:
    def recorded() -> list[int]:
        with reading(room.engine) as session:
            return [event.detail["sequence"] for event in audit.events_about(session, "ledger")]

    for _ in range(2):
        verify_ledger(room.engine, room.ledger, "checker")
    assert recorded() == [2]  # the two grants
    room.answered(A_COUNT)
    assert recorded() == [2, room.ledger.head().sequence]


def test_earlier_exact_releases_make_a_person_look(room: Room) -> None:
    with reading(room.engine) as session:
        evidence = gather(session, Asker("ada", "wren"), "rand_hie", released_before=2)
    with open_copy(evidence.path) as connection:
        _, findings, _ = protected_table(connection, BY_SITE, evidence)
    assert [finding.verdict for finding in findings] == ["safe", "safe", "safe", "refer"]
    assert "2 other exact tables" in findings[-1].sentence


def behind(room: Room, plan: Crosstab | Private) -> tuple[Answer, Underlying | None]:
    """A statistic's answer, and what lies behind it."""
    statistic_id = room.ask(plan)
    room.work()
    statistic, store = room.statistic(statistic_id), Store(room.settings.store)
    found = None if statistic.underlying is None else underlying.read(store, statistic, plan)
    return asking.read_answer(store, statistic), found


def test_the_counts_behind_an_exact_table_are_kept_apart_from_its_answer(room: Room) -> None:
    """Checked against a query of its own: every cell has its persons, also a withheld one."""
    plan = Crosstab(
        dataset="rand_hie",
        dimensions=("site", "plan_group"),
        measure=Measure(column="medical_spending", aggregate="sum"),
    )
    answer, found = behind(room, plan)
    assert found is not None
    with open_copy(Path(room.copy.path)) as connection:
        rows = connection.execute(
            "SELECT site, plan_group, count(*), sum(spent), max(spent) FROM (SELECT site, plan_group, person, "
            "sum(medical_spending) AS spent FROM visits GROUP BY ALL) GROUP BY site, plan_group"
        ).fetchall()
    expected = {(site, group): (units, float(most / total)) for site, group, units, total, most in rows}
    counted = {each.codes: each for each in found.cells if "_T" not in each.codes}
    assert {codes: each.units for codes, each in counted.items() if each.units} == {
        codes: units for codes, (units, _) in expected.items()
    }
    for codes, (_, share) in expected.items():
        assert counted[codes].shares[0] == pytest.approx(share, abs=1e-4)
        assert list(counted[codes].shares) == sorted(counted[codes].shares)
    assert [each.codes for each in found.cells] == [cell.codes for cell in answer.table.cells]


def test_the_hash_of_counts_tells_nothing_to_who_tries_all_counts(room: Room) -> None:
    """The same counts, kept twice, have two hashes."""
    store, hashes = Store(room.settings.store), []
    for _ in range(2):
        statistic_id = room.ask(BY_SITE)
        room.work()
        hashes.append(room.statistic(statistic_id).underlying)
    first, second = (Underlying.model_validate_json(store.get(str(each))) for each in hashes)
    assert first.cells == second.cells
    assert first.salt != second.salt
    assert hashes[0] != hashes[1]


def test_nothing_lies_behind_a_private_statistic_or_its_preview(room: Room) -> None:
    for plan in (A_COUNT, A_COUNT.model_copy(update={"preview": True})):
        statistic_id = room.ask(plan)
        room.work()
        assert room.statistic(statistic_id).answer is not None
        assert room.statistic(statistic_id).underlying is None


def test_what_is_left_of_the_budgets_is_told_to_the_register(room: Room) -> None:
    scopes = ("dataset:rand_hie", "project:wren/rand_hie")
    for again in (False, True):
        room.answered(private_count(NANO // 20, by="site" if again else None))
        with reading(room.engine) as session:
            found = budgets.left_now(session, [*scopes, "person:ada/rand_hie"])
        assert {name: left.nano_rho for name, left in found.items()} == {
            name: room.ledger.remaining(name) for name in scopes
        }


def test_the_rules_of_findings_stand_on_their_cells(room: Room) -> None:
    answer = room.answered(Crosstab(dataset="rand_hie", dimensions=("site", "year", "plan_group")))
    assert {cell.status for cell in answer.table.cells} == {"published", "primary", "secondary"}
    for cell in answer.table.cells:
        assert ("threshold" in cell.marks) == (cell.status == "primary")
        assert ("secondary suppression" in cell.marks) == (cell.status == "secondary")
    counted = {each.rule: sum(each.rule in cell.marks for cell in answer.table.cells) for each in answer.findings}
    said = {each.rule: int(each.value.split()[0]) for each in answer.findings if each.value[0].isdigit()}
    assert counted["threshold"] == said["threshold"] > 0
    assert counted["secondary suppression"] == said["secondary suppression"] > 0


def test_a_refused_constant_costs_nothing(room: Room) -> None:
    """Whether a comparison can be made must not depend on the data, and is known before anything is charged."""
    room.refused(private_count(1000, filter=compared("medical_spending", str(10**37))))
    assert room.ledger.spent("dataset:rand_hie") == 0


def test_a_private_count_by_groups_says_what_its_bound_leaves_out(room: Room) -> None:
    answer = room.answered(private_count(NANO // 20, by="year"))
    assert answer.noise is not None
    assert "Each person counts in one group at most" in answer.noise.bound
    assert "each counted in one group at most" in answer.in_words
    assert answer.noise.bound in answer.findings[0].sentence


def test_a_table_that_nobody_can_review_is_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "MAX_CELLS", 5)
    assert "nobody can review more than 5" in room.refused(BY_SITE)["detail"]


def test_the_same_private_plan_on_a_new_version_is_computed_anew(room: Room) -> None:
    """The stored counts belong to the version that they were drawn from."""
    room.answered(A_COUNT)
    with transaction(room.engine) as session:
        agreement = agreements.agreement_in_force(session, "wren", "rand_hie")
        assert agreement is not None
        agreement.version += 1
    with transaction(room.engine) as session:
        again = asking.ask(session, Asker("ada", "wren"), A_COUNT, "the cell")
        assert again.state is StatisticState.ASKED


def test_small_cells_cannot_be_had_back_from_totals(room: Room) -> None:
    """I4: in every row and column that has a withheld cell there are at least two."""
    plan = Crosstab(
        dataset="rand_hie",
        dimensions=("site", "plan_group"),
        measure=Measure(column="medical_spending", aggregate="mean"),
        where=(Condition(column="year", operator="in", values=("Year 4", "Year 5")),),
    )
    answer = room.answered(plan)
    withheld = [cell for cell in answer.table.cells if cell.status != "published"]
    assert answer.verdict == "refer"
    assert [cell.status for cell in withheld].count("primary") == 4
    assert len(withheld) == 8
    assert all(cell.reason and set(cell.values) == {None} for cell in withheld)
    for place in (0, 1):
        lines = [cell.codes[place] for cell in withheld]
        assert min(map(lines.count, lines)) > 1
    assert len({each.sentence for each in answer.findings}) == len(answer.findings)


def test_along_years_in_which_persons_recur_there_is_no_total(room: Room) -> None:
    codes = {
        cell.codes for cell in room.answered(Crosstab(dataset="rand_hie", dimensions=("year", "site"))).table.cells
    }
    assert ("Year 1", "_T") in codes
    assert all(year != "_T" for year, _ in codes)


def test_what_an_attack_opens_is_not_answered(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """I3: the suppressor's word is not taken for it."""
    monkeypatch.setattr(protection, "passes", lambda table: False)
    assert "Nothing was released" in room.refused(BY_SITE)["detail"]


# ------------------------------------------------------------------------------------------------- private statistics

SPENDING = {"op": "column", "name": "medical_spending"}


def private(measures: list[dict[str, Any]], nano_rho: int = NANO // 20, **facts: Any) -> Private:
    return Private(dataset="rand_hie", measures=tuple(measures), price={"kind": "rho", "nano_rho": nano_rho}, **facts)


def test_several_measures_at_one_price_with_their_intervals(room: Room) -> None:
    plan = private(
        [
            {"kind": "mean", "name": "mean_spending", "of": SPENDING},
            {"kind": "count_rows", "name": "records"},
            {"kind": "quantile", "name": "median", "of": {"op": "clamp", "of": SPENDING, "lower": "0", "upper": "500"}},
        ],
        by=(PrivateKey(name="female", of={"op": "column", "name": "female"}),),
        rows_per_unit=5,
    )
    answer = room.answered(plan)
    assert [cell.codes for cell in answer.table.cells] == [("no",), ("yes",)]
    assert [(each.name, each.unit, each.decimals) for each in answer.table.measures] == [
        ("mean_spending", "US dollars", 3),
        ("records", None, 0),
        ("median", None, 0),
    ]
    for cell in answer.table.cells:
        mean, records, median = cell.values
        assert mean is not None and records is not None and median is not None
        inside, around, none = cell.ranges
        assert inside is not None and inside[0] < 200 < inside[1] and around is not None and none is None
        assert 9000 < records < 11_000 and 0 <= median <= 500
    assert "mean of medical_spending, number of records" in answer.in_words
    assert answer.noise is not None and len(answer.noise.errors) == 3
    assert answer.noise.errors[0].words.endswith("US dollars if a group has 1,000 records")
    assert [each.basis for each in answer.noise.errors] == ["any data", "any data", "dummy data"]
    assert re.fullmatch(
        r"± [\d.]+ if a group has 1,000 records whose values are spread evenly between their bounds, and whatever the "
        r"data is, [\d.]+ more records on the wrong side of the median than best",
        answer.noise.errors[2].words,
    )
    header = Store(room.settings.store).get(answer.file.digest).decode().splitlines()[0]
    assert header.startswith("female,mean_spending,records,median,mean_spending_low,mean_spending_high,records_low")


def test_a_preview_that_waits_is_not_put_into_the_queue_twice(room: Room) -> None:
    preview = A_COUNT.model_copy(update={"preview": True})
    first = room.ask(preview)
    assert room.ask(preview) == first
    room.work()
    assert room.ask(preview) != first, "what is left may have changed"
    assert room.ask(A_COUNT) != room.ask(preview)


def test_a_preview_is_free_made_up_and_cannot_leave(room: Room) -> None:
    preview = A_COUNT.model_copy(update={"preview": True})
    answer = room.answered(preview)
    assert answer.verdict == "blocked" and answer.charge is None
    assert answer.preview is not None and answer.preview.fits
    assert answer.preview.nano_rho == NANO // 20
    assert answer.preview.remaining == {"dataset:rand_hie": NANO, "project:wren/rand_hie": NANO // 10}
    assert "made up" in answer.findings[0].sentence
    assert room.ledger.spent("dataset:rand_hie") == 0
    assert max(cell.values[0] or 0 for cell in answer.table.cells) < 600, "nothing of the 1,232 persons of Site 2"
    room.answered(A_COUNT)
    assert room.answered(preview).preview.remaining["dataset:rand_hie"] == NANO * 19 // 20  # type: ignore[union-attr]


def test_a_wanted_accuracy_is_priced(room: Room) -> None:
    wanted = {"kind": "accuracy", "measure": "count_units", "error": "30"}
    answer = room.answered(A_COUNT.model_copy(update={"price": wanted}))
    assert answer.charge is not None and answer.charge.nano_rho < NANO // 20
    assert answer.noise is not None and answer.noise.errors[0].error == 30


def test_a_price_above_what_is_left_says_what_would_fit(room: Room) -> None:
    problem = room.refused(private_count(NANO // 5, by="site"))
    assert "the same question is answered with 95 % errors of: “count_units” within ± 5" in problem["detail"]


def test_a_preview_of_what_is_too_dear_says_what_would_fit_and_is_free(room: Room) -> None:
    dear = private_count(NANO // 5, by="site", groups_per_unit=3).model_copy(update={"preview": True})
    answer = room.answered(dear)
    assert answer.preview is not None and not answer.preview.fits
    assert "the same question is answered with 95 % errors" in answer.findings[0].fix
    assert "With groups_per_unit=1" in answer.findings[0].fix
    assert room.ledger.spent("dataset:rand_hie") == 0


def test_a_regression_is_a_table_of_coefficients(room: Room) -> None:
    visits = {"op": "clamp", "of": {"op": "column", "name": "doctor_visits"}, "lower": "0", "upper": "20"}
    spending = {"op": "clamp", "of": SPENDING, "lower": "0", "upper": "1000"}
    plan = private(
        [{"kind": "regression", "name": "line", "of": spending, "on": [visits]}], NANO // 10, rows_per_unit=5
    )
    answer = room.answered(plan)
    assert answer.table.cells[0].codes[0] == "(intercept)"
    assert answer.noise is not None
    assert [each.measure for each in answer.noise.errors] == [
        "line: (intercept)",
        f"line: {answer.table.cells[1].codes[0]}",
    ]
    assert all(each.error and each.basis == "dummy data" for each in answer.noise.errors)
    assert "whose values are spread evenly between their bounds" in answer.noise.errors[1].words
    slope = answer.table.cells[1]
    assert slope.values[0] is not None and 20 < slope.values[0] < 50
    assert slope.values[1] is not None and slope.ranges[0] is not None


def test_a_regression_that_would_have_no_coefficients_says_so_before_it_is_paid(room: Room) -> None:
    line = {"kind": "regression", "name": "line", "of": SPENDING, "on": [{"op": "column", "name": "doctor_visits"}]}
    answer = room.answered(private([line], 1000, preview=True))
    assert answer.noise is not None
    (found,) = answer.noise.errors
    assert found.error is None and "no coefficients, since at this price the noise would leave none" in found.words


def test_a_regression_beside_others_is_refused_before_it_is_paid(room: Room) -> None:
    line = {"kind": "regression", "name": "line", "of": SPENDING, "on": [{"op": "column", "name": "doctor_visits"}]}
    both = private([line, {"kind": "count_rows", "name": "n"}])
    assert "A regression is a statistic by itself" in room.refused(both)["detail"]
    assert room.ledger.spent("dataset:rand_hie") == 0


def test_a_measure_that_the_policy_does_not_name_is_refused(room: Room) -> None:
    assert "No release policy knows" in room.refused(private([{"kind": "histogram", "name": "h"}]))["detail"]


def test_a_question_that_is_no_plan_is_refused_and_costs_nothing(room: Room) -> None:
    room.refused(private([{"kind": "count_units", "name": "n", "sql": "1; DROP TABLE visits"}]))
    room.refused(private([{"kind": "count_units", "name": "n"}], filter={"op": "eval", "code": "1"}))
    room.refused(private([{"kind": "sum", "name": "s", "of": {"op": "column", "name": "person"}}]))
    assert room.ledger.spent("dataset:rand_hie") == 0


# --------------------------------------------------------------------------------------------- keys that are not public

VISITS_KEY = PrivateKey(name="visits", of={"op": "column", "name": "doctor_visits"})


def by_visits(nano_rho: int = NANO // 20, nano_delta: int = 1000, **facts: Any) -> Private:
    counted = [{"kind": "count_units", "name": "count_units"}]
    return private(counted, nano_rho, by=(VISITS_KEY,), unknown_keys=UnknownKeys(nano_delta=nano_delta), **facts)


def test_of_keys_that_are_not_public_those_are_told_of_that_enough_have(room: Room) -> None:
    answer = room.answered(by_visits())
    threshold = int(re.findall(r"noisy number of persons is (\d+) or more", answer.noise.bound)[0])  # type: ignore[union-attr]
    told = {cell.codes[0]: cell.values[0] for cell in answer.table.cells}
    assert "0" in told and len(told) > 3, "many persons have a year without a visit"
    assert all(value is not None and value >= threshold for value in told.values())
    assert len(told) < 40, "and few have more than forty visits"
    assert list(map(int, told)) == sorted(map(int, told)), "the order is that of the values, and tells nothing"
    assert "(those values that enough persons have)" in answer.in_words
    assert Store(room.settings.store).get(answer.file.digest).decode().count("\n") == 1 + len(told)


def test_what_keys_that_are_not_public_cost_in_delta_is_charged_and_shown(room: Room) -> None:
    answer = room.answered(by_visits())
    assert answer.charge is not None and answer.noise is not None
    assert answer.charge.nano_delta == 1000
    assert answer.charge.remaining_delta["dataset:rand_hie"] == room.ledger.remaining_delta("dataset:rand_hie")
    assert room.ledger.guarantee("dataset:rand_hie").nano_delta == 1000
    assert "and δ = 0.000001 for keys that are not public, that is ε = 1.472 at δ = 2e-06" in answer.noise.guarantee
    assert "threshold" in answer.noise.mechanism
    assert "Each person counts in one group at most" in answer.noise.bound
    assert room.answered(by_visits()) == answer
    assert room.ledger.guarantee("dataset:rand_hie").nano_delta == 1000, "a retry costs nothing"


def test_where_no_key_is_told_of_the_answer_is_an_empty_table(room: Room) -> None:
    answer = room.answered(by_visits(nano_rho=100))
    assert answer.table.cells == () and answer.verdict == "safe"
    assert Store(room.settings.store).get(answer.file.digest).decode() == "visits,count_units,status\n"


def test_a_delta_above_its_limit_is_refused_and_costs_nothing(room: Room) -> None:
    dear = by_visits(nano_delta=room.ledger.remaining_delta("dataset:rand_hie") + 1)
    assert "left of its limit" in room.refused(dear)["detail"]
    preview = room.answered(dear.model_copy(update={"preview": True}))
    assert preview.preview is not None and not preview.preview.fits
    assert "left of its limit" in preview.findings[0].fix
    assert room.ledger.spent("dataset:rand_hie") == 0


def test_a_key_that_is_not_public_needs_bounds_and_no_list(room: Room) -> None:
    listed = PrivateKey(name="visits", of={"op": "column", "name": "doctor_visits"}, values=("1", "2"))
    assert "either listed or unknown" in room.refused(by_visits().model_copy(update={"by": (listed,)}))["detail"]
    assert "unknown keys need a key" in room.refused(by_visits().model_copy(update={"by": ()}))["detail"]
    unit = PrivateKey(name="who", of={"op": "column", "name": "person"})
    assert "no column person" in room.refused(by_visits().model_copy(update={"by": (unit,)}))["detail"]
    assert room.ledger.spent("dataset:rand_hie") == 0


# ------------------------------------------------------------------------------------------------- totals that add up

SITE_AND_SEX = tuple(PrivateKey(name=each, of={"op": "column", "name": each}) for each in ("site", "female"))


def with_totals(measure: str = "count_units", nano_rho: int = NANO // 20, **facts: Any) -> Private:
    return private([{"kind": measure, "name": "n"}], nano_rho, **({"by": SITE_AND_SEX, "margins": True} | facts))


def require_adding_up(answer: Answer) -> None:
    cells = {cell.codes: cell.values[0] for cell in answer.table.cells}
    sites, sexes = (list(dict.fromkeys(codes[place] for codes in cells)) for place in (0, 1))
    assert sites[-1] == sexes[-1] == "_T" and len(cells) == len(sites) * len(sexes) == 7 * 3
    assert all(isinstance(value, int) and value >= 0 for value in cells.values())
    for site in sites:
        assert sum(cells[site, sex] or 0 for sex in sexes[:-1]) == cells[site, "_T"]
    for sex in sexes:
        assert sum(cells[site, sex] or 0 for site in sites[:-1]) == cells["_T", sex]


@pytest.mark.parametrize("nano_rho", [NANO // 20, NANO // 100_000])
def test_a_private_table_with_totals_adds_up(room: Room, nano_rho: int) -> None:
    """At a good price, and where noise is larger than the table."""
    answer = room.answered(with_totals(nano_rho=nano_rho))
    require_adding_up(answer)
    for cell in answer.table.cells:
        (inside,) = cell.ranges
        assert inside is not None and 0 <= inside[0] <= (cell.values[0] or 0) <= inside[1]
    assert answer.charge is not None and answer.charge.nano_rho == nano_rho
    assert room.ledger.spent("dataset:rand_hie") == nano_rho
    assert answer.table.measures[0].label == "Persons (with noise, made to add up)"
    assert "with totals that add up" in answer.in_words
    assert [each.rule for each in answer.findings] == ["differential privacy", "totals add up"]
    assert room.answered(with_totals(nano_rho=nano_rho)) == answer


def test_the_accuracy_of_a_table_with_totals_is_told_before_and_kept_after(room: Room) -> None:
    before = room.answered(with_totals(preview=True))
    require_adding_up(before)
    answer = room.answered(with_totals())
    assert before.noise is not None and answer.noise is not None
    (error,) = answer.noise.errors
    assert before.noise.errors == (error,) and error.error is not None
    assert re.fullmatch(
        r"± [\d.]+ persons in every cell once they add up \(as drawn, ± [\d.]+\), before negative and broken numbers "
        "are made whole",
        error.words,
    )
    drawn_error = float(re.findall(r"as drawn, ± ([\d.]+)", error.words)[0])
    assert error.error < drawn_error, "least squares makes every cell more exact"
    exact = {
        cell.codes: cell.values[0]
        for cell in room.answered(Crosstab(dataset="rand_hie", dimensions=("site", "female"))).table.cells
    }
    off = [abs((cell.values[0] or 0) - (exact[cell.codes] or 0)) for cell in answer.table.cells]
    assert max(off) < 3 * drawn_error


def test_only_noisy_numbers_are_made_to_add_up(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes them add up is given the release's answers, and no connection to the data."""
    given: list[Any] = []

    def seen(asked: Any, released: Any, measure: str) -> Any:
        given.append(released)
        return consistent_release(asked, released, measure)

    monkeypatch.setattr(private_table, "consistent_release", seen)
    answer = room.answered(with_totals())
    (released,) = given
    assert set(vars(released)) == {"plan", "nano_rho", "nano_delta", "keys", "codes", "answers", "fits", "charge"}
    assert answer.charge is not None
    assert released.to_bytes() == room.ledger.history("dataset:rand_hie")[-1].result


def test_a_table_that_is_not_proven_to_add_up_is_kept_and_a_retry_is_free(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise RoundingFailed("No such table was found in time.")

    with monkeypatch.context() as slow:
        slow.setattr(private_table, "consistent_release", fail)
        problem = room.refused(with_totals())
    assert problem["detail"].startswith("No such table was found in time. The noisy cells are paid for and kept")
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20
    require_adding_up(room.answered(with_totals()))
    assert room.ledger.spent("dataset:rand_hie") == NANO // 20


REFUSED_TOTALS: dict[str, tuple[dict[str, Any], str]] = {
    "of a mean": ({"measures": ({"kind": "mean", "name": "m", "of": SPENDING},)}, "Only counts have totals"),
    "over nothing": ({"by": ()}, "Totals need a key"),
    "of persons in several groups": ({"groups_per_unit": 2}, "several times in their totals"),
    "of keys that are not public": ({"unknown_keys": UnknownKeys()}, "have no totals"),
    "by a key that is called as a column of the result": (
        {"by": (PrivateKey(name="deviation", of={"op": "column", "name": "site"}),)},
        "A key is called “deviation”",
    ),
}


@pytest.mark.parametrize("case", REFUSED_TOTALS)
def test_totals_that_do_not_add_up_are_refused_and_cost_nothing(room: Room, case: str) -> None:
    facts, sentence = REFUSED_TOTALS[case]
    for preview in (False, True):
        assert sentence in room.refused(with_totals().model_copy(update=facts | {"preview": preview}))["detail"]
    assert room.ledger.spent("dataset:rand_hie") == 0


def test_what_the_first_notebook_asks_privately_is_answered_and_shown(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the client's questions, as they stand in the notebook, to what it shows of the checker's answers."""
    room.ledger.grant("project:wren/rand_hie", NANO, granted_by="owner")
    monkeypatch.setattr(client.private, "ask", lambda make: Asked("s-1", room.answered(make())))
    monkeypatch.setattr(client_room, "_present", [client_room.Room(Gate("nowhere"), {})])
    visits = client_room.Source(
        {"name": "rand_hie", "table": "visits", "columns": [{"name": each} for each in COLUMNS]}
    )
    cells = json.loads((EXAMPLES / "first_release.ipynb").read_text(encoding="utf-8"))["cells"]
    asked = [
        eval(line, {"so": client, "visits": visits})  # noqa: S307 - our own notebook
        for cell in cells
        for line in ["".join(cell["source"]).removeprefix("count = ").removesuffix("\ncount")]
        if line.startswith("so.private")
    ]
    shown = [(each.verdict, repr(each), each._repr_html_(), len(each.frame)) for each in asked]
    assert [verdict for verdict, *_ in shown] == ["blocked", "safe", "safe", "blocked", "safe", "safe"]
    assert "evenly between their bounds, and whatever the data is" in shown[3][1]
    assert "made to add up" in shown[4][1] and shown[4][2].count("<svg") == 2 and shown[4][3] == 7 * 3
    assert "ρ = 0.05 and δ = 1e-06 paid" in shown[5][1] and shown[5][3] > 3
