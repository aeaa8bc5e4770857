"""No way leads to a release without enough distinct, present, unconflicted people on the very bytes (I7, I9).

A machine does what people, owners, operators and vandals can do to the real service, in any order. What it remembers
of each vote is the content itself, read beside the service: neither its hashes nor its predicates.
"""

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from datasets.versions import versions_of
from governance.database import now, reading
from governance.errors import SaferoomError
from governance.people import Person
from governance.projects import Membership, is_member
from safe_outputs import conversation, requests, reviewing
from safe_outputs import reading as views
from safe_outputs.asking import read_answer
from safe_outputs.checkers_rules import set_rule
from safe_outputs.contents.request_details import RequestDetails
from safe_outputs.lists.kept import rank_of, verdict_of
from safe_outputs.models import ReleaseRequest
from safe_outputs.return_categories import Category
from safe_outputs.transitions import RequestState, Vote
from safe_outputs.turns import open_questions, whose_move
from tests.governance.people_factory import FAR
from tests.registers import new_register
from tests.safe_outputs.contents import CODE, a_file, a_group, a_statement, details_of
from tests.safe_outputs.factories import CAST, CATALOGUE, PRIVATE_COUNT, TODAY
from tests.safe_outputs.house import (
    House,
    a_draft,
    a_house,
    a_submitted_request,
    an_answered_statistic,
    details,
    release_next_of,
    the_request,
)

CHECKERS = ("cleo", "carl", "cora")
people = st.sampled_from([*CHECKERS, *CHECKERS, *CAST])
"""Everybody, and checkers more often, so that requests get somewhere."""
which = st.integers(0, 1)
words = st.sampled_from(["First title", "Second title"])
LAX = CATALOGUE.to_json()
STRICT = LAX.replace('"checkers":2', '"checkers":3')
VANDALISM = (
    "UPDATE release_request SET title = 'Vandal' WHERE id = :request",
    "UPDATE release_request SET audience = 'pre_publication' WHERE id = :request",
    "UPDATE release_request SET turn = 1 WHERE id = :request",
    "UPDATE release_request SET state = 'approved', move_of = 'system' WHERE id = :request",
    "UPDATE statistic SET code = code || '#' WHERE id = :statistic",
    "UPDATE request_group SET context = context || '#' WHERE request_id = :request",
    "UPDATE request_group SET audience = 'pre_publication' WHERE request_id = :request",
    "UPDATE request_file SET statement = replace(statement, '460', '461') WHERE request_id = :request",
    "UPDATE request_file SET in_group = 1 WHERE request_id = :request",
    "UPDATE output_file SET digest = (SELECT digest FROM output_file WHERE role = 'evidence') WHERE role = 'output'",
    "UPDATE release_request SET checklist = replace(checklist, 'None show', 'Some show') WHERE id = :request",
    "DELETE FROM request_evidence WHERE request_id = :request",
)
DISTURBANCES = (
    "joins or leaves",
    "accreditation",
    "terms",
    "rule",
    "votes against",
    "approves",
    "hands in",
    "return",
    "ask",
    "withdraw",
    *VANDALISM,
)
disturbances = st.tuples(st.sampled_from(DISTURBANCES), st.sampled_from(CHECKERS))
Bytes = tuple[object, ...]


@dataclass
class Known:
    """What the machine saw of one request: the last vote of each person in this turn, and what she voted on."""

    needed: int = 2
    votes: dict[str, tuple[Vote, Bytes]] = field(default_factory=dict)
    released: Bytes | None = None
    left: dict[str, bytes] = field(default_factory=dict)


class Reviews(RuleBasedStateMachine):
    """Two requests of one project, eight people, and whatever they do."""

    releases = 0
    votes = 0

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        engine = new_register(folder)
        self.house: House = a_house(engine, folder)
        statistics = [an_answered_statistic(self.house), an_answered_statistic(self.house, PRIVATE_COUNT)]
        self.statistics = statistics
        self.file, self.evidence = a_file(self.house), a_file(self.house, CODE, name="code.py", role="evidence")
        self.requests = [a_submitted_request(self.house, statistics[:1]), a_draft(self.house, statistics[1:])]
        self.edit(1, "rosa", "First title")
        self.known = {each: Known() for each in self.requests}
        self.rule = 2

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.engine.dispose()
            self.folder.cleanup()

    def attempt(self, step: Any) -> bool:
        """Whether the service did it; a refusal is one of its own errors, with a sentence."""
        try:
            self.house.do(step)
        except SaferoomError as error:
            return not error.sentence
        return True

    def content(self, session: Session, request: ReleaseRequest) -> Bytes:
        """All that would leave or that is judged with it, as it is now."""
        policy = versions_of(session, "rand_hie")[0].catalogue_json
        statistics = [
            (
                item.statistic.id,
                item.statistic.code,
                item.statistic.answer,
                self.house.store.get(read_answer(self.house.store, item.statistic).file.digest),
            )
            for item in request.items
        ]
        return (request.title, request.purpose, request.audience, policy, *statistics, self.more(request))

    def more(self, request: ReleaseRequest) -> str:
        """Groups, files with their bytes, evidence and checklist, as text."""
        store = self.house.store
        groups = [(each.position, each.title, each.context, each.audience) for each in request.groups]
        where = [(each.position, each.in_group) for each in request.items]
        files = [(each.in_group, each.statement, each.file.name, store.get(each.file.digest)) for each in request.files]
        shown = [(each.file.name, store.get(each.file.digest)) for each in request.evidence]
        return repr((groups, where, files, shown, request.checklist))

    def wanted(self, n: int, title: str) -> RequestDetails:
        """The first request is of before there were groups; the second is for two audiences, with file and evidence."""
        if n == 0:
            return details([self.statistics[0]], title=title)
        team = a_group("pre_publication", files={self.file: a_statement()})
        public = a_group(statistics=[self.statistics[1]])
        return details_of(public, team, title=title, evidence=[self.evidence])

    @rule(n=which, person=st.sampled_from(["rosa", "rosa", "rui", "cleo"]), title=words)
    def edit(self, n: int, person: str, title: str) -> None:
        chosen = self.wanted(n, title)
        self.attempt(
            lambda session: requests.edit(
                session, the_request(session, self.requests[n]), author=person, details=chosen, today=TODAY
            )
        )

    @rule(n=which, person=st.sampled_from(["rosa", "rosa", "rosa", "rui", "cleo"]))
    def submit(self, n: int, person: str) -> None:
        request_id = self.requests[n]
        if self.attempt(
            lambda session: requests.submit(
                session, self.house.store, the_request(session, request_id), author=person, today=TODAY
            )
        ):
            assert person == "rosa"
            before = self.known[request_id]
            self.known[request_id] = Known(needed=self.rule, released=before.released, left=before.left)

    @rule(
        n=which,
        person=people,
        vote=st.sampled_from([Vote.APPROVE, Vote.APPROVE, Vote.APPROVE, Vote.REQUEST_CHANGES, Vote.REJECT]),
        stale=st.sampled_from([False, False, False, True]),
    )
    def vote(self, n: int, person: str, vote: Vote, stale: bool) -> None:
        request_id = self.requests[n]
        seen: list[Bytes] = []

        def step(session: Session) -> None:
            request = the_request(session, request_id)
            seen.append(self.content(session, request))
            read = "0" * 64 if stale else request.content_hash or ""
            reviewing.vote(
                session,
                self.house.store,
                request,
                checker=person,
                vote=vote,
                comment="Why.",
                seen=read,
                today=TODAY,
                category=Category.OTHER,
            )

        if self.attempt(step):
            assert not stale
            Reviews.votes += 1
            self.known[request_id].votes[person] = (vote, seen[0])

    @rule(
        n=which,
        order=st.permutations(CHECKERS),
        voters=st.integers(1, 3),
        between=st.lists(disturbances, max_size=2),
        after=st.lists(disturbances, max_size=2),
    )
    def a_round(
        self,
        n: int,
        order: list[str],
        voters: int,
        between: list[tuple[str, str]],
        after: list[tuple[str, str]],
    ) -> None:
        """The way that leads to a release, with something else happening between its steps."""
        self.submit(n, "rosa")
        self.vote(n, order[0], Vote.APPROVE, stale=False)
        for each in between:
            self.disturb(n, *each)
        for person in order[1:voters]:
            self.vote(n, person, Vote.APPROVE, stale=False)
        for each in after:
            self.disturb(n, *each)
        self.saferoom_releases()
        self.what_is_released_was_approved()

    @rule(n=which, order=st.permutations(CHECKERS))
    def a_round_that_nothing_disturbs(self, n: int, order: list[str]) -> None:
        """Often enough that requests get to a release, and that others are reviewed after one."""
        self.a_round(n, order, 3, [], [])

    def disturb(self, n: int, what: str, person: str) -> None:
        match what:
            case "joins or leaves":
                self.join_or_leave(person)
            case "accreditation":
                self.accreditation_ends_or_is_renewed(person)
            case "terms":
                self.owner_changes_the_terms()
            case "rule":
                self.operator_sets_a_rule(3)
            case "votes against":
                self.vote(n, person, Vote.REJECT, stale=False)
            case "approves":
                self.vote(n, person, Vote.APPROVE, stale=False)
            case "hands in":
                self.submit(n, "rosa")
            case "return" | "ask" | "withdraw":
                self.somebody_acts(n, "rosa" if what == "withdraw" else person, what)
            case _:
                self.vandal_writes_into_the_register(n, what)

    @rule(n=which)
    def author_hands_it_in(self, n: int) -> None:
        self.submit(n, "rosa")

    @rule(n=which, person=people, does=st.sampled_from(["return", "comment", "ask", "answer", "recall"]))
    def somebody_acts(self, n: int, person: str, does: str) -> None:
        def step(session: Session) -> None:
            request = the_request(session, self.requests[n])
            match does:
                case "return":
                    reviewing.return_early(
                        session, request, checker=person, reason="Why.", today=TODAY, category=Category.OTHER
                    )
                case "comment":
                    conversation.comment(session, request, checker=person, text="T", private=True, today=TODAY)
                case "ask":
                    conversation.ask(session, request, checker=person, text="T", today=TODAY)
                case "answer":
                    asked = [each.id for each in open_questions(request)] or [1]
                    conversation.answer(session, request, person=person, question=asked[0], text="T", today=TODAY)
                case "withdraw":
                    requests.withdraw(session, request, author=person, today=TODAY)
                case _:
                    reviewing.recall(session, request, person=person, reason="Why.", today=TODAY)

        self.attempt(step)

    @rule(person=st.sampled_from(CHECKERS))
    def join_or_leave(self, person: str) -> None:
        def step(session: Session) -> None:
            if is_member(session, person, "heron"):
                session.execute(delete(Membership).where(Membership.person_name == person))
            else:
                session.add(Membership(project_id="heron", person_name=person))

        self.house.do(step)

    @rule(person=st.sampled_from(CHECKERS))
    def accreditation_ends_or_is_renewed(self, person: str) -> None:
        def step(session: Session) -> None:
            found = session.get_one(Person, person)
            found.accredited_until = FAR if found.accredited_until < TODAY else TODAY - timedelta(days=1)

        self.house.do(step)

    @rule()
    def owner_changes_the_terms(self) -> None:
        def step(session: Session) -> None:
            version = versions_of(session, "rand_hie")[0]
            version.catalogue_json = STRICT if version.catalogue_json == LAX else LAX

        self.house.do(step)

    @rule(checkers=st.integers(2, 3))
    def operator_sets_a_rule(self, checkers: int) -> None:
        self.house.do(
            lambda session: set_rule(
                session, project="heron", audience="*", checkers=checkers, actor="operator", account="root"
            )
        )
        self.rule = checkers

    @rule(n=which, change=st.sampled_from(VANDALISM))
    def vandal_writes_into_the_register(self, n: int, change: str) -> None:
        with self.house.engine.begin() as connection:
            connection.execute(text(change), {"request": self.requests[n], "statistic": self.statistics[n]})

    @precondition(lambda self: hasattr(self, "house"))
    @rule()
    def saferoom_releases(self) -> None:
        release_next_of(self.house)

    @invariant()
    def what_is_released_was_approved(self) -> None:
        if not hasattr(self, "house"):
            return
        with reading(self.house.engine) as session:
            for request_id in self.requests:
                request = the_request(session, request_id)
                known = self.known[request_id]
                if request.state is RequestState.RELEASED and known.released is None:
                    self.require_approved(session, request, known)
                    Reviews.releases += 1
                assert self.left(request_id) == known.left, "what left stays as it was, whatever becomes of its request"

    def left(self, request_id: str) -> dict[str, bytes]:
        """Everything in the packages of a request."""
        folders = (self.house.folder / "releases").glob(f"{request_id}*")
        return {str(path): path.read_bytes() for each in folders for path in each.rglob("*") if path.is_file()}

    def require_approved(self, session: Session, request: ReleaseRequest, known: Known) -> None:
        known.released, known.left = self.content(session, request), self.left(request.id)
        conflicted = {each for each in known.votes if each == request.author or is_member(session, each, "heron")}
        approved = {
            person
            for person, (vote, content) in known.votes.items()
            if vote is Vote.APPROVE and content == known.released
        }
        assert approved == set(known.votes)
        assert not conflicted
        assert len(approved) >= max(2, known.needed)
        folders = list((self.house.folder / "releases").glob(f"{request.id}*"))
        assert len(folders) == len({each.audience for each in request.groups})
        left = {path.read_bytes() for folder in folders for path in folder.rglob("*.csv")}
        files = {self.house.store.get(each.file.digest) for each in request.files}
        assert left == files | {each[3] for each in known.released[4:] if isinstance(each, tuple)}
        evidence = {self.house.store.get(each.file.digest) for each in request.evidence}
        assert not evidence & {path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}

    @invariant()
    def lists_say_what_requests_say(self) -> None:
        if not hasattr(self, "house"):
            return
        with reading(self.house.engine) as session:
            for request_id in self.requests:
                request = the_request(session, request_id)
                assert request.move_of is whose_move(request)
                assert (request.holds, request.rank) == (len(request.items), rank_of(verdict_of(session, request)))
                assert 0 <= request.checkers_seconds <= (now() - request.created_at).total_seconds() + 1

    @invariant()
    def a_blind_turn_shows_a_checker_her_own_vote_alone(self) -> None:
        if not hasattr(self, "house"):
            return
        with reading(self.house.engine) as session:
            for request_id in self.requests:
                request = the_request(session, request_id)
                present = {vote.checker for vote in request.votes if vote.turn == request.turn}
                if request.state is RequestState.IN_REVIEW and len(present) < request.checkers_needed:
                    shown = views._visible_votes(session, request, "cora")
                    assert {each.checker for each in shown if each.turn == request.turn} <= {"Cora"}


def test_nothing_is_released_that_enough_people_did_not_approve() -> None:
    chosen = settings(
        max_examples=40,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Reviews.releases = Reviews.votes = 0
    run_state_machine_as_test(Reviews, settings=chosen)
    assert Reviews.votes > 0
    assert Reviews.releases > 0


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("where", ["between", "after"])
@pytest.mark.parametrize("what", DISTURBANCES, ids=range(len(DISTURBANCES)))
def test_a_round_that_is_disturbed_releases_nothing_unapproved(what: str, where: str, n: int) -> None:
    """Each disturbance once at each place of the way that leads to a release, by one who voted."""
    machine = Reviews()
    machine.begin()
    disturbed: dict[str, list[tuple[str, str]]] = {"between": [], "after": []} | {where: [(what, "cleo")]}
    machine.a_round(n, ["cleo", "carl", "cora"], 2, disturbed["between"], disturbed["after"])
    machine.teardown()


@pytest.mark.parametrize("n", [0, 1])
def test_a_round_that_nothing_disturbs_releases(n: int) -> None:
    machine = Reviews()
    machine.begin()
    machine.a_round(n, ["cleo", "carl", "cora"], 2, [], [])
    assert machine.known[machine.requests[n]].released is not None
    machine.teardown()
