"""Turns of a review: which votes count, when they open, whose move it is and by when. Reads nothing but the request."""

from datetime import datetime, timedelta

from safe_outputs.models import CheckerVote, ReleaseRequest, Remark
from safe_outputs.transitions import OWNERS, Owner, RemarkKind

ENDS_TURN = frozenset({RemarkKind.RETURNED, RemarkKind.LAPSED})


def votes_of_turn(request: ReleaseRequest) -> list[CheckerVote]:
    """The last vote of each checker in the present turn; earlier turns never count again."""
    last = {vote.checker: vote for vote in sorted(_ballots(request), key=lambda vote: vote.ballot)}
    return sorted(last.values(), key=lambda vote: vote.at)


def ballots_of(request: ReleaseRequest, person: str) -> int:
    """How many times a person has voted in this turn."""
    return sum(vote.checker == person for vote in _ballots(request))


def votes_are_open(request: ReleaseRequest) -> bool:
    """Votes and comments are blind until the turn has all its votes or went back to its author.

    A withdrawal does not open them.
    """
    ended = any(remark.kind in ENDS_TURN and remark.turn == request.turn for remark in request.remarks)
    return ended or len(votes_of_turn(request)) >= request.checkers_needed


def _ballots(request: ReleaseRequest) -> list[CheckerVote]:
    return [vote for vote in request.votes if vote.turn == request.turn]


def is_open(request: ReleaseRequest, turn: int) -> bool:
    """Whether what checkers said in a turn is open to others; turns before the present one are."""
    return turn != request.turn or votes_are_open(request)


def open_questions(request: ReleaseRequest) -> list[Remark]:
    """The questions of this turn that nobody has answered, oldest first."""
    answered = {remark.answers for remark in request.remarks}
    return [
        remark
        for remark in request.remarks
        if remark.kind is RemarkKind.QUESTION and remark.turn == request.turn and remark.id not in answered
    ]


def whose_move(request: ReleaseRequest) -> Owner:
    """Who has to act: the state's owner, but the author while a question of a review is open."""
    owner = OWNERS[request.state]
    return Owner.AUTHOR if owner is Owner.CHECKERS and open_questions(request) else owner


def settle(request: ReleaseRequest, at: datetime) -> None:
    """Bring `move_of`, `move_since`, `due` and the checkers' clock up to what the request is now."""
    present = whose_move(request)
    if present is not request.move_of:
        request.checkers_seconds = clock_seconds(request, at)
        request.move_of, request.move_since = present, at
    request.due = due_at(request)


def clock_seconds(request: ReleaseRequest, at: datetime) -> int:
    """How long the move was the checkers', over all turns. It stands still on everybody else's."""
    running = (at - request.move_since) if request.move_of is Owner.CHECKERS else timedelta()
    return int(request.checkers_seconds + running.total_seconds())


def due_at(request: ReleaseRequest) -> datetime | None:
    """By when the checkers have to be done if the move stays theirs; None while it is not theirs."""
    if request.move_of is not Owner.CHECKERS:
        return None
    return request.move_since + timedelta(hours=request.clock_hours, seconds=-request.checkers_seconds)
