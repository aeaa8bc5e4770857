"""Statistics, answers and requests for tests: everything has a default, so that a test names only what it is about.

Answers are made from the real models and lie in a real store, as the checker would leave them.
"""

import json
from collections.abc import Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from datasets.catalogue import Catalogue, load_catalogue
from datasets.versions import DatasetVersion, VersionState, versions_of
from disclosure_control.profiles import RuleProfile
from governance.agreements import agree
from governance.database import now
from governance.people import Role
from governance.projects import Project, ProjectState, PurposeClass, add_member, create_project, move
from safe_outputs import asking, requests, reviewing
from safe_outputs.answers import (
    Answer,
    Cell,
    Charge,
    Column,
    Finding,
    MeasureError,
    Noise,
    ReleaseFile,
    RuleProfileUsed,
    Source,
    TableOfCells,
    Verdict,
)
from safe_outputs.asking import Asker
from safe_outputs.checker.files import table_as_csv
from safe_outputs.contents.request_details import RequestDetails
from safe_outputs.models import ReleaseRequest, Statistic
from safe_outputs.package.keys import SigningKey
from safe_outputs.releases.release_policy import policy_used
from safe_outputs.statistics import Crosstab, Measure, Private, PrivateKey, canonical, in_words, plan_hash
from safe_outputs.store import Store
from safe_outputs.transitions import Vote
from tests.governance.people_factory import a_person

TODAY = date(2026, 11, 22)
CATALOGUE = load_catalogue(Path(__file__).resolve().parents[2] / "examples" / "rand_hie.toml")
SITES = ("Dayton", "Fitchburg", "Franklin", "Charleston", "Georgetown", "Seattle")
PLANS = ("free", "25 %", "50 %", "95 %")
RELEASE_KEY = SigningKey(b"k" * 32)
PROFILE = RuleProfileUsed(name="ons-srs", version="1", digest=RuleProfile.load("ons-srs").digest)
SOURCE = Source(
    dataset="rand_hie",
    title="RAND Health Insurance Experiment",
    version=3,
    version_digest="a" * 64,
    copy_digest="b" * 64,
)
CODE = 'so.crosstab(room.visits.site, room.visits.plan, values=room.visits.spending, aggfunc="mean")'


def private_count(nano_rho: int, by: str | None = None, **facts: Any) -> Private:
    """A private number of units, by one column."""
    return Private(
        dataset="rand_hie",
        by=() if by is None else (PrivateKey(name=by, of={"op": "column", "name": by}),),
        measures=({"kind": "count_units", "name": "count_units"},),
        price={"kind": "rho", "nano_rho": nano_rho},
        **facts,
    )


def the_release_key() -> SigningKey:
    """How a checker reads its key; a function by name, since settings are handed to other processes."""
    return RELEASE_KEY


CROSSTAB = Crosstab(
    dataset="rand_hie", dimensions=("site", "plan"), measure=Measure(column="spending", aggregate="mean")
)
PRIVATE_COUNT = private_count(20_000_000, by="site")


def a_column(name: str, **facts: Any) -> Column:
    return Column(**{"name": name, "label": name.replace("_", " ").capitalize(), **facts})


def a_cross_table(
    rows: Sequence[str] = SITES, columns: Sequence[str] = PLANS, withheld: Sequence[tuple[str, str]] = ()
) -> TableOfCells:
    """Persons and mean spending by two dimensions; the cells in `withheld` have no values."""
    return TableOfCells(
        dimensions=(a_column("site"), a_column("plan")),
        measures=(
            a_column("persons"),
            a_column("mean_spending", label="Mean of spending per record", unit="US dollars", decimals=2),
        ),
        cells=tuple(
            _withheld((row, column), 2)
            if (row, column) in withheld
            else Cell(codes=(row, column), status="published", values=(100 + 7 * n, 180.25 + 13.5 * n))
            for n, (row, column) in enumerate(product(rows, columns))
        ),
    )


def a_noisy_table(rows: Sequence[str] = SITES) -> TableOfCells:
    """Noisy numbers of persons by one dimension."""
    return TableOfCells(
        dimensions=(a_column("site"),),
        measures=(a_column("persons", label="Persons (with noise)"),),
        cells=tuple(Cell(codes=(row,), status="published", values=(900 + 31 * n,)) for n, row in enumerate(rows)),
    )


def _withheld(codes: tuple[str, ...], measures: int) -> Cell:
    return Cell(codes=codes, status="primary", reason="fewer than 10 persons", values=(None,) * measures)


def a_finding(**facts: Any) -> Finding:
    defaults: dict[str, Any] = {
        "rule": "threshold",
        "verdict": Verdict.PROTECTED,
        "sentence": "2 of 24 cells have fewer than 10 persons and are withheld.",
        "value": "2 cells under the limit",
        "limit": "10 persons in every cell",
        "source": "ONS, Secure Research Service output rules",
        "fix": "Merge small categories, or widen the population.",
    }
    return Finding(**{**defaults, **facts})


def an_answer(store: Store, plan: Crosstab | Private = CROSSTAB, **facts: Any) -> Answer:
    """An answer whose file lies in the store, as the checker would leave it."""
    private = isinstance(plan, Private)
    table = facts.pop("table", None) or (a_noisy_table() if private else a_cross_table(withheld=[("Dayton", "50 %")]))
    content = facts.pop("content", None) or table_as_csv(table)
    defaults: dict[str, Any] = {
        "plan": plan,
        "plan_hash": plan_hash(plan),
        "provenance": "verified",
        "in_words": in_words(plan),
        "source": SOURCE,
        "unit": "persons",
        "profile": PROFILE,
        "verdict": Verdict.SAFE if private else Verdict.PROTECTED,
        "findings": (a_finding(verdict=Verdict.SAFE, sentence="Noise was added."),) if private else (a_finding(),),
        "table": table,
        "noise": a_noise() if private else None,
        "charge": a_charge() if private else None,
        "exemption": None if private else "The data owner's policy permits exact tables of this kind.",
        "policy": policy_used(plan, CATALOGUE),
        "audiences": ("pre_publication", "publication"),
        "checkers": 2,
        "file": ReleaseFile(
            name="private-count.csv" if private else "crosstab.csv",
            media_type="text/csv",
            digest=store.put(content),
            size=len(content),
        ),
        "software": {"duckdb": "1.5.6", "opendp": "0.16.0"},
    }
    return Answer(**{**defaults, **facts})


def a_noise() -> Noise:
    return Noise(
        mechanism="discrete Gaussian (OpenDP)",
        guarantee="ρ = 0.02 (zero-concentrated), for adding or removing all records of one person",
        errors=(MeasureError(measure="count_units", error=14.0, words="± 14 persons"),),
    )


def a_charge() -> Charge:
    scopes = ("dataset:rand_hie", "project:heron/rand_hie")
    left = {scopes[0]: 4_980_000_000, scopes[1]: 980_000_000}
    return Charge(id="c-1", nano_rho=20_000_000, scopes=scopes, remaining=left)


def a_project(
    session: Session, project_id: str = "heron", *, members: Sequence[str] = (), owner: str = "olga"
) -> Project:
    """An active project with these members and an agreement in force. The members and the owner are enrolled."""
    project = create_project(
        session,
        project_id=project_id,
        name=f"Project {project_id.capitalize()}",
        purpose="How insurance changes what people spend on health.",
        purpose_class=PurposeClass.RESEARCH,
        actor="operator",
    )
    session.flush()
    for state in (ProjectState.SUBMITTED, ProjectState.AGREED, ProjectState.ACCREDITED, ProjectState.ACTIVE):
        move(session, project, state, actor="operator")
    for name in members:
        add_member(session, project, name, actor="operator")
    a_version(session)
    agree(session, project_id=project_id, dataset="rand_hie", version=3, columns=["site", "plan"], owner=owner)
    return project


def a_version(session: Session, number: int = 3) -> None:
    """The version of the dataset that projects agree on, available; made once."""
    if versions_of(session, "rand_hie"):
        return
    digests = dict.fromkeys(("inputs_digest", "content_digest", "data_digest", "manifest_digest"), "c" * 64)
    session.add(
        DatasetVersion(
            dataset="rand_hie",
            number=number,
            state=VersionState.AVAILABLE,
            catalogue_json=CATALOGUE.to_json(),
            folder="datasets/rand_hie",
            rows=1,
            units=1,
            scan={},
            made_at=now(),
            **digests,
        )
    )
    session.flush()


def with_policy(rules: dict[str, dict[str, str]]) -> Catalogue:
    """The example's catalogue with these rules, by kind and audience, and no others."""
    value = json.loads(CATALOGUE.to_json())
    value["release"]["policy"] = rules
    return Catalogue.from_json(json.dumps(value))


def people(session: Session) -> None:
    """Two researchers of two projects, three output checkers, a data owner, a steward and an operator."""
    for name, role in CAST.items():
        a_person(session, name, role)
    session.flush()


CAST = {
    "rosa": Role.RESEARCHER,
    "rui": Role.RESEARCHER,
    "cleo": Role.OUTPUT_CHECKER,
    "carl": Role.OUTPUT_CHECKER,
    "cora": Role.OUTPUT_CHECKER,
    "olga": Role.DATA_OWNER,
    "stan": Role.DATA_STEWARD,
    "otto": Role.OPERATOR,
}


def a_statistic(
    session: Session,
    store: Store,
    *,
    author: str = "rosa",
    project_id: str = "heron",
    code: str = CODE,
    answer: Answer | None = None,
) -> Statistic:
    """A statistic that was asked for and answered."""
    answer = answer or an_answer(store)
    statistic = asking.ask(session, Asker(author, project_id), answer.plan, code)
    if statistic.answer is None:
        asking.take_next(session, "checker")
        digest = store.put(canonical(answer.model_dump(mode="json")))
        asking.answer(session, statistic, digest, answer, actor="checker")
    session.flush()
    return statistic


def a_request(
    session: Session,
    store: Store,
    *,
    author: str = "rosa",
    project_id: str = "heron",
    statistics: Sequence[Statistic] | None = None,
    submit: bool = True,
    **details: Any,
) -> ReleaseRequest:
    """A release request with one statistic, submitted unless told otherwise."""
    found = statistics or [a_statistic(session, store, author=author, project_id=project_id)]
    defaults: dict[str, Any] = {
        "title": "Spending by site and plan",
        "purpose": "Table 1 of the paper.",
        "audience": "publication",
        "statistics": [each.id for each in found],
    }
    request = requests.draft(
        session, author=author, project_id=project_id, details=RequestDetails(**{**defaults, **details}), today=TODAY
    )
    session.flush()
    if submit:
        requests.submit(session, store, request, author=author, today=TODAY)
    return request


def a_vote(
    session: Session,
    store: Store,
    request: ReleaseRequest,
    checker: str,
    vote: Vote = Vote.APPROVE,
    comment: str = "",
) -> None:
    """A vote on what the request holds now."""
    comment = comment or ("" if vote is Vote.APPROVE else "Please merge the small plans.")
    reviewing.vote(
        session,
        store,
        request,
        checker=checker,
        vote=vote,
        comment=comment,
        seen=request.content_hash or "",
        today=TODAY,
    )
    session.flush()


def approved(session: Session, store: Store, **facts: Any) -> ReleaseRequest:
    """A request that two output checkers have approved."""
    request = a_request(session, store, **facts)
    for checker in ("cleo", "carl"):
        a_vote(session, store, request, checker)
    return request
