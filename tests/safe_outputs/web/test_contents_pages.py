"""Groups, files, evidence and the checklist on pages, as JSON, and from a notebook; each through the real service."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session as Database

from safe_outputs.client import asking, releases
from safe_outputs.client.asking import Asked
from safe_outputs.client.files import file
from safe_outputs.client.gate import Refused
from safe_outputs.client.notebook import SESSION_NAME, find_notebook
from safe_outputs.client.releases import Sent, group, request
from safe_outputs.limits import MOST_FILES
from safe_outputs.models import OutputFile
from safe_outputs.transitions import RequestState
from tests.safe_outputs.contents import COUNTS, NOTEBOOK, a_file, a_group, a_statement, details_of
from tests.safe_outputs.factories import an_answer
from tests.safe_outputs.house import (
    House,
    a_draft,
    an_answered_statistic,
    cast_vote,
    release_next_of,
    submit,
    the_request,
)
from tests.safe_outputs.test_contents import a_draft_of, a_full_request
from tests.safe_outputs.web.browser import Browser, Program, Session, sentence_of

SAID: dict[str, Any] = {
    "shows": "Persons at each site.",
    "made": "Counted.",
    "why_safe": "All above 100.",
    "data": "rand_hie",
}
COUNTED: dict[str, Any] = {**SAID, "what": "counts", "units": 460, "smallest": 120}
ANSWERED: dict[str, Any] = {
    "units": True,
    "individuals": True,
    "outsider": True,
    "earlier": "None.",
    "only_way": "It is asked for.",
}


@pytest.fixture
def notebook(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Session:
    """rosa's kernel: its gate calls the service as a session's gate does; its notebook is beside it."""
    session = Session(app, "rosa", "heron")

    def answered(answer: Any) -> Any:
        if answer.status_code >= 400:
            raise Refused(sentence_of(answer), answer.status_code)
        return answer.get_json()

    gate = SimpleNamespace(
        call=lambda method, path, body=None: answered(session.call(method, path, body)),
        send=lambda path, name, content: answered(session.hand_in(path.rpartition("/")[2], name, content)),
    )
    for module in (releases, asking):
        monkeypatch.setattr(module, "present_room", lambda: SimpleNamespace(gate=gate))
    (tmp_path / "work.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "counts.csv").write_bytes(COUNTS)
    monkeypatch.setenv(SESSION_NAME, str(tmp_path / "work.ipynb"))
    monkeypatch.chdir(tmp_path)
    return session


def a_table(house: House) -> Asked:
    return Asked(an_answered_statistic(house), an_answer(house.store))


def test_a_notebook_sends_a_statistic_with_itself_as_evidence(house: House, notebook: Session) -> None:
    sent = request("Table 1", a_table(house), purpose="A paper.")
    assert sent.state == "submitted"
    assert [(each["name"], each["notebook"]) for each in sent.facts["evidence"]] == [("work.ipynb", True)]
    assert sent.facts["no_notebook"] is None
    assert sent.open_questions == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "did not say which notebook"),
        ("/nowhere/other.ipynb", "no notebook of the name"),
        ("console-1", "did not say which notebook"),
    ],
)
def test_a_notebook_that_is_not_found_is_said_plainly(
    house: House, notebook: Session, monkeypatch: pytest.MonkeyPatch, name: str | None, said: str
) -> None:
    monkeypatch.setenv(SESSION_NAME, name) if name else monkeypatch.delenv(SESSION_NAME)
    sent = request("Table 1", a_table(house), purpose="A paper.")
    assert sent.state == "submitted"
    assert said in sent.facts["no_notebook"]


def test_a_notebook_is_handed_in_as_it_is_at_each_submission(house: House, notebook: Session, tmp_path: Path) -> None:
    draft = request("Table 1", a_table(house), purpose="A paper.", submit=False)
    (tmp_path / "work.ipynb").write_bytes(NOTEBOOK.replace(b"1 + 1", b"2 + 2"))
    before = draft.facts["evidence"][0]["digest"]
    submitted = draft.submit()
    assert [each["digest"] != before for each in submitted.facts["evidence"]] == [True]
    assert find_notebook() == tmp_path / "work.ipynb"


def test_one_who_wants_no_notebook_there_says_so(house: House, notebook: Session) -> None:
    sent = request("Table 1", a_table(house), purpose="A paper.", notebook=False)
    assert "chose to hand in no notebook" in sent.facts["no_notebook"]


def test_files_and_groups_from_a_notebook(house: House, notebook: Session, tmp_path: Path) -> None:
    (tmp_path / "underlying.csv").write_bytes(b"site,n\nDayton,3\nSeattle,4\n")
    sent = request(
        "Two audiences",
        purpose="A paper.",
        groups=[
            group("For all", [a_table(house), file("counts.csv", **COUNTED)], context="Table 1."),
            group("For us", a_table(house), context="To look at first.", audience="pre_publication"),
        ],
        evidence=["underlying.csv"],
        checklist=ANSWERED,
    )
    assert sent.state == "submitted"
    assert [each["audience"] for each in sent.facts["groups"]] == ["publication", "pre_publication"]
    assert [each["role"] for each in sent.facts["evidence"]] == ["evidence", "evidence"]
    assert sent.facts["files"][0]["statement"]["smallest"] == 120


def test_open_questions_keep_a_draft_and_say_how_to_answer(house: House, notebook: Session) -> None:
    sent = request("A file", file("counts.csv", **COUNTED), purpose="A paper.")
    assert sent.state == "draft"
    assert "It is not submitted" in repr(sent)
    assert "only_way: Why can none" in repr(sent)
    assert ".check(units=True," in repr(sent)
    assert [each.partition(":")[0] for each in sent.open_questions] == list(ANSWERED)
    assert sent.check(**ANSWERED).submit().state == "submitted"


def test_5000_files_are_refused_before_the_first_is_sent(house: House, notebook: Session) -> None:
    many = [file("counts.csv", **COUNTED)] * 5000
    with pytest.raises(Refused, match=f"at most {MOST_FILES} files; this one has 5,000") as refused:
        request("Everything", many, purpose="A paper.")
    assert "Split it into several requests" in str(refused.value)
    assert house.do(lambda session: session.query(OutputFile).count()) == 0


@pytest.mark.parametrize("name", ["none.csv", "a\x00b.csv", "."])
def test_a_file_that_is_not_there_is_said_so(house: House, notebook: Session, name: str) -> None:
    with pytest.raises(Refused, match="There is no file"):
        request("A file", file(name, **COUNTED), purpose="A paper.")


def test_a_large_file_is_refused_before_it_is_sent(house: House, notebook: Session, tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as large:
        os.truncate(large.fileno(), 10_000_001)
    with pytest.raises(Refused, match=r"The file large\.csv may hold at most 10 MB"):
        request("A file", file("large.csv", **COUNTED), purpose="A paper.")


# ------------------------------------------------------------------------------------------- pages


def test_a_checker_sees_groups_files_evidence_and_answers(browser: Browser, house: House) -> None:
    request_id = a_full_request(house)
    page = sentence_of(browser.sign_in("cleo").get(f"/requests/{request_id}"))
    for said in (
        "What leaves for whom",
        "Published tables",
        "What pre_publication needs.",
        "File 1. counts.csv",
        "Persons at each site.",
        "How few units stand behind its smallest cell, bar or point 120",
        "Evidence, which never leaves",
        "underlying.csv",
        "The notebook: work.ipynb",
        "as it was last saved",
        "it is the author’s word",
        "Which earlier outputs",
        "None show these people.",
        "Approve these 2 statistics and 2 files",
    ):
        assert said in page, said


def test_a_checker_reads_every_word_of_a_single_group(browser: Browser, house: House) -> None:
    """They leave in the package and stand on the release's page, whatever the request itself says."""
    said: dict[str, Any] = {"title": "A title of its own", "context": "Words of its own."}
    request = a_draft_of(house, details_of(a_group(statistics=[an_answered_statistic(house)], **said)))
    submit(house, request)
    page = browser.sign_in("cleo").get(f"/requests/{request}").text
    assert said["title"] in page
    assert said["context"] in page


def test_an_author_answers_and_submits_on_the_page(browser: Browser, house: House) -> None:
    details = details_of(a_group(files={a_file(house): a_statement()}), answers={})
    request_id = a_draft_of(house, details)
    address = f"/requests/{request_id}"
    form = browser.sign_in("rosa").form_of(address, f"{address}/checklist")
    assert "5 questions of the checklist wait" in sentence_of(browser.get(address))
    kept = browser.post(f"{address}/checklist", form | {"answer-units": "yes", "then": "keep"})
    assert kept.status_code == 303
    refused = browser.post(f"{address}/checklist", form | {"answer-outsider": "no", "then": "submit"})
    assert refused.status_code == 303
    assert "Your answers are kept. The request is not submitted" in browser.get(address).text
    answers = {f"answer-{name}": "yes" if said is True else str(said) for name, said in ANSWERED.items()}
    assert browser.post(f"{address}/checklist", form | answers | {"then": "submit"}).status_code == 303
    assert house.do(lambda session: the_request(session, request_id).state) is RequestState.SUBMITTED
    late = browser.post(f"{address}/checklist", form | answers)
    assert (late.status_code, "not possible now" in sentence_of(late)) == (409, True)


def test_hostile_texts_show_as_text(browser: Browser, house: House) -> None:
    script = "<script>alert(1)</script>\u202e"
    statement = a_statement(shows=script, made=script, why_safe=script)
    group = a_group(files={a_file(house, name=f"{script}.csv"): statement}, title=script, context=script)
    request_id = a_draft_of(house, details_of(group, a_group(statistics=[an_answered_statistic(house)])))
    for who in ("rosa", "cleo"):
        page = browser.sign_in(who).get(f"/requests/{request_id}").text
        assert "<script" not in page
        assert "\u202e" not in page


def test_a_verified_request_asks_and_shows_no_checklist(browser: Browser, house: House) -> None:
    page = sentence_of(browser.sign_in("rosa").get(f"/requests/{a_draft(house)}"))
    assert "What the author was asked" not in page
    assert "No notebook was handed in" in page


def test_the_public_page_shows_the_public_group_alone(browser: Browser, house: House) -> None:
    request_id = a_full_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request_id, checker)
    assert release_next_of(house)
    page = sentence_of(browser.get(f"/releases/{request_id}-publication"))
    assert "Published tables" in page
    assert "counts.csv" in page
    assert "The researchers made this file themselves" in page
    assert "Team tables" not in page
    assert browser.get(f"/releases/{request_id}-pre-publication").status_code == 404
    listed = sentence_of(browser.get("/releases"))
    assert "1 exact statistic, 1 file" in listed
    assert f"{request_id}-pre-publication" not in browser.get("/releases").text
    got = browser.get(f"/releases/{request_id}-publication/files/2-counts.csv")
    assert (got.data, got.headers["Content-Disposition"]) == (COUNTS, 'attachment; filename="2-counts.csv"')
    team = browser.sign_in("rosa").get(f"/team/releases/{request_id}-pre-publication")
    assert "code.py" in sentence_of(team)
    assert "Published tables" not in sentence_of(team)
    mine = browser.get(f"/requests/{request_id}").text
    assert "See the release for everybody" in mine
    assert "See the release for the named team" in mine


def test_programs_get_the_same_as_json(app: Flask, house: House) -> None:
    draft = a_draft_of(house, details_of(a_group(files={a_file(house): a_statement()}), answers={}))
    rosa, address = Program(app, "rosa"), f"/requests/{draft}"
    contents = rosa.get(address).get_json()["contents"]
    assert contents["files"][0]["name"] == "counts.csv"
    assert [each["id"] for each in contents["checklist"] if each["open"]] == list(ANSWERED)
    assert rosa.change(address, "submit").status_code == 422
    answers = {name: "yes" if said is True else said for name, said in ANSWERED.items()}
    assert rosa.change(address, "checklist", {"answers": answers}).status_code == 200
    submitted = rosa.change(address, "submit")
    assert (submitted.status_code, submitted.get_json()["state"]) == (200, "in_review")


def test_a_request_that_was_sent_is_a_request(house: House, notebook: Session) -> None:
    assert isinstance(request("Table 1", [a_table(house)], purpose="P", submit=False), Sent)


@pytest.mark.parametrize("who", ["cleo", "rosa"])
def test_every_file_can_be_looked_at_from_the_requests_page(app: Flask, house: House, who: str) -> None:
    request_id = a_full_request(house)
    browser = Browser(app).sign_in(who)
    page = browser.get(f"/requests/{request_id}").text
    links = set(re.findall(rf'href="[^"]*(/requests/{request_id}/files/[^"/?]+)"', page))

    def held(session: Database) -> set[str]:
        found = the_request(session, request_id)
        return {each.file_id for each in found.files} | {each.file_id for each in found.evidence}

    assert {link.rpartition("/")[2] for link in links} == house.do(held)
    assert len(links) > 1
    assert {browser.get(link).status_code for link in links} == {200}
