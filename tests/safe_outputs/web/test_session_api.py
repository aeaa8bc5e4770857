"""The statistics API of sessions, called as a gate calls it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from datasets.catalogue import load_catalogue
from datasets.copies import ProjectCopy
from datasets.versions import find_version
from governance.agreements import agreements_of
from governance.agreements import withdraw as withdraw_agreement
from governance.database import now
from governance.people import Person
from safe_outputs.asking import MAX_CODE_CHARACTERS
from safe_outputs.models import Statistic
from safe_outputs.statistics import plan_to_json
from safe_outputs.web.bodies import LARGEST_BODY
from safe_outputs.web.settings import WebSettings
from tests.safe_outputs.factories import CODE, CROSSTAB, PRIVATE_COUNT
from tests.safe_outputs.house import House, a_draft, a_submitted_request, an_answered_statistic, cast_vote
from tests.safe_outputs.web.browser import PREFIX, Browser, Session, sentence_of

CATALOGUE = Path(__file__).resolve().parents[3] / "examples" / "rand_hie.toml"
COLUMNS = ["site", "medical_spending"]


@pytest.fixture
def rosa(app: Flask) -> Session:
    return Session(app, "rosa", "heron")


def a_copy(house: House) -> None:
    """The register's entries of a dataset version and rosa's project copy of it; the service opens neither."""
    catalogue = load_catalogue(CATALOGUE)

    def step(session: Any) -> None:
        version = find_version(session, "rand_hie", 3)
        version.catalogue_json, version.rows, version.units = catalogue.to_json(), 20_190, 5_912
        (agreement,) = agreements_of(session, "heron")
        agreement.columns = COLUMNS
        digest = catalogue.approved(COLUMNS).digest
        session.add(
            ProjectCopy(
                project_id="heron",
                dataset="rand_hie",
                version=3,
                catalogue_digest=digest,
                path="/copies/heron/rand_hie-v3.duckdb",
                digest="x",
                rows=20_190,
                units=5_912,
                made_at=now(),
            )
        )

    house.do(step)


def test_the_session_knows_who_works_on_what(house: House, rosa: Session, settings: WebSettings) -> None:
    a_copy(house)
    facts = rosa.call("GET", "/session").get_json()
    assert (facts["person"], facts["full_name"]) == ("rosa", "Rosa")
    assert facts["project"] == {"id": "heron", "name": "Project Heron"}
    assert facts["training_days"] > 0
    assert facts["notices"] == list(settings.notices)
    (dataset,) = facts["datasets"]
    assert dataset["unit"] == {"column": "person", "singular": "person", "plural": "persons"}
    assert (dataset["name"], dataset["version"], dataset["rows"], dataset["units"]) == ("rand_hie", 3, 20_190, 5_912)
    assert (dataset["table"], dataset["copy"]) == ("visits", "rand_hie-v3.duckdb")
    assert [each["name"] for each in dataset["columns"]] == ["person", *COLUMNS]
    assert dataset["policy"]["count"] == {"pre_publication": "exact", "publication": "exact"}
    assert dataset["policy"]["variance"] == {"pre_publication": "private", "publication": "private"}
    site = dataset["columns"][1]
    assert site["categories"][0] == "Site 1"
    assert {"label", "description", "type", "unit", "key"} <= set(site)


def test_a_statistic_is_asked_for(rosa: Session, house: House) -> None:
    answer = rosa.call("POST", "/statistics", {"plan": plan_to_json(CROSSTAB), "code": CODE})
    assert answer.status_code == 202
    asked = answer.get_json()
    assert asked["state"] == "asked"
    assert answer.headers["Location"] == asked["url"] == f"{PREFIX}/api/session/statistics/{asked['id']}"
    again = rosa.call("GET", f"/statistics/{asked['id']}").get_json()
    assert (again["state"], again["answer"], again["problem"]) == ("asked", None, None)
    assert house.do(lambda session: session.scalars(select(Statistic.code)).one()) == CODE


def test_an_answer_comes_back_whole(rosa: Session, house: House) -> None:
    statistic = an_answered_statistic(house)
    found = rosa.call("GET", f"/statistics/{statistic}").get_json()
    assert found["state"] == "answered"
    assert found["answer"]["plan"] == plan_to_json(CROSSTAB)
    assert found["answer"]["table"]["cells"]


def test_another_projects_statistic_is_not_found(rosa: Session, house: House) -> None:
    statistic = an_answered_statistic(house, author="rui", project="wren")
    answer = rosa.call("GET", f"/statistics/{statistic}")
    assert answer.status_code == 404
    assert "no statistic" in sentence_of(answer)


def test_a_request_is_drafted_edited_submitted_and_withdrawn(rosa: Session, house: House) -> None:
    first, second = an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)
    body = {"title": "Table 1", "purpose": "For the paper.", "audience": "publication", "statistics": [first]}
    answer = rosa.call("POST", "/requests", body)
    assert answer.status_code == 201
    drafted = answer.get_json()
    assert drafted["state"] == "draft"
    assert drafted["url"] == f"http://127.0.0.1:8000{PREFIX}/requests/{drafted['id']}"
    edited = rosa.call("PUT", f"/requests/{drafted['id']}", body | {"statistics": [first, second]}).get_json()
    assert edited["statistics"] == [first, second]
    submitted = rosa.call("POST", f"/requests/{drafted['id']}/submit").get_json()
    assert (submitted["state"], submitted["turn"], submitted["checkers_needed"]) == ("submitted", 1, 2)
    assert rosa.call("GET", f"/requests/{drafted['id']}").get_json() == submitted
    withdrawn = rosa.call("POST", f"/requests/{drafted['id']}/withdraw").get_json()
    assert withdrawn["state_in_words"] == "withdrawn"


def test_a_request_cannot_be_edited_after_it_was_submitted(rosa: Session, house: House) -> None:
    statistic = an_answered_statistic(house)
    request = a_submitted_request(house, [statistic])
    body = {"title": "Changed", "purpose": "Changed", "audience": "publication", "statistics": [statistic]}
    answer = rosa.call("PUT", f"/requests/{request}", body)
    assert answer.status_code == 409
    assert "under review" in sentence_of(answer)
    assert rosa.call("GET", f"/requests/{request}").get_json()["title"] != "Changed"


def test_comments_of_an_open_turn_stay_closed(rosa: Session, house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", comment="Fine with me.")
    assert rosa.call("GET", f"/requests/{request}").get_json()["comments"] == []
    cast_vote(house, request, "carl")
    assert [each["comment"] for each in rosa.call("GET", f"/requests/{request}").get_json()["comments"]] == [
        "Fine with me.",
        "",
    ]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", ""), ("POST", "/submit"), ("POST", "/withdraw")])
def test_another_projects_request_is_not_found(app: Flask, house: House, method: str, path: str) -> None:
    request = a_draft(house)
    body = {"title": "x", "purpose": "x", "audience": "publication", "statistics": ["s"]} if method == "PUT" else None
    answer = Session(app, "rui", "wren").call(method, f"/requests/{request}{path}", body)
    assert answer.status_code == 404
    assert request in sentence_of(answer)


PLAN = plan_to_json(CROSSTAB)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "exactly these fields: plan, code"),
        ({"plan": PLAN}, "exactly these fields"),
        ({"plan": PLAN, "code": CODE, "person": "cleo"}, "exactly these fields"),
        ({"plan": PLAN, "code": None}, "code has to be a text"),
        ({"plan": PLAN, "code": "x" * (MAX_CODE_CHARACTERS + 1)}, "code has to be a text"),
        ({"plan": PLAN | {"sql": "SELECT 1"}, "code": ""}, "sql"),
        ({"plan": PLAN | {"kind": "raw"}, "code": ""}, "kind"),
        ({"plan": PLAN | {"dimensions": []}, "code": ""}, "dimensions"),
    ],
)
def test_a_malformed_question_is_refused_with_its_place(rosa: Session, body: Any, sentence: str) -> None:
    answer = rosa.call("POST", "/statistics", body)
    assert answer.status_code == 422
    assert sentence in sentence_of(answer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"plan": NaN, "code": ""}',
        "[" * 100_000,
        '{"plan": {"kind": "crosstab"}, "code": "\\ud800"}',
        '{"plan": ' + "9" * 5000 + ', "code": ""}',
        "\x00",
    ],
)
def test_a_body_that_is_no_json_is_refused(app: Flask, rosa: Session, text: str) -> None:
    answer = rosa.send("POST", "/statistics", text.encode(), "application/json")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert sentence_of(answer)


def test_a_body_of_another_type_is_refused(rosa: Session) -> None:
    answer = rosa.send("POST", "/statistics", b"plan=1", "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "application/json" in sentence_of(answer)


def test_a_body_that_is_too_large_is_refused(rosa: Session) -> None:
    answer = rosa.send("POST", "/statistics", b" " * (LARGEST_BODY + 1), "application/json")
    assert answer.status_code == 413
    assert sentence_of(answer)


def test_a_right_that_ends_ends_the_next_call(rosa: Session, house: House) -> None:
    request = a_draft(house)
    assert rosa.call("GET", f"/requests/{request}").status_code == 200

    def expire(session: Any) -> None:
        session.get(Person, "rosa").training_until = date(2020, 1, 1)

    house.do(expire)
    answer = rosa.call("GET", f"/requests/{request}")
    assert answer.status_code == 403
    assert "training ended" in sentence_of(answer)


def test_an_agreement_that_ends_ends_the_next_call(rosa: Session, house: House) -> None:
    def end(session: Any) -> None:
        for each in agreements_of(session, "heron"):
            withdraw_agreement(session, each, owner=each.owner)

    house.do(end)
    answer = rosa.call("POST", "/statistics", {"plan": PLAN, "code": ""})
    assert answer.status_code == 403
    assert "no agreement" in sentence_of(answer)
    assert house.do(lambda session: session.scalars(select(Statistic)).first()) is None


def test_errors_are_problem_details(rosa: Session) -> None:
    answer = rosa.call("GET", "/requests/r-none")
    assert answer.content_type == "application/problem+json"
    assert set(answer.get_json()) == {"type", "title", "status", "detail"}
    assert answer.get_json()["status"] == answer.status_code == 404
    nowhere = rosa.call("GET", "/nothing/here")
    assert (nowhere.status_code, nowhere.content_type) == (404, "application/problem+json")
    wrong = rosa.call("DELETE", "/statistics")
    assert (wrong.status_code, sorted(wrong.headers["Allow"].split(", "))) == (405, ["POST"])


def test_the_api_takes_no_cookie(app: Flask, house: House) -> None:
    request = a_draft(house)
    signed_in = Browser(app).sign_in("rosa")
    assert signed_in.get(f"/api/session/requests/{request}").status_code == 401
    assert signed_in.post(f"/api/session/requests/{request}/submit").status_code == 401
