"""Who is told what, in the transaction in which it happens, and nothing that discloses."""

import re
from collections import Counter
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from governance.database import reading
from governance.people import Role
from governance.preferences import Preference
from safe_outputs import conversation, reviewing
from safe_outputs.errors import WrongState
from safe_outputs.notifications import telling
from safe_outputs.notifications.kinds import KINDS, Choice, Kind, kinds_for
from safe_outputs.notifications.models import Notification, OutgoingMail
from safe_outputs.releases import downloads
from safe_outputs.transitions import Vote
from tests.safe_outputs.factories import CAST, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_approved_request,
    cast_vote,
    release_next_of,
    the_request,
)

SECRET = "four people in Dayton"


def told(house: House) -> Counter[tuple[str, Kind]]:
    with reading(house.engine) as session:
        return Counter((each.person, each.kind) for each in session.scalars(select(Notification)))


def ask(house: House, request: str, checker: str = "cleo") -> int:
    def step(session) -> int:
        return conversation.ask(
            session, the_request(session, request), checker=checker, text=f"Is it {SECRET}?", today=TODAY
        ).id

    return int(house.do(step))


def answer(house: House, request: str, question: int) -> None:
    house.do(
        lambda session: conversation.answer(
            session, the_request(session, request), person="rosa", question=question, text=SECRET, today=TODAY
        )
    )


def test_a_question_is_told_to_the_project_and_its_answer_to_who_asked(house: House) -> None:
    request = a_submitted_request(house)
    before = told(house)
    question = ask(house, request)
    assert told(house) - before == Counter({("rosa", Kind.QUESTION): 1})
    before = told(house)
    answer(house, request, question)
    assert told(house) - before == Counter({("cleo", Kind.ANSWER): 1})


@pytest.mark.parametrize(
    ("vote", "kind"),
    [(Vote.REQUEST_CHANGES, Kind.RETURNED), (Vote.REJECT, Kind.REJECTED), (Vote.APPROVE, Kind.APPROVED)],
)
def test_the_outcome_is_told_to_the_author_and_no_vote_before_it_to_anybody(
    house: House, vote: Vote, kind: Kind
) -> None:
    request = a_submitted_request(house)
    before = told(house)
    cast_vote(house, request, "cleo", vote, SECRET)
    assert told(house) == before
    cast_vote(house, request, "carl", vote, SECRET)
    assert told(house) - before == Counter({("rosa", kind): 1})


def test_votes_that_differ_tell_nobody(house: House) -> None:
    request = a_submitted_request(house)
    before = told(house)
    cast_vote(house, request, "cleo", Vote.APPROVE)
    cast_vote(house, request, "carl", Vote.REJECT, SECRET)
    assert told(house) == before


def test_a_release_is_told_to_its_project_and_its_recall_to_all_who_took_it(house: House) -> None:
    request = an_approved_request(house)
    before = told(house)
    assert release_next_of(house)
    assert told(house) - before == Counter({("rosa", Kind.RELEASED): 1, ("olga", Kind.FROM_YOUR_DATA): 1})
    for who in ("stan", None):
        house.do(partial(_take, request, who))
    before = told(house)
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, request), person="cleo", reason=SECRET, today=TODAY
        )
    )
    after = told(house) - before
    assert {who for who, kind in after if kind is Kind.RECALLED} >= {"rosa", "stan"}
    assert ("cleo", Kind.RECALLED) not in after and all(count == 1 for count in after.values())


def _take(request: str, who: str | None, session: Session) -> None:
    downloads.record_download(session, downloads.find_release(session, request), who, "release.json", TODAY)


def test_what_is_refused_tells_nobody(house: House) -> None:
    request = a_submitted_request(house)
    before = told(house)
    with pytest.raises(WrongState):
        cast_vote(house, request, "cleo", seen="another hash")
    assert told(house) == before


def test_no_sentence_holds_what_people_wrote(house: House) -> None:
    request = a_submitted_request(house, title=SECRET, purpose=SECRET)
    answer(house, request, ask(house, request))
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, SECRET)
    with reading(house.engine) as session:
        sentences = {each.sentence for who in CAST for each in telling.told(session, who)}
    assert len(sentences) >= 3
    allowed = re.compile(rf"[A-Z][A-Za-z ,’]* (request|release) {request} of project heron[A-Za-z ,.]*\.|.*")
    for each in sentences:
        rest = each.replace(request, "").replace("heron", "")
        assert SECRET not in each and allowed.fullmatch(each)
        assert any(rest == words.sentence.format(id="", project="") for words in KINDS.values())


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_words_that_name_nothing_but_ids(kind: Kind) -> None:
    words = KINDS[kind]
    made = words.sentence.format(id="r-1", project="heron")
    assert "r-1" in made and "heron" in made and made.endswith(".")
    assert not re.search(r"vot(e|ed|es)\b", made + words.name)
    assert not words.path.startswith("/") and words.roles


def test_who_has_an_address_gets_an_email_of_what_she_wants_at_once(house: House) -> None:
    house.do(lambda session: session.add(Preference(person_name="rosa", email="rosa@example.org")))
    house.do(lambda session: telling.choose(session, "rosa", {Kind.REJECTED: Choice.OFF}))
    request = a_submitted_request(house)
    ask(house, request)
    ask(house, request, "carl")
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REJECT, SECRET)
    with reading(house.engine) as session:
        rows = session.execute(
            select(Notification.kind, Notification.mail_id).where(Notification.person == "rosa")
        ).all()
        assert session.scalar(select(func.count()).select_from(OutgoingMail)) == 1, "what waits together goes together"
    mails = {row.kind: row.mail_id for row in rows}
    assert mails[Kind.QUESTION] is not None and mails[Kind.REJECTED] is None


def test_people_choose_among_what_their_role_is_told(house: House) -> None:
    with reading(house.engine) as session:
        assert set(telling.choices(session, "cleo")) == set(kinds_for(Role.OUTPUT_CHECKER))
        assert Kind.ASSIGNED not in telling.choices(session, "rosa")
