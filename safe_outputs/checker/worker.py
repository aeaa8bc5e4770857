"""The checker's process: takes statistics from the queue, answers or refuses them, and releases what was approved.

One at a time: a lock file keeps a second checker out. Whatever goes wrong, nothing is released (I3): a statistic
whose checker died is taken up again at the next start; an error of ours is shown as its sentence; of any other error
only the kind is told, since its text could hold data.
"""

import fcntl
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from datasets.engines import Workspace
from datasets.populations import populations
from datasets.versions import all_datasets
from disclosure_control import DisclosureControlError, LedgerError
from disclosure_control.privacy.ledger import Ledger
from governance import audit
from governance.agreements import agreement_in_force
from governance.checkpoints import Keeper
from governance.database import open_database, reading, transaction
from governance.errors import Conflict, Invalid, SaferoomError, Unavailable
from safe_outputs import asking, reviewing
from safe_outputs.asking import Asker
from safe_outputs.checker.compute import ALONE, Answered, compute, stored
from safe_outputs.checker.evidence import gather, require_open
from safe_outputs.checker.ledger_record import (
    record_all_left,
    record_exact_answers,
    record_head,
    record_left,
    record_standings,
    verify_ledger,
)
from safe_outputs.earlier import present_plan
from safe_outputs.evidence.differencing import released_tables
from safe_outputs.models import Statistic
from safe_outputs.package.folder import clear_leftovers
from safe_outputs.package.keys import SigningKey
from safe_outputs.releases import release_keys, releasing
from safe_outputs.requests import find_request
from safe_outputs.statistics import plan_from_json
from safe_outputs.store import Store

log = logging.getLogger("saferoom.checker")

ACTOR = "checker"
SECONDS_TO_THE_NEXT_TRY = 60.0


@dataclass(frozen=True)
class CheckerSettings:
    """All that the checker needs, and nothing of the web's secrets. `poll_seconds`: how often an idle one looks.

    `workspace`: the memory and the temporary folder in which statistics are computed. `release_key` reads the key that
    signs releases, each time that one is written, so that it can be renewed while the checker runs.
    `keeper`: keeps checkpoints of the audit chain, against which a register that was put back shows; None keeps none.
    """

    database_url: str
    ledger_url: str
    store: Path
    releases: Path
    lock: Path
    ledger_key: bytes
    release_key: Callable[[], SigningKey]
    keeper: Keeper | None = None
    poll_seconds: float = 0.1
    workspace: Workspace = ALONE


class AnotherChecker(Conflict):
    """A checker runs on this state already."""


class Refusal(Invalid):
    """The library's reason, for the person who asked."""


def run(settings: CheckerSettings, stop: threading.Event) -> None:
    """Work until `stop` is set.

    Raises:
        AnotherChecker: one runs already.
        Refusal: the ledger cannot be used: it was edited, put back to an older state, or has another key.
        BrokenChain: the register was put back to an older state, or its audit chain was made anew.
    """
    with _alone(settings.lock):
        engine = open_database(settings.database_url)
        _keep_checkpoint(settings, engine)
        if left := settings.workspace.cleared():
            log.info("temporary folders of a killed checker removed: %d", left)
        if left := clear_leftovers(settings.releases):
            log.info("half-written releases of a killed checker removed: %d", left)
        store, ledger = Store(settings.store), _verified_ledger(settings, engine)
        with transaction(engine) as session:
            again = asking.take_up_again(session, ACTOR)
        _publish_key(engine, settings.release_key)
        log.info("checker started; statistics taken up again: %d", again)
        postponed: dict[str, float] = {}
        while not stop.is_set():
            _keep_checkpoint(settings, engine)
            worked = answer_next(engine, store, ledger, settings.workspace)
            worked |= release_next(engine, store, settings.releases, postponed, settings.release_key)
            if not worked:
                stop.wait(settings.poll_seconds)
        ledger.close()
        engine.dispose()


def _keep_checkpoint(settings: CheckerSettings, engine: Engine) -> None:
    if settings.keeper is not None:
        settings.keeper.keep(engine)


def _verified_ledger(settings: CheckerSettings, engine: Engine) -> Ledger:
    try:
        ledger = Ledger(settings.ledger_url, key=settings.ledger_key)
        verify_ledger(engine, ledger, ACTOR)
        if unread := ledger.void_unread("the checker stopped before it read the data"):
            log.info("charges given back, for which nothing was read: %d", len(unread))
        with transaction(engine) as session:
            for population, datasets in populations(session).items():
                record_exact_answers(session, ledger, population, datasets)
            record_head(session, ledger, ACTOR)
            record_standings(session, ledger, all_datasets(session))
            record_all_left(session, ledger)
    except LedgerError as error:
        raise Refusal(str(error)) from None
    return ledger


def answer_next(engine: Engine, store: Store, ledger: Ledger, workspace: Workspace = ALONE) -> bool:
    """Take the oldest waiting statistic and answer or refuse it; False when nothing waits."""
    with reading(engine) as session:
        if not asking.is_waiting(session):
            return False
    with transaction(engine) as session:
        statistic = asking.take_next(session, ACTOR)
    if statistic is None:
        return False
    try:
        done = _computed(engine, store, ledger, statistic, workspace)
        digest = stored(done.answer, store)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing is released (I3)
        _log_without_data(f"statistic {statistic.id} refused", error)
        with transaction(engine) as session:
            asking.refuse(session, session.merge(statistic), for_people(error), actor=ACTOR)
        _tell_left(engine, ledger, statistic)
        return True
    with transaction(engine) as session:
        present = session.merge(statistic)
        asking.answer(session, present, digest, done.answer, actor=ACTOR, underlying=done.underlying)
        record_head(session, ledger, ACTOR)
        record_standings(session, ledger, [done.answer.source.dataset])
        record_left(session, ledger, statistic)
    return True


def _computed(engine: Engine, store: Store, ledger: Ledger, statistic: Statistic, workspace: Workspace) -> Answered:
    plan = plan_from_json(present_plan(statistic.plan))
    with reading(engine) as session:
        agreement = agreement_in_force(session, statistic.project_id, plan.dataset)
        asked = (statistic.plan_hash, agreement.version if agreement is not None else None)
        before = len(released_tables(session, plan.dataset) - {asked})
        evidence = gather(session, Asker(statistic.author, statistic.project_id), plan.dataset, before)

    def still_allowed() -> None:
        with reading(engine) as now:
            require_open(now, evidence)

    return compute(plan, evidence, store, ledger, workspace, still_allowed)


def _tell_left(engine: Engine, ledger: Ledger, statistic: Statistic) -> None:
    """Tell what a refused statistic left of its budgets. A ledger that cannot be read refuses no second time."""
    try:
        with transaction(engine) as session:
            record_left(session, ledger, statistic)
    except Exception as error:  # noqa: BLE001 - it is told with the next statistic, or at the next start
        _log_without_data("what is left in the budgets was not recorded", error)


def _publish_key(engine: Engine, release_key: Callable[[], SigningKey]) -> None:
    """Let the key be known before its first release. One that may not sign stops releases, and not the statistics."""
    try:
        with transaction(engine) as session:
            release_keys.use(session, release_key().public, actor=ACTOR)
    except SaferoomError as error:
        log.warning("no release can be signed: %s", error.sentence)


def release_next(
    engine: Engine, store: Store, releases: Path, postponed: dict[str, float], release_key: Callable[[], SigningKey]
) -> bool:
    """Release the oldest approved request; False when there is none.

    One whose policy or rules changed since goes back to its author. One that fails stays approved and unreleased, which
    its history says; it is tried again after a while. `postponed` says when (monotonic seconds).
    """
    with reading(engine) as session:
        waiting = [each for each in releasing.approved_requests(session) if postponed.get(each, 0) <= time.monotonic()]
    if not waiting:
        return False
    try:
        with transaction(engine) as session:
            request = find_request(session, waiting[0])
            if reviewing.lapse(session, store, request) is None:
                releasing.release(session, store, request, releases, key=release_key(), actor=ACTOR)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing is released (I3)
        _log_without_data(f"request {waiting[0]} not released", error)
        if waiting[0] not in postponed:
            _tell_not_released(engine, waiting[0], for_people(error, "write this release").sentence)
        postponed[waiting[0]] = time.monotonic() + SECONDS_TO_THE_NEXT_TRY
    return True


def _tell_not_released(engine: Engine, request: str, reason: str) -> None:
    """Put the reason on record; where the register cannot be written either, in the log alone."""
    try:
        with transaction(engine) as session:
            audit.record(session, ACTOR, "request.not_released", f"request:{request}", reason=reason)
    except (SQLAlchemyError, Unavailable) as error:
        _log_without_data(f"request {request}: not even the reason could be kept", error)


def for_people(error: Exception, doing: str = "compute this statistic") -> SaferoomError:
    """The error as one whose sentence may be shown. The text of a foreign error is dropped: it could hold data."""
    match error:
        case SaferoomError():
            return error
        case DisclosureControlError():
            return Refusal(str(error))
        case _:
            return SaferoomError(
                f"The checker could not {doing} ({type(error).__name__}). Nothing was released. "
                "Tell the operator, who finds the place in the checker's log."
            )


def _log_without_data(what: str, error: Exception) -> None:
    places = " < ".join(f"{each.name}:{each.lineno}" for each in reversed(traceback.extract_tb(error.__traceback__)))
    log.warning("%s: %s at %s", what, type(error).__name__, places)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherChecker("A checker runs on this state already. Stop it first.") from None
        yield
