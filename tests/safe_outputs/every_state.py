"""A house in which something is in every state: requests, releases, what is brought in, packages."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from datasets.ingress import requests as incoming
from governance import packages
from governance.packages import read_lock
from safe_outputs import conversation, requests, reviewing
from safe_outputs.return_categories import Category
from safe_outputs.transitions import Vote
from tests.safe_outputs.bringing_in import something_asked
from tests.safe_outputs.factories import PRIVATE_COUNT, TODAY
from tests.safe_outputs.handed_in import a_file, a_picture
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    release_next_of,
    the_request,
)

LOCK = f"pandas==3.0.1 --hash=sha256:{'a' * 64}\n"


@dataclass(frozen=True)
class Everything:
    """The ids of what there is; statistics are of rosa's project."""

    requests: dict[str, str]
    releases: tuple[str, ...]
    incoming: tuple[str, ...]
    packages: tuple[str, ...]
    statistics: tuple[str, ...]
    files: tuple[str, ...]
    """Of the draft."""


def fill(house: House) -> Everything:
    """Something in every state, by the real steps."""
    (house.folder / "session.txt").write_text(LOCK, encoding="utf-8")
    found = _requests(house)
    return Everything(
        requests=found,
        releases=(found["released"], found["released for the team"], found["recalled"]),
        incoming=_incoming(house),
        packages=_packages(house),
        statistics=(an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)),
        files=(
            a_file(house, found["draft"], "codes.csv", b"code,name\n1,=1+1\n"),
            a_file(house, found["draft"], "plot.png", a_picture()),
        ),
    )


def _requests(house: House) -> dict[str, str]:
    recalled, released = an_approved_request(house), an_approved_request(house)
    team = a_submitted_request(house, audience="pre_publication")
    for checker in ("cleo", "carl"):
        cast_vote(house, team, checker)
    while release_next_of(house):
        pass
    _with(house, recalled, _recall)
    found = {
        "recalled": recalled,
        "released": released,
        "released for the team": team,
        "draft": a_draft(house),
        "submitted": a_submitted_request(house),
        "private": a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)]),
        "approved": an_approved_request(house),
    }
    for state, votes in VOTES.items():
        found[state] = a_submitted_request(house)
        for checker, vote in votes.items():
            cast_vote(house, found[state], checker, vote, "" if vote is Vote.APPROVE else "Merge the small plans.")
    for state, step in STEPS.items():
        found[state] = a_submitted_request(house)
        _with(house, found[state], step)
    return found


VOTES: dict[str, dict[str, Vote]] = {
    "in review": {"cleo": Vote.APPROVE},
    "of another's vote": {"carl": Vote.REJECT},
    "differing": {"cleo": Vote.APPROVE, "carl": Vote.REJECT},
    "rejected": {"cleo": Vote.REJECT, "carl": Vote.REJECT},
    "changes requested": {"cleo": Vote.REQUEST_CHANGES, "carl": Vote.REQUEST_CHANGES},
}


def _recall(session: Session, request_id: str) -> None:
    request = the_request(session, request_id)
    reviewing.recall(session, request, person="rosa", reason="A wrong year.", today=TODAY)


def _withdraw(session: Session, request_id: str) -> None:
    requests.withdraw(session, the_request(session, request_id), author="rosa", today=TODAY)


def _return(session: Session, request_id: str) -> None:
    reviewing.return_early(
        session,
        the_request(session, request_id),
        checker="cleo",
        reason="Say which years.",
        today=TODAY,
        category=Category.CONTEXT_MISSING,
    )


def _ask(session: Session, request_id: str) -> None:
    conversation.ask(session, the_request(session, request_id), checker="carl", text="Which years?", today=TODAY)


STEPS: dict[str, Callable[[Session, str], None]] = {"withdrawn": _withdraw, "returned": _return, "questioned": _ask}


def _with(house: House, request_id: str, step: Callable[[Session, str], None]) -> None:
    house.do(lambda session: step(session, request_id))


def _incoming(house: House) -> tuple[str, ...]:
    asked, declined, withdrawn = (something_asked(house) for _ in range(3))

    def decide(session: Session) -> None:
        first = incoming.find_ingress(session, declined, "stan", TODAY)
        incoming.decline(session, first, steward="stan", reason="It names people.", today=TODAY)
        second = incoming.find_ingress(session, withdrawn, "rosa", TODAY)
        incoming.withdraw(session, second, author="rosa", today=TODAY)

    house.do(decide)
    return asked, declined, withdrawn


def _packages(house: House) -> tuple[str, ...]:
    def ask(session: Session, name: str) -> str:
        found = packages.ask(session, author="rosa", package=name, versions=">=1", purpose="To plot.", today=TODAY)
        return found.id

    def asked_for(name: str) -> str:
        return str(house.do(lambda session: ask(session, name)))

    asked, accepted, declined = map(asked_for, ("lifelines", "pandas", "polars"))

    def decide(session: Session) -> None:
        for each, action in ((accepted, packages.Action.ACCEPT), (declined, packages.Action.DECLINE)):
            found = packages.find_request(session, each)
            lock = read_lock(LOCK)
            packages.decide(session, found, action, operator="otto", reason="Needed.", lock=lock, today=TODAY)

    house.do(decide)
    return asked, accepted, declined
