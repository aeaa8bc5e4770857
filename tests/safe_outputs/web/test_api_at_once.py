"""People who decide at the same instant through the API: nothing is lost, nothing counts twice, and each is told."""

import threading
from collections.abc import Callable

from flask import Flask
from werkzeug.test import TestResponse

from safe_outputs.transitions import RequestState
from tests.safe_outputs.house import House, a_submitted_request, cast_vote, the_request
from tests.safe_outputs.web.browser import Program, sentence_of

ROUNDS = 3


def at_once(*calls: Callable[[], TestResponse]) -> list[TestResponse]:
    """What each of these calls is answered; all begin together, each in a thread of its own."""
    together = threading.Barrier(len(calls))
    answers: dict[int, TestResponse] = {}

    def one(place: int) -> None:
        together.wait(timeout=30)
        answers[place] = calls[place]()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(calls))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=60)
    return [answers[place] for place in range(len(calls))]


def ready(app: Flask, person: str, request_id: str, vote: str = "approve") -> Callable[[], TestResponse]:
    """A vote of this person on what she reads now, to be sent later."""
    program, path = Program(app, person), f"/requests/{request_id}"
    read = program.get(path)
    body = {"vote": vote, "content_hash": read.get_json()["content_hash"], "comment": "Years?", "category": "other"}
    return lambda: program.send("POST", f"{path}/votes", body, read.headers["ETag"])


def outcome(house: House, request_id: str) -> tuple[RequestState, list[str]]:
    found: tuple[RequestState, list[str]] = house.do(
        lambda session: (
            (request := the_request(session, request_id)).state,
            sorted(each.checker for each in request.votes),
        )
    )
    return found


def test_two_blind_votes_at_once_both_count(app: Flask, house: House) -> None:
    """Neither changes what the other has read, so that neither is refused."""
    for _ in range(ROUNDS):
        request_id = a_submitted_request(house)
        answers = at_once(ready(app, "cleo", request_id), ready(app, "carl", request_id))
        assert [each.status_code for each in answers] == [200, 200]
        assert outcome(house, request_id) == (RequestState.APPROVED, ["carl", "cleo"])


def test_of_two_last_votes_at_once_one_is_told_that_it_is_stale(app: Flask, house: House) -> None:
    for _ in range(ROUNDS):
        request_id = a_submitted_request(house)
        cast_vote(house, request_id, "cora")
        answers = at_once(ready(app, "cleo", request_id), ready(app, "carl", request_id, "reject"))
        assert sorted(each.status_code for each in answers) == [200, 412]
        assert all("Read it again" in sentence_of(each) for each in answers if each.status_code == 412)
        assert len(outcome(house, request_id)[1]) == 2


def test_one_vote_that_is_sent_twice_at_once_counts_once(app: Flask, house: House) -> None:
    for _ in range(ROUNDS):
        request_id = a_submitted_request(house)
        vote = ready(app, "cleo", request_id)
        assert sorted(each.status_code for each in at_once(vote, vote)) == [200, 412]
        assert outcome(house, request_id) == (RequestState.IN_REVIEW, ["cleo"])


def a_withdrawal(app: Flask, request_id: str) -> Callable[[], TestResponse]:
    rosa, path = Program(app, "rosa"), f"/requests/{request_id}"
    version = rosa.get(path).headers["ETag"]
    return lambda: rosa.send("POST", f"{path}/withdraw", etag=version)


def test_a_vote_and_a_withdrawal_at_once_leave_it_withdrawn(app: Flask, house: House) -> None:
    """A blind vote changes nothing for the author, so that hers is never stale by it; a vote after hers is."""
    for _ in range(ROUNDS):
        request_id = a_submitted_request(house)
        voted, withdrawn = at_once(ready(app, "cleo", request_id), a_withdrawal(app, request_id))
        state, votes = outcome(house, request_id)
        assert withdrawn.status_code == 200 and state is RequestState.WITHDRAWN
        assert voted.status_code == (200 if votes else 412)
