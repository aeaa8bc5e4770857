"""Who may take a release home, on both ways to it, and that every download is on record."""

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime

import pytest
from flask import Flask

from governance import audit
from governance.agreements import agreement_in_force
from governance.agreements import withdraw as withdraw_agreement
from governance.database import now, reading
from governance.people import Person, Role
from governance.projects import Membership
from safe_outputs import reviewing
from safe_outputs.asking import problem_json
from safe_outputs.errors import Recalled
from safe_outputs.package.keys import read_keys
from safe_outputs.package.verify import examine
from safe_outputs.package.zipped import read_zip
from safe_outputs.releases import downloads, release_keys
from safe_outputs.releases.releasing import release
from safe_outputs.web import words
from tests.governance.people_factory import FAR, a_person
from tests.safe_outputs.factories import RELEASE_KEY, TODAY, approved
from tests.safe_outputs.house import House, the_request
from tests.safe_outputs.web.browser import PREFIX, Browser, sentence_of

PLACES = ("", "/files/release.json", "/files/checksums/1-crosstab.csv.txt", "/package.zip")
TEAM = {"rosa", "olga"}
OTHERS = {"rui", "cleo", "cora", "stan", "otto", "otis"}
"""otis is a data owner of another organisation, who agreed to nothing here."""


@dataclass(frozen=True)
class Released:
    public: str
    closed: str


@pytest.fixture
def released(house: House) -> Released:
    """A release for publication, and one for the named team."""

    def released_for(audience: str) -> str:
        return str(house.do(lambda session: step(session, audience)))

    def step(session, audience: str) -> str:
        request = approved(session, house.store, audience=audience)
        return release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")[0].id

    house.do(lambda session: a_person(session, "otis", Role.DATA_OWNER, organisation="Elsewhere"))
    return Released(released_for("publication"), released_for("pre_publication"))


def recall(house: House, release_id: str) -> None:
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, release_id), person="cleo", reason="A wrong year.", today=TODAY
        )
    )


def on_record(house: House, release_id: str) -> list[tuple[str, str]]:
    with reading(house.engine) as session:
        assert downloads.how_often(session, release_id) == len(downloads.downloads_of(session, release_id))
        return [(each.who, each.file) for each in reversed(downloads.downloads_of(session, release_id))]


@pytest.mark.parametrize("who", sorted(TEAM | OTHERS))
def test_a_release_for_a_team_is_the_teams_and_the_owners(app: Flask, released: Released, who: str) -> None:
    browser = Browser(app).sign_in(who)
    for place in PLACES:
        answer = browser.get(f"/team/releases/{released.closed}{place}")
        assert answer.status_code == (200 if who in TEAM else 403), place
        if who not in TEAM:
            assert "for the people of its project and the data owners' delegates alone" in sentence_of(answer)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("who", sorted(TEAM | OTHERS))
def test_the_list_has_what_may_be_taken(app: Flask, released: Released, who: str) -> None:
    page = Browser(app).sign_in(who).get("/team/releases").text
    assert (f"/team/releases/{released.closed}" in page) == (who in TEAM)
    assert released.public not in page


def test_for_anybody_else_it_does_not_exist(app: Flask, released: Released) -> None:
    for place in PLACES:
        assert Browser(app).get(f"/releases/{released.closed}{place}").status_code == 404
        assert Browser(app).sign_in("rosa").get(f"/releases/{released.closed}{place}").status_code == 404
        assert Browser(app).get(f"/releases/{released.public}{place}").status_code == 200


def test_an_owner_of_the_same_organisation_speaks_for_the_data(app: Flask, house: House, released: Released) -> None:
    house.do(lambda session: a_person(session, "ovid", Role.DATA_OWNER, organisation="RAND Corporation"))
    assert Browser(app).sign_in("ovid").get(f"/team/releases/{released.closed}").status_code == 200
    house.do(lambda session: a_person(session, "stine", Role.DATA_STEWARD, organisation="RAND Corporation"))
    assert Browser(app).sign_in("stine").get(f"/team/releases/{released.closed}").status_code == 403


def test_a_right_that_ends_ends_downloads(app: Flask, house: House, released: Released) -> None:
    browser = Browser(app).sign_in("rosa")
    assert browser.get(f"/team/releases/{released.closed}/package.zip").status_code == 200
    house.do(lambda session: session.delete(session.get(Membership, ("heron", "rosa"))))
    assert browser.get(f"/team/releases/{released.closed}/package.zip").status_code == 403
    house.do(lambda session: setattr(session.get(Person, "olga"), "training_until", FAR.replace(year=2020)))
    assert Browser(app).sign_in("olga").get(f"/team/releases/{released.closed}").status_code == 403


def test_an_owner_who_ended_the_agreement_still_sees_what_left(app: Flask, house: House, released: Released) -> None:
    def end(session) -> None:
        agreement = agreement_in_force(session, "heron", "rand_hie")
        assert agreement is not None
        withdraw_agreement(session, agreement, owner="olga")

    house.do(end)
    assert Browser(app).sign_in("olga").get(f"/team/releases/{released.closed}/package.zip").status_code == 200


def test_every_download_is_on_record_and_nothing_else_is(app: Flask, house: House, released: Released) -> None:
    anybody, rosa = Browser(app), Browser(app).sign_in("rosa")
    anybody.get(f"/releases/{released.public}")
    anybody.client.head(f"{PREFIX}/releases/{released.public}/package.zip")
    anybody.get(f"/releases/{released.public}/files/nothing.csv")
    assert on_record(house, released.public) == []
    anybody.get(f"/releases/{released.public}/package.zip")
    anybody.get(f"/releases/{released.public}/files/1-crosstab.csv")
    rosa.get(f"/team/releases/{released.public}/files/release.json")
    taken = [("public", "package.zip"), ("public", "1-crosstab.csv"), ("rosa", "release.json")]
    assert on_record(house, released.public) == taken
    assert "It was taken 3 times so far" in sentence_of(anybody.get(f"/releases/{released.public}"))
    assert on_record(house, released.closed) == []
    Browser(app).sign_in("rui").get(f"/team/releases/{released.closed}/package.zip")
    assert on_record(house, released.closed) == []
    rosa.get(f"/team/releases/{released.closed}/package.zip")
    assert on_record(house, released.closed) == [("rosa", "package.zip")]
    with reading(house.engine) as session:
        audit.verify(session)


def test_nobody_gets_what_was_recalled(app: Flask, house: House, released: Released) -> None:
    for release_id in (released.public, released.closed):
        recall(house, release_id)
    with reading(house.engine) as session:
        found = downloads.find_release(session, released.public)
        assert "was recalled" in str(downloads.why_not_download(session, found, None, TODAY))
    for place in PLACES:
        answer = Browser(app).get(f"/releases/{released.public}{place}")
        assert answer.status_code == 410
        assert "so its files are not handed out any more" in sentence_of(answer)
        assert "The reason: A wrong year." in sentence_of(answer)
        assert f"was recalled on {words.day(now())}" in sentence_of(answer)
        assert Browser(app).get(f"/releases/{released.closed}{place}").status_code == 404
        assert Browser(app).sign_in("rosa").get(f"/team/releases/{released.closed}{place}").status_code == 410
        assert Browser(app).sign_in("rui").get(f"/team/releases/{released.closed}{place}").status_code == 403
    assert released.closed not in Browser(app).sign_in("rosa").get("/team/releases").text
    assert on_record(house, released.public) == []


def test_programs_are_told_when_and_why_it_was_recalled(house: House, released: Released) -> None:
    recall(house, released.public)
    with reading(house.engine) as session, pytest.raises(Recalled) as refused:
        downloads.require(session, downloads.find_release(session, released.public), None, TODAY)
    problem = problem_json(refused.value)
    assert (problem["status"], problem["release"], problem["reason"]) == (410, released.public, "A wrong year.")
    assert datetime.fromisoformat(problem["recalled_at"]).tzinfo is not None


def test_the_whole_package_is_the_same_zip_each_time_and_verifies(app: Flask, released: Released) -> None:
    browser = Browser(app)
    answer = browser.get(f"/releases/{released.public}/package.zip")
    assert answer.content_type == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{released.public}.zip"'
    assert answer.data == browser.get(f"/releases/{released.public}/package.zip").data
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    keys = browser.get("/releases/keys.json")
    assert examine(read_zip(answer.data), read_keys(keys.data)).problems == ()


def test_the_page_of_keys_shows_what_the_list_has(app: Flask, released: Released) -> None:
    page = Browser(app).get("/releases/keys").text
    (key,) = json.loads(Browser(app).get("/releases/keys.json").data)["keys"]
    assert key["id"] == RELEASE_KEY.public.id
    assert RELEASE_KEY.public.pem.decode().splitlines()[1] in page.replace("&#43;", "+")
    assert key["id"] in page
    assert key["id"] in sentence_of(Browser(app).get(f"/releases/{released.public}"))


def test_the_page_of_keys_says_when_there_is_none_and_why_one_was_revoked(app: Flask, house: House) -> None:
    assert "No key has signed here yet" in sentence_of(Browser(app).get("/releases/keys"))

    def revoked(session) -> None:
        release_keys.use(session, RELEASE_KEY.public, actor="checker")
        release_keys.revoke(session, RELEASE_KEY.public.id, "<b>Copied.", actor="operator", account="root")

    house.do(revoked)
    text = sentence_of(Browser(app).get("/releases/keys"))
    assert "Nothing that this key signed can be trusted" in text
    assert "<b>Copied." in text


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "public-key.pem", "results.json"])
def test_no_changed_file_of_the_package_is_handed_out(app: Flask, house: House, released: Released, name: str) -> None:
    path = house.folder / "releases" / released.public / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"\n")
    for place in (f"/files/{name}", "/package.zip", ""):
        answer = Browser(app).get(f"/releases/{released.public}{place}")
        assert answer.status_code == 500
        assert "after its release" in sentence_of(answer)
    assert on_record(house, released.public) == []


def test_a_package_without_its_manifest_is_no_earlier_one(app: Flask, house: House, released: Released) -> None:
    folder = house.folder / "releases" / released.public
    (folder / "manifest.json").unlink()
    assert Browser(app).get(f"/releases/{released.public}/files/release.json").status_code == 500


def test_an_author_finds_the_release_for_her_team(app: Flask, released: Released) -> None:
    page = Browser(app).sign_in("rosa").get(f"/requests/{released.closed}").text
    assert f"{PREFIX}/team/releases/{released.closed}" in page
