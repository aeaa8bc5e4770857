"""The life of a statistic in the queue: asked by a session, taken by the checker, answered or refused (I3)."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from governance import audit
from governance.agreements import agreement_in_force
from governance.database import now
from governance.errors import SaferoomError
from safe_outputs.answers import Answer, answer_from_json
from safe_outputs.earlier import present_answer
from safe_outputs.errors import MalformedPlan, NoSuchThing, WrongState
from safe_outputs.lists.kept import keep_holders
from safe_outputs.models import Statistic
from safe_outputs.remembered import Remembered
from safe_outputs.statistics import Crosstab, Private, plan_from_json, plan_hash, plan_to_json
from safe_outputs.store import Store
from safe_outputs.transitions import STATISTIC_TRANSITIONS, StatisticState

MAX_CODE_CHARACTERS = 100_000
MAX_ATTEMPTS = 3
"""A statistic whose computation ended the checker this often is refused, so that it cannot do so for ever."""

UNANSWERED = frozenset({StatisticState.ASKED, StatisticState.COMPUTING})


@dataclass(frozen=True)
class Asker:
    """Who asks, as stamped by the session's gate."""

    person: str
    project: str


def read_plan(value: Any) -> Crosstab | Private:
    """The plan in a request's body. Raises `MalformedPlan`, which says where it is wrong."""
    try:
        return plan_from_json(value)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'plan'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)[:5]
        )
        raise MalformedPlan(f"This is not a statistic that can be asked for: {places}.") from None


def ask(session: Session, asker: Asker, plan: Crosstab | Private, code: str) -> Statistic:
    """Put a statistic into the queue.

    A private plan that this project already paid for, on the same version, is not computed anew: the same statistic
    is returned (I6). So is a preview that still waits; one that was answered is made anew, since what is left changes.
    """
    digest = plan_hash(plan)
    if isinstance(plan, Private) and (earlier := _earlier(session, asker, plan, digest)) is not None:
        return earlier
    statistic = Statistic(
        id=f"s-{secrets.token_hex(6)}",
        project_id=asker.project,
        author=asker.person,
        plan=plan_to_json(plan),
        plan_hash=digest,
        code=code[:MAX_CODE_CHARACTERS],
        state=StatisticState.ASKED,
        attempts=0,
        asked_at=now(),
    )
    session.add(statistic)
    audit.record(
        session, asker.person, "statistic.asked", f"statistic:{statistic.id}", project=asker.project, plan=digest
    )
    return statistic


def _earlier(session: Session, asker: Asker, plan: Private, digest: str) -> Statistic | None:
    agreement = agreement_in_force(session, asker.project, plan.dataset)
    version = agreement.version if agreement is not None else None
    query = select(Statistic).where(
        Statistic.project_id == asker.project,
        Statistic.plan_hash == digest,
        Statistic.state.in_(UNANSWERED if plan.preview else UNANSWERED | {StatisticState.ANSWERED}),
        or_(Statistic.version.is_(None), Statistic.version == version),
    )
    return session.scalars(query.order_by(Statistic.asked_at)).first()


def find_statistic(session: Session, statistic_id: str, project_id: str) -> Statistic:
    """A statistic of this project. Raises `NoSuchThing`, also when it is another project's."""
    statistic = session.get(Statistic, statistic_id)
    if statistic is None or statistic.project_id != project_id:
        raise NoSuchThing(f"Your project has no statistic “{statistic_id}”. Ask for it again in the notebook.")
    return statistic


def is_waiting(session: Session) -> bool:
    """Whether any statistic waits for the checker."""
    return session.scalar(select(Statistic.id).where(Statistic.state == StatisticState.ASKED).limit(1)) is not None


def take_next(session: Session, worker: str) -> Statistic | None:
    """The oldest statistic that waits, now marked as being computed; None when nothing waits."""
    query = select(Statistic).where(Statistic.state == StatisticState.ASKED).order_by(Statistic.asked_at).limit(1)
    statistic = session.scalars(query).first()
    if statistic is not None:
        statistic.attempts += 1
        _move(session, statistic, StatisticState.COMPUTING, actor=worker)
    return statistic


def take_up_again(session: Session, worker: str) -> int:
    """Put what a dead checker left half-done back into the queue; returns how many. Call at start only.

    What ended the checker too often is refused instead.
    """
    left = list(session.scalars(select(Statistic).where(Statistic.state == StatisticState.COMPUTING)))
    for statistic in left:
        if statistic.attempts >= MAX_ATTEMPTS:
            problem = WrongState(
                f"The checker stopped {statistic.attempts} times while it computed this statistic, so it was given "
                "up. Nothing was released. Ask for something smaller, or tell the operator."
            )
            refuse(session, statistic, problem, actor=worker)
        else:
            _move(session, statistic, StatisticState.ASKED, actor=worker)
    return len(left)


def answer(
    session: Session, statistic: Statistic, digest: str, found: Answer, *, actor: str, underlying: str | None = None
) -> None:
    """Record the answer that is stored under this digest, and the hash of what lies behind it."""
    statistic.underlying = underlying
    statistic.answer, statistic.verdict, statistic.version = digest, found.verdict, found.source.version
    statistic.finished_at = at = now()
    _move(session, statistic, StatisticState.ANSWERED, actor=actor, answer=digest, verdict=found.verdict.value)
    keep_holders(session, statistic, at)


def refuse(session: Session, statistic: Statistic, problem: SaferoomError, *, actor: str) -> None:
    """Record why there is no answer."""
    statistic.problem = problem_json(problem)
    statistic.finished_at = now()
    _move(session, statistic, StatisticState.REFUSED, actor=actor, reason=type(problem).__name__)


def problem_json(error: SaferoomError) -> dict[str, Any]:
    """An error as problem details (RFC 9457)."""
    title = type(error).__name__
    return {"type": "about:blank", "title": title, "status": error.status, "detail": error.sentence, **error.members}


def read_answer(store: Store, statistic: Statistic) -> Answer:
    """The stored answer. Raises `WrongState` when there is none yet, `Tampered` when it was changed."""
    if statistic.answer is None:
        raise WrongState("This statistic has no answer yet. Wait for the checker, then try again.")
    return stored_answer(store, statistic.answer)


def stored_answer(store: Store, digest: str) -> Answer:
    """The answer of this digest. Its file is read and compared with the digest each time, and understood once.

    Raises:
        NoSuchThing, Tampered: as `Store.get`.
    """
    content = store.get(digest)
    return _ANSWERS.get(digest, lambda: _understood(content), lambda _answer: len(content))


def _understood(content: bytes) -> Answer:
    return answer_from_json(present_answer(json.loads(content)))


_ANSWERS: Remembered[Answer] = Remembered(8_000_000)
"""Of so many bytes of JSON; understood, they take about ten times as much."""


def _move(session: Session, statistic: Statistic, state: StatisticState, *, actor: str, **detail: Any) -> None:
    if state not in STATISTIC_TRANSITIONS[statistic.state]:
        raise WrongState(f"A statistic that is {statistic.state.value} cannot become {state.value}.")
    statistic.state = state
    audit.record(session, actor, f"statistic.{state.value}", f"statistic:{statistic.id}", **detail)
