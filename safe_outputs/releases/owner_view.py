"""What a data owner, or a delegate of hers, sees: who uses her data, what left of it, to whom, and what may yet."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from datasets.versions import newest_versions
from governance.agreements import Agreement, AgreementState
from governance.people import Person
from governance.projects import find_project
from safe_outputs.answers import audience_in_words
from safe_outputs.contents.groups import datasets_for, datasets_of, made_from
from safe_outputs.errors import NotPermitted
from safe_outputs.models import Release, ReleaseRequest
from safe_outputs.releases.downloads import how_often, recall_of, why_not_download
from safe_outputs.releases.owning import OwnerDelegate, delegates_of, owners_through, speaks_for, why_not_own
from safe_outputs.rights import why_not
from safe_outputs.transitions import Action, RequestState

PENDING = frozenset({RequestState.SUBMITTED, RequestState.IN_REVIEW, RequestState.APPROVED})


@dataclass(frozen=True)
class Use:
    """A project's use of a dataset. `pending`: how many of its requests with something of it may leave yet."""

    dataset: str
    version: int
    project: str
    project_id: str
    agreed_at: datetime
    in_force: bool
    pending: int


@dataclass(frozen=True)
class Left:
    """A release with something of the owner's data.

    `title` is None where she may not read it: a release before publication that has others' data in it as well.
    `recalled_at` and `reason` are None unless it was recalled; `why_not_recall` is None if the reader can recall it.
    """

    id: str
    request_id: str
    title: str | None
    project: str
    datasets: tuple[str, ...]
    audience: str
    public: bool
    released_at: datetime
    taken: int
    recalled_at: datetime | None
    reason: str | None
    why_not_recall: str | None


@dataclass(frozen=True)
class OwnersView:
    """`owner`: the reader is an owner herself, and not only a delegate of `others`."""

    owner: bool
    others: tuple[str, ...]
    uses: tuple[Use, ...]
    left: tuple[Left, ...]
    delegates: tuple[OwnerDelegate, ...]


def owners_view(session: Session, person: str, today: date) -> OwnersView:
    """What she sees today. Raises `NotPermitted` for anyone who is neither an owner nor a delegate."""
    owners = owners_through(session, person, today)
    if not owners:
        raise NotPermitted(why_not_own(session.get(Person, person), today) or "You own no data.")
    own = person in {each.name for each in owners}
    return OwnersView(
        owner=own,
        others=tuple(each.full_name for each in owners if each.name != person),
        uses=tuple(_uses(session, owners)),
        left=tuple(_left(session, owners, person, today)),
        delegates=delegates_of(session, person, today) if own else (),
    )


def _uses(session: Session, owners: tuple[Person, ...]) -> list[Use]:
    agreements = session.scalars(select(Agreement).order_by(Agreement.dataset, Agreement.project_id, Agreement.id))
    hers = [each for each in agreements if _any_speaks(session, owners, each.project_id, each.dataset)]
    pending = _pending(session, {each.project_id for each in hers})
    return [
        Use(
            dataset=each.dataset,
            version=each.version,
            project=find_project(session, each.project_id).name,
            project_id=each.project_id,
            agreed_at=each.agreed_at,
            in_force=each.state is AgreementState.IN_FORCE,
            pending=pending[each.project_id, each.dataset],
        )
        for each in hers
    ]


def _pending(session: Session, projects: set[str]) -> Counter[tuple[str, str]]:
    """How many requests of each project have something of each dataset and are not decided, or not released yet."""
    query = select(ReleaseRequest).where(ReleaseRequest.project_id.in_(projects), ReleaseRequest.state.in_(PENDING))
    return Counter(
        (request.project_id, dataset) for request in session.scalars(query) for dataset in datasets_of(request)
    )


def _left(session: Session, owners: tuple[Person, ...], person: str, today: date) -> list[Left]:
    query = (
        select(Release).where(made_from(_datasets(session, owners))).order_by(Release.released_at.desc(), Release.id)
    )
    return [
        found for each in session.scalars(query) for found in [_line(session, owners, each, person, today)] if found
    ]


def _datasets(session: Session, owners: tuple[Person, ...]) -> set[str]:
    """The datasets for which any of these owners could speak in some project."""
    organisations, names = {each.organisation for each in owners}, [each.name for each in owners]
    owned = {each.dataset for each in newest_versions(session) if each.catalogue.owner in organisations}
    return owned | set(session.scalars(select(Agreement.dataset).where(Agreement.owner.in_(names))))


def _line(session: Session, owners: tuple[Person, ...], release: Release, person: str, today: date) -> Left | None:
    request = session.get_one(ReleaseRequest, release.request_id)
    made_of = sorted(datasets_for(request, release.audience))
    hers = tuple(each for each in made_of if _any_speaks(session, owners, release.project_id, each))
    if not hers:
        return None
    recalled = request.state is RequestState.RECALLED
    said = recall_of(request) if recalled else None
    readable = (recalled and len(hers) == len(made_of)) or why_not_download(session, release, person, today) is None
    return Left(
        id=release.id,
        request_id=request.id,
        title=release.title if readable else None,
        project=find_project(session, release.project_id).name,
        datasets=hers,
        audience=audience_in_words(release.audience),
        public=release.audience == "publication",
        released_at=release.released_at,
        taken=how_often(session, release.id),
        recalled_at=said.at if said else None,
        reason=said.text if said else None,
        why_not_recall=why_not(session, request, person, Action.RECALL, today),
    )


def _any_speaks(session: Session, owners: tuple[Person, ...], project_id: str, dataset: str) -> bool:
    return any(speaks_for(session, each, project_id, dataset) for each in owners)
