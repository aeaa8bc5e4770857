"""Which reader may see the counts behind which statistic of a request: one predicate, asked before any is read.

Output checkers who review, while they review, if the data owner's terms let them; and nobody where a private statistic
of the same people stands on the same page, since true numbers beside noisy ones would undo the noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from datasets.populations import populations
from datasets.versions import find_version
from safe_outputs.answers import Answer
from safe_outputs.asking import read_answer
from safe_outputs.errors import NotPermitted
from safe_outputs.evidence.differencing import is_exact
from safe_outputs.evidence.underlying import CountedCell, TrueBesideNoise, read
from safe_outputs.models import ReleaseRequest, Statistic
from safe_outputs.rights import RIGHTS
from safe_outputs.store import Store
from safe_outputs.transitions import ACTION_STATES, IN_WORDS, Action

NOT_KEPT = (
    "The counts behind this statistic were not kept: it is from before they were. Its author can ask for it anew."
)


@dataclass(frozen=True)
class Counts:
    """The counts behind one statistic, or the reason why they are not shown."""

    cells: tuple[CountedCell, ...] = ()
    reason: str | None = None


def why_not_counts(session: Session, request: ReleaseRequest, person: str, today: date) -> str | None:
    """Why this person is shown no counts behind this request's statistics; None if she may ask."""
    if (reason := RIGHTS[Action.COMMENT].why_not(session, request, person, today)) is not None:
        return f"The counts behind cells are for output checkers who review the request. {reason}"
    if request.state not in ACTION_STATES[Action.COMMENT]:
        return (
            f"The counts behind cells are shown while a request is under review. This one is {IN_WORDS[request.state]}."
        )
    return None


def counts_of(
    session: Session, store: Store, request: ReleaseRequest, person: str, today: date
) -> Mapping[str, Counts]:
    """By statistic, the counts behind it, or why they are not shown.

    Raises:
        NotPermitted: this person may see none of this request.
        Tampered: what is kept was changed.
    """
    if (reason := why_not_counts(session, request, person, today)) is not None:
        raise NotPermitted(reason)
    noisy = _beside_noise(session, request)
    return {
        item.statistic_id: _counts(session, store, item.statistic, noisy)
        for item in request.items
        if item.statistic.answer is not None
    }


def _beside_noise(session: Session, request: ReleaseRequest) -> frozenset[str]:
    """The datasets of whose people the request has a private statistic."""
    private = [item.statistic.plan["dataset"] for item in request.items if not is_exact(item.statistic)]
    linked = populations(session, private).values() if private else ()
    return frozenset(each for datasets in linked for each in datasets)


def _counts(session: Session, store: Store, statistic: Statistic, noisy: frozenset[str]) -> Counts:
    answer = read_answer(store, statistic)
    if (reason := _why_not_of(session, answer, noisy)) is not None:
        return Counts(reason=reason)
    found = read(store, statistic, answer.plan)
    return Counts(reason=NOT_KEPT) if found is None else Counts(cells=found.cells)


def _why_not_of(session: Session, answer: Answer, noisy: frozenset[str]) -> str | None:
    if answer.plan.kind == "private":
        return TrueBesideNoise().sentence
    if answer.source.dataset in noisy:
        return (
            "This request also holds a private statistic of the same people, and true numbers beside noisy ones would "
            "undo the noise. Ask the author for a request of its own for each."
        )
    terms = find_version(session, answer.source.dataset, answer.source.version).catalogue.release
    if terms.counts_for_checkers is False:
        return (
            f"The data owner of {answer.source.title} does not let output checkers see the counts behind cells. Judge "
            "it by its findings, or ask her."
        )
    return None
