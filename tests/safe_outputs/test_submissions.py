"""Each submission is kept as it was, and each reader compares with the one that she knows."""

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from governance.projects import Membership
from safe_outputs import requests
from safe_outputs.errors import Tampered
from safe_outputs.evidence import submissions
from safe_outputs.evidence.at_a_glance import at_a_glance
from safe_outputs.evidence.submissions import ChangedSince, known_turn
from safe_outputs.models import RequestTurn
from safe_outputs.store import digest_of
from safe_outputs.transitions import Vote
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    details,
    submit,
    the_request,
)


def edit(house: House, request: str, statistics: list[str], **changes: str) -> None:
    house.do(
        lambda session: requests.edit(
            session, the_request(session, request), author="rosa", details=details(statistics, **changes), today=TODAY
        )
    )


def returned(house: House, request: str, *checkers: str) -> None:
    for checker in checkers:
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Please change it.")


def since(house: House, request: str, person: str) -> ChangedSince | None:
    found: ChangedSince | None = house.do(
        lambda session: at_a_glance(session, house.store, the_request(session, request), [], person, TODAY).since
    )
    return found


def known(house: House, request: str, person: str, *, checker: bool) -> tuple[int, bool]:
    found: tuple[int, bool] = house.do(
        lambda session: known_turn(the_request(session, request), person, checker=checker)
    )
    return found


def test_a_submission_stays_as_it_was_when_the_request_changes(house: House) -> None:
    first = an_answered_statistic(house)
    request = a_submitted_request(house, [first], title="The first title")
    returned(house, request, "cleo", "carl")
    second = an_answered_statistic(house, PRIVATE_COUNT, code="other code")
    edit(house, request, [second], title="The second title")
    submit(house, request)

    def look(session: Session) -> None:
        turns = [submissions.kept(session, house.store, request, turn) for turn in (1, 2)]
        assert [(each.words["Title"], [i.statistic for i in each.items]) for each in turns if each] == [
            ("The first title", [first]),
            ("The second title", [second]),
        ]
        rows = [session.get_one(RequestTurn, (request, turn)) for turn in (1, 2)]
        assert rows[0].content_hash != rows[1].content_hash == the_request(session, request).content_hash
        assert all(digest_of(house.store.get(row.submission)) == row.submission for row in rows)
        assert submissions.kept(session, house.store, request, 3) is None

    house.do(look)


def test_who_voted_compares_with_the_turn_of_her_vote(house: House) -> None:
    request = a_submitted_request(house)
    assert [known(house, request, who, checker=True) for who in ("cleo", "cora")] == [(0, False), (0, False)]
    returned(house, request, "cleo", "carl")
    submit(house, request)
    returned(house, request, "carl", "cora")
    submit(house, request)
    assert known(house, request, "cleo", checker=True) == (1, True)
    assert known(house, request, "carl", checker=True) == (2, True)
    assert known(house, request, "dora", checker=True) == (2, False)
    cast_vote(house, request, "cleo")
    assert known(house, request, "cleo", checker=True) == (3, True)
    assert known(house, request, "carl", checker=True) == (2, True), "another's vote changes nothing for her"


def test_the_author_compares_her_changes_with_what_she_submitted(house: House) -> None:
    first = an_answered_statistic(house)
    request = a_submitted_request(house, [first], title="Old title")
    assert since(house, request, "rosa") is None
    returned(house, request, "cleo", "carl")
    unchanged = since(house, request, "rosa")
    assert unchanged is not None and unchanged.difference is not None
    assert (unchanged.turn, unchanged.difference.empty) == (1, True)
    edit(house, request, [first], title="New title")
    assert titles_since(house, request) == (1, False, ["Title"])
    submit(house, request)
    assert titles_since(house, request) == (1, False, ["Title"])


def titles_since(house: House, request: str) -> tuple[int, bool, list[str]]:
    found = since(house, request, "rosa")
    assert found is not None and found.difference is not None
    return found.turn, found.voted, [each.label for each in found.difference.words]


def test_a_checker_of_the_project_reads_it_as_its_people_do(house: House) -> None:
    """Her own vote of before she joined is not what she compares with."""
    request = a_submitted_request(house)
    returned(house, request, "cleo", "carl")
    submit(house, request)
    returned(house, request, "carl", "cora")
    submit(house, request)
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="cleo")))
    found = since(house, request, "cleo")
    assert found is not None
    assert (found.turn, found.voted) == (2, False)


def test_of_a_turn_before_submissions_were_kept_there_is_no_difference(house: House) -> None:
    request = a_submitted_request(house)
    returned(house, request, "cleo", "carl")
    house.do(lambda session: session.execute(delete(RequestTurn)))
    submit(house, request)
    found = since(house, request, "cleo")
    assert found == ChangedSince(turn=1, voted=True, submitted_at=None, difference=None)


def test_a_submission_that_was_changed_in_the_store_is_not_shown(house: House) -> None:
    request = a_submitted_request(house)
    returned(house, request, "cleo", "carl")
    digest = house.do(lambda session: session.get_one(RequestTurn, (request, 1)).submission)
    path = house.folder / "store" / digest[:2] / digest
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"Another", b"Another!"))
    with pytest.raises(Tampered):
        since(house, request, "cleo")
