"""The API and the pages give the checker's answer to what the release policy lets out (I7, I13)."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask

from datasets.catalogue import Catalogue
from datasets.versions import find_version
from governance.database import reading
from safe_outputs.asking import read_answer
from safe_outputs.contents.content import content_hash
from safe_outputs.releases import release_policy
from safe_outputs.releases.leaving import why_policy_not
from safe_outputs.releases.release_policy import told_by, why_not
from safe_outputs.statistics import Crosstab, Private
from safe_outputs.transitions import RequestState
from tests.safe_outputs.factories import CATALOGUE, with_policy
from tests.safe_outputs.house import House, a_draft, a_submitted_request, an_answered_statistic, the_request
from tests.safe_outputs.policy_matrix import MATRIX, PLANS, Case, a_catalogue, named, passes
from tests.safe_outputs.web.browser import Browser, Session, sentence_of


def with_register(house: House, catalogue: Catalogue) -> None:
    def step(session) -> None:
        find_version(session, "rand_hie", 3).catalogue_json = catalogue.to_json()

    house.do(step)


def under(catalogue: Catalogue, plan: Crosstab | Private, house: House) -> str:
    """The id of a statistic that was answered under a catalogue's terms."""
    with_register(house, catalogue)
    return an_answered_statistic(house, plan, policy=release_policy.policy_used(plan, catalogue))


@pytest.mark.parametrize("case", MATRIX, ids=named)
def test_the_api_and_the_page_give_the_checkers_answer(case: Case, house: House, app: Flask) -> None:
    name, audience, rules = case
    plan = PLANS[name][0]
    catalogue = a_catalogue({kind: {audience: rule} for kind, rule in rules.items()})
    request = a_draft(house, [under(catalogue, plan, house)], audience=audience)
    submitted = Session(app, "rosa", "heron").call("POST", f"/requests/{request}/submit")
    page = sentence_of(Browser(app).sign_in("rosa").get(f"/requests/{request}"))
    reason = why_not(told_by(plan), catalogue, audience)
    for kind, rule in rules.items():
        assert re.search(rf"{release_policy.PLURALS[kind]}[^;]*{audience.replace('_', '-')}: {rule or 'refused'}", page)
    if passes(plan, list(rules.values())):
        assert submitted.status_code == 200
        assert reason is None
        assert "waiting for review" in page.lower()
    else:
        assert submitted.status_code == 403
        assert reason is not None
        assert reason in sentence_of(submitted)
        assert reason in page
        assert "it is a draft" in page


def test_a_statistic_of_other_terms_is_asked_for_again(house: House, app: Flask) -> None:
    request = a_draft(house, [an_answered_statistic(house)])
    with_register(house, with_policy(json.loads(CATALOGUE.to_json())["release"]["policy"] | {"regression": {}}))
    answer = Session(app, "rosa", "heron").call("POST", f"/requests/{request}/submit")
    assert answer.status_code == 403
    assert "not those under which this statistic was computed. Ask for it again" in sentence_of(answer)


@pytest.mark.parametrize("policy", [{}, None], ids=["other terms", "answered before there were policies"])
def test_what_the_policy_no_longer_lets_out_is_not_approved(house: House, app: Flask, policy: dict | None) -> None:
    """I13: a checker's approval gets the sentence that a submission would get; she can still send it back."""
    made: dict[str, Any] = {} if policy is not None else {"policy": None}
    request = a_submitted_request(house, [an_answered_statistic(house, **made)])
    with_register(house, with_policy({}))
    browser = Browser(app).sign_in("cleo")
    answer = browser.vote(request)
    assert answer.status_code == 403
    with reading(house.engine) as session:
        item = the_request(session, request).items[0]
        reason = why_policy_not(session, read_answer(house.store, item.statistic), "publication")
        assert the_request(session, request).votes == []
        assert the_request(session, request).state is RequestState.SUBMITTED
    assert reason is not None
    assert reason in unescape(answer.get_data(as_text=True))
    assert browser.vote(request, "request_changes", comment="Ask for it again.").status_code == 303


def test_an_approval_is_bound_to_the_terms(house: House) -> None:
    """I7: other terms in the register are another content."""
    request = a_submitted_request(house)
    with reading(house.engine) as session:
        stands = the_request(session, request).content_hash
        assert content_hash(session, house.store, the_request(session, request)) == stands
    with_register(house, with_policy({}))
    with reading(house.engine) as session:
        assert content_hash(session, house.store, the_request(session, request)) != stands


def test_answers_of_before_there_were_policies_keep_their_hash(house: House) -> None:
    """So that what is under review while Saferoom is renewed can still be approved and released."""
    request = a_submitted_request(house, [an_answered_statistic(house, policy=None)])
    with reading(house.engine) as session:
        stands = the_request(session, request).content_hash
    with_register(house, with_policy({}))
    with reading(house.engine) as session:
        assert content_hash(session, house.store, the_request(session, request)) == stands
