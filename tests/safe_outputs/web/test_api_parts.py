"""What each part of the API does beyond what all of it does alike."""

import base64
from dataclasses import fields
from typing import Any

import pytest
from flask import Flask

from governance.database import DatabaseUnavailable
from governance.views import Views
from safe_outputs.lists.lines import RequestLine
from safe_outputs.transitions import RequestState
from safe_outputs.web.api.lists import Line
from tests.safe_outputs.every_state import LOCK, Everything, fill
from tests.safe_outputs.house import House, a_draft, a_submitted_request, release_next_of, submit, the_request
from tests.safe_outputs.web.browser import PREFIX, Program, sentence_of
from tests.safe_outputs.web.test_seen import views_of


@pytest.fixture
def everything(house: House) -> Everything:
    return fill(house)


def state_of(house: House, request_id: str) -> RequestState:
    state: RequestState = house.do(lambda session: the_request(session, request_id).state)
    return state


# ---------------------------------------------------------------------------------------------- lists


def test_a_list_comes_a_page_at_a_time(app: Flask, house: House, everything: Everything) -> None:
    cleo = Program(app, "cleo")
    whole = cleo.get("/queue?limit=200").get_json()
    assert whole["total"] == len(whole["requests"]) > 2
    pages = [cleo.get(f"/queue?limit=2&page={page}").get_json()["requests"] for page in (1, 2)]
    assert [*pages[0], *pages[1]] == whole["requests"][:4]
    assert cleo.get("/queue?limit=2&page=1000").get_json()["requests"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=1.0", "limit=+1", "page=0", "page=", "oage=1", "page=1&page=2"]
)
def test_a_query_is_read_strictly(app: Flask, query: str) -> None:
    answer = Program(app, "cleo").get(f"/queue?{query}")
    assert answer.status_code == 422 and answer.get_json()["errors"][0]["pointer"].startswith("#/")


@pytest.mark.parametrize(
    ("query", "name", "value"), [("verdict=safe", "verdict", "safe"), ("part=decided", "move", "nobody")]
)
def test_a_list_can_be_filtered(app: Flask, everything: Everything, query: str, name: str, value: str) -> None:
    found = Program(app, "cleo").get(f"/queue?limit=200&{query}").get_json()["requests"]
    assert found and {each[name] for each in found} <= {value, "system"}


def test_a_researcher_sees_her_projects_alone(app: Flask, everything: Everything) -> None:
    own = Program(app, "rosa").get("/requests?limit=200").get_json()
    assert {each["id"] for each in own["requests"]} == set(everything.requests.values())
    assert own["budgets"] == [] or own["budgets"][0]["left"] >= 0
    assert Program(app, "rui").get("/requests").get_json()["requests"] == []


def test_a_line_tells_all_that_a_list_on_a_page_can() -> None:
    assert {each.name for each in fields(RequestLine)} == set(Line.model_fields)


# ---------------------------------------------------------------------------------------------- together


def test_several_are_approved_with_one_call_and_one_that_is_stale_stops_none(app: Flask, house: House) -> None:
    ids = [a_submitted_request(house) for _ in range(3)]
    cleo, carl = Program(app, "cleo"), Program(app, "carl")
    read = cleo.get("/queue/together").get_json()["requests"]
    assert {each["request"]["id"] for each in read} == set(ids)
    assert all(each["etag"] == cleo.get(f"/requests/{each['request']['id']}").headers["ETag"] for each in read)
    asked = read[0]["request"]["id"]
    assert carl.change(f"/requests/{asked}", "questions", {"text": "Which years?"}).status_code == 200
    approve = [
        {"id": each["request"]["id"], "etag": each["etag"], "content_hash": each["request"]["content_hash"]}
        for each in read
    ]
    outcomes = cleo.send("POST", "/queue/together", {"approve": approve}).get_json()["outcomes"]
    assert {each["id"]: each["approved"] for each in outcomes} == {each: each != asked for each in ids}
    assert [each["problem"]["status"] for each in outcomes if not each["approved"]] == [412]
    assert state_of(house, asked) is RequestState.SUBMITTED


# ---------------------------------------------------------------------------------------------- releases


def test_a_release_is_read_taken_and_recalled(app: Flask, house: House, everything: Everything) -> None:
    release_id, rosa = everything.requests["released"], Program(app, "rosa")
    public = app.test_client()
    listed = public.get(f"{PREFIX}/api/releases").get_json()["releases"]
    assert release_id in {each["id"] for each in listed}
    one = public.get(f"{PREFIX}/api/releases/{release_id}").get_json()
    assert one["record"]["id"] == release_id
    for each in one["files"]:
        assert public.get(f"{PREFIX}/api/releases/{release_id}/files/{each['name']}").status_code == 200
    assert public.get(f"{PREFIX}/api/releases/{release_id}/package.zip").mimetype == "application/zip"
    assert rosa.change(f"/requests/{release_id}", "recall", {"reason": "A wrong year."}).status_code == 200
    gone = public.get(f"{PREFIX}/api/releases/{release_id}")
    assert gone.status_code == 410 and gone.get_json()["reason"] == "A wrong year."


def test_a_teams_release_is_for_its_team(app: Flask, everything: Everything) -> None:
    path = f"/team/releases/{everything.requests['released for the team']}"
    assert Program(app, "rosa").get(path).status_code == 200
    assert Program(app, "cleo").get(path).status_code == 403
    assert app.test_client().get(f"{PREFIX}/api{path.removeprefix('/team')}").status_code == 404


# ---------------------------------------------------------------------------------------------- bringing in


def test_something_is_brought_in(app: Flask, house: House) -> None:
    rosa, stan = Program(app, "rosa"), Program(app, "stan")
    files = [{"name": "codes.csv", "content": base64.b64encode(b"code,name\n1,one\n").decode()}]
    sent = rosa.send("POST", "/incoming", {"project": "heron", "purpose": "Codes.", "files": files})
    path = sent.headers["Location"].removeprefix(f"{PREFIX}/api")
    assert sent.status_code == 201 and rosa.get(path).data == sent.data
    read = stan.get(path)
    assert "one" in stan.get(f"{path}/files/1").get_json()["excerpt"]["text"]
    body = {"content_hash": read.get_json()["content_hash"], "reason": "Codes alone."}
    taken = stan.send("POST", f"{path}/accept", body, read.headers["ETag"])
    assert (taken.status_code, taken.get_json()["state"]) == (200, "delivered")
    assert stan.send("POST", f"{path}/decline", {"reason": "No."}, read.headers["ETag"]).status_code == 412


@pytest.mark.parametrize("content", ["a", "YQ", "YQ==\n", "Y Q==", "é", 7, None])
def test_bytes_are_base64_and_nothing_else(app: Flask, content: Any) -> None:
    body = {"project": "heron", "purpose": "Codes.", "files": [{"name": "codes.csv", "content": content}]}
    answer = Program(app, "rosa").send("POST", "/incoming", body)
    assert answer.status_code == 422 and answer.get_json()["errors"][0]["pointer"] == "#/files/0/content"


# ---------------------------------------------------------------------------------------------- packages, settings


def test_a_package_is_asked_for_and_decided(app: Flask, house: House) -> None:
    (house.folder / "session.txt").write_text(LOCK, encoding="utf-8")
    rosa, otto = Program(app, "rosa"), Program(app, "otto")
    sent = rosa.send("POST", "/packages", {"package": "pandas", "versions": ">=3", "purpose": "Tables."})
    path = sent.headers["Location"].removeprefix(f"{PREFIX}/api")
    early = otto.change(path, "steps", {"step": "mark_installed"})
    assert early.status_code == 409 and "waiting for the operator" in sentence_of(early)
    assert otto.change(path, "steps", {"step": "accept", "reason": "Needed."}).status_code == 200
    assert otto.change(path, "steps", {"step": "mark_installed"}).get_json()["installed"] == "3.0.1"
    assert rosa.get("/packages").get_json()["lock"] == [{"name": "pandas", "version": "3.0.1", "hashes": 1}]


def test_the_lock_that_cannot_be_read_is_told_of(app: Flask) -> None:
    found = Program(app, "otto").get("/packages").get_json()
    assert found["lock"] == [] and "session_lock" in found["lock_problem"]


# ---------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b'{"text": ""}', "application/json", 422),
        (b'{"text": 1}', "application/json", 422),
        (b'{"text": "a", "more": 1}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b'{"text": "a"}', "text/plain", 415),
        (b'{"text": "' + b"a" * 2_000_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_is_read_strictly(app: Flask, house: House, body: bytes, kind: str, status: int) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    cleo = Program(app, "cleo")
    headers = {"If-Match": cleo.get(path).headers["ETag"]}
    answer = cleo.open("POST", f"{path}/notes", data=body, content_type=kind, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert len(sentence_of(answer)) > 30 and "aaaa" not in answer.text


def test_another_projects_draft_is_nobodys_to_read(app: Flask, house: House) -> None:
    path = f"/requests/{a_draft(house)}"
    assert Program(app, "rui").get(path).status_code == 403
    assert Program(app, "rosa").get(path).get_json()["cannot"]["edit"] is None


def test_a_whole_review_ends_in_a_release(app: Flask, house: House) -> None:
    request_id = a_draft(house)
    submit(house, request_id)
    for name in ("cleo", "carl"):
        checker, path = Program(app, name), f"/requests/{request_id}"
        body = {"vote": "approve", "content_hash": checker.get(path).get_json()["content_hash"]}
        assert checker.change(path, "votes", body).status_code == 200
    assert release_next_of(house)
    found = Program(app, "rosa").get(f"/requests/{request_id}").get_json()
    assert (found["state"], found["release"]) == ("released", request_id)
    assert {each["checker"] for each in found["votes"]} == {"Cleo", "Carl"}


def test_what_changed_and_the_counts_are_told_and_counts_are_on_record(app: Flask, house: House) -> None:
    request_id = a_submitted_request(house)
    cleo, path = Program(app, "cleo"), f"/requests/{request_id}"
    returned = {"reason": "Say which years.", "category": "context_missing"}
    assert cleo.change(path, "return", returned).status_code == 200
    submit(house, request_id)
    found = cleo.get(f"{path}/evidence").get_json()
    assert (found["since"]["turn"], found["since"]["difference"]["changed"], found["counts"]) == (1, [], [])
    assert cleo.get(f"{path}/evidence?counts=yes").get_json()["counts"][0]["reason"]
    assert Program(app, "rosa").get(f"{path}/evidence").get_json()["why_not_counts"]
    assert Program(app, "rosa").get(f"{path}/evidence?counts=yes").status_code == 403


# ---------------------------------------------------------------------------------------------- on record


@pytest.mark.parametrize("part", ["", "/history", "/context", "/evidence"])
def test_what_is_read_is_on_record_first(app: Flask, house: House, part: str) -> None:
    request_id = a_submitted_request(house)
    assert Program(app, "cleo").get(f"/requests/{request_id}{part}").status_code == 200
    (found,) = views_of(house, request_id)
    assert (found.actor, found.detail["by"]) == ("cleo", "api")


def test_requests_that_are_read_together_are_each_on_record(app: Flask, house: House) -> None:
    ids = {a_submitted_request(house) for _ in range(2)}
    Program(app, "cleo").get("/queue/together")
    assert {each for each in ids if views_of(house, each)} == ids


def test_what_is_known_already_is_not_read_again(app: Flask, house: House) -> None:
    request_id = a_submitted_request(house)
    cleo = Program(app, "cleo")
    version = cleo.get(f"/requests/{request_id}").headers["ETag"]
    assert cleo.get(f"/requests/{request_id}", If_None_Match=version).status_code == 304
    assert len(views_of(house, request_id)) == 1


def test_what_cannot_be_put_on_record_is_not_told(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = a_submitted_request(house)

    def full(*_views: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(Views, "_write", full)
    answer = Program(app, "cleo").get(f"/requests/{request_id}")
    assert answer.status_code == 503 and "Another title" not in answer.text
