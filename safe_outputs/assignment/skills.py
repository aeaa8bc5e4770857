"""What reviewing a request asks of a checker, as a table: which contents need which skill."""

from collections.abc import Callable, Collection
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from datasets.release_policy import Kind
from datasets.versions import newest_versions
from governance import audit
from governance.database import shared
from governance.errors import Invalid
from governance.people import Role, find_person
from safe_outputs.assignment.models import CheckerSkill, DatasetSkill
from safe_outputs.contents.groups import datasets_of
from safe_outputs.models import ReleaseRequest
from safe_outputs.releases.release_policy import KIND_OF_MEASURE


class Skill(StrEnum):
    """What a checker can have learned to judge. Exact tables of persons and households need none of these."""

    REGRESSIONS = "regressions"
    PRIVATE_STATISTICS = "private_statistics"
    FILES = "files"
    BUSINESS_DATA = "business_data"
    VULNERABLE_GROUPS = "vulnerable_groups"


IN_WORDS: dict[Skill, str] = {
    Skill.REGRESSIONS: "regressions",
    Skill.PRIVATE_STATISTICS: "private statistics",
    Skill.FILES: "files and model objects",
    Skill.BUSINESS_DATA: "business data (dominance)",
    Skill.VULNERABLE_GROUPS: "vulnerable groups",
}

BUSINESSES = frozenset({"business", "company", "enterprise", "establishment", "farm", "firm", "local unit"})
"""Units of count, in the singular, that can dominate a cell."""


def _has_regression(_session: Session, request: ReleaseRequest) -> bool:
    measures = (each for item in request.items for each in item.statistic.plan.get("measures", ()))
    return any(KIND_OF_MEASURE.get(str(each.get("kind"))) is Kind.REGRESSION for each in measures)


def _has_noise(_session: Session, request: ReleaseRequest) -> bool:
    return any(not item.statistic.exact for item in request.items)


def _has_files(_session: Session, request: ReleaseRequest) -> bool:
    return bool(request.files)


def _is_of_businesses(session: Session, request: ReleaseRequest) -> bool:
    wanted = set(datasets_of(request))
    versions = (each for each in newest_versions(session) if each.dataset in wanted)
    return any(each.catalogue.unit.singular.lower() in BUSINESSES for each in versions)


NEEDS: dict[Skill, Callable[[Session, ReleaseRequest], bool]] = {
    Skill.REGRESSIONS: _has_regression,
    Skill.PRIVATE_STATISTICS: _has_noise,
    Skill.FILES: _has_files,
    Skill.BUSINESS_DATA: _is_of_businesses,
}
"""Which contents of a request need a skill. What a dataset needs beside these is set for it (`DatasetSkill`)."""


def needed(session: Session, request: ReleaseRequest) -> frozenset[Skill]:
    """The skills that whoever reviews this request should have."""
    datasets = tuple(sorted(datasets_of(request)))
    of_data = shared(session, ("skills for", datasets), lambda: _for_data(session, datasets))
    return of_data | {skill for skill, needs in NEEDS.items() if needs(session, request)}


def _for_data(session: Session, datasets: Collection[str]) -> frozenset[Skill]:
    query = select(DatasetSkill.skill).where(DatasetSkill.dataset.in_(datasets))
    return frozenset(Skill(each) for each in session.scalars(query))


def skills_on(session: Session, day: date) -> dict[str, frozenset[Skill]]:
    """The skills that checkers have on a day, by name. A skill holds up to and including its last day."""
    found: dict[str, set[Skill]] = {}
    for each in session.scalars(select(CheckerSkill).where(CheckerSkill.until >= day)):
        found.setdefault(each.person, set()).add(Skill(each.skill))
    return {person: frozenset(skills) for person, skills in found.items()}


def set_skill(session: Session, person: str, skill: str, until: date | None, *, actor: str, **account: str) -> None:
    """Say until when a checker has a skill; None takes it away.

    Raises:
        NotFound: nobody of that name is in the register.
        Invalid: there is no such skill, or the person is no output checker.
    """
    if find_person(session, person).role is not Role.OUTPUT_CHECKER:
        raise Invalid(f"“{person}” is no output checker, so no skill of reviewing is kept for her.")
    chosen = require_skill(skill)
    found = session.get(CheckerSkill, (person, chosen.value))
    if until is None:
        if found is not None:
            session.delete(found)
    elif found is None:
        session.add(CheckerSkill(person=person, skill=chosen.value, until=until))
    else:
        found.until = until
    told = {"skill": chosen.value, "until": until.isoformat() if until else None, **account}
    audit.record(session, actor, "checker.skill_set", f"person:{person}", **told)


def set_need(session: Session, dataset: str, skill: str, *, wanted: bool, actor: str, **account: str) -> None:
    """Say whether a dataset needs a skill, whatever is asked of it. Raises `Invalid` for a skill that there is not."""
    chosen = require_skill(skill)
    found = session.get(DatasetSkill, (dataset, chosen.value))
    if wanted and found is None:
        session.add(DatasetSkill(dataset=dataset, skill=chosen.value))
    elif not wanted and found is not None:
        session.delete(found)
    audit.record(
        session, actor, "dataset.skill_set", f"dataset:{dataset}", skill=chosen.value, wanted=wanted, **account
    )


def require_skill(name: str) -> Skill:
    """The skill of that name. Raises `Invalid`."""
    if name not in set(Skill):
        raise Invalid(f"There is no skill “{name[:40]}”. There are: {', '.join(Skill)}.")
    return Skill(name)
