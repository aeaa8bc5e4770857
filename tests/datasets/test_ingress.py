"""Requests to bring something in: who may do what when, what is logged, what is delivered, whatever dies on the way."""

import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from datasets.errors import DamagedFile, WrongState
from datasets.ingress import delivery, requests
from datasets.ingress.delivery import deliver, project_folder, resume_all, share
from datasets.ingress.errors import NotTaken, NotWritten, NotYours, UnknownIngress
from datasets.ingress.limits import limit
from datasets.ingress.models import IngressRequest
from datasets.ingress.scan import File
from datasets.ingress.states import IN_WORDS, MOVES, OWNERS, Action, IngressState, Mover
from governance import audit
from governance.audit import AuditEvent
from governance.database import open_database, reading, transaction
from governance.errors import SaferoomError
from governance.people import Person
from governance.projects import Membership, ProjectState, find_project, move
from safe_outputs.store import Store
from tests.governance.people_factory import FAR, a_person
from tests.safe_outputs.factories import CAST, TODAY
from tests.safe_outputs.house import House, a_house

S = IngressState
CODE = File("clean.py", b"import pandas\n")
CODES = File("codes.csv", b"code,name\n1,one\n")


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> House:
    return a_house(engine, tmp_path)


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


def a_request(house: House, *files: File, author: str = "rosa", project: str = "heron", purpose: str = "Codes.") -> str:
    """The id of rosa's request, scanned."""
    return requests.bring_in(
        house.engine,
        house.store,
        author=author,
        project=project,
        purpose=purpose,
        files=files or (CODE, CODES),
        today=TODAY,
    )


def accept(house: House, request_id: str, **changes: Any) -> None:
    def step(session) -> None:
        request = session.get(IngressRequest, request_id)
        facts = {"steward": "stan", "seen": request.content_hash, "reason": "Codes of a classification."}
        requests.accept(session, house.store, request, today=TODAY, **{**facts, **changes})

    house.do(step)


def decline(house: House, request_id: str, steward: str = "stan", reason: str = "Too much.") -> None:
    house.do(
        lambda session: requests.decline(
            session, session.get_one(IngressRequest, request_id), steward=steward, reason=reason, today=TODAY
        )
    )


def withdraw(house: House, request_id: str, author: str = "rosa") -> None:
    house.do(
        lambda session: requests.withdraw(
            session, session.get_one(IngressRequest, request_id), author=author, today=TODAY
        )
    )


def state_of(house: House, request_id: str) -> IngressState:
    with reading(house.engine) as session:
        return session.get_one(IngressRequest, request_id).state


def events(house: House, request_id: str) -> list[str]:
    with reading(house.engine) as session:
        audit.verify(session)
        return [each.action for each in audit.events_about(session, f"ingress:{request_id}")]


def in_state(house: House, incoming: Path, state: IngressState) -> str:
    """A request that came to this state by the steps that lead there."""
    request_id = a_request(house)
    match state:
        case S.ASKED:
            house.do(lambda session: setattr(session.get(IngressRequest, request_id), "state", S.ASKED))
        case S.DECLINED:
            decline(house, request_id)
        case S.WITHDRAWN:
            withdraw(house, request_id)
        case S.ACCEPTED | S.DELIVERED:
            accept(house, request_id)
    if state is S.DELIVERED:
        deliver(house.engine, house.store, incoming, request_id)
    return request_id


# ---------------------------------------------------------------------------------------------- states and roles

POSSIBLE: dict[Action, dict[IngressState, set[str]]] = {
    Action.SCAN: {S.ASKED: {"saferoom"}},
    Action.TURN_AWAY: {S.ASKED: {"saferoom"}},
    Action.ACCEPT: {S.SCANNED: {"stan"}},
    Action.DECLINE: {S.SCANNED: {"stan"}},
    Action.DELIVER: {S.ACCEPTED: {"saferoom"}},
    Action.WITHDRAW: {S.ASKED: {"rosa"}, S.SCANNED: {"rosa"}},
}
"""Who may take which step in which state; everybody else, and every other state, is refused."""

EVERYBODY = [*CAST, "rob", "mallory", "saferoom"]


def test_the_whole_table_of_states_and_people(house: House, incoming: Path) -> None:
    """rob is another member of the project; mallory is in no register."""
    house.do(_add_rob)
    for state in S:
        request_id = in_state(house, incoming, state)
        for action, who in product(Action, EVERYBODY):
            with reading(house.engine) as session:
                request = session.get_one(IngressRequest, request_id)
                reason = requests.why_not(session, request, who, action, TODAY)
            allowed = who in POSSIBLE[action].get(state, set())
            assert (reason is None) == allowed, (state, action, who, reason)
            assert reason is None or reason.endswith("."), reason


def _add_rob(session) -> None:
    a_person(session, "rob")
    session.flush()
    session.add(Membership(project_id="heron", person_name="rob"))


def test_every_state_has_an_owner_and_words_and_is_reached() -> None:
    assert set(OWNERS) == set(IN_WORDS) == set(S)
    assert {move.after for move in MOVES.values()} == set(S) - {S.ASKED}
    for state, owner in OWNERS.items():
        movers = {move.mover for move in MOVES.values() if state in move.before} - {Mover.AUTHOR}
        assert movers == ({owner} if owner is not Mover.NOBODY else set())


STEPS: dict[str, Callable[[House, str, str], None]] = {
    "accept": lambda house, request_id, who: accept(house, request_id, steward=who),
    "decline": lambda house, request_id, who: decline(house, request_id, steward=who),
    "withdraw": lambda house, request_id, who: withdraw(house, request_id, author=who),
}


def _put_aside(request_id: str, session) -> None:
    session.get(IngressRequest, request_id).state = S.WITHDRAWN


@pytest.mark.parametrize("step", STEPS)
def test_the_steps_keep_to_the_table(house: House, incoming: Path, step: str) -> None:
    """A refused step changes nothing and leaves no event."""
    for state, who in product(S, EVERYBODY):
        if who in POSSIBLE[Action(step)].get(state, set()):
            continue
        request_id = in_state(house, incoming, state)
        before = events(house, request_id)
        with pytest.raises((NotYours, WrongState)):
            STEPS[step](house, request_id, who)
        assert (state_of(house, request_id), events(house, request_id)) == (state, before)
        house.do(partial(_put_aside, request_id))


def test_a_steward_of_the_project_decides_nothing(house: House) -> None:
    """Members are researchers; were a steward one, the rule holds all the same (I9)."""
    request_id = a_request(house)
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="stan")))
    with pytest.raises(NotYours, match="another data steward"):
        accept(house, request_id)


@pytest.mark.parametrize(
    ("who", "may"), [("rosa", True), ("stan", True), ("rui", False), ("cleo", False), ("otto", False), ("olga", False)]
)
def test_only_the_projects_people_and_stewards_see_it(house: House, who: str, may: bool) -> None:
    request_id = a_request(house)
    with reading(house.engine) as session:
        if may:
            assert requests.find_ingress(session, request_id, who, TODAY).id == request_id
        else:
            with pytest.raises(NotYours, match="Only the people of the project"):
                requests.find_ingress(session, request_id, who, TODAY)


def test_nobody_without_accreditation_sees_it(house: House) -> None:
    request_id = a_request(house)
    house.do(lambda session: setattr(session.get(Person, "rosa"), "accredited_until", FAR.replace(year=2020)))
    with reading(house.engine) as session:
        with pytest.raises(NotYours, match="accreditation ended"):
            requests.find_ingress(session, request_id, "rosa", TODAY)
        with pytest.raises(UnknownIngress):
            requests.find_ingress(session, "i-0", "stan", TODAY)


# ---------------------------------------------------------------------------------------------- asking


@pytest.mark.parametrize(
    ("author", "project", "said"),
    [("rui", "heron", "You do not belong"), ("stan", "heron", "Only researchers"), ("mallory", "heron", "not in the")],
)
def test_only_the_projects_people_bring_in(house: House, author: str, project: str, said: str) -> None:
    with pytest.raises(NotYours, match=said):
        a_request(house, author=author, project=project)


def test_nothing_is_examined_of_who_may_not(house: House) -> None:
    with pytest.raises(NotYours):
        a_request(house, File("bomb.csv", b"PK\x03\x04"), author="rui")


def test_a_refused_file_is_not_kept_and_the_refusal_is_logged_without_names(house: House) -> None:
    content = b"PK\x03\x04 the income of person 4711"
    with pytest.raises(NotTaken, match="an archive"):
        a_request(house, CODE, File("4711.csv", content))
    with reading(house.engine) as session:
        assert session.query(IngressRequest).count() == 0
        (event,) = [each for each in session.query(AuditEvent) if each.action == "ingress.refused"]
    assert event.detail["files"][1] == [hashlib.sha256(content).hexdigest(), len(content)]
    assert "4711" not in json.dumps(event.detail["files"][0]) and ".csv" not in json.dumps(event.detail)
    assert not [path for path in house.folder.joinpath("store").rglob("*") if path.is_file()]


@pytest.mark.parametrize(("purpose", "said"), [("  ", "Say what"), ("x" * 2_001, "Say it shorter")])
def test_a_purpose_in_words_is_needed(house: House, purpose: str, said: str) -> None:
    with pytest.raises(NotTaken, match=said):
        a_request(house, purpose=purpose)


def test_the_queue_of_a_project_has_an_end(house: House) -> None:
    for _ in range(limit("waiting")):
        a_request(house)
    with pytest.raises(NotYours, match="wait already"):
        a_request(house)


def test_a_stored_file_that_was_changed_is_not_scanned(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.ASKED)
    _tamper(house, CODE)
    with pytest.raises(SaferoomError, match="changed"):
        house.do(lambda session: requests.scan(session, house.store, session.get_one(IngressRequest, request_id)))
    assert state_of(house, request_id) is S.ASKED


def _tamper(house: House, file: File) -> None:
    digest = hashlib.sha256(file.content).hexdigest()
    path = house.folder / "store" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(b"import os; os.system('evil')\n")


def test_rules_that_became_stricter_turn_a_waiting_request_away(house: House, incoming: Path, monkeypatch) -> None:
    request_id = in_state(house, incoming, S.ASKED)
    monkeypatch.setattr(requests, "refusals", lambda _files: ("“clean.py” is not taken any more.",))
    assert resume_all(house.engine, house.store, incoming) == 0
    with reading(house.engine) as session:
        found = session.get_one(IngressRequest, request_id)
        assert (found.state, found.reason) == (S.DECLINED, "“clean.py” is not taken any more.")


# ---------------------------------------------------------------------------------------------- deciding


@pytest.mark.parametrize("seen", ["", "0" * 64])
def test_a_steward_accepts_what_she_saw_and_nothing_else(house: House, seen: str) -> None:
    request_id = a_request(house)
    with pytest.raises(WrongState, match="not what you saw"):
        accept(house, request_id, seen=seen)


def test_words_or_files_that_change_behind_the_steward_are_not_accepted(house: House) -> None:
    request_id = a_request(house)
    house.do(lambda session: setattr(session.get(IngressRequest, request_id), "purpose", "Another purpose."))
    with pytest.raises(WrongState, match="not what you saw"):
        accept(house, request_id)


@pytest.mark.parametrize("reason", ["", " \n", "x" * 2_001])
def test_a_decision_has_a_reason(house: House, reason: str) -> None:
    request_id = a_request(house)
    with pytest.raises(NotTaken):
        accept(house, request_id, reason=reason)
    with pytest.raises(NotTaken):
        decline(house, request_id, reason=reason)
    assert state_of(house, request_id) is S.SCANNED


def test_nothing_comes_into_a_project_that_is_paused(house: House, incoming: Path) -> None:
    waiting, accepted = a_request(house), in_state(house, incoming, S.ACCEPTED)
    house.do(lambda session: move(session, find_project(session, "heron"), ProjectState.PAUSED, actor="operator"))
    with pytest.raises(WrongState, match="paused, not active"):
        accept(house, waiting)
    with pytest.raises(WrongState, match="paused, not active"):
        deliver(house.engine, house.store, incoming, accepted)
    assert not (incoming / "heron" / accepted).exists()
    house.do(lambda session: move(session, find_project(session, "heron"), ProjectState.ACTIVE, actor="operator"))
    assert resume_all(house.engine, house.store, incoming) == 0
    assert state_of(house, accepted) is S.DELIVERED


# ---------------------------------------------------------------------------------------------- delivering


def test_a_delivery_is_read_only_and_says_what_it_is(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)
    folder = deliver(house.engine, house.store, incoming, request_id)
    assert folder == incoming / "heron" / request_id
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        ["clean.py", "codes.csv", "manifest.json"], 0o440
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o550
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o750
    assert (folder / "clean.py").read_bytes() == CODE.content
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["asked_by"] == "rosa" and manifest["accepted_by"] == "stan"
    assert [each["sha256"] for each in manifest["files"]] == [
        hashlib.sha256(each.content).hexdigest() for each in (CODE, CODES)
    ]
    with reading(house.engine) as session:
        recorded = session.get_one(IngressRequest, request_id).manifest
    assert recorded == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_every_step_leaves_its_event(house: House, incoming: Path) -> None:
    delivered = in_state(house, incoming, S.DELIVERED)
    assert events(house, delivered) == ["ingress.asked", "ingress.scanned", "ingress.accepted", "ingress.delivered"]
    assert events(house, in_state(house, incoming, S.DECLINED))[-1] == "ingress.declined"
    assert events(house, in_state(house, incoming, S.WITHDRAWN))[-1] == "ingress.withdrawn"


def test_events_name_files_and_digests_and_no_content(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.DELIVERED)
    with reading(house.engine) as session:
        told = json.dumps([each.detail for each in audit.events_about(session, f"ingress:{request_id}")])
    assert hashlib.sha256(CODES.content).hexdigest() in told
    assert "pandas" not in told and "classification" not in told


@pytest.mark.parametrize("state", [S.ASKED, S.SCANNED, S.DECLINED, S.WITHDRAWN])
def test_only_what_was_accepted_is_delivered(house: House, incoming: Path, state: IngressState) -> None:
    request_id = in_state(house, incoming, state)
    with pytest.raises(WrongState):
        deliver(house.engine, house.store, incoming, request_id)
    assert not incoming.exists()


def test_delivering_again_changes_nothing(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.DELIVERED)
    before = events(house, request_id)
    assert deliver(house.engine, house.store, incoming, request_id).is_dir()
    assert resume_all(house.engine, house.store, incoming) == 0
    assert events(house, request_id) == before


def test_many_deliver_at_once_and_one_does(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)
    failed: list[BaseException] = []

    def one() -> None:
        try:
            deliver(house.engine, house.store, incoming, request_id)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert events(house, request_id).count("ingress.delivered") == 1
    assert [path.name for path in incoming.iterdir()] == ["heron"]


def test_stored_bytes_that_changed_are_not_delivered(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)
    _tamper(house, CODE)
    with pytest.raises(SaferoomError, match="changed"):
        deliver(house.engine, house.store, incoming, request_id)
    assert state_of(house, request_id) is S.ACCEPTED
    assert resume_all(house.engine, house.store, incoming) == 1


def test_a_row_that_changed_after_acceptance_is_not_delivered(house: House, incoming: Path) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)
    other = house.store.put(b"import os\n")

    def swap(session) -> None:
        file = session.get(IngressRequest, request_id).files[0]
        file.digest, file.size = other, 10

    house.do(swap)
    with pytest.raises(DamagedFile, match="not what a steward accepted"):
        deliver(house.engine, house.store, incoming, request_id)


def test_a_full_disk_is_said_and_the_delivery_waits(house: House, incoming: Path, monkeypatch) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)

    def full(_path: Path, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "a text that could hold a path")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(NotWritten, match="No space left on device") as failed:
            deliver(house.engine, house.store, incoming, request_id)
        assert "path" not in failed.value.sentence
        assert resume_all(house.engine, house.store, incoming) == 1
    assert state_of(house, request_id) is S.ACCEPTED
    assert list((incoming / "heron").iterdir()) == []
    assert resume_all(house.engine, house.store, incoming) == 0
    assert state_of(house, request_id) is S.DELIVERED


def test_deliveries_belong_to_the_projects_group(house: House, incoming: Path) -> None:
    group = 234_567 if os.geteuid() == 0 else os.getegid()  # a user without rights has no other group to give to
    earlier = deliver(house.engine, house.store, incoming, in_state(house, incoming, S.ACCEPTED))
    folder = share(incoming, "heron", group)
    later = deliver(house.engine, house.store, incoming, in_state(house, incoming, S.ACCEPTED))
    assert folder == earlier.parent == later.parent
    assert {path.stat().st_gid for path in (folder, *folder.rglob("*"))} == {group}
    assert share(incoming, "wren", group).is_dir()


@pytest.mark.parametrize("plant", ["another file", "a changed file", "a link"])
def test_a_folder_that_is_there_with_something_else_is_not_taken_for_a_delivery(
    house: House, incoming: Path, plant: str
) -> None:
    request_id = in_state(house, incoming, S.ACCEPTED)
    folder = project_folder(incoming, "heron") / request_id
    folder.mkdir()
    (folder / "evil.py").write_bytes(b"")
    if plant != "another file":
        (folder / "evil.py").unlink()
        deliver_to = {"clean.py": CODE.content, "codes.csv": CODES.content}
        for name, content in deliver_to.items():
            (folder / name).write_bytes(content if plant == "a link" else b"other")
        (folder / "manifest.json").symlink_to("/etc/hostname")
    with pytest.raises(DamagedFile, match="holds other files"):
        deliver(house.engine, house.store, incoming, request_id)
    assert state_of(house, request_id) is S.ACCEPTED


# ---------------------------------------------------------------------------------------------- dying on the way

WRITES: list[tuple[Any, str]] = [
    (Path, "mkdir"),
    (Path, "write_bytes"),
    (Path, "chmod"),
    (Path, "rename"),
    (Path, "replace"),
    (os, "fsync"),
    (audit, "record"),
    (requests, "move"),
    (delivery, "_record"),
]
KILLED = 77


def _die_at_write(number: int) -> Callable[[], int]:
    """Let this process die before its write of that number; the number of writes so far."""
    done = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **named: Any) -> Any:
            nonlocal done
            if done == number:
                os._exit(KILLED)
            done += 1
            return function(*args, **named)

        return wrapper

    for owner, name in WRITES:
        setattr(owner, name, counted(getattr(owner, name)))
    return lambda: done


def _in_a_process_that_dies(house: House, number: int, step: Callable[[Engine, Store], None]) -> bool:
    """Whether a process of its own was killed before its write of that number, or came to the end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            engine = open_database(str(house.engine.url))
            _die_at_write(number)
            step(engine, house.store)
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}
    return status == KILLED


def _deliver(incoming: Path, request_id: str, engine: Engine, store: Store) -> None:
    deliver(engine, store, incoming, request_id)


def test_a_delivery_that_dies_between_any_two_writes_is_finished_later(house: House, incoming: Path) -> None:
    deaths = 0
    for number in count():
        request_id = in_state(house, incoming, S.ACCEPTED)
        house.engine.dispose()
        died = _in_a_process_that_dies(house, number, partial(_deliver, incoming, request_id))
        seen = incoming / "heron" / request_id
        whole = {path.name for path in (incoming / "heron").iterdir()} if (incoming / "heron").exists() else set()
        assert all(name.startswith("i-") for name in whole), "something half done lies where sessions see it"
        assert not seen.exists() or {path.name for path in seen.iterdir()} == {"clean.py", "codes.csv", "manifest.json"}
        assert resume_all(house.engine, house.store, incoming) == 0
        assert events(house, request_id)[-2:] == ["ingress.accepted", "ingress.delivered"]
        assert stat.S_IMODE(seen.stat().st_mode) == 0o550
        assert [path.name for path in incoming.iterdir()] == ["heron"]
        deaths += died
        if not died:
            break
    assert deaths > 15


def test_asking_that_dies_between_any_two_writes_leaves_nothing_half_done(house: House, incoming: Path) -> None:
    def step(engine: Engine, store: Store) -> None:
        new = File("clean.py", b"x = %d\n" % number)  # content that is in the store already is not written again
        requests.bring_in(engine, store, author="rosa", project="heron", purpose="Codes.", files=[new], today=TODAY)

    deaths = 0
    for number in count():
        house.engine.dispose()
        died = _in_a_process_that_dies(house, number, step)
        assert resume_all(house.engine, house.store, incoming) == 0
        with transaction(house.engine) as session:
            found = requests.requests_in(session, frozenset({S.SCANNED}))
            assert len(requests.requests_of(session, ["heron"])) - deaths_seen(session) == len(found)
            for request in found:
                assert len(request.files) == 1 and request.content_hash == requests.content_hash(request)
                requests.withdraw(session, request, author="rosa", today=TODAY)
        deaths += died
        if not died:
            break
    assert deaths >= 8


def deaths_seen(session) -> int:
    """How many requests are done with already."""
    return len(requests.requests_in(session, frozenset({S.WITHDRAWN})))
