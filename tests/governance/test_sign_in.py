"""Signing in: what is right, one sentence for all that is wrong, and waits that grow and end."""

import threading
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine, event, func, select

from governance import attempts, audit, people, presence
from governance.attempts import PATIENCE, Kind, SignInAttempts
from governance.audit import AuditEvent
from governance.database import Base, open_database, reading, transaction
from governance.errors import NotFound
from governance.people import Person
from governance.sign_in import Claim, LoginFailed, sign_in
from tests.governance.people_factory import PASSWORD, SEAL, TOTP_SECRET, a_person

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
PERSON = PATIENCE[Kind.PERSON]


@pytest.fixture(autouse=True)
def _ada(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_nobody_hash", people._hasher.hash("nobody"))
    with transaction(engine) as session:
        a_person(session, "ada")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def enter(
    engine: Engine,
    name: str = "ada",
    password: str = PASSWORD,
    code: str | None = None,
    when: datetime = START,
    origin: str = HERE,
    device: str | None = None,
) -> str:
    code = pyotp.TOTP(TOTP_SECRET).at(when) if code is None else code
    claim = Claim(name, password, code, origin, device)
    return sign_in(engine, claim, at=when, seal=SEAL).name


def fail(engine: Engine, times: int = 1, when: datetime = START, **claim: Any) -> None:
    for _ in range(times):
        with pytest.raises(LoginFailed):
            enter(engine, when=when, **{"password": "guess", **claim})


def failures(engine: Engine, kind: Kind) -> dict[str, int]:
    with reading(engine) as session:
        rows = session.scalars(select(SignInAttempts).where(SignInAttempts.kind == kind))
        return {row.key: row.failures for row in rows}


def events(engine: Engine, action: str) -> list[AuditEvent]:
    with reading(engine) as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.action == action)))


# --- what is right and what is wrong


def test_password_and_code_together_sign_in(engine: Engine) -> None:
    assert enter(engine) == "ada"
    signed_in = events(engine, "person.signed_in")
    assert [(each.actor, each.detail["origin"]) for each in signed_in] == [("ada", HERE)]


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"code": "000000"}, {"name": "nobody"}, {"code": ""}])
def test_every_wrong_part_gives_the_same_sentence(engine: Engine, wrong: dict[str, Any]) -> None:
    with pytest.raises(LoginFailed) as failure:
        enter(engine, **wrong)
    assert str(failure.value) == str(LoginFailed())
    assert failure.value.status == 403


def test_a_code_works_once(engine: Engine) -> None:
    enter(engine)
    with pytest.raises(LoginFailed):
        enter(engine)
    assert enter(engine, when=at(30)) == "ada"


@pytest.mark.parametrize(("seconds", "good"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_code_may_be_one_step_off(engine: Engine, seconds: int, good: bool) -> None:
    code = pyotp.TOTP(TOTP_SECRET).at(at(seconds))
    if good:
        assert enter(engine, code=code) == "ada"
    else:
        with pytest.raises(LoginFailed):
            enter(engine, code=code)


def test_a_claim_that_is_printed_holds_no_secret() -> None:
    printed = repr(Claim("ada", PASSWORD, "123456", HERE))
    assert PASSWORD not in printed and "123456" not in printed


# --- waits


def test_waits_double_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    waits = [PERSON.wait(failed) for failed in range(13)]
    assert waits[:5] == [None] * 5
    assert [wait.total_seconds() for wait in waits[5:] if wait] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert PERSON.wait(10**9) == timedelta(minutes=15)


@pytest.mark.parametrize("kind", Kind)
def test_every_wait_ends_within_a_quarter_of_an_hour_and_all_but_persons_are_bounded(kind: Kind) -> None:
    patience = PATIENCE[kind]
    assert patience.longest_wait <= timedelta(minutes=15)
    assert patience.most_kept is not None or kind is Kind.PERSON


def test_right_password_and_code_are_refused_during_a_wait_with_the_same_sentence(engine: Engine) -> None:
    fail(engine, 4)
    assert enter(engine, when=at(1)) == "ada"
    fail(engine, 5, when=at(60))
    with pytest.raises(LoginFailed) as failure:
        enter(engine, when=at(89))
    assert str(failure.value) == str(LoginFailed())
    assert "wait 15 minutes" in str(failure.value) and "operator" in str(failure.value)
    assert enter(engine, when=at(91)) == "ada"


def test_tries_during_a_wait_do_not_make_it_longer(engine: Engine) -> None:
    fail(engine, 5)
    for second in range(1, 30):
        fail(engine, when=at(second))
    assert failures(engine, Kind.PERSON) == {"ada": 5}
    assert enter(engine, when=at(31)) == "ada"


def test_each_failure_after_a_wait_doubles_the_next(engine: Engine) -> None:
    fail(engine, 5)
    fail(engine, when=at(31))
    with pytest.raises(LoginFailed):
        enter(engine, when=at(31 + 59))
    assert enter(engine, when=at(31 + 61)) == "ada"


def test_signing_in_forgets_the_persons_failures(engine: Engine) -> None:
    for when in (0, 60, 120):
        fail(engine, 4, when=at(when))
        assert enter(engine, when=at(when + 1)) == "ada"


def test_failures_are_forgotten_after_a_day(engine: Engine) -> None:
    fail(engine, 4)
    fail(engine, 4, when=at(24 * 3600 + 1))
    assert failures(engine, Kind.PERSON) == {"ada": 4}


def test_a_restart_does_not_end_a_wait(engine: Engine) -> None:
    fail(engine, 5)
    again = open_database(str(engine.url))
    try:
        with pytest.raises(LoginFailed):
            enter(again, when=at(1))
    finally:
        again.dispose()


def test_many_tries_at_once_get_no_more_than_their_share(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = Tally[str]()
    permitted = attempts.begin

    def tell(*arguments: Any) -> bool:
        answer = permitted(*arguments)
        looked_at[str(answer)] += 1
        return answer

    monkeypatch.setattr(attempts, "begin", tell)
    threads = [threading.Thread(target=fail, args=(engine,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looked_at == {"True": 5, "False": 7}


# --- names that nobody has


def test_an_unknown_name_waits_like_a_known_one(engine: Engine) -> None:
    fail(engine, 5, name="nobody")
    fail(engine, 3, name="nobody", when=at(5))
    assert list(failures(engine, Kind.STRANGER).values()) == [5]
    fail(engine, name="nobody", when=at(31))
    assert list(failures(engine, Kind.STRANGER).values()) == [6]


def test_a_password_typed_as_a_name_is_kept_nowhere(engine: Engine) -> None:
    fail(engine, 6, name="my secret passphrase")
    with engine.connect() as connection:
        tables = [connection.execute(table.select()).all() for table in Base.metadata.sorted_tables]
    everything = str(tables)
    assert "passphrase" not in everything and "guess" not in everything
    assert events(engine, "sign_in.failed")[0].subject.startswith("unknown-name:")


def test_names_of_strangers_are_kept_up_to_a_bound_and_never_push_out_a_person(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = attempts.Patience(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(days=1), most_kept=3)
    monkeypatch.setitem(PATIENCE, Kind.STRANGER, few)
    monkeypatch.setitem(PATIENCE, Kind.ORIGIN, few)
    fail(engine, 5)
    for number in range(8):
        fail(engine, name=f"guess-{number}", origin=f"192.0.2.{number}", when=at(number))
    assert len(failures(engine, Kind.STRANGER)) == len(failures(engine, Kind.ORIGIN)) == 3
    assert failures(engine, Kind.PERSON) == {"ada": 5}
    assert set(failures(engine, Kind.ORIGIN)) == {"192.0.2.5", "192.0.2.6", "192.0.2.7"}


CAUSES: dict[str, dict[str, Any]] = {
    "wrong password": {"password": "guess"},
    "wrong code": {"code": "000000"},
    "used code": {},
    "nobody": {"name": "nobody"},
    "locked person": {"name": "bert"},
    "locked stranger": {"name": "stranger"},
}


@contextmanager
def work_counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tally[str]]:
    """How much of what takes long was done: password hashes, and transactions that wrote something."""
    tally = Tally[str]()
    fits = people._hasher.verify

    def verify(*arguments: Any) -> bool:
        tally["hashes"] += 1
        return fits(*arguments)

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return verify if name == "verify" else getattr(people_hasher, name)

    people_hasher = people._hasher
    monkeypatch.setattr(people, "_hasher", Counting())
    wrote: set[int] = set()

    def executed(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            wrote.add(id(connection.connection.dbapi_connection))

    def committed(connection: Any) -> None:
        if id(connection.connection.dbapi_connection) in wrote:
            wrote.discard(id(connection.connection.dbapi_connection))
            tally["writes"] += 1

    event.listen(engine, "after_cursor_execute", executed)
    event.listen(engine, "commit", committed)
    try:
        yield tally
    finally:
        event.remove(engine, "after_cursor_execute", executed)
        event.remove(engine, "commit", committed)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_takes_the_same_work(engine: Engine, monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    with transaction(engine) as session:
        a_person(session, "bert")
    for name in ("bert", "stranger"):
        fail(engine, 5, name=name)
    enter(engine, when=at(1))
    with work_counted(engine, monkeypatch) as tally:
        fail(engine, when=at(2), **{"password": PASSWORD, **CAUSES[cause]})
    assert tally == {"hashes": 1, "writes": 2}


# --- nobody is locked out for ever


def test_a_known_device_is_not_held_up_by_who_guesses_elsewhere(engine: Engine) -> None:
    for second in range(0, 7200, 60):
        fail(engine, when=at(second), origin=ELSEWHERE)
    with pytest.raises(LoginFailed):
        enter(engine, when=at(7201))
    assert enter(engine, when=at(7202), device="her laptop") == "ada"
    assert failures(engine, Kind.PERSON)["ada"] > 5, "what strangers did is not forgiven by it"


def test_a_known_device_waits_for_its_own_failures_only(engine: Engine) -> None:
    fail(engine, 5, device="stolen")
    with pytest.raises(LoginFailed):
        enter(engine, when=at(1), device="stolen")
    assert enter(engine, when=at(2), device="other") == "ada"
    assert enter(engine, when=at(31), device="stolen") == "ada"


def test_a_known_device_is_not_held_up_by_its_origin_but_counts_there(engine: Engine) -> None:
    fail(engine, 50, name="nobody", origin=ELSEWHERE)
    for second in range(45):
        fail(engine, name=f"nobody-{second}", origin=HERE)
    fail(engine, 4, device="hers")
    assert failures(engine, Kind.ORIGIN)[HERE] == 49
    fail(engine, name="nobody-else")
    with pytest.raises(LoginFailed):
        enter(engine, when=at(1))
    assert enter(engine, when=at(2), device="hers") == "ada"


def test_a_device_means_nothing_for_a_name_that_nobody_has(engine: Engine) -> None:
    fail(engine, 1, name="nobody", device="hers")
    assert failures(engine, Kind.DEVICE) == {}
    assert len(failures(engine, Kind.STRANGER)) == 1


# --- origins


def test_one_origin_that_tries_many_names_waits_and_others_do_not(engine: Engine) -> None:
    for number in range(50):
        fail(engine, name=f"guess-{number}", origin=ELSEWHERE)
    with pytest.raises(LoginFailed):
        enter(engine, origin=ELSEWHERE, when=at(1))
    assert failures(engine, Kind.PERSON) == {"ada": 0}, "a try that was not looked at is not the person's"
    assert enter(engine, origin=HERE, when=at(2)) == "ada"


def test_an_account_of_her_own_does_not_give_a_guesser_more_tries(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "eve")
    for number in range(48):
        fail(engine, name=f"guess-{number}", origin=ELSEWHERE)
    enter(engine, "eve", origin=ELSEWHERE)
    assert failures(engine, Kind.ORIGIN)[ELSEWHERE] == 48


# --- what the audit chain keeps


def test_failures_and_waits_are_events_and_tries_during_a_wait_are_counted(engine: Engine) -> None:
    fail(engine, 5)
    fail(engine, 7, when=at(1))
    fail(engine, when=at(31))
    failed, locked = events(engine, "sign_in.failed"), events(engine, "sign_in.locked")
    assert [each.detail["refused_before"] for each in failed] == [0, 0, 0, 0, 0, 7]
    assert {(each.actor, each.subject, each.detail["origin"]) for each in failed} == {("unknown", "person:ada", HERE)}
    assert [(each.subject, each.detail) for each in locked] == [
        ("person:ada", {"what": "person", "seconds": 30}),
        ("person:ada", {"what": "person", "seconds": 60}),
    ]
    with reading(engine) as session:
        assert audit.verify(session) == session.scalar(select(func.count()).select_from(AuditEvent))


def test_a_locked_origin_is_an_event(engine: Engine) -> None:
    for number in range(50):
        fail(engine, name=f"guess-{number}")
    assert [each.subject for each in events(engine, "sign_in.locked")] == [f"origin:{HERE}"]


# --- the operator lifts a lock


def test_an_operator_lifts_every_wait_of_a_person(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "ada-two")
    fail(engine, 5)
    fail(engine, 5, device="hers")
    fail(engine, 5, name="ada-two", device="hers")
    with transaction(engine) as session:
        assert attempts.unlock(session, "ada", actor="operator", account="root")
        assert not attempts.unlock(session, "ada", actor="operator", account="root")
    assert enter(engine, when=at(1)) == "ada"
    assert list(failures(engine, Kind.DEVICE)) == ["ada-two:hers"]
    lifted = events(engine, "sign_in.unlocked")
    assert [each.detail for each in lifted] == [{"counters": 2, "account": "root"}, {"counters": 0, "account": "root"}]


def test_nobody_can_be_unlocked_who_is_not_in_the_register(engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(NotFound, match="Nobody called “nobody” is in the register"):
        attempts.unlock(session, "nobody", actor="operator")


# --- presence


def test_who_stays_away_has_to_sign_in_again(engine: Engine) -> None:
    limit = timedelta(hours=8)
    with transaction(engine) as session:
        assert "signed out" in str(presence.why_not_here(session, "ada", START, limit))
        presence.arrive(session, "ada", START)
        assert presence.why_not_here(session, "ada", START + limit, limit) is None
        reason = presence.why_not_here(session, "ada", START + limit + timedelta(seconds=1), limit)
        assert reason == "You were away for more than 8 hours. Sign in again."
        assert not presence.is_due(session, "ada", at(59))
        assert presence.is_due(session, "ada", at(60))
        presence.arrive(session, "ada", at(60))
        presence.leave(session, "ada")
        presence.leave(session, "ada")
        assert presence.why_not_here(session, "ada", at(61), limit) is not None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(28800, "8 hours"), (3600, "1 hour"), (5400, "90 minutes"), (60, "1 minute"), (61, "61 seconds"), (1, "1 second")],
)
def test_limits_in_words(seconds: int, words: str) -> None:
    assert presence.hours(timedelta(seconds=seconds)) == words


def test_the_person_of_a_claim_is_the_registers(engine: Engine) -> None:
    claim = Claim("ada", PASSWORD, pyotp.TOTP(TOTP_SECRET).at(START), HERE)
    person = sign_in(engine, claim, at=START, seal=SEAL)
    assert isinstance(person, Person) and person.totp_last_step == int(START.timestamp()) // 30
