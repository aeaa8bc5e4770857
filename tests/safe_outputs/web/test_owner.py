"""What a data owner and her delegates see, take and take back; asked anew each time."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from governance import audit
from governance.agreements import agree
from governance.database import now, reading
from governance.people import Person, Role
from safe_outputs.models import ReleaseRequest
from safe_outputs.notifications.kinds import Kind
from safe_outputs.notifications.models import Notification
from safe_outputs.releases import downloads, owning
from safe_outputs.releases.releasing import release
from safe_outputs.transitions import RequestState
from tests.governance.people_factory import a_person
from tests.safe_outputs.factories import PRIVATE_COUNT, RELEASE_KEY, TODAY, a_statistic, an_answer, approved
from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.browser import Browser, Program, sentence_of

TOMORROW = now().date() + timedelta(days=1)


@pytest.fixture
def released(house: House) -> tuple[str, str]:
    """A release for publication and one for the team, of olga's data."""

    def step(session, audience: str) -> str:
        request = approved(session, house.store, audience=audience)
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")
        return request.id

    return (
        house.do(lambda session: step(session, "publication")),
        house.do(lambda session: step(session, "pre_publication")),
    )


def state_of(house: House, request: str) -> RequestState:
    with reading(house.engine) as session:
        return session.get_one(ReleaseRequest, request).state


def told(house: House, kind: Kind) -> list[str]:
    with reading(house.engine) as session:
        return sorted(session.scalars(select(Notification.person).where(Notification.kind == kind)))


def name(house: House, delegate: str, until=TOMORROW, owner: str = "olga") -> None:
    house.do(
        lambda session: owning.name_delegate(session, owner=owner, delegate=delegate, until=until, today=now().date())
    )


def test_she_sees_what_left_who_uses_it_and_how_much_may_leave(
    app: Flask, house: House, released: tuple[str, str]
) -> None:
    a_submitted_request(house, title="A secret title")
    Browser(app).get(f"/releases/{released[0]}/package.zip")
    page = Browser(app).sign_in("olga").get("/owner").text
    text = sentence_of(Browser(app).sign_in("olga").get("/owner"))
    assert all(f"/team/releases/{each}" in page for each in released)
    assert "taken 1 time" in text and "Project Heron" in text and "Project Wren" in text
    assert "A secret title" not in page, "what is under way is counted and not shown"
    found = Program(app, "olga").get("/owner").get_json()
    assert {each["project_id"]: each["pending"] for each in found["uses"]} == {"heron": 1, "wren": 0}
    assert [each["taken"] for each in found["left"] if each["id"] == released[0]] == [1]


def test_others_see_nothing_of_it(app: Flask, house: House, released: tuple[str, str]) -> None:
    house.do(lambda session: a_person(session, "otis", Role.DATA_OWNER, organisation="Elsewhere"))
    for who in ("rosa", "cleo", "stan", "otto"):
        assert Browser(app).sign_in(who).get("/owner").status_code == 403
    found = Program(app, "otis").get("/owner").get_json()
    assert (found["left"], found["uses"]) == ([], [])
    refused = Program(app, "otis").send("POST", f"/owner/requests/{released[0]}/recall", {"reason": "Mine."})
    assert refused.status_code == 403 and "Nothing in this request is of your data" in sentence_of(refused)


@pytest.mark.parametrize("way", ["page", "api"])
def test_she_recalls_a_release_of_her_data_with_a_reason(
    app: Flask, house: House, released: tuple[str, str], way: str
) -> None:
    request = released[0]
    olga = Browser(app).sign_in("olga")
    if way == "page":
        form = olga.form_of("/owner", f"/owner/requests/{request}/recall")
        assert olga.post(f"/owner/requests/{request}/recall", {**form, "reason": " "}).status_code == 422
        assert state_of(house, request) is RequestState.RELEASED
        assert olga.post(f"/owner/requests/{request}/recall", {**form, "reason": "A wrong year."}).status_code == 303
    else:
        answer = Program(app, "olga").send("POST", f"/owner/requests/{request}/recall", {"reason": "A wrong year."})
        assert answer.status_code == 200
    assert state_of(house, request) is RequestState.RECALLED
    gone = Browser(app).get(f"/releases/{request}")
    assert gone.status_code == 410 and "A wrong year." in sentence_of(gone)
    assert "It was recalled" in sentence_of(olga.get("/owner"))
    assert told(house, Kind.RECALLED) == ["rosa"]
    with reading(house.engine) as session:
        recalled = [
            each for each in audit.events_about(session, f"request:{request}") if each.action == "request.recalled"
        ]
        assert [each.actor for each in recalled] == ["olga"]


def test_an_owner_whose_rights_have_ended_recalls_nothing(app: Flask, house: House, released: tuple[str, str]) -> None:
    house.do(lambda session: setattr(session.get(Person, "olga"), "accredited_until", TODAY - timedelta(days=900)))
    assert Browser(app).sign_in("olga").get("/owner").status_code == 403
    assert (
        Program(app, "olga").send("POST", f"/owner/requests/{released[0]}/recall", {"reason": "Now."}).status_code
        == 403
    )


def test_owners_are_told_of_what_is_released(house: House, released: tuple[str, str]) -> None:
    assert told(house, Kind.FROM_YOUR_DATA) == ["olga", "olga"]


def test_a_delegate_sees_and_takes_until_her_day_and_recalls_nothing(
    app: Flask, house: House, released: tuple[str, str]
) -> None:
    house.do(lambda session: a_person(session, "dora", Role.RESEARCHER))
    closed = f"/team/releases/{released[1]}/package.zip"
    dora = Browser(app).sign_in("dora")
    assert dora.get(closed).status_code == 403 and dora.get("/owner").status_code == 403
    name(house, "dora")
    assert dora.get(closed).status_code == 200
    page = dora.get("/owner")
    assert "You see what Olga lets you see" in sentence_of(page) and "Take this release back" not in page.text
    assert "Your delegates" not in page.text
    answer = Program(app, "dora").send("POST", f"/owner/requests/{released[0]}/recall", {"reason": "No."})
    assert answer.status_code == 403 and state_of(house, released[0]) is RequestState.RELEASED
    with reading(house.engine) as session:
        found = downloads.find_release(session, released[1])
        assert downloads.why_not_download(session, found, "dora", TOMORROW) is None
        assert downloads.why_not_download(session, found, "dora", TOMORROW + timedelta(days=1)) is not None


@pytest.mark.parametrize("what", ["ended", "owner left", "other organisation", "owner's rights"])
def test_what_a_delegation_stands_on_ends_it(app: Flask, house: House, released: tuple[str, str], what: str) -> None:
    house.do(lambda session: a_person(session, "dora", Role.RESEARCHER))
    name(house, "dora")

    def step(session) -> None:
        olga, dora = session.get_one(Person, "olga"), session.get_one(Person, "dora")
        match what:
            case "ended":
                owning.end_delegate(session, owner="olga", delegate="dora", today=now().date())
            case "owner left":
                olga.role = Role.DATA_STEWARD
            case "other organisation":
                dora.organisation = "Elsewhere"
            case _:
                olga.training_until = TODAY - timedelta(days=900)

    house.do(step)
    assert Browser(app).sign_in("dora").get(f"/team/releases/{released[1]}/package.zip").status_code == 403


@pytest.mark.parametrize(
    ("delegate", "until", "status"),
    [
        ("dora", "2020-01-01", 422),
        ("dora", "9999-01-01", 422),
        ("dora", "soon", 422),
        ("dora", "", 422),
        ("cleo", TOMORROW.isoformat(), 422),
        ("otto", TOMORROW.isoformat(), 422),
        ("olga", TOMORROW.isoformat(), 422),
        ("frida", TOMORROW.isoformat(), 422),
        ("nobody", TOMORROW.isoformat(), 404),
    ],
)
def test_who_cannot_be_a_delegate_is_refused_with_a_sentence(
    app: Flask, house: House, delegate: str, until: str, status: int
) -> None:
    house.do(lambda session: a_person(session, "dora", Role.RESEARCHER))
    house.do(lambda session: a_person(session, "frida", Role.RESEARCHER, organisation="Elsewhere"))
    olga = Browser(app).sign_in("olga")
    form = olga.form_of("/owner", "/owner/delegates")
    answer = olga.post("/owner/delegates", {**form, "name": delegate, "until": until})
    assert answer.status_code == status and "Nothing was changed" in answer.text
    with reading(house.engine) as session:
        assert session.scalars(select(owning.OwnerDelegate)).all() == []


def test_delegates_are_named_and_ended_by_form_and_program_and_on_record(app: Flask, house: House) -> None:
    house.do(lambda session: a_person(session, "dora", Role.RESEARCHER))
    olga, program = Browser(app).sign_in("olga"), Program(app, "olga")
    form = olga.form_of("/owner", "/owner/delegates")
    given = {"name": "dora", "until": TOMORROW.isoformat()}
    assert olga.post("/owner/delegates", {**form, **given}).status_code == 303
    assert program.get("/owner").get_json()["delegates"] == [{"delegate": "dora", "until": TOMORROW.isoformat()}]
    assert olga.post("/owner/delegates/end", {**form, "name": "dora"}).status_code == 303
    put = program.send("PUT", "/owner/delegates/dora", {"until": TOMORROW.isoformat()})
    assert [each["delegate"] for each in put.get_json()["delegates"]] == ["dora"]
    assert program.send("PUT", "/owner/delegates/dora", {"until": None}).get_json()["delegates"] == []
    with reading(house.engine) as session:
        actions = [each.action for each in audit.events_about(session, "person:dora")]
    assert actions[1:] == ["owner.delegate_named", "owner.delegate_ended"] * 2


def test_a_release_with_others_data_before_publication_shows_no_title(app: Flask, house: House) -> None:
    """She speaks for a part of it only, so that she can recall it, and neither reads nor takes it."""

    def step(session) -> str:
        a_person(session, "otis", Role.DATA_OWNER, organisation="Elsewhere")
        statistics = [
            a_statistic(session, house.store),
            a_statistic(session, house.store, answer=an_answer(house.store, PRIVATE_COUNT)),
        ]
        request = approved(
            session, house.store, statistics=statistics, audience="pre_publication", title="Not hers to read"
        )
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")
        agree(session, project_id="heron", dataset="other", version=1, columns=["a"], owner="otis")
        statistics[1].plan = {**statistics[1].plan, "dataset": "other"}
        return request.id

    request = house.do(step)
    (shown,) = Program(app, "otis").get("/owner").get_json()["left"]
    assert (shown["request_id"], shown["datasets"], shown["title"]) == (request, ["other"], None)
    assert shown["why_not_recall"] is None
    otis = Browser(app).sign_in("otis")
    assert "Not hers to read" not in otis.get("/owner").text
    assert otis.get(f"/team/releases/{shown['id']}/package.zip").status_code == 403
