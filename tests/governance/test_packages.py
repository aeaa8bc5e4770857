"""Packages that researchers ask for: who decides, and that the lock alone says what is installed."""

from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from governance import audit, packages
from governance.database import transaction
from governance.errors import Conflict, Invalid, NotFound, Refused, SaferoomError
from governance.packages import Action, Locked, PackageRequest, PackageState, find_request, read_lock
from governance.people import Person, Role
from governance.version_ranges import VersionRange
from tests.governance.people_factory import FAR, a_person

TODAY = date(2026, 11, 25)
LOCK_FILE = Path(__file__).resolve().parents[2] / "requirements" / "session.txt"
HASH = "--hash=sha256:" + "a" * 64
LOCK = f"# Made by `make lock`\nscikit-learn==1.7.2 \\\n    {HASH} \\\n    {HASH}\n    # via -r session.in\nbare==1.0\n"
CAST = {role.value.replace("_", "-"): role for role in Role} | {"olive": Role.OPERATOR, "gone": Role.OPERATOR}
S = PackageState


@pytest.fixture
def register(engine: Engine) -> Engine:
    with transaction(engine) as session:
        for name, role in CAST.items():
            a_person(session, name, role, accredited_until=FAR.replace(year=2020) if name == "gone" else FAR)
    return engine


def do(engine: Engine, step: Callable[[Session], Any]) -> Any:
    with transaction(engine) as session:
        return step(session)


def a_request(engine: Engine, **changes: Any) -> str:
    facts = {
        "author": "researcher",
        "package": "Scikit_Learn",
        "versions": ">=1.7, <2",
        "purpose": "Trees.",
        "today": TODAY,
    }
    return str(do(engine, lambda session: packages.ask(session, **{**facts, **changes}).id))


def decide(engine: Engine, request_id: str, action: Action, **changes: Any) -> None:
    facts = {"operator": "operator", "reason": "Useful.", "lock": read_lock(LOCK), "today": TODAY}
    do(
        engine,
        lambda session: packages.decide(session, find_request(session, request_id), action, **{**facts, **changes}),
    )


def in_state(engine: Engine, state: PackageState) -> str:
    request_id = a_request(engine)
    steps = {
        S.ASKED: (),
        S.ACCEPTED: (Action.ACCEPT,),
        S.DECLINED: (Action.DECLINE,),
        S.INSTALLED: (Action.ACCEPT, Action.MARK_INSTALLED),
    }
    for action in steps[state]:
        decide(engine, request_id, action)
    return request_id


def state_of(engine: Engine, request_id: str) -> PackageState:
    with transaction(engine) as session:
        return find_request(session, request_id).state


POSSIBLE = {
    Action.ACCEPT: {S.ASKED},
    Action.DECLINE: {S.ASKED, S.ACCEPTED},
    Action.MARK_INSTALLED: {S.ACCEPTED},
}


def test_the_whole_table_of_states_and_roles(register: Engine) -> None:
    for state in S:
        request_id = in_state(register, state)
        for action, who in product(Action, [*CAST, "mallory"]):
            with transaction(register) as session:
                request = find_request(session, request_id)
                reason = packages.why_not(session, request, who, action, read_lock(LOCK), TODAY)
            allowed = who in {"operator", "olive"} and state in POSSIBLE[action]
            assert (reason is None) == allowed, (state, action, who, reason)
            if not allowed:
                with pytest.raises((Refused, Conflict)):
                    decide(register, request_id, action, operator=who)
        assert state_of(register, request_id) is state


def test_each_step_leaves_its_event(register: Engine) -> None:
    request_id = in_state(register, S.INSTALLED)
    with transaction(register) as session:
        audit.verify(session)
        told = audit.events_about(session, f"package:{request_id}")
        assert [each.action for each in told] == ["package.asked", "package.accepted", "package.installed"]
        assert told[-1].detail == {"before": "accepted", "version": "1.7.2"}
        assert find_request(session, request_id).installed == "1.7.2"


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("", "does not name Scikit_Learn"),
        (f"scikit-learn-extra==1.7.2 {HASH}", "does not name Scikit_Learn"),
        ("scikit-learn==1.7.2", "without a hash"),
        (f"scikit-learn==2.0 {HASH}", "has scikit-learn 2.0"),
        (f"scikit-learn==1.8rc1 {HASH}", "has scikit-learn 1.8rc1"),
    ],
)
def test_nothing_is_installed_before_the_lock_names_it_with_hashes(register: Engine, lock: str, said: str) -> None:
    request_id = in_state(register, S.ACCEPTED)
    with pytest.raises(Conflict, match=said):
        decide(register, request_id, Action.MARK_INSTALLED, lock=read_lock(lock))
    assert do(register, lambda session: find_request(session, request_id).state) is S.ACCEPTED


@pytest.mark.parametrize(
    "changes",
    [
        {"package": "../evil"},
        {"package": "a; rm -rf /"},
        {"package": "git+https://evil.example/a"},
        {"package": "-r evil.txt"},
        {"package": ""},
        {"package": "a\u200bb"},
        {"versions": ""},
        {"versions": "latest"},
        {"versions": ">=1,<2,"},
        {"versions": ">=1 --index-url=https://evil.example"},
        {"versions": "~=1.0"},
        {"versions": ">=1.0rc1"},
        {"purpose": " "},
        {"purpose": "x" * 3_000},
    ],
)
def test_a_request_that_says_nothing_sound_is_refused(register: Engine, changes: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        a_request(register, **changes)
    assert "evil" not in refused.value.sentence


@pytest.mark.parametrize("who", ["operator", "data-steward", "output-checker", "data-owner", "mallory"])
def test_only_researchers_ask(register: Engine, who: str) -> None:
    with pytest.raises(Refused):
        a_request(register, author=who)


def test_a_list_has_an_end(register: Engine) -> None:
    for _ in range(packages.MOST_WAITING):
        a_request(register)
    with pytest.raises(Refused, match="wait already"):
        a_request(register)


def test_a_decision_has_a_reason(register: Engine) -> None:
    request_id = a_request(register)
    for action in (Action.ACCEPT, Action.DECLINE):
        with pytest.raises(Invalid, match="Say why"):
            decide(register, request_id, action, reason=" ")


def test_an_operator_does_not_decide_on_what_she_asked_for_in_another_role(register: Engine) -> None:
    request_id = a_request(register)
    do(register, lambda session: setattr(session.get(Person, "researcher"), "role", Role.OPERATOR))
    with pytest.raises(Refused, match="Another operator"):
        decide(register, request_id, Action.ACCEPT, operator="researcher")


def test_a_request_that_is_not_there_is_not_found(register: Engine) -> None:
    with pytest.raises(NotFound):
        do(register, lambda session: find_request(session, "p-0"))
    assert do(register, packages.all_requests) == []


# ---------------------------------------------------------------------------------------------- locks and ranges


def test_a_lock_is_read_as_it_is() -> None:
    assert read_lock(LOCK) == {"scikit-learn": Locked("scikit-learn", "1.7.2", 2), "bare": Locked("bare", "1.0", 0)}


def test_the_lock_of_this_checkout_is_read_and_has_hashes_everywhere() -> None:
    lock = read_lock(LOCK_FILE.read_text(encoding="utf-8"))
    assert {"pandas", "duckdb", "matplotlib"} <= set(lock)
    assert all(each.hashes for each in lock.values())


@pytest.mark.parametrize(
    "line",
    [
        "pandas>=3",
        "-r other.txt",
        "--index-url https://evil.example",
        "evil @ https://evil.example/a.whl",
        "pandas==3.0 --hash=md5:aa",
        "pandas==3.0 --hash=sha256:short",
        "pandas==3.0 --config-settings=x",
        "pandas==3.*",
    ],
)
def test_a_lock_with_another_line_says_nothing(line: str) -> None:
    with pytest.raises(Invalid, match="none of a lock"):
        read_lock(f"{LOCK}{line}\n")


NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
BOUNDS = st.lists(st.tuples(st.sampled_from([">=", "<=", "==", ">", "<"]), NUMBERS), min_size=1, max_size=3)
SUFFIXES = st.sampled_from(["", ".post1", "+cpu", "rc1", "a2", ".dev3"])


@given(BOUNDS, NUMBERS, SUFFIXES)
def test_a_range_holds_what_the_standard_holds(bounds: list[tuple[str, str]], version: str, suffix: str) -> None:
    """Compared with `packaging`, the reference for PEP 440. Versions before a release are held by none of ours."""
    text = ",".join(sign + number for sign, number in bounds)
    before_release = Version(version + suffix).is_prerelease
    expected = not before_release and SpecifierSet(text).contains(version + suffix)
    assert VersionRange.read(text).holds(version + suffix) == expected


@pytest.mark.parametrize("version", ["0.9", "1", "1.0.0", "1.0.1", "1.post1", "1.0.post2", "1+cpu", "1rc1", "1!1", "x"])
@pytest.mark.parametrize("bound", ["1", "1.0", "1.0.0.0", "1.1", "2"])
@pytest.mark.parametrize("sign", [">=", "<=", "==", ">", "<"])
def test_a_range_at_its_edges(sign: str, bound: str, version: str) -> None:
    """Epochs and what is no version are held by no range: they are never what was asked for."""
    sound = version not in {"x", "1!1", "1rc1"}
    expected = sound and SpecifierSet(sign + bound).contains(version)
    assert VersionRange.read(sign + bound).holds(version) == expected


def test_a_range_is_kept_without_blanks() -> None:
    assert VersionRange.read(" >= 1.7 , <2").text == ">=1.7,<2"


def test_every_refusal_is_a_sentence(register: Engine) -> None:
    for changes in ({"versions": "x"}, {"author": "operator"}):
        with pytest.raises(SaferoomError) as refused:
            a_request(register, **changes)
        assert refused.value.sentence.endswith(".")


def test_requests_are_kept_as_they_were_asked(register: Engine) -> None:
    request_id = a_request(register)
    with transaction(register) as session:
        found = session.get_one(PackageRequest, request_id)
        assert (found.package, found.versions, found.state) == ("Scikit_Learn", ">=1.7,<2", S.ASKED)
