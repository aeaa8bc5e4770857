"""The page of a file, and the picture's bytes: for whom, under which headers, and on record."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session as Database

from governance.database import now
from safe_outputs.contents.contents_view import EvidenceView
from safe_outputs.models import OutputFile
from safe_outputs.web.previews import MOST_PREVIEWS, preview_of
from safe_outputs.web.security import INERT_POLICY
from tests.safe_outputs.handed_in import a_file, a_picture
from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.browser import PREFIX, Browser, Program, sentence_of
from tests.safe_outputs.web.test_seen import views_of

TABLE = b"site,mean\nDayton,212.40\nSeattle,198.77\n"


@pytest.fixture
def request_id(house: House) -> str:
    return a_submitted_request(house)


def test_a_table_is_shown_as_cells_and_as_its_text(house: House, browser: Browser, request_id: str) -> None:
    path = f"/requests/{request_id}/files/{a_file(house, request_id, 'table.csv', TABLE)}"
    browser.sign_in("cleo")
    assert "All of it: 3 rows." in sentence_of(browser.get(path))
    assert "site,mean" in sentence_of(browser.get(f"{path}?lines=all"))


def test_all_of_a_long_table_can_be_reached(house: House, browser: Browser, request_id: str) -> None:
    content = b"site,mean\n" + b"".join(b"Dayton,%d.5\n" % n for n in range(1_234))
    path = f"/requests/{request_id}/files/{a_file(house, request_id, 'table.csv', content)}"
    browser.sign_in("cleo")
    assert "The first 500 of 1,235 rows." in sentence_of(browser.get(path))
    assert "Rows 1,001 to 1,235 of 1,235." in sentence_of(browser.get(f"{path}?from=1001"))
    last = browser.get(f"{path}?from=1001").text
    assert "1233.5" in last
    assert "from=501" in last
    for nonsense in ("0", "-5", "99999", "x", "1e9", ""):
        assert browser.get(f"{path}?from={nonsense}").status_code == 200


def test_a_picture_is_sent_so_that_it_could_do_nothing(house: House, browser: Browser, request_id: str) -> None:
    answer = browser.sign_in("cleo").get(
        f"/requests/{request_id}/files/{a_file(house, request_id, 'a.png', a_picture())}/picture"
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Security-Policy"] == INERT_POLICY == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="picture.png"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_only_pictures_that_were_drawn_here_are_sent_as_bytes(house: House, app: Flask, request_id: str) -> None:
    browser = Browser(app).sign_in("cleo")
    page = f"/requests/{request_id}/files/"
    assert browser.get(f"{page}{a_file(house, request_id, 'a.html', b'<p>a</p>')}/picture").status_code == 404
    forged = a_file(house, request_id, "b.png", a_picture())

    def forge(session: Database) -> None:
        session.get_one(OutputFile, forged).digest = house.store.put(b"<svg onload='alert(1)'/>")

    house.do(forge)
    app.testing = False
    answer = browser.get(f"{page}{forged}/picture")
    assert answer.status_code == 500
    assert "none that was drawn here" in sentence_of(answer)


def test_nobody_else_sees_a_file_and_none_of_another_request(house: House, app: Flask, request_id: str) -> None:
    own, other = a_file(house, request_id, "a.csv", TABLE), a_file(house, a_submitted_request(house), "b.csv", TABLE)
    for person, file, status in [("rosa", own, 200), ("cleo", own, 200), ("rui", own, 403), ("cleo", other, 404)]:
        for path in ("", "/picture"):
            answer = Browser(app).sign_in(person).get(f"/requests/{request_id}/files/{file}{path}")
            assert answer.status_code == (404 if path and status == 200 else status)
    assert Browser(app).sign_in("cleo").get(f"/requests/{request_id}/files/f-none").status_code == 404


def test_the_api_tells_the_same(house: House, app: Flask, request_id: str) -> None:
    table, plot = (
        a_file(house, request_id, "a.csv", b"a,b\n=1,\xe2\x80\xae\n"),
        a_file(house, request_id, "b.png", a_picture()),
    )
    program = Program(app, "cleo")
    shown = program.open("GET", f"/requests/{request_id}/files/{table}").get_json()
    assert shown["inert"]["grids"][0]["rows"][0]["cells"] == [
        {"text": "=1", "formula": True, "more": 0},
        {"text": "⟦U+202E⟧", "formula": False, "more": 0},
    ]
    lines = program.open("GET", f"/requests/{request_id}/files/{table}?form=lines&first=2").get_json()
    assert lines["inert"]["lines"] == [{"number": 2, "text": "=1,⟦U+202E⟧", "further": False}]
    picture = program.open("GET", f"/requests/{request_id}/files/{plot}/picture")
    assert (picture.mimetype, picture.headers["Content-Security-Policy"]) == ("image/png", INERT_POLICY)
    assert len(views_of(house, request_id)) == 3


def test_each_look_at_a_file_is_on_record(house: House, browser: Browser, request_id: str) -> None:
    file = a_file(house, request_id, "a.png", a_picture())
    digest = house.do(lambda session: session.get_one(OutputFile, file).digest)
    browser.sign_in("cleo").get(f"/requests/{request_id}/files/{file}")
    browser.get(f"/requests/{request_id}/files/{file}/picture")
    browser.sign_in("rui").get(f"/requests/{request_id}/files/{file}")
    found = views_of(house, request_id)
    assert [(each.actor, each.detail["file"], each.detail["turn"]) for each in found] == [("cleo", digest, 1)] * 2


def test_a_requests_page_shows_the_beginning_of_each_file(house: House, browser: Browser, request_id: str) -> None:
    rows = b"site,mean\n" + b"".join(b"Dayton,%d.5\n" % n for n in range(100))
    table, plot = a_file(house, request_id, "a.csv", rows), a_file(house, request_id, "b.png", a_picture())
    page = browser.sign_in("cleo").get(f"/requests/{request_id}")
    assert "The first 30 of 101 rows." in sentence_of(page)
    assert f'src="{PREFIX}/requests/{request_id}/files/{plot}/picture"' in page.text
    assert f'href="{PREFIX}/requests/{request_id}/files/{table}"' in page.text


def test_a_page_of_many_files_shows_the_first_and_leads_to_all(house: House, browser: Browser, request_id: str) -> None:
    files = [a_file(house, request_id, f"{n}.csv", b"site,mean\nDayton,%d.5\n" % n) for n in range(MOST_PREVIEWS + 2)]
    page = browser.sign_in("cleo").get(f"/requests/{request_id}").text
    assert page.count("All of it: 2 rows.") == MOST_PREVIEWS
    assert all(f'/files/{each}"' in page for each in files)


def test_a_file_whose_bytes_changed_is_not_shown(house: House, app: Flask) -> None:
    digest = house.store.put(TABLE)
    facts = {"kind": "table", "media_type": "text/csv", "digest": digest, "size": len(TABLE), "at": now()}
    view = EvidenceView(id="f-1", name="a.csv", notebook=False, findings=(), **facts)  # type: ignore[arg-type]
    with app.test_request_context():
        assert preview_of("r-1", view, 1).inert is not None
        (house.folder / "store" / digest[:2] / digest).write_bytes(b"other")
        changed = preview_of("r-1", view, 1)
    assert (changed.inert, changed.problem[:35]) == (None, "Stored content was changed after it")
