"""What a statistic is computed from: the agreement, the project copy, its catalogue and the data owner's policy."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue
from datasets.copies import current_copies
from datasets.versions import find_version, is_available
from disclosure_control import RuleProfile
from governance.agreements import agreement_in_force
from safe_outputs.answers import RuleProfileUsed, Source
from safe_outputs.asking import Asker
from safe_outputs.errors import NotPermitted


@dataclass(frozen=True)
class Evidence:
    """Everything but the plan that decides an answer. `path` is the project copy, compared with its digest.

    `person` asks; `owner` is the data owner who agreed, and whose terms the catalogue has.
    """

    project_id: str
    person: str
    owner: str
    path: Path
    source: Source
    catalogue: Catalogue
    profile: RuleProfile
    released_before: int

    def profile_used(self) -> RuleProfileUsed:
        return RuleProfileUsed(name=self.profile.name, version=self.profile.version, digest=self.profile.digest)


def gather(session: Session, asker: Asker, dataset: str, released_before: int) -> Evidence:
    """The evidence for one statistic, asked for anew at each computation (I10).

    Raises:
        NotPermitted: the project may not use the dataset now.
        DamagedFile: the copy is not the one that was provisioned (I2).
    """
    copy = next((each for each in current_copies(session, asker.project) if each.dataset == dataset), None)
    agreement = agreement_in_force(session, asker.project, dataset)
    if copy is None or agreement is None:
        raise _not_open(dataset)
    catalogue = copy.catalogue()
    source = Source(
        dataset=dataset,
        title=catalogue.title,
        version=copy.version,
        version_digest=find_version(session, dataset, copy.version).content_digest,
        copy_digest=copy.digest,
    )
    profile = RuleProfile.load(catalogue.release.rule_profile)
    return Evidence(
        project_id=asker.project,
        person=asker.person,
        owner=agreement.owner,
        path=copy.verified(),
        source=source,
        catalogue=catalogue,
        profile=profile,
        released_before=released_before,
    )


def require_open(session: Session, evidence: Evidence) -> None:
    """Raise `NotPermitted` unless the project may still use the version that the evidence is of (I10)."""
    dataset, version = evidence.source.dataset, evidence.source.version
    agreement = agreement_in_force(session, evidence.project_id, dataset)
    if agreement is None or agreement.version != version or not is_available(session, dataset, version):
        raise _not_open(dataset)


def _not_open(dataset: str) -> NotPermitted:
    return NotPermitted(
        f"“{dataset}” is not open to your project: there is no agreement in force with its data owner, or no copy "
        "of the version that was agreed. Ask the data owner and the data steward."
    )
