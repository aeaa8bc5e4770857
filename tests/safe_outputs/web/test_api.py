"""The API as a whole: it is described, it has what pages have, and it can tell who calls and about which version."""

import json

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from safe_outputs.transitions import Vote
from safe_outputs.web.access import declared
from safe_outputs.web.api.description import describe, path_of
from safe_outputs.web.api.statement import operation_of
from tests.safe_outputs.house import House, a_submitted_request, cast_vote
from tests.safe_outputs.web.browser import PREFIX, Browser, Program, sentence_of

READ: dict[str, tuple[str, ...]] = {
    "/": ("GET /api/me",),
    "/queue": ("GET /api/queue",),
    "/queue/together": ("GET /api/queue/together",),
    "/requests": ("GET /api/requests",),
    "/requests/<request_id>": (
        "GET /api/requests/{request_id}",
        "GET /api/requests/{request_id}/progress",
        "GET /api/requests/{request_id}/history",
        "GET /api/requests/{request_id}/context",
        "GET /api/requests/{request_id}/evidence",
    ),
    "/requests/<request_id>/files/<file_id>": ("GET /api/requests/{request_id}/files/{file_id}",),
    "/requests/<request_id>/files/<file_id>/picture": ("GET /api/requests/{request_id}/files/{file_id}/picture",),
    "/incoming": ("GET /api/incoming",),
    "/incoming/queue": ("GET /api/incoming/queue",),
    "/incoming/<ingress_id>": ("GET /api/incoming/{ingress_id}",),
    "/incoming/<ingress_id>/files/<int:position>": ("GET /api/incoming/{ingress_id}/files/{position}",),
    "/packages": ("GET /api/packages", "GET /api/packages/{package_request_id}"),
    "/releases": ("GET /api/releases",),
    "/releases/<release_id>": ("GET /api/releases/{release_id}",),
    "/releases/<release_id>/files/<path:name>": ("GET /api/releases/{release_id}/files/{name}",),
    "/releases/<release_id>/package.zip": ("GET /api/releases/{release_id}/package.zip",),
    "/releases/keys": ("GET /api/keys",),
    "/releases/keys.json": ("GET /api/keys",),
    "/team/releases": ("GET /api/team/releases",),
    "/team/releases/<release_id>": ("GET /api/team/releases/{release_id}",),
    "/team/releases/<release_id>/files/<path:name>": ("GET /api/team/releases/{release_id}/files/{name}",),
    "/team/releases/<release_id>/package.zip": ("GET /api/team/releases/{release_id}/package.zip",),
    "/numbers": ("GET /api/numbers",),
    "/numbers/<name>.svg": ("GET /api/numbers",),
    "/practice": ("GET /api/practice",),
    "/practice/summary": ("GET /api/practice/summary",),
    "/practice/<case_id>": ("GET /api/practice/{case_id}",),
    "/health": ("GET /api/health",),
    "/settings": ("GET /api/settings", "GET /api/settings/zones", "GET /api/settings/email", "GET /api/settings/away"),
    "/owner": ("GET /api/owner",),
    "/notifications": ("GET /api/notifications",),
}
"""Each page, and the operations that tell the same. A new page needs a line here."""

NO_PAGES = {"/sign-in", "/oauth_callback", "/sign-out", "/metrics", "/static/<path:name>"}
"""Signing in and out is the browser's, and what is no page has no twin."""

TWINS: dict[str, tuple[str, ...]] = {
    "/requests/<request_id>/vote": ("POST /api/requests/{request_id}/votes",),
    "/requests/<request_id>/return": ("POST /api/requests/{request_id}/return",),
    "/requests/<request_id>/say": (
        "POST /api/requests/{request_id}/questions",
        "POST /api/requests/{request_id}/comments",
        "POST /api/requests/{request_id}/notes",
    ),
    "/requests/<request_id>/recall": ("POST /api/requests/{request_id}/recall",),
    "/requests/<request_id>/answer": ("POST /api/requests/{request_id}/answers",),
    "/settings/email": ("PUT /api/settings/email",),
    "/owner/requests/<request_id>/recall": ("POST /api/owner/requests/{request_id}/recall",),
    "/owner/delegates": ("PUT /api/owner/delegates/{name}",),
    "/owner/delegates/end": ("PUT /api/owner/delegates/{name}",),
    "/settings/away": ("PUT /api/settings/away",),
    "/requests/<request_id>/decline": ("POST /api/requests/{request_id}/decline",),
    "/notifications/read": ("POST /api/notifications/read",),
    "/requests/<request_id>/withdraw": ("POST /api/requests/{request_id}/withdraw",),
    "/requests/<request_id>/checklist": (
        "POST /api/requests/{request_id}/checklist",
        "POST /api/requests/{request_id}/submit",
    ),
    "/queue/together": ("POST /api/queue/together",),
    "/incoming": ("POST /api/incoming",),
    "/incoming/<ingress_id>/withdraw": ("POST /api/incoming/{ingress_id}/withdraw",),
    "/incoming/<ingress_id>/decide": (
        "POST /api/incoming/{ingress_id}/accept",
        "POST /api/incoming/{ingress_id}/decline",
    ),
    "/incoming/<ingress_id>/resume": ("POST /api/incoming/{ingress_id}/resume",),
    "/packages": ("POST /api/packages",),
    "/packages/<package_request_id>/<action>": ("POST /api/packages/{package_request_id}/steps",),
    "/practice/<case_id>": ("POST /api/practice/{case_id}/answers",),
    "/settings/time-zone": ("PUT /api/settings",),
}
"""Each form of a page, and the operations that do the same. A new form needs a line here."""


def described(app: Flask) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in describe(app)["paths"].items() for method in methods}


def test_every_form_has_its_twin_in_the_api(app: Flask) -> None:
    forms = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.methods and rule.methods & {"POST", "PUT", "PATCH", "DELETE"} and not rule.rule.startswith("/api/")
    }
    assert forms == set(TWINS)
    assert {operation for operations in TWINS.values() for operation in operations} <= described(app)


def test_every_page_has_its_twin_in_the_api(app: Flask) -> None:
    pages = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and not rule.rule.startswith("/api/")
    }
    assert pages == set(READ) | NO_PAGES
    assert {operation for operations in READ.values() for operation in operations} <= described(app)


def test_names_in_the_description_are_short_and_mean_one_thing(app: Flask) -> None:
    assert [name for name in describe(app)["components"]["schemas"] if not name.isalnum()] == []


def test_every_route_below_api_is_described(app: Flask) -> None:
    missing = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and operation_of(app.view_functions[rule.endpoint]) is None
    ]
    assert missing == []


def test_the_description_is_public_and_the_same_each_time(app: Flask) -> None:
    first, second = (app.test_client().get(f"{PREFIX}/api/openapi.json") for _ in range(2))
    assert first.status_code == 200 and first.data == second.data
    assert first.get_json() == json.loads(json.dumps(describe(app)))
    assert first.get_json()["openapi"].startswith("3.1")


def test_paths_are_written_as_openapi_writes_them() -> None:
    assert path_of("/api/a/<b>/<int(max=9):c>/<path:d>") == "/api/a/{b}/{c}/{d}"


# ---------------------------------------------------------------------------------------------- who calls


def test_a_program_calls_with_its_token_and_needs_no_other(app: Flask) -> None:
    found = Program(app, "cleo").get("/me").get_json()
    assert (found["name"], found["role"], found["csrf_token"]) == ("cleo", "output_checker", None)


def test_nobody_gets_a_problem_and_no_page(app: Flask) -> None:
    answer = app.test_client().get(f"{PREFIX}/api/me")
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Basic Y2xlbzpj", "Bearer", "Bearer ", "Saferoom-Session x", "cleo"])
def test_another_header_is_no_token_and_hides_the_cookie(app: Flask, header: str) -> None:
    """Whoever sends a header means to be who it says, and is not taken for the cookie's person."""
    client = Browser(app).sign_in("cleo").client
    assert client.get(f"{PREFIX}/api/me").status_code == 200
    assert client.get(f"{PREFIX}/api/me", headers={"Authorization": header}).status_code == 401


def test_a_token_opens_no_page(app: Flask) -> None:
    answer = app.test_client().get(f"{PREFIX}/queue", headers={"Authorization": "Bearer token of cleo"})
    assert answer.status_code == 302


def test_a_cookie_changes_something_only_with_its_token(app: Flask, house: House) -> None:
    """A page of somebody else's can make a browser send its cookie, and cannot read the token nor set the header."""
    request_id = a_submitted_request(house)
    client = Browser(app).sign_in("cleo").client
    path = f"{PREFIX}/api/requests/{request_id}"
    version = {"If-Match": client.get(path).headers["ETag"]}
    token = client.get(f"{PREFIX}/api/me").get_json()["csrf_token"]
    other = Browser(app).sign_in("carl").client.get(f"{PREFIX}/api/me").get_json()["csrf_token"]
    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "made up"}, {"X-CSRF-Token": other}):
        answer = client.post(f"{path}/notes", json={"text": "Look."}, headers=version | wrong)
        assert answer.status_code == 403 and "csrf_token" in sentence_of(answer)
    right = version | {"X-CSRF-Token": token}
    assert client.post(f"{path}/notes", json={"text": "Look."}, headers=right).status_code == 200


# ---------------------------------------------------------------------------------------------- versions


def test_a_version_that_is_known_is_not_sent_again(app: Flask, house: House) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    cleo = Program(app, "cleo")
    first = cleo.get(path)
    again = cleo.get(path, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert cleo.get(path, If_None_Match='"another"').status_code == 200


def a_vote(program: Program, path: str, etag: str | None, vote: str = "approve") -> TestResponse:
    content = program.get(path).get_json()["content_hash"]
    body = {"vote": vote, "content_hash": content, "comment": "The years are missing."}
    return program.send("POST", f"{path}/votes", body, etag)


def test_a_change_names_its_version(app: Flask, house: House) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    cleo = Program(app, "cleo")
    for none in (None, "*", ""):
        answer = a_vote(cleo, path, none)
        assert answer.status_code == 428 and "If-Match" in sentence_of(answer)
    for other in ('"0"', f"W/{cleo.get(path).headers['ETag']}"):
        answer = a_vote(cleo, path, other)
        assert answer.status_code == 412 and "Read it again" in sentence_of(answer)
    assert cleo.get(path).get_json()["votes"] == []


def test_a_stale_page_changes_nothing(app: Flask, house: House) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    cleo, carl = Program(app, "cleo"), Program(app, "carl")
    read = cleo.get(path).headers["ETag"]
    assert carl.change(path, "questions", {"text": "Which years?"}).status_code == 200
    assert a_vote(cleo, path, read).status_code == 412
    assert a_vote(cleo, path, cleo.get(path).headers["ETag"]).status_code == 200


def test_an_answer_to_a_change_has_the_next_version(app: Flask, house: House) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    cleo = Program(app, "cleo")
    voted = a_vote(cleo, path, cleo.get(path).headers["ETag"])
    assert [each["vote"] for each in voted.get_json()["votes"]] == ["approve"]
    assert cleo.send("POST", f"{path}/notes", {"text": "Done."}, voted.headers["ETag"]).status_code == 200


READERS = ("rosa", "carl", "cora")


@pytest.mark.parametrize("vote", list(Vote), ids=str)
def test_a_blind_vote_changes_no_other_readers_version(app: Flask, house: House, vote: Vote) -> None:
    """Another's vote neither makes a page stale nor is told by a version: byte for byte the same answer."""
    request_id = a_submitted_request(house, title="Three checkers")
    before = {name: Program(app, name).get(f"/requests/{request_id}") for name in READERS}
    cast_vote(house, request_id, "cleo", vote, "The years are missing.")
    for name, known in before.items():
        after = Program(app, name).get(f"/requests/{request_id}")
        assert (after.data, after.headers["ETag"]) == (known.data, known.headers["ETag"]), name
    answer = a_vote(Program(app, "carl"), f"/requests/{request_id}", before["carl"].headers["ETag"])
    assert answer.status_code == 200


def test_a_blind_note_changes_no_other_readers_version(app: Flask, house: House) -> None:
    path = f"/requests/{a_submitted_request(house)}"
    before = {name: Program(app, name).get(path) for name in READERS}
    assert Program(app, "cleo").change(path, "notes", {"text": "Small cells."}).status_code == 200
    assert Program(app, "cleo").change(path, "comments", {"text": "Small cells."}).status_code == 200
    assert {name: Program(app, name).get(path).data for name in READERS} == {n: each.data for n, each in before.items()}


def test_a_practice_case_tells_what_was_in_it_once_it_is_answered(app: Flask) -> None:
    cleo = Program(app, "cleo")
    case = cleo.get("/practice").get_json()["cases"][0]["id"]
    assert cleo.get(f"/practice/{case}").get_json()["result"] is None
    answer = cleo.send("POST", f"/practice/{case}/answers", {"vote": "request_changes", "marked": ["small_counts"]})
    result = answer.get_json()["result"]
    assert result["told"] and cleo.get(f"/practice/{case}").get_json()["result"] == result


def test_the_description_says_of_each_route_who_may_use_it_as_the_door_does(app: Flask) -> None:
    views = [app.view_functions[rule.endpoint] for rule in app.url_map.iter_rules()]
    stated = [(operation.audience, declared(view)) for view in views if (operation := operation_of(view)) is not None]
    assert len(stated) > 50 and [each for each in stated if each[0] != each[1]] == []
