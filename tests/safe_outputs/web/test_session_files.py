"""Files through a session's gate: what is taken, under which name, how often, and what is said of the rest."""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from governance import audit
from safe_outputs.contents import handing_in
from safe_outputs.limits import FILES_IN_A_WEEK, LARGEST_FILE, MOST_FILES
from safe_outputs.models import OutputFile, ReleaseRequest
from tests.safe_outputs.contents import ANSWERS, CODE, CODE_STATEMENT, COUNTS, a_group, a_statement
from tests.safe_outputs.house import House, an_answered_statistic
from tests.safe_outputs.web.browser import Session, sentence_of


@pytest.fixture
def rosa(app: Flask, house: House) -> Session:
    return Session(app, "rosa", "heron")


def files(house: House) -> int:
    return int(house.do(lambda session: session.scalar(select(func.count()).select_from(OutputFile))))


def test_a_file_is_kept_by_its_bytes_and_once(rosa: Session, house: House) -> None:
    first = rosa.hand_in("output", "counts.csv", COUNTS)
    assert first.status_code == 201
    facts = first.get_json()
    assert (facts["kind"], facts["role"], facts["size"]) == ("table", "output", len(COUNTS))
    assert house.store.get(facts["digest"]) == COUNTS
    again = rosa.hand_in("output", "counts.csv", COUNTS)
    assert (again.status_code, again.get_json()["id"]) == (200, facts["id"])
    assert rosa.hand_in("evidence", "counts.csv", COUNTS).get_json()["id"] != facts["id"]
    assert files(house) == 2
    events = house.do(lambda session: audit.events_about(session, f"file:{facts['id']}"))
    assert [(each.actor, each.action, each.detail["digest"]) for each in events] == [
        ("rosa", "file.handed_in", facts["digest"])
    ]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.csv", "a\x00b.csv", "\u202ecsv.counts.csv", "/a/b.csv", "c:\\x.csv"]
)
def test_a_hostile_name_is_shown_plain_and_is_no_path(rosa: Session, house: House, name: str) -> None:
    answer = rosa.hand_in("output", name, COUNTS)
    assert answer.status_code in {201, 422}, answer.text
    kept = answer.get_json().get("name", "x.csv")
    assert "/" not in kept and "\\" not in kept and "\x00" not in kept and "\u202e" not in kept
    assert not list(house.folder.rglob("passwd*"))


def test_what_it_is_is_asked_of_the_bytes(rosa: Session, house: House) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    zipped = b"PK\x03\x04" + b"\x00" * 60
    told = rosa.hand_in("output", "fig.png", svg)
    assert told.status_code == 422 or told.get_json()["kind"] != "table"
    assert rosa.hand_in("output", "table.csv", zipped).status_code == 422
    program = b"\x7fELF" + b"\x00" * 60
    refused = rosa.hand_in("output", "table.csv", program)
    assert refused.status_code == 422
    assert sentence_of(refused)
    assert rosa.hand_in("output", "empty.csv", b"").status_code == 422


@pytest.mark.parametrize("more", [1, 5000])
def test_a_file_that_is_too_large_is_refused_with_the_limit(rosa: Session, house: House, more: int) -> None:
    answer = rosa.hand_in("output", "large.csv", b"a,b\n" * (LARGEST_FILE // 4) + b"x" * more)
    assert answer.status_code == 422
    assert "at most 10 MB" in sentence_of(answer)
    assert files(house) == 0


def test_a_file_needs_a_name_that_can_be_shown(rosa: Session) -> None:
    nameless = rosa.send("POST", "/files/output", COUNTS, "text/csv")
    for answer in (nameless, rosa.hand_in("output", "x" * 256, COUNTS)):
        assert (answer.status_code, "name" in sentence_of(answer)) == (422, True)


def test_there_is_no_third_use(rosa: Session) -> None:
    answer = rosa.hand_in("anything", "counts.csv", COUNTS)
    assert answer.status_code == 404
    assert "as output or as evidence" in sentence_of(answer)


def test_files_of_another_project_are_not_there(app: Flask, rosa: Session, house: House) -> None:
    theirs = Session(app, "rui", "wren").hand_in("output", "counts.csv", COUNTS).get_json()["id"]
    body = request_body([theirs])
    answer = rosa.call("POST", "/requests", body)
    assert answer.status_code == 404
    assert "Your project has no file" in sentence_of(answer)


def request_body(ids: list[str], **changes: Any) -> dict[str, Any]:
    group = a_group(files=dict.fromkeys(ids, a_statement()))
    return {"title": "T", "purpose": "P", "groups": [group], "answers": ANSWERS, **changes}


def test_a_project_hands_in_so_many_files_in_a_week_and_loses_none(
    rosa: Session, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other: the first are kept whole, and each other is refused with the number."""
    assert FILES_IN_A_WEEK == 1_000
    monkeypatch.setattr(handing_in, "FILES_IN_A_WEEK", 30)
    for number in range(30):
        answer = rosa.hand_in("output", "code.py", b"x = %d\n" % number)
        assert answer.status_code == 201, answer.text
    for number in range(30, 50):
        refused = rosa.hand_in("output", "code.py", b"x = %d\n" % number)
        assert refused.status_code == 422
    assert "at most 30 files" in sentence_of(refused)
    assert "seven days" in sentence_of(refused)
    assert files(house) == 30


def test_the_quota_is_of_bytes_too(rosa: Session, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_in, "BYTES_IN_A_WEEK", len(COUNTS))
    assert rosa.hand_in("output", "counts.csv", COUNTS).status_code == 201
    assert rosa.hand_in("output", "code.py", CODE).status_code == 422
    assert files(house) == 1


def test_what_the_quota_refuses_is_not_left_on_the_disk(
    rosa: Session, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a session could fill the disk of the releases with files that are refused, one after the other."""
    monkeypatch.setattr(handing_in, "BYTES_IN_A_WEEK", len(COUNTS) + 3)
    assert rosa.hand_in("output", "counts.csv", COUNTS).status_code == 201
    before = sorted(house.folder.rglob("store/*/*"))
    for number in range(3):
        assert rosa.hand_in("output", "code.py", b"x = %d\n" % number).status_code == 422
    assert sorted(house.folder.rglob("store/*/*")) == before
    assert rosa.hand_in("output", "counts.csv", COUNTS).status_code == 200, "the same file takes no room"


def test_a_request_with_5000_files_is_refused_whole_with_what_to_do(rosa: Session, house: House) -> None:
    body = request_body([f"f-{number:012x}" for number in range(5000)])
    assert len(json.dumps(body)) > 1_000_000  # more than other calls may hold: it is still told why
    answer = rosa.call("POST", "/requests", body)
    assert answer.status_code == 422
    sentence = sentence_of(answer)
    assert f"at most {MOST_FILES} files" in sentence
    assert "5,000" in sentence
    assert "Split it into several requests" in sentence
    assert house.do(lambda session: session.scalar(select(func.count()).select_from(ReleaseRequest))) == 0


def test_a_request_with_the_most_files_is_kept_and_submitted(rosa: Session, house: House) -> None:
    ids = [rosa.hand_in("output", "code.py", b"x = %d\n" % n).get_json()["id"] for n in range(MOST_FILES)]
    group = a_group(files=dict.fromkeys(ids, CODE_STATEMENT), statistics=[an_answered_statistic(house)])
    body = {"title": "T", "purpose": "P", "groups": [group], "answers": ANSWERS}
    made = rosa.call("POST", "/requests", body)
    assert made.status_code == 201, made.text
    answer = rosa.call("POST", f"/requests/{made.get_json()['id']}/submit")
    assert answer.status_code == 200, answer.text
    assert (answer.get_json()["verdict"], len(answer.get_json()["files"])) == ("refer", MOST_FILES)


def test_open_questions_refuse_the_submission_and_are_answered(rosa: Session, house: House) -> None:
    file = rosa.hand_in("output", "counts.csv", COUNTS).get_json()["id"]
    drafted = rosa.call("POST", "/requests", request_body([file], answers={"units": "yes"})).get_json()
    asked = [each["id"] for each in drafted["checklist"] if each["open"]]
    assert asked == ["individuals", "outsider", "earlier", "only_way"]
    refused = rosa.call("POST", f"/requests/{drafted['id']}/submit")
    assert refused.status_code == 422
    for each in asked:
        assert f"{each}: " in sentence_of(refused)
    assert ".check(individuals=" in sentence_of(refused)
    answers = {each: ANSWERS[each] for each in asked}
    no = rosa.call("PUT", f"/requests/{drafted['id']}/checklist", {"answers": answers | {"outsider": "no"}})
    assert [each["id"] for each in no.get_json()["checklist"] if each["open"]] == ["outsider"]
    rosa.call("PUT", f"/requests/{drafted['id']}/checklist", {"answers": {"outsider": "yes"}})
    assert rosa.call("POST", f"/requests/{drafted['id']}/submit").status_code == 200
    late = rosa.call("PUT", f"/requests/{drafted['id']}/checklist", {"answers": {"outsider": "no"}})
    assert late.status_code == 409


def test_a_question_that_there_is_not_is_refused(rosa: Session, house: House) -> None:
    file = rosa.hand_in("output", "counts.csv", COUNTS).get_json()["id"]
    answer = rosa.call("POST", "/requests", request_body([file], answers={"secret": "yes"}))
    assert answer.status_code == 422
    assert "no question “secret”" in sentence_of(answer)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"units": None}, "units= (how many units stand behind it)"),
        ({"smallest": None, "data": []}, "data= (the names of the datasets"),
        ({"what": "figure"}, "Say what= one of: counts, magnitudes, model"),
        ({"what": "magnitudes"}, "largest_two_percent="),
        ({"shows": " "}, "shows"),
        ({"why_safe": "x" * 1001}, "why_safe"),
        ({"data": ["other"]}, "there is no agreement on “other”"),
    ],
)
def test_a_statement_that_lacks_something_says_what(
    rosa: Session, house: House, changes: dict[str, Any], sentence: str
) -> None:
    file = rosa.hand_in("output", "counts.csv", COUNTS).get_json()["id"]
    body = {"title": "T", "purpose": "P", "groups": [a_group(files={file: a_statement(**changes)})], "answers": ANSWERS}
    answer = rosa.call("POST", "/requests", body)
    if answer.status_code == 201:
        answer = rosa.call("POST", f"/requests/{answer.get_json()['id']}/submit")
    assert answer.status_code in {403, 409, 422}
    assert sentence in sentence_of(answer)
