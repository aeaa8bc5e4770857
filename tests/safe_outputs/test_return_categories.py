"""Why requests are returned, by category: chosen with every return, kept with the vote, and never renamed."""

import pytest
from sqlalchemy.orm import Session

from safe_outputs import reviewing
from safe_outputs.errors import MalformedRequest
from safe_outputs.models import CheckerVote, Remark
from safe_outputs.return_categories import CATEGORIES, VERSION, Category, category_from
from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, a_submitted_request, cast_vote, the_request

FIRST_VERSION = [
    "small_counts",
    "dominance",
    "class_disclosure",
    "differencing",
    "individuals",
    "context_missing",
    "wrong_audience",
    "not_what_was_asked",
    "other_form",
    "other",
]
"""What the register may hold since version 1: a word that vanishes here is one that no longer can be read."""


def test_the_list_only_grows() -> None:
    assert [each.value for each, said in CATEGORIES.items() if said.since == 1] == FIRST_VERSION
    assert set(CATEGORIES) == set(Category)
    assert max(said.since for said in CATEGORIES.values()) == VERSION


@pytest.mark.parametrize("vote", [Vote.REQUEST_CHANGES, Vote.REJECT])
def test_a_vote_that_does_not_approve_needs_a_category(house: House, vote: Vote) -> None:
    request = a_submitted_request(house)
    with pytest.raises(MalformedRequest, match="Choose the main reason"):
        cast_vote(house, request, "cleo", vote, "Merge the plans.", category=None)
    assert house.do(lambda session: the_request(session, request).state) is RequestState.SUBMITTED
    cast_vote(house, request, "cleo", vote, "Merge the plans.", category=Category.SMALL_COUNTS)
    assert house.do(lambda session: session.get_one(CheckerVote, 1).category) is Category.SMALL_COUNTS


def test_an_approval_has_no_category_whatever_was_chosen(house: House) -> None:
    request = a_submitted_request(house)

    def step(session: Session) -> None:
        found = the_request(session, request)
        reviewing.vote(
            session,
            house.store,
            found,
            checker="cleo",
            vote=Vote.APPROVE,
            comment="",
            seen=found.content_hash or "",
            today=TODAY,
            category=Category.OTHER,
        )

    house.do(step)
    assert house.do(lambda session: session.get_one(CheckerVote, 1).category) is None


def test_an_early_return_needs_a_category(house: House) -> None:
    request = a_submitted_request(house)

    def returned(category: Category | None) -> None:
        house.do(
            lambda session: reviewing.return_early(
                session,
                the_request(session, request),
                checker="cleo",
                reason="Say which years.",
                today=TODAY,
                category=category,
            )
        )

    with pytest.raises(MalformedRequest, match="Choose the main reason"):
        returned(None)
    returned(Category.CONTEXT_MISSING)
    assert house.do(lambda session: session.get_one(Remark, 1).category) is Category.CONTEXT_MISSING


@pytest.mark.parametrize("text", ["", "release", "SMALL_COUNTS"])
def test_what_is_not_on_the_list_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest, match="Choose the main reason"):
        category_from(text)
