"""Each submission of a request as it was, kept for good, and what changed since the one that its reader knows.

A submission lies in the store by its hash: words, and for each statistic the hash of its answer and the code. What it
names stays in the store too, so that an earlier turn can be laid beside the present one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from safe_outputs.answers import AUDIENCES, audience_in_words
from safe_outputs.asking import stored_answer
from safe_outputs.contents.content import is_of_first_form
from safe_outputs.contents.groups import groups_of
from safe_outputs.contents.statements import in_words
from safe_outputs.evidence.since import Difference, Item, difference
from safe_outputs.models import ReleaseRequest, RequestTurn
from safe_outputs.statistics import canonical
from safe_outputs.store import Store
from safe_outputs.transitions import RequestState


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SubmittedItem(_Frozen):
    """One statistic of a submission; `answer` is the hash under which its answer lies in the store."""

    position: int
    statistic: str
    answer: str
    code: str


class Submission(_Frozen):
    """What a request said and held at one moment. `words`: its texts, by what they are."""

    form: Literal["saferoom-submission/1"] = "saferoom-submission/1"
    request: str
    words: dict[str, str]
    items: tuple[SubmittedItem, ...]


@dataclass(frozen=True)
class ChangedSince:
    """What changed since a turn that the reader knows.

    `voted`: it is the last turn in which she voted. `difference`: None where that turn's submission was not kept, since
    it is from before submissions were.
    """

    turn: int
    voted: bool
    submitted_at: datetime | None
    difference: Difference | None


def present(request: ReleaseRequest) -> Submission:
    """The request as it is now."""
    return Submission(
        request=request.id,
        words=words_of(request),
        items=tuple(
            SubmittedItem(
                position=item.position,
                statistic=item.statistic_id,
                answer=item.statistic.answer,
                code=item.statistic.code,
            )
            for item in request.items
            if item.statistic.answer is not None
        ),
    )


def words_of(request: ReleaseRequest) -> dict[str, str]:
    """All that a request says, by what it is; of files and evidence their names, and the hash of their bytes."""
    first = {"Title": request.title, "Purpose": request.purpose, "For": audience_in_words(request.audience)}
    return first if is_of_first_form(request) else first | dict(_words_of_contents(request))


def _words_of_contents(request: ReleaseRequest) -> Iterator[tuple[str, str]]:
    for group in groups_of(request):
        numbers = ", ".join(str(each.position) for each in group.items)
        yield f"Group {group.position}, title", group.title
        yield f"Group {group.position}, context", group.context
        yield f"Group {group.position}, for", AUDIENCES[group.audience]
        yield f"Group {group.position}, statistics", numbers or "none"
    for file in request.files:
        said = "; ".join(f"{label}: {text}" for label, text in in_words(file.statement))
        yield f"File {file.position}", f"{file.file.name}, SHA-256 {file.file.digest}, in group {file.in_group}"
        yield f"File {file.position}, statement", said
    for shown in request.evidence:
        what = "Notebook" if shown.notebook else f"Evidence {shown.position}"
        yield what, f"{shown.file.name}, SHA-256 {shown.file.digest}"
    for question, answer in (request.checklist or {"answers": {}})["answers"].items():
        yield f"Checklist, {question}", answer


def keep(session: Session, store: Store, request: ReleaseRequest) -> None:
    """Keep what was just submitted, in the caller's transaction; the request has its turn, its hash and its time."""
    if request.content_hash is None or request.submitted_at is None:
        raise ValueError("a submission is kept once its hash and its time are known")
    session.add(
        RequestTurn(
            request_id=request.id,
            turn=request.turn,
            content_hash=request.content_hash,
            submission=store.put(canonical(present(request).model_dump(mode="json"))),
            submitted_at=request.submitted_at,
        )
    )


def kept(session: Session, store: Store, request_id: str, turn: int) -> Submission | None:
    """A turn's submission as it was; None for one from before submissions were kept. Raises `Tampered`."""
    row = session.get(RequestTurn, (request_id, turn))
    return Submission.model_validate_json(store.get(row.submission)) if row is not None else None


def changed_since(
    session: Session, store: Store, request: ReleaseRequest, person: str, *, checker: bool
) -> ChangedSince | None:
    """What changed since the turn that this reader knows; None where she has seen none before this.

    It depends on nobody's vote but her own, so it says nothing of others in a blind turn.
    """
    turn, voted = known_turn(request, person, checker=checker)
    if turn < 1:
        return None
    row = session.get(RequestTurn, (request.id, turn))
    before = kept(session, store, request.id, turn)
    return ChangedSince(
        turn=turn,
        voted=voted,
        submitted_at=row.submitted_at if row is not None else None,
        difference=_difference(store, before, present(request)) if before is not None else None,
    )


def known_turn(request: ReleaseRequest, person: str, *, checker: bool) -> tuple[int, bool]:
    """The turn to which a reader compares, and whether she voted in it; 0 where there is none.

    A checker: the last one in which she voted, else the one before this. The project's people: the last submission
    while its author changes it, else the one before.
    """
    own = [vote.turn for vote in request.votes if vote.checker == person]
    if checker and own:
        return max(own), True
    if not checker and request.state is RequestState.CHANGES_REQUESTED:
        return request.turn, False
    return request.turn - 1, False


def _difference(store: Store, before: Submission, after: Submission) -> Difference:
    return difference(before.words, _items(store, before), after.words, _items(store, after))


def _items(store: Store, submission: Submission) -> list[Item]:
    return [
        Item(each.statistic, each.position, each.answer, each.code, stored_answer(store, each.answer))
        for each in submission.items
    ]
