"""What a statistic is computed from: the agreement, the project copy, its catalogue and the data owner's policy."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue
from datasets.copies import ProjectCopy, catalogue_of, find_copy
from disclosure_control import RuleProfile
from governance.agreements import agreement_in_force
from safe_outputs.answers import RuleProfileUsed, Source
from safe_outputs.errors import NotPermitted


@dataclass(frozen=True)
class Evidence:
    """Everything but the plan that decides an answer."""

    project_id: str
    copy: ProjectCopy
    catalogue: Catalogue
    profile: RuleProfile
    released_before: int

    @property
    def path(self) -> Path:
        return Path(self.copy.path)

    def source(self) -> Source:
        return Source(
            dataset=self.copy.dataset,
            title=self.catalogue.title,
            version=self.copy.version,
            version_digest=self.copy.version_digest,
            copy_digest=self.copy.digest,
        )

    def profile_used(self) -> RuleProfileUsed:
        return RuleProfileUsed(name=self.profile.name, version=self.profile.version, digest=self.profile.digest)


def gather(session: Session, project_id: str, dataset: str, released_before: int) -> Evidence:
    """The evidence for one statistic, asked for anew at each computation (I10).

    Raises:
        NotPermitted: no agreement in force.
        DatasetsError: no copy, or one that is not what was provisioned.
    """
    if agreement_in_force(session, project_id, dataset) is None:
        raise NotPermitted(
            f"Your project has no agreement in force on “{dataset}”, so nothing is computed from it. "
            "Ask the data owner to agree first."
        )
    copy = find_copy(session, project_id, dataset)
    catalogue = catalogue_of(copy)
    return Evidence(project_id, copy, catalogue, RuleProfile.load(catalogue.release.rule_profile), released_before)
