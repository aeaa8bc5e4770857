"""Which data may be used now, asked of the register for many requests at once (I10).

Whether one request stands on data that its project may use is asked here for its page, for its votes and for lists.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from datasets.versions import DatasetVersion, VersionState
from governance import access
from governance.agreements import Agreement, AgreementState
from governance.database import shared
from governance.projects import Project

Used = tuple[str, int | None]
"""A dataset, and the version of it; None for any."""


@dataclass(frozen=True)
class Usable:
    """The versions that are available, and by project the version of each dataset on which an agreement is in force."""

    available: frozenset[tuple[str, int]]
    agreed: Mapping[str, Mapping[str, int]]

    def may_use(self, project: str, used: Used) -> bool:
        """Whether the owner agrees to this project's use, and the version has not been withdrawn."""
        dataset, version = used
        agreed = self.agreed.get(project, {})
        if dataset not in agreed or version not in {None, agreed[dataset]}:
            return False
        if version is not None:
            return (dataset, version) in self.available
        return any(dataset == each for each, _ in self.available)

    def why_closed(self, project: Project) -> str | None:
        """Why nobody can work in this project now, or None."""
        return access.why_closed(project, agreed=project.id in self.agreed)

    def may_stand(self, project: Project, stands_on: str) -> bool:
        """Whether a request of this project may be voted on; `stands_on` as the request keeps it."""
        return self.why_closed(project) is None and all(self.may_use(project.id, each) for each in _read(stands_on))


@lru_cache(maxsize=4096)
def _read(stands_on: str) -> tuple[Used, ...]:
    return tuple((dataset, version) for dataset, version in json.loads(stands_on))


def usable(session: Session, projects: Collection[str]) -> Usable:
    """What these projects may use now."""
    return shared(session, ("usable", frozenset(projects)), lambda: _usable(session, projects))


def _usable(session: Session, projects: Collection[str]) -> Usable:
    agreed: dict[str, dict[str, int]] = {}
    for project, dataset, version in session.execute(_AGREED, {"projects": list(projects)}):
        agreed.setdefault(project, {})[dataset] = version
    return Usable(
        available=frozenset((row.dataset, row.number) for row in session.execute(_AVAILABLE)),
        agreed=agreed,
    )


_AGREED = select(Agreement.project_id, Agreement.dataset, Agreement.version).where(
    Agreement.project_id.in_(bindparam("projects", expanding=True)), Agreement.state == AgreementState.IN_FORCE
)
_AVAILABLE = select(DatasetVersion.dataset, DatasetVersion.number).where(DatasetVersion.state == VersionState.AVAILABLE)
