"""What output checkers do: blind votes, consolidation, early return, recall, and approvals that lapse (I7, I9)."""

from typing import Any

import pytest
from sqlalchemy import text

from governance import audit
from governance.database import reading
from governance.projects import Membership
from safe_outputs import reading as views
from safe_outputs import requests, reviewing
from safe_outputs.answers import RuleProfileUsed
from safe_outputs.checkers_rules import ANY, rules, set_rule
from safe_outputs.contents import content
from safe_outputs.errors import MalformedRequest, NotPermitted, WrongState
from safe_outputs.models import PopulationStanding
from safe_outputs.releases import leaving
from safe_outputs.releases.public_downloads import DOWNLOADED
from safe_outputs.return_categories import Category
from safe_outputs.transitions import MOVES, REQUEST_TRANSITIONS, RequestState, Vote
from tests.safe_outputs.factories import PROFILE, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    release_next_of,
    submit,
    the_request,
)


def state_of(house: House, request_id: str) -> RequestState:
    found: RequestState = house.do(lambda session: the_request(session, request_id).state)
    return found


def view_of(house: House, request_id: str, person: str) -> views.RequestView:
    found: views.RequestView = house.do(
        lambda session: views.request_view(session, house.store, request_id, person, TODAY)
    )
    return found


def return_early(
    house: House,
    request_id: str,
    checker: str = "cleo",
    reason: str = "Say which years.",
    category: Category | None = Category.CONTEXT_MISSING,
) -> None:
    house.do(
        lambda session: reviewing.return_early(
            session, the_request(session, request_id), checker=checker, reason=reason, today=TODAY, category=category
        )
    )


def recall(house: House, request_id: str, person: str = "cleo", reason: str = "A wrong year.") -> None:
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, request_id), person=person, reason=reason, today=TODAY
        )
    )


def release(house: House, request_id: str) -> None:
    house.do(lambda session: requests.move(session, the_request(session, request_id), RequestState.RELEASED, actor="x"))


def test_votes_that_differ_open_and_are_consolidated(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "Not in scope.")
    assert state_of(house, request) is RequestState.IN_REVIEW
    seen = view_of(house, request, "cleo")
    assert seen.line.differ
    assert [(each.checker, each.vote) for each in seen.votes] == [("Cleo", Vote.APPROVE), ("Carl", Vote.REJECT)]
    cast_vote(house, request, "carl")
    assert state_of(house, request) is RequestState.APPROVED
    kept = view_of(house, request, "cora").votes
    assert [(each.vote, each.replaced) for each in kept if each.checker == "Carl"] == [
        (Vote.REJECT, True),
        (Vote.APPROVE, False),
    ]


def test_one_person_who_votes_twice_while_consolidating_is_still_one(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "No.")
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "cleo")
    assert state_of(house, request) is RequestState.IN_REVIEW


def test_a_third_checker_cannot_outvote_those_who_differ(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo")
    cast_vote(house, request, "carl", Vote.REJECT, "No.")
    with pytest.raises(WrongState, match="those who voted consolidate"):
        cast_vote(house, request, "cora")


def test_an_early_return_opens_the_turn_and_a_new_one_begins_blind(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "carl", Vote.REJECT, "Not in scope.")
    return_early(house, request)
    assert state_of(house, request) is RequestState.CHANGES_REQUESTED
    seen = view_of(house, request, "rosa")
    assert [each.comment for each in seen.votes] == ["Not in scope."]
    assert [(each.who, each.text) for each in seen.remarks] == [("Cleo", "Say which years.")]
    submit(house, request)
    cast_vote(house, request, "carl")
    assert state_of(house, request) is RequestState.IN_REVIEW
    assert [each.turn for each in view_of(house, request, "cora").votes] == [1]


def test_an_early_return_needs_a_reason_and_a_checker(house: House) -> None:
    request = a_submitted_request(house)
    with pytest.raises(MalformedRequest, match="Say what has to change"):
        return_early(house, request, reason="  ")
    for person in ("rosa", "rui", "olga", "otto"):
        with pytest.raises(NotPermitted):
            return_early(house, request, checker=person)
    assert state_of(house, request) is RequestState.SUBMITTED


@pytest.mark.parametrize("person", ["rosa", "cleo"])
def test_a_release_is_recalled_with_a_reason_and_no_budget_comes_back(house: House, person: str) -> None:
    request = an_approved_request(house)
    release(house, request)
    with pytest.raises(MalformedRequest, match="Say why"):
        recall(house, request, person, reason="")
    before = house.do(lambda session: [each.nano_rho for each in session.query(PopulationStanding)])
    recall(house, request, person)
    assert state_of(house, request) is RequestState.RECALLED
    assert [each.text for each in view_of(house, request, "carl").remarks] == ["A wrong year."]
    assert house.do(lambda session: [each.nano_rho for each in session.query(PopulationStanding)]) == before
    with pytest.raises(WrongState, match="recalled"):
        recall(house, request, person)


@pytest.mark.parametrize("person", ["rui", "otto", "stan"])
def test_nobody_else_recalls(house: House, person: str) -> None:
    request = an_approved_request(house)
    release(house, request)
    with pytest.raises(NotPermitted):
        recall(house, request, person)


def test_downloads_of_a_release_are_listed_on_its_request(house: House) -> None:
    request = an_approved_request(house)
    _register_release(house, request)
    release(house, request)
    house.do(lambda session: audit.record(session, "rui", DOWNLOADED, f"release:{request}", file="1.csv"))
    house.do(lambda session: audit.record(session, "rui", DOWNLOADED, "release:another", file="2.csv"))
    assert [(each.who, each.file) for each in view_of(house, request, "cleo").downloads] == [("rui", "1.csv")]


def _register_release(house: House, request: str) -> None:
    with house.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO release (id, request_id, project_id, title, audience, package, record_hash, released_at) "
                "VALUES (:id, :id, 'heron', 'T', 'publication', :id, 'x', '2026-11-25 00:00:00')"
            ),
            {"id": request},
        )


def other_terms(house: House) -> None:
    with house.engine.begin() as connection:
        connection.execute(
            text("UPDATE dataset_version SET catalogue_json = replace(catalogue_json, 'ons-srs', 'mecs-ri')")
        )


def test_an_approval_lapses_when_the_release_terms_change(house: House) -> None:
    request = an_approved_request(house)
    other_terms(house)
    assert release_next_of(house)
    assert state_of(house, request) is RequestState.CHANGES_REQUESTED
    (said,) = view_of(house, request, "rosa").remarks
    assert said.who == "Saferoom"
    assert "approval lapsed" in said.text
    assert "release terms" in said.text


def test_an_approval_lapses_when_one_byte_of_the_rule_profile_changes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, waiting = an_approved_request(house), a_submitted_request(house)
    for module in (content, leaving):
        monkeypatch.setattr(module, "shipped_digest", lambda _name: "0" * 64)
    with pytest.raises(NotPermitted, match="rules of the profile"):
        cast_vote(house, waiting, "cleo")
    cast_vote(house, waiting, "cleo", Vote.REQUEST_CHANGES, "Ask for it again.")
    assert "rules of the profile" in (view_of(house, waiting, "carl").why_not_approve or "")
    assert release_next_of(house)
    assert state_of(house, request) is RequestState.CHANGES_REQUESTED
    assert not (house.folder / "releases" / request).exists()


def test_an_approval_lapses_when_one_who_approved_joins_the_project(house: House) -> None:
    """I9: she may not have approved it; others review it in a new turn, and nobody has to withdraw it."""
    request = an_approved_request(house)
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="carl")))
    assert release_next_of(house)
    assert state_of(house, request) is RequestState.CHANGES_REQUESTED
    submit(house, request)
    for checker in ("cleo", "cora"):
        cast_vote(house, request, checker)
    assert release_next_of(house)
    assert state_of(house, request) is RequestState.RELEASED


def test_what_was_checked_by_other_rules_cannot_be_submitted(house: House) -> None:
    used: Any = RuleProfileUsed(name=PROFILE.name, version=PROFILE.version, digest="0" * 64)
    statistic = an_answered_statistic(house, profile=used)
    with pytest.raises(NotPermitted, match="Ask for it again in the notebook"):
        a_submitted_request(house, [statistic])


def test_content_that_was_changed_behind_the_service_cannot_be_approved(house: House) -> None:
    request = a_submitted_request(house)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE release_request SET title = 'Something else'"))
    with pytest.raises(NotPermitted, match="not what was submitted"):
        cast_vote(house, request, "cleo")
    assert "not what was submitted" in (view_of(house, request, "cleo").why_not_approve or "")


def test_a_rule_asks_for_more_checkers_of_a_project_and_audience(house: House) -> None:
    def set_rules(session: Any) -> None:
        set_rule(session, project=ANY, audience=ANY, checkers=2, actor="operator", account="root")
        set_rule(session, project="heron", audience="publication", checkers=3, actor="operator", account="root")

    house.do(set_rules)
    public, team = a_submitted_request(house), a_submitted_request(house, audience="pre_publication")
    for checker in ("cleo", "carl"):
        cast_vote(house, public, checker)
        cast_vote(house, team, checker)
    assert state_of(house, public) is RequestState.IN_REVIEW
    assert state_of(house, team) is RequestState.APPROVED
    cast_vote(house, public, "cora")
    assert state_of(house, public) is RequestState.APPROVED


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"checkers": 1}, "from 2 to 9"), ({"audience": "all"}, "no audience"), ({"project": "ghost"}, "no project")],
)
def test_a_rule_that_cannot_be_is_refused(house: House, wrong: dict[str, Any], sentence: str) -> None:
    facts: dict[str, Any] = {"project": "heron", "audience": "publication", "checkers": 3} | wrong
    with pytest.raises(Exception, match=sentence):
        house.do(lambda session: set_rule(session, **facts, actor="operator", account="root"))
    with reading(house.engine) as session:
        assert rules(session) == []


def test_the_transitions_are_those_of_the_actions() -> None:
    for before, afters in REQUEST_TRANSITIONS.items():
        assert afters == {after for moves in MOVES.values() for after in moves.get(before, ())}
    assert REQUEST_TRANSITIONS[RequestState.RELEASED] == {RequestState.RECALLED}
    assert RequestState.RELEASED not in {
        after
        for action, moves in MOVES.items()
        if action.value != "release"
        for each in moves.values()
        for after in each
    }
