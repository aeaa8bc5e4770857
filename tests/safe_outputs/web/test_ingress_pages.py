"""The pages about bringing in: the researcher's form, the steward's desk, and files that are shown and never run."""

import hashlib
import io
import re
from functools import partial
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from datasets.ingress.findings import BIDI, invisible
from datasets.ingress.models import IngressRequest
from datasets.ingress.scan import File
from datasets.ingress.states import IngressState
from governance.projects import ProjectState, find_project, move
from safe_outputs.web.ingress_view import PAGE_LINES, PREVIEW_LINES, excerpt
from safe_outputs.web.words import visible
from tests.datasets.ingress_corpus import REFUSED
from tests.safe_outputs.bringing_in import CODE, CODES, something_asked, state_of
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import PREFIX, Browser, sentence_of

HOSTILE = b"""x = '<script>alert(1)</script><img src=x onerror=alert(2)>'
y = "</pre><script>alert(3)</script>"
# \xe2\x80\xae turned \xe2\x80\x8b hidden {{ 7 * 7 }} &lt;b&gt;
"""
HOSTILE_WORDS = "</pre><script>alert(4)</script>\u202e {{ 7 * 7 }}"


def send(browser: Browser, *files: File, purpose: str = "Codes.", project: str = "heron") -> TestResponse:
    """Fill in the form and send it, as a browser does."""
    form: dict[str, Any] = {**browser.form_of("/incoming", "/incoming"), "purpose": purpose, "project": project}
    form["files"] = [(io.BytesIO(file.content), file.name) for file in files]
    return browser.client.post(f"{PREFIX}/incoming", data=form, content_type="multipart/form-data")


def decide(
    browser: Browser, ingress_id: str, decision: str, comment: str = "I read it.", **fields: str
) -> TestResponse:
    form = browser.form_of(f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/decide")
    return browser.post(f"/incoming/{ingress_id}/decide", {**form, "decision": decision, "comment": comment, **fields})


def test_from_the_form_to_the_folder(app: Flask, house: House) -> None:
    rosa, stan = Browser(app).sign_in("rosa"), Browser(app).sign_in("stan")
    sent = send(rosa, CODE, CODES)
    assert sent.status_code == 303
    page = rosa.client.get(sent.location).text
    assert "A data steward’s" in page and "Withdraw this request" in page and "Accept" not in page
    ingress_id = sent.location.rsplit("/", 1)[1]
    assert "clean.py" in stan.get("/incoming/queue").text
    assert decide(stan, ingress_id, "accept").status_code == 303
    assert state_of(house, ingress_id) is IngressState.DELIVERED
    assert (house.folder / "incoming" / "heron" / ingress_id / "codes.csv").read_bytes() == CODES.content
    told = sentence_of(rosa.get(f"/incoming/{ingress_id}"))
    assert f"/home/researcher/incoming/{ingress_id}" in told
    assert "I read it." in told
    assert "stan accepted it" in told and "Saferoom delivered it" in told


def test_a_steward_declines_with_a_reason(app: Flask, house: House) -> None:
    ingress_id, stan = something_asked(house), Browser(app).sign_in("stan")
    without = decide(stan, ingress_id, "decline", comment=" ")
    assert without.status_code == 422
    assert "Say why" in sentence_of(without)
    assert decide(stan, ingress_id, "decline", comment="Ask the owner.").status_code == 303
    assert state_of(house, ingress_id) is IngressState.DECLINED
    assert "Ask the owner." in sentence_of(Browser(app).sign_in("rosa").get(f"/incoming/{ingress_id}"))


@pytest.mark.parametrize("fields", [{"content_hash": "0" * 64}, {"decision": "deliver"}, {"decision": ""}])
def test_a_decision_on_something_else_is_refused(app: Flask, house: House, fields: dict[str, str]) -> None:
    ingress_id, stan = something_asked(house), Browser(app).sign_in("stan")
    form = {**stan.form_of(f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/decide"), "decision": "accept"}
    refused = stan.post(f"/incoming/{ingress_id}/decide", {**form, "comment": "Kept words.", **fields})
    assert refused.status_code in {409, 422}
    assert "Kept words." in refused.text
    assert state_of(house, ingress_id) is IngressState.SCANNED


@pytest.mark.parametrize(
    "case", ["a zip bomb as a table", "a web page as Markdown", "UTF-16", "a notebook with outputs"]
)
def test_a_refused_file_is_named_and_the_words_are_kept(browser: Browser, case: str) -> None:
    name, content, said = REFUSED[case]
    answer = send(browser.sign_in("rosa"), CODE, File(name, content), purpose="My long words.")
    assert answer.status_code == 422
    assert said in sentence_of(answer)
    assert "My long words." in answer.text


@pytest.mark.parametrize(
    ("name", "status"), [("../up.py", 422), ("a\u202egpj.py", 422), (".hidden.py", 422), ("", 422), ("a.exe", 422)]
)
def test_names_are_refused_and_not_repeated(browser: Browser, name: str, status: int) -> None:
    answer = send(browser.sign_in("rosa"), File(name, CODE.content))
    assert answer.status_code == status
    assert "\u202e" not in answer.text and "../up" not in answer.text


def test_more_than_a_form_takes_is_refused_with_a_sentence(browser: Browser) -> None:
    body = b"--x\r\n" + b"a" * 1_400_000
    address, kind = f"{PREFIX}/incoming", "multipart/form-data; boundary=x"
    answer = browser.sign_in("rosa").client.post(address, data=body, content_type=kind)
    assert answer.status_code == 413
    assert "Send less at once" in sentence_of(answer)


def test_nobody_sends_into_anothers_project(app: Flask, house: House) -> None:
    answer = send(Browser(app).sign_in("rosa"), CODE, project="wren")
    assert answer.status_code == 403
    assert "do not belong" in sentence_of(answer)


def test_a_form_without_its_token_is_refused(browser: Browser, house: House) -> None:
    ingress_id = something_asked(house)
    assert browser.sign_in("rosa").post("/incoming", {"purpose": "x"}).status_code == 400
    assert browser.sign_in("stan").post(f"/incoming/{ingress_id}/decide", {"decision": "accept"}).status_code == 400
    assert state_of(house, ingress_id) is IngressState.SCANNED


@pytest.mark.parametrize("who", ["rui", "cleo", "otto", "olga"])
def test_nobody_else_sees_the_content(app: Flask, house: House, who: str) -> None:
    ingress_id = something_asked(house, File("clean.py", b"secret_plan = 1\n"))
    for path in (f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/files/1"):
        answer = Browser(app).sign_in(who).get(path)
        assert answer.status_code == 403
        assert "secret_plan" not in answer.text
    assert "clean.py" not in Browser(app).sign_in("rui").get("/incoming").text


def test_a_researcher_withdraws_and_only_what_is_hers(app: Flask, house: House) -> None:
    ingress_id = something_asked(house)
    rosa = Browser(app).sign_in("rosa")
    form = rosa.form_of(f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/withdraw")
    assert rosa.post(f"/incoming/{ingress_id}/withdraw", form).status_code == 303
    assert state_of(house, ingress_id) is IngressState.WITHDRAWN
    again = rosa.post(f"/incoming/{ingress_id}/withdraw", form)
    assert again.status_code == 409 and "withdrawn" in sentence_of(again)


def test_a_delivery_that_failed_is_said_and_tried_again(app: Flask, house: House) -> None:
    ingress_id, stan = something_asked(house), Browser(app).sign_in("stan")
    in_the_way = house.folder / "incoming" / "heron" / ingress_id
    in_the_way.mkdir(parents=True)
    (in_the_way / "other.py").write_bytes(b"")
    failed = decide(stan, ingress_id, "accept")
    assert failed.status_code == 500
    assert "holds other files" in sentence_of(failed)
    assert "Try again now" in failed.text
    (in_the_way / "other.py").unlink()
    in_the_way.rmdir()
    form = stan.form_of(f"/incoming/{ingress_id}", f"/incoming/{ingress_id}/resume")
    assert stan.post(f"/incoming/{ingress_id}/resume", form).status_code == 303
    assert state_of(house, ingress_id) is IngressState.DELIVERED


def test_a_file_that_was_damaged_is_said_and_the_request_can_be_declined(app: Flask, house: House) -> None:
    ingress_id, stan = something_asked(house), Browser(app).sign_in("stan")
    digest = hashlib.sha256(CODE.content).hexdigest()
    path = house.folder / "store" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(b"import evil\n")
    page = stan.get(f"/incoming/{ingress_id}")
    assert page.status_code == 200
    assert "It cannot be shown, so do not accept it." in page.text and "evil" not in page.text
    assert stan.get(f"/incoming/{ingress_id}/files/1").status_code == 500
    assert decide(stan, ingress_id, "accept").status_code == 500
    assert state_of(house, ingress_id) is IngressState.SCANNED
    assert decide(stan, ingress_id, "decline").status_code == 303


def test_the_desk_shows_the_newest_of_what_is_done(app: Flask, house: House) -> None:
    asked = []
    for _ in range(22):
        asked.append(something_asked(house))
        house.do(partial(_put, asked[-1], IngressState.WITHDRAWN))
    stan = Browser(app).sign_in("stan")
    listed = re.findall(r"/incoming/(i-[0-9a-f]+)", stan.get("/incoming/queue").text)
    assert listed == asked[:1:-1]
    assert "These are the 20 newest of 22" in sentence_of(stan.get("/incoming/queue"))
    assert re.findall(r"/incoming/(i-[0-9a-f]+)", stan.get("/incoming/queue?done=all").text) == asked[::-1]


def test_what_cannot_be_accepted_now_can_be_declined(app: Flask, house: House) -> None:
    ingress_id, stan = something_asked(house), Browser(app).sign_in("stan")
    house.do(lambda session: move(session, find_project(session, "heron"), ProjectState.PAUSED, actor="operator"))
    page = stan.get(f"/incoming/{ingress_id}").text
    assert "It cannot be accepted." in page and 'value="accept"' not in page
    assert "paused, not active" in Browser(app).sign_in("rosa").get("/incoming").text
    assert decide(stan, ingress_id, "decline").status_code == 303


def test_buttons_and_answers_agree(app: Flask, house: House) -> None:
    """A button stands on the page exactly where the step is taken (I13)."""
    for state in IngressState:
        ingress_id = something_asked(house)
        house.do(partial(_put, ingress_id, state))
        for who in ("rosa", "stan"):
            browser = Browser(app).sign_in(who)
            page = browser.get(f"/incoming/{ingress_id}").text
            assert ('value="accept"' in page) == (who == "stan" and state is IngressState.SCANNED)
            assert ('value="decline"' in page) == (who == "stan" and state is IngressState.SCANNED)
            withdrawable = state in {IngressState.ASKED, IngressState.SCANNED}
            assert (f"{ingress_id}/withdraw" in page) == (who == "rosa" and withdrawable)
        house.do(partial(_put, ingress_id, IngressState.WITHDRAWN))


def _put(ingress_id: str, state: IngressState, session) -> None:
    session.get(IngressRequest, ingress_id).state = state


# ---------------------------------------------------------------------------------------------- files as text


def test_files_and_words_are_text_and_nothing_else(app: Flask, house: House) -> None:
    ingress_id = something_asked(house, File("evil.py", HOSTILE), purpose=HOSTILE_WORDS)
    for who, path in [
        ("stan", f"/incoming/{ingress_id}"),
        ("stan", f"/incoming/{ingress_id}/files/1"),
        ("rosa", f"/incoming/{ingress_id}"),
    ]:
        page = Browser(app).sign_in(who).get(path).text
        assert not re.search(r"<script|<img|<style|\sstyle=|<iframe", page), path
        assert not re.search(r"<[^>]+\son\w+=", page), path
        assert "⟦U+202E⟧" in page and "\u202e" not in page and "\u200b" not in page
        assert "{{ 7 * 7 }}" in page and "&amp;lt;b&amp;gt;" in page, path
    found = sentence_of(Browser(app).sign_in("stan").get(f"/incoming/{ingress_id}"))
    assert "characters that turn the text around" in found and "characters that do not show" in found


def test_a_long_file_says_what_is_not_shown_and_can_be_read_whole(app: Flask, house: House) -> None:
    lines = 1_200
    ingress_id = something_asked(house, File("long.py", b"".join(b"line_%d = 1\n" % n for n in range(1, lines + 1))))
    stan = Browser(app).sign_in("stan")
    page = stan.get(f"/incoming/{ingress_id}").text
    assert f"lines 1 to {PREVIEW_LINES} of {lines}" in page and "line_31 " not in page
    seen: set[str] = set()
    path: str | None = f"/incoming/{ingress_id}/files/1"
    while path:
        part = stan.get(path).text
        seen |= set(re.findall(r"line_\d+", part))
        after = re.search(r'href="([^"]*)">Lines after', part)
        path = after.group(1).removeprefix(PREFIX) if after else None
    assert seen == {f"line_{n}" for n in range(1, lines + 1)}


@pytest.mark.parametrize(("start", "first"), [("0", 1), ("-5", 1), ("99999", 3), ("x", 1), ("2", 2)])
def test_a_place_that_is_not_there_is_the_nearest(app: Flask, house: House, start: str, first: int) -> None:
    ingress_id = something_asked(house, CODES)
    page = sentence_of(Browser(app).sign_in("stan").get(f"/incoming/{ingress_id}/files/1?from={start}"))
    assert f"Lines {first} to 3 of 3" in page


def test_a_file_that_is_not_there_has_a_sentence(app: Flask, house: House) -> None:
    ingress_id = something_asked(house)
    answer = Browser(app).sign_in("stan").get(f"/incoming/{ingress_id}/files/9")
    assert answer.status_code == 404
    assert "no such file" in sentence_of(answer)


def test_an_excerpt_cuts_long_lines_and_says_so() -> None:
    shown = excerpt(b"short\n" + b"x" * 1_000 + b"\nlast", 1, PAGE_LINES, 300)
    assert (shown.cut, shown.total, shown.whole) == (1, 3, False)
    assert "(700 more characters)" in shown.text
    assert excerpt(b"a\nb\n", 1, PAGE_LINES, None).whole


def test_every_character_that_is_a_finding_is_written_out() -> None:
    """Over all of Unicode: what the scan calls hidden, the page shows."""
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    found = [each for each in characters if each not in "\n\r" and (invisible(each) or each in BIDI)]
    assert len(found) > 100_000
    assert [hex(ord(each)) for each in found if visible(each) == each] == []


def test_a_hidden_character_at_a_cut_or_a_lone_return_shows() -> None:
    assert excerpt("a\u2028b\rc".encode(), 1, 10, None).text == "    1  a⟦U+2028⟧b\n    2  c"
