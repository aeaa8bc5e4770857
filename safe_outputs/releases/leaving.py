"""Why something in a request may not leave, by policy and rules as they are now: asked at submission and approval.

Each part is asked for the audience of its own group. Every answer is a sentence, or nothing; what is not known is
refused (I3, I13).
"""

from functools import lru_cache

from sqlalchemy.orm import Session

from datasets.release_policy import FEWEST_CHECKERS, Audience
from datasets.versions import DatasetVersion, find_version
from disclosure_control.profiles import shipped_profiles
from governance.agreements import agreements_of
from safe_outputs.answers import Answer
from safe_outputs.asking import read_answer
from safe_outputs.checkers_rules import checkers_by_rule
from safe_outputs.contents.groups import audiences_of, groups_of
from safe_outputs.models import ReleaseRequest, RequestFile
from safe_outputs.releases import release_policy
from safe_outputs.store import Store, digest_of


def why_contents_not(session: Session, store: Store, request: ReleaseRequest) -> str | None:
    """Why not all of a request may leave, each part for its group's audience; None if it may."""
    for group in groups_of(request):
        for item in group.items:
            reason = why_policy_not(session, read_answer(store, item.statistic), group.audience)
            if reason is not None:
                return f"Statistic {item.statistic.id} cannot leave in this request. {reason}"
        for file in group.files:
            if (reason := why_file_not(session, request, file, group.audience)) is not None:
                return f"File {file.file_id} cannot leave in this request. {reason}"
    return None


def why_policy_not(session: Session, answer: Answer, audience: str) -> str | None:
    """Why release policy and rule profile, as they are now, do not let this answer out for an audience; or None."""
    catalogue = find_version(session, answer.source.dataset, answer.source.version).catalogue
    if (reason := release_policy.why_not_leave(answer, catalogue, audience)) is not None:
        return reason
    if shipped_digest(answer.profile.name) != answer.profile.digest:
        return (
            f"The rules of the profile “{answer.profile.name}” are not those by which this statistic was checked. "
            "Ask for it again in the notebook."
        )
    return None


def why_file_not(session: Session, request: ReleaseRequest, file: RequestFile, audience: str) -> str | None:
    """Why a file may not leave for an audience: the owner of data from which it was made lets no files out; or None."""
    for dataset in file.statement["data"]:
        version = version_in_use(session, request.project_id, dataset)
        if version is None:
            return (
                f"It is said to be made from “{dataset}”, which the project may not use now. Name the datasets that "
                "are open to the project."
            )
        reason = release_policy.why_no_file(version.catalogue, Audience(audience))
        if reason is not None:
            return reason
    return None


def version_in_use(session: Session, project_id: str, dataset: str) -> DatasetVersion | None:
    """The version of a dataset that a project may use now, by the agreement in force; None without one."""
    found = [each.version for each in agreements_of(session, project_id) if each.dataset == dataset]
    return find_version(session, dataset, found[0]) if found else None


def shipped_digest(profile: str) -> str:
    """The hash of a rule profile's text as it is now; “none” for one that there is no longer."""
    text = shipped_profiles().get(profile)
    return "none" if text is None else _digest_of(text)


@lru_cache(maxsize=64)
def _digest_of(text: str) -> str:
    return digest_of(text.encode())


def checkers_needed(session: Session, store: Store, request: ReleaseRequest) -> int:
    """The most that release terms of anything in it, or a rule for project and audience, ask for; at least two."""
    by_rule = (checkers_by_rule(session, request.project_id, each) for each in audiences_of(request))
    by_terms = (read_answer(store, item.statistic).checkers for item in request.items)
    of_files = (
        version.catalogue.release.checkers
        for dataset in sorted({each for file in request.files for each in file.statement["data"]})
        if (version := version_in_use(session, request.project_id, dataset)) is not None
    )
    return max([FEWEST_CHECKERS, *by_rule, *by_terms, *of_files])
