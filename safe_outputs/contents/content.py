"""The hash that votes bind to: over all that a request says, holds and shows, and over the rules of now (I7)."""

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from datasets.versions import find_version
from safe_outputs.answers import Answer
from safe_outputs.asking import read_answer
from safe_outputs.contents import checklist
from safe_outputs.contents.groups import says_more
from safe_outputs.evidence import underlying
from safe_outputs.models import OutputFile, ReleaseRequest, RequestItem
from safe_outputs.releases.leaving import shipped_digest, version_in_use
from safe_outputs.statistics import canonical
from safe_outputs.store import Store, digest_of


def content_hash(session: Session, store: Store, request: ReleaseRequest) -> str:
    """SHA-256 over all that a vote is about.

    Words, groups and audiences; each statistic's plan, code and answer, which holds the hashes of the rule profile, the
    dataset version and the bytes that would leave, and the counts behind it; each file's bytes and statement; the
    evidence; the checklist with its questions; policy and profile as they are now. Every
    content is read from the store and compared with its hash.
    Raises `Tampered`.
    """
    content = {
        "request": request.id,
        "turn": request.turn,
        "project": request.project_id,
        "author": request.author,
        "title": request.title,
        "purpose": request.purpose,
        "audience": request.audience,
        "checkers_needed": request.checkers_needed,
        "items": [_item(session, store, each) for each in request.items],
    }
    return digest_of(canonical(content | ({} if is_of_first_form(request) else _more(session, store, request))))


def is_of_first_form(request: ReleaseRequest) -> bool:
    """Whether it says no more than a request could before there were groups. Votes of then are bound to that form."""
    said = request.files or request.evidence or request.checklist is not None or request.notebook is not None
    return not (said or says_more(request))


def _more(session: Session, store: Store, request: ReleaseRequest) -> dict[str, Any]:
    return {
        "groups": [[each.position, each.title, each.context, each.audience] for each in request.groups],
        "in_groups": [[each.position, each.in_group] for each in request.items],
        "files": [
            {
                "position": each.position,
                "group": each.in_group,
                "statement": each.statement,
                "terms": dict(_terms(session, request, each.statement["data"])),
                **_file(store, each.file),
            }
            for each in request.files
        ],
        "evidence": [
            {"position": each.position, "notebook": each.notebook, **_file(store, each.file)}
            for each in request.evidence
        ],
        "checklist": request.checklist,
        "questions": checklist.digest(request.checklist),
        "notebook": request.notebook,
    }


def _item(session: Session, store: Store, item: RequestItem) -> dict[str, Any]:
    answer = read_answer(store, item.statistic)
    return {
        "statistic": item.statistic.id,
        "plan": item.statistic.plan_hash,
        "code": hashlib.sha256(item.statistic.code.encode()).hexdigest(),
        "answer": item.statistic.answer,
        "file": digest_of(store.get(answer.file.digest)),
        **_present_rules(session, answer),
        **underlying.hashed(store, item.statistic),
    }


def _file(store: Store, file: OutputFile) -> dict[str, Any]:
    return {
        "file": file.id,
        "role": file.role.value,
        "name": file.name,
        "kind": file.kind,
        "media_type": file.media_type,
        "bytes": digest_of(store.get(file.digest)),
        "size": file.size,
        "findings": file.findings,
        "facts": file.facts,
    }


def _terms(session: Session, request: ReleaseRequest, datasets: list[str]) -> Iterator[tuple[str, str]]:
    """The owner's release terms of each dataset from which a file was made, as they stand now."""
    for each in datasets:
        version = version_in_use(session, request.project_id, each)
        yield each, "none" if version is None else version.catalogue.release.digest


def _present_rules(session: Session, answer: Answer) -> dict[str, str]:
    """The hash of the release terms as they stand now, and of the rule profile if it is another than was used.

    Answers of before there were policies have no terms. The answer's own hash covers the profile that was used.
    """
    shipped = shipped_digest(answer.profile.name)
    profile = {} if shipped == answer.profile.digest else {"profile": shipped}
    if answer.policy is None:
        return profile
    version = find_version(session, answer.source.dataset, answer.source.version)
    return {"policy": version.catalogue.release.digest, **profile}
