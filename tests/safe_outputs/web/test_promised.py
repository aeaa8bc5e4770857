"""Where the ε statement is void, every surface says so in the ledger's words: request, release, register, notebook."""

from pathlib import Path

import pytest
from flask import Flask

from disclosure_control import Ledger
from governance.database import reading
from safe_outputs.asking import find_statistic
from safe_outputs.checker.ledger_record import record_standings
from safe_outputs.client.showing import as_html, as_text
from safe_outputs.evidence.standing import Standing, standings
from safe_outputs.package.folder import read_package
from safe_outputs.releases.releasing import release
from safe_outputs.requests import find_request
from safe_outputs.statistics import Crosstab, Private, canonical
from safe_outputs.web.release_page import lay_out
from tests.safe_outputs.factories import CROSSTAB, PRIVATE_COUNT, RELEASE_KEY, a_statistic, an_answer, approved
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic
from tests.safe_outputs.test_earlier import FIRST_NOISE, FIRST_PLAN, first_answer
from tests.safe_outputs.web.browser import Browser, sentence_of

SCOPES = ("dataset:rand_hie", "project:heron/rand_hie")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger on which one private statistic was paid for."""
    found = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    for scope in SCOPES:
        found.grant(scope, 10**9, granted_by="olga")
    found.commit(found.reserve(SCOPES, 50_000_000, "a count"), b"[]")
    return found


def told(house: House, ledger: Ledger) -> str:
    """Write what the ledger says into the register, as the checker does, and return the sentence."""
    house.do(lambda session: record_standings(session, ledger, ["rand_hie"]))
    with reading(house.engine) as session:
        (found,) = standings(session, ["rand_hie"])
    assert found.sentence == Standing.of(ledger.guarantee("dataset:rand_hie")).in_words("persons")
    return found.sentence


def a_release(house: House, plan: Crosstab | Private, audience: str = "publication") -> str:
    def step(session) -> str:
        statistic = a_statistic(session, house.store, answer=an_answer(house.store, plan))
        request = approved(session, house.store, statistics=[statistic], audience=audience)
        return release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")[0].id

    return str(house.do(step))


@pytest.mark.parametrize("void", [False, True])
@pytest.mark.parametrize("plan", [CROSSTAB, PRIVATE_COUNT], ids=["exact", "private"])
def test_every_page_says_what_the_ledger_says(
    void: bool, plan: Crosstab | Private, app: Flask, house: House, ledger: Ledger
) -> None:
    released = a_release(house, plan)
    waiting = a_submitted_request(house, [an_answered_statistic(house, plan)])
    if void:
        ledger.record_exact("dataset:rand_hie", "crosstab 12ab", recorded_by="project heron")
    sentence = told(house, ledger)
    assert ("No guarantee (ε) holds" in sentence) == void
    assert ("that is ε = 1.472" in sentence) != void
    pages = [
        Browser(app).get("/releases"),
        Browser(app).get(f"/releases/{released}"),
        Browser(app).sign_in("cleo").get(f"/requests/{waiting}"),
        Browser(app).sign_in("rosa").get(f"/requests/{waiting}"),
        Browser(app).sign_in("rosa").get("/requests"),
    ]
    for page in pages:
        assert page.status_code == 200
        assert sentence in sentence_of(page)


def test_a_page_speaks_of_now_and_not_of_the_day_of_the_release(browser: Browser, house: House, ledger: Ledger) -> None:
    released = a_release(house, PRIVATE_COUNT)
    before = told(house, ledger)
    assert before in sentence_of(browser.get(f"/releases/{released}"))
    ledger.record_exact("dataset:rand_hie", "crosstab 12ab", recorded_by="project wren")
    after = told(house, ledger)
    page = sentence_of(browser.get(f"/releases/{released}"))
    assert after in page
    assert before not in page


def test_before_anything_is_known_nothing_is_promised(app: Flask, house: House) -> None:
    released = a_release(house, PRIVATE_COUNT)
    for path in ("/releases", f"/releases/{released}"):
        assert "What is promised" not in sentence_of(Browser(app).get(path))


def test_a_dataset_of_which_nothing_is_public_is_not_in_the_register(
    browser: Browser, house: House, ledger: Ledger
) -> None:
    a_release(house, PRIVATE_COUNT, audience="pre_publication")
    sentence = told(house, ledger)
    assert sentence not in sentence_of(browser.get("/releases"))


def test_the_register_tells_exact_from_private(browser: Browser, house: House) -> None:
    a_release(house, CROSSTAB)
    a_release(house, PRIVATE_COUNT)
    page = sentence_of(browser.get("/releases"))
    assert "1 exact statistic" in page
    assert "1 statistic with noise" in page


def test_the_noise_is_not_said_to_protect_from_other_statistics(browser: Browser, house: House) -> None:
    page = sentence_of(browser.get(f"/releases/{a_release(house, PRIVATE_COUNT)}"))
    assert "nobody can tell from these numbers whether any one of the persons is among them" in page


def test_the_notebook_says_it_with_the_answer(house: House) -> None:
    answer = an_answer(house.store, CROSSTAB, standing="No ε holds <now>.")
    assert answer.exemption is not None
    assert answer.exemption in as_text(answer)
    assert "No ε holds <now>." in as_text(answer)
    assert "<p>No ε holds &lt;now&gt;.</p>" in as_html(answer)


def test_what_the_first_release_stored_is_still_shown(app: Flask, house: House) -> None:
    """An answer and a release package of before there were policies, on every page that shows them."""
    first = first_answer(house)
    statistic = an_answered_statistic(house, PRIVATE_COUNT, policy=None)
    digest = house.store.put(canonical(first))
    house.do(lambda session: setattr(_find(session, statistic), "answer", digest))
    house.do(lambda session: setattr(_find(session, statistic), "plan", first["plan"]))
    request = a_submitted_request(house, [statistic])
    page = sentence_of(Browser(app).sign_in("cleo").get(f"/requests/{request}"))
    assert "95 % lie no further from the bounded truth than: ± 7 persons" in page
    assert "none: from before there were policies" in page
    assert "project heron/rand_hie" in sentence_of(Browser(app).sign_in("rosa").get("/requests"))
    for checker in ("cleo", "carl"):
        assert Browser(app).sign_in(checker).vote(request).status_code == 303
    house.do(lambda session: _release(session, house, request))
    shown = sentence_of(Browser(app).get(f"/releases/{request}"))
    assert "no further from what it would be without noise than: ± 7 persons" in shown


def test_a_record_that_the_first_release_wrote_is_laid_out(house: House) -> None:
    released = a_release(house, PRIVATE_COUNT)
    folder = house.folder / "releases" / released
    record = read_package(folder)
    (statistic,) = record["statistics"]
    statistic |= {"plan": FIRST_PLAN, "noise": FIRST_NOISE}
    name = statistic["file"]["name"]
    page = lay_out(record, {name: (folder / name).read_bytes()}, {name: "0" * 64})
    assert "no further from what it would be without noise than: ± 7 persons" in page.statistics[0].protection


def _find(session, statistic: str):
    return find_statistic(session, statistic, "heron")


def _release(session, house: House, request: str) -> None:
    release(
        session,
        house.store,
        find_request(session, request),
        house.folder / "releases",
        key=RELEASE_KEY,
        actor="checker",
    )
