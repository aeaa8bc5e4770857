"""What a request holds beside statistics: who gets which group, what never leaves, and that votes bind to all of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from datasets.versions import versions_of
from governance.database import reading
from safe_outputs import reading as views
from safe_outputs import requests, reviewing, together
from safe_outputs.answers import Verdict
from safe_outputs.asking import read_answer
from safe_outputs.checkers_rules import set_rule
from safe_outputs.contents import checklist, groups
from safe_outputs.contents.checklist import Question
from safe_outputs.contents.content import content_hash
from safe_outputs.contents.request_details import RequestDetails
from safe_outputs.contents.statements import in_words
from safe_outputs.errors import MalformedRequest, NotPermitted, Tampered
from safe_outputs.models import FileRole, OutputFile, ReleaseRequest, RequestFile, Statistic
from safe_outputs.package.folder import read_package
from safe_outputs.package.keys import KnownKey
from safe_outputs.package.reading import verified_record
from safe_outputs.releases.downloads import find_release, why_not_download
from safe_outputs.releases.releasing import _approved_file, release
from safe_outputs.statistics import canonical
from safe_outputs.store import digest_of
from safe_outputs.transitions import RequestState
from tests.safe_outputs.contents import (
    ANSWERS,
    CODE,
    COUNTS,
    NOTEBOOK,
    a_file,
    a_group,
    a_statement,
    details_of,
)
from tests.safe_outputs.factories import PRIVATE_COUNT, RELEASE_KEY, TODAY, with_policy
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    release_next_of,
    submit,
    the_request,
)
from tests.safe_outputs.several import a_draft_with_everything

KNOWN = {RELEASE_KEY.public.id: KnownKey(RELEASE_KEY.public)}


def a_draft_of(house: House, details: RequestDetails) -> str:
    return str(
        house.do(
            lambda session: requests.draft(session, author="rosa", project_id="heron", details=details, today=TODAY).id
        )
    )


def a_full_request(house: House) -> str:
    """A submitted request: a table and a file for everybody, a private count and code for a team, and evidence."""
    request_id = a_draft_with_everything(house)
    submit(house, request_id)
    return request_id


def approve(house: House, request_id: str) -> None:
    for checker in ("cleo", "carl"):
        cast_vote(house, request_id, checker)


def released(house: House, request_id: str) -> Path:
    approve(house, request_id)
    assert release_next_of(house)
    return house.folder / "releases"


# ------------------------------------------------------------------------------------------- groups


def test_each_audience_gets_its_groups_and_nothing_of_anothers(house: House) -> None:
    request_id = a_full_request(house)
    folder = released(house, request_id)
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{request_id}-publication", f"{request_id}-pre-publication"}
    public = verified_record(folder / f"{request_id}-publication", KNOWN)
    team = verified_record(folder / f"{request_id}-pre-publication", KNOWN)
    assert (public["audience"], team["audience"]) == ("publication", "pre_publication")
    assert [each["title"] for each in public["groups"]] == ["Published tables"]
    assert [each["title"] for each in team["groups"]] == ["Team tables"]
    assert [each["file"]["name"] for each in public["statistics"]] == ["1-crosstab.csv"]
    assert [each["file"]["name"] for each in team["statistics"]] == ["1-private-count.csv"]
    assert [each["file"]["name"] for each in public["files"]] == ["2-counts.csv"]
    assert (folder / f"{request_id}-publication" / "2-counts.csv").read_bytes() == COUNTS
    everything = b"".join(path.read_bytes() for path in (folder / f"{request_id}-publication").rglob("*.*"))
    for of_team in (
        b"Team tables",
        b"private",
        b"code.py",
        b"pre_publication",
        CODE,
        team["statistics"][0]["id"].encode(),
    ):
        assert of_team not in everything.replace(b'"private": "exact"', b"").replace(POLICY_WORDS, b"")


POLICY_WORDS = b'"pre_publication"'
"""The owner's policy, which every statistic's record quotes, names both audiences."""


def test_who_may_take_what_is_asked_of_each_release(house: House) -> None:
    request_id = a_full_request(house)
    released(house, request_id)
    with reading(house.engine) as session:
        public = find_release(session, f"{request_id}-publication")
        team = find_release(session, f"{request_id}-pre-publication")
        assert why_not_download(session, public, None, TODAY) is None
        assert "for a named team" in (why_not_download(session, team, None, TODAY) or "")
        assert why_not_download(session, team, "rosa", TODAY) is None
        assert why_not_download(session, team, "rui", TODAY) is not None


def test_a_recall_takes_every_release_back(house: House) -> None:
    request_id = a_full_request(house)
    released(house, request_id)
    house.do(
        lambda session: reviewing.recall(
            session, the_request(session, request_id), person="cleo", reason="Wrong.", today=TODAY
        )
    )
    with reading(house.engine) as session:
        for each in ("publication", "pre-publication"):
            found = find_release(session, f"{request_id}-{each}")
            assert "was recalled" in (why_not_download(session, found, "rosa", TODAY) or "")


def test_the_most_checkers_and_the_shortest_clock_of_any_group_count(house: House) -> None:
    house.do(
        lambda session: set_rule(
            session, project="heron", audience="pre_publication", checkers=4, actor="operator", account="root"
        )
    )
    request_id = a_full_request(house)
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        view = views.request_view(session, house.store, request_id, "cleo", TODAY)
        assert request.checkers_needed == 4
        assert view.line.due is not None
        assert (view.line.due - view.line.since).total_seconds() == 72 * 3600
        assert view.line.audience == "pre-publication and publication, each for its own groups"


def test_policy_is_asked_for_the_audience_of_each_group(house: House) -> None:
    refused = with_policy({"count": {"pre_publication": "exact"}, "mean": {"pre_publication": "exact"}})
    statistic = an_answered_statistic(house, policy=None)

    def step(session: Session) -> None:
        versions_of(session, "rand_hie")[0].catalogue_json = refused.to_json()

    house.do(step)
    submit(house, a_draft_of(house, details_of(a_group("pre_publication", [statistic]))))
    other = an_answered_statistic(house, policy=None)
    draft = a_draft_of(house, details_of(a_group("pre_publication", [statistic]), a_group("publication", [other])))
    with pytest.raises(NotPermitted, match=f"Statistic {other} cannot leave"):
        submit(house, draft)


def test_a_request_of_before_groups_keeps_the_hash_that_its_votes_are_bound_to(house: House) -> None:
    """The form of then, written out anew: an upgrade in the middle of a review loses no vote."""
    request_id = a_submitted_request(house)
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        (item,) = request.items
        answer = read_answer(house.store, item.statistic)
        assert answer.policy is not None
        content = {
            **{name: getattr(request, name) for name in ("author", "title", "purpose", "audience", "turn")},
            "request": request.id,
            "project": request.project_id,
            "checkers_needed": 2,
            "items": [
                {
                    "statistic": item.statistic_id,
                    "plan": item.statistic.plan_hash,
                    "code": digest_of(item.statistic.code.encode()),
                    "answer": item.statistic.answer,
                    "file": answer.file.digest,
                    "policy": answer.policy.digest,
                }
            ],
        }
        assert request.content_hash == digest_of(canonical(content))


# ------------------------------------------------------------------------------------------- votes bind to all of it

INGREDIENTS = {
    "a group's title": "UPDATE request_group SET title = title || '!' WHERE position = 2",
    "a group's context": "UPDATE request_group SET context = context || '!' WHERE position = 1",
    "a group's audience": "UPDATE request_group SET audience = 'publication' WHERE position = 2",
    "the group of a statistic": "UPDATE request_item SET in_group = 1 WHERE position = 2",
    "the group of a file": "UPDATE request_file SET in_group = 1 WHERE position = 2",
    "a file's name": "UPDATE output_file SET name = 'other.csv' WHERE name = 'counts.csv'",
    "a file's kind": "UPDATE output_file SET kind = 'text' WHERE name = 'counts.csv'",
    "a file's type": "UPDATE output_file SET media_type = 'text/html' WHERE name = 'counts.csv'",
    "a file's findings": "UPDATE output_file SET findings = '[]' WHERE name = 'counts.csv'",
    "a file's facts": "UPDATE output_file SET facts = '{}' WHERE name = 'counts.csv'",
    "a file's statement": "UPDATE request_file SET statement = replace(statement, '460', '461') WHERE position = 1",
    "no file": "DELETE FROM request_file WHERE position = 2",
    "no evidence": "DELETE FROM request_evidence WHERE position = 1",
    "evidence's name": "UPDATE output_file SET name = 'other.csv' WHERE name = 'underlying.csv'",
    "which is the notebook": "UPDATE request_evidence SET notebook = NOT notebook",
    "why there is no notebook": "UPDATE release_request SET notebook = 'no_name'",
    "an answer": "UPDATE release_request SET checklist = replace(checklist, 'None show', 'Some show')",
    "no answers": "UPDATE release_request SET checklist = NULL",
    "its purpose": "UPDATE release_request SET purpose = 'Another'",
    "the audiences for lists": "UPDATE release_request SET audience = 'publication'",
}


def tampered_with(house: House, statement: str) -> None:
    if house.engine.dialect.name == "postgresql":
        for column in ("checklist", "statement"):
            statement = statement.replace(
                f"SET {column} = replace({column},", f"SET {column} = replace({column}::text,"
            )
            statement = statement.replace("show')", "show')::json").replace("'461')", "'461')::json")
    with house.engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount


@pytest.mark.parametrize("ingredient", list(INGREDIENTS))
def test_one_change_of_what_was_approved_and_nothing_is_released(house: House, ingredient: str) -> None:
    request_id = a_full_request(house)
    cast_vote(house, request_id, "cleo")
    tampered_with(house, INGREDIENTS[ingredient])
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        assert content_hash(session, house.store, request) != request.content_hash
    with pytest.raises(NotPermitted):
        cast_vote(house, request_id, "carl")
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE release_request SET state = 'approved', checkers_needed = 1"))
    assert release_next_of(house)
    with reading(house.engine) as session:
        assert the_request(session, request_id).state is not RequestState.RELEASED
    assert not list((house.folder / "releases").glob("*"))


@pytest.mark.parametrize("name", ["counts.csv", "underlying.csv", "work.ipynb"])
def test_one_changed_byte_of_a_file_or_evidence_stops_everything(house: House, name: str) -> None:
    request_id = a_full_request(house)
    with reading(house.engine) as session:
        digest = session.query(OutputFile).filter_by(name=name).one().digest
    path = Path(house.store._named(digest))
    path.chmod(0o600)
    first, rest = path.read_bytes()[:1], path.read_bytes()[1:]
    path.write_bytes(bytes([first[0] ^ 1]) + rest)
    with pytest.raises(Tampered):
        cast_vote(house, request_id, "cleo")


def test_other_questions_are_another_checklist(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = a_full_request(house)
    first, *rest = checklist.QUESTIONS["1"]
    changed = Question(first.id, first.text + "?", first.asked_for, first.explain, first.source)
    monkeypatch.setitem(checklist.QUESTIONS, "1", (changed, *rest))
    with pytest.raises(NotPermitted, match="not what was submitted"):
        cast_vote(house, request_id, "cleo")


def test_an_owner_who_lets_no_files_out_any_more_ends_the_approval(house: House) -> None:
    request_id = a_full_request(house)
    approve(house, request_id)

    def step(session: Session) -> None:
        version = versions_of(session, "rand_hie")[0]
        version.catalogue_json = version.catalogue_json.replace(
            '"file":{"pre_publication":"exact","publication":"exact"}',
            '"file":{"pre_publication":"exact","publication":"refused"}',
        )

    house.do(step)
    assert release_next_of(house)
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        assert request.state is RequestState.CHANGES_REQUESTED
        assert "The approval lapsed" in request.remarks[-1].text


def test_data_whose_owner_named_no_rule_for_files_lets_none_out(house: House) -> None:
    everything = {"pre_publication": "exact", "publication": "exact"}

    def step(session: Session) -> None:
        versions_of(session, "rand_hie")[0].catalogue_json = with_policy({"count": everything}).to_json()

    house.do(step)
    draft = a_draft_of(house, details_of(a_group(files={a_file(house): a_statement()})))
    with pytest.raises(NotPermitted, match="lets no files out for publication, only statistics"):
        submit(house, draft)


# ------------------------------------------------------------------------------------------- files need a person


def test_a_file_refers_its_request_and_is_never_approved_among_others(house: House) -> None:
    draft = a_draft_of(
        house,
        details_of(
            a_group(statistics=[an_answered_statistic(house, PRIVATE_COUNT)], files={a_file(house): a_statement()})
        ),
    )
    submit(house, draft)
    with reading(house.engine) as session:
        view = views.request_view(session, house.store, draft, "cleo", TODAY)
        assert view.line.verdict is Verdict.REFER
        assert {"manual file", "made by a person"} <= {each.rule for each in view.findings}
        found, _ = together.together(session, house.store, "cleo", TODAY)
        assert draft not in {each.line.id for each in found}
    with pytest.raises(NotPermitted):
        house.do(lambda session: approve_together(session, house, draft))


def approve_together(session: Session, house: House, request_id: str) -> None:
    request = the_request(session, request_id)
    together.approve(session, house.store, request, checker="cleo", seen=request.content_hash or "", today=TODAY)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"smallest": 9}, "threshold"),
        ({"smallest": 10}, None),
        ({"what": "model", "degrees_of_freedom": 9}, "degrees of freedom"),
        ({"what": "magnitudes", "largest_two_percent": 90.5}, "dominance"),
        ({"what": "magnitudes", "largest_two_percent": 90}, None),
    ],
)
def test_stated_numbers_are_held_against_the_rules_of_thumb(
    house: House, changes: dict[str, Any], rule: str | None
) -> None:
    draft = a_draft_of(house, details_of(a_group(files={a_file(house): a_statement(**changes)})))
    with reading(house.engine) as session:
        found = views.request_view(session, house.store, draft, "rosa", TODAY).findings
    assert {each.rule for each in found} - {"manual file", "made by a person"} == ({rule} if rule else set())


# ------------------------------------------------------------------------------------------- evidence never leaves


def an_attempt_by_role(house: House) -> None:
    """Evidence named as a file that leaves."""
    evidence = a_file(house, role="evidence")
    a_draft_of(house, details_of(a_group(files={evidence: a_statement()})))


def an_attempt_by_the_same_bytes(house: House) -> None:
    """The same bytes handed in for both uses."""
    group = a_group(files={a_file(house): a_statement()})
    a_draft_of(house, details_of(group, evidence=[a_file(house, role="evidence")]))


def an_attempt_by_another_request(house: House) -> None:
    """Evidence of one request as output of another."""
    evidence = a_file(house, role="evidence")
    a_draft_of(house, details_of(a_group(statistics=[an_answered_statistic(house)]), evidence=[evidence]))
    a_draft_of(house, details_of(a_group(files={a_file(house): a_statement()})))


def an_attempt_by_another_name(house: House) -> None:
    """The same bytes under another name."""
    evidence = a_file(house, role="evidence", name="a.csv")
    a_draft_of(house, details_of(a_group(files={a_file(house, name="b.csv"): a_statement()}), evidence=[evidence]))


def an_attempt_by_a_statistics_file(house: House) -> None:
    """The bytes of a statistic that leaves as evidence."""
    statistic = an_answered_statistic(house)
    with reading(house.engine) as session:
        answer = read_answer(house.store, session.query(Statistic).filter_by(id=statistic).one())
    evidence = a_file(house, house.store.get(answer.file.digest), role="evidence")
    submit(house, a_draft_of(house, details_of(a_group(statistics=[statistic]), evidence=[evidence])))


@pytest.mark.parametrize(
    "attempt",
    [
        an_attempt_by_role,
        an_attempt_by_the_same_bytes,
        an_attempt_by_another_request,
        an_attempt_by_another_name,
        an_attempt_by_a_statistics_file,
    ],
)
def test_evidence_cannot_be_made_to_leave(house: House, attempt: Callable[[House], None]) -> None:
    with pytest.raises(MalformedRequest, match=r"never\s+leaves"):
        attempt(house)


def test_what_was_evidence_by_mistake_can_leave_once_that_request_is_withdrawn(house: House) -> None:
    evidence = a_file(house, role="evidence")
    first = a_draft_of(house, details_of(a_group(statistics=[an_answered_statistic(house)]), evidence=[evidence]))
    house.do(lambda session: requests.withdraw(session, the_request(session, first), author="rosa", today=TODAY))
    a_draft_of(house, details_of(a_group(files={a_file(house): a_statement()})))


@pytest.mark.parametrize("role", ["evidence", "output"])
def test_the_database_takes_no_evidence_among_the_files_that_leave(house: House, role: str) -> None:
    request_id = a_full_request(house)
    statement = (
        "INSERT INTO request_file (request_id, position, in_group, file_id, role, statement) "
        "SELECT :request, 9, 1, id, :role, '{}' FROM output_file WHERE name = 'underlying.csv'"
    )
    with pytest.raises(IntegrityError), house.engine.begin() as connection:
        connection.execute(text(statement), {"request": request_id, "role": role})


def test_the_last_look_finds_evidence_that_everything_else_let_through(house: House) -> None:
    """A vandal with the register in her hands makes evidence's bytes an output that was approved."""
    request_id = a_full_request(house)
    approve(house, request_id)

    def swap(session: Session) -> None:
        evidence = session.query(OutputFile).filter_by(name="underlying.csv").one()
        session.query(OutputFile).filter_by(name="counts.csv").one().digest = evidence.digest
        session.flush()
        request = the_request(session, request_id)
        request.content_hash = content_hash(session, house.store, request)
        for each in request.votes:
            each.content_hash = request.content_hash

    house.do(swap)
    folder = house.folder / "releases"
    with pytest.raises(Tampered, match="handed in as evidence, which never leaves"):
        house.do(
            lambda session: release(
                session, house.store, the_request(session, request_id), folder, key=RELEASE_KEY, actor="checker"
            )
        )
    assert not (house.folder / "releases").exists()


def test_no_package_holds_evidence(house: House) -> None:
    folder = released(house, a_full_request(house))
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (b"underlying", b"secret", b"work.ipynb", b"nbformat"):
        assert secret not in everything
    assert len([read_package(each) for each in folder.iterdir()]) == 2


def test_an_object_that_claims_to_be_output_is_not_enough(house: House) -> None:
    """The one place that makes a package's file looks at what was handed in, not at what is said of it."""
    request_id = a_full_request(house)
    with reading(house.engine) as session, session.no_autoflush:
        file = the_request(session, request_id).files[0]
        file.file = session.query(OutputFile).filter_by(name="underlying.csv").one()
        file.role = FileRole.OUTPUT
        with pytest.raises(Tampered, match="is evidence, which never leaves"):
            _approved_file(house.store, file)
        session.rollback()


# ------------------------------------------------------------------------------------------- the notebook


def test_the_notebook_is_evidence_or_the_request_says_why_not(house: House) -> None:
    notebook = a_file(house, NOTEBOOK, name="work.ipynb", role="evidence")
    group = a_group(statistics=[an_answered_statistic(house)])
    draft = a_draft_of(house, details_of(group, notebook=notebook, answers={}))
    with reading(house.engine) as session:
        contents = views.request_view(session, house.store, draft, "rosa", TODAY).contents
    assert [(each.name, each.notebook) for each in contents.evidence] == [("work.ipynb", True)]
    assert contents.no_notebook is None
    other = a_draft_of(house, details_of(group, no_notebook="no_name", answers={}))
    with reading(house.engine) as session:
        contents = views.request_view(session, house.store, other, "rosa", TODAY).contents
    assert contents.evidence == ()
    assert "did not say which notebook" in (contents.no_notebook or "")


def test_a_changed_draft_keeps_its_notebook_and_answers(house: House) -> None:
    notebook = a_file(house, NOTEBOOK, name="work.ipynb", role="evidence")
    file = a_file(house)
    draft = a_draft_of(house, details_of(a_group(files={file: a_statement()}), notebook=notebook))
    changed = details_of(a_group(files={file: a_statement(units=461)}), answers={})
    house.do(
        lambda session: requests.edit(session, the_request(session, draft), author="rosa", details=changed, today=TODAY)
    )
    with reading(house.engine) as session:
        request = the_request(session, draft)
        assert [each.notebook for each in request.evidence] == [True]
        assert request.files[0].statement["units"] == 461
        assert request.checklist == {"version": "1", "answers": ANSWERS}
        assert groups.audiences_of(request) == ("publication",)


def test_verified_statistics_are_asked_nothing(house: House) -> None:
    with reading(house.engine) as session:
        request_id = a_submitted_request(house)
    with reading(house.engine) as session:
        request = the_request(session, request_id)
        assert requests.holds(house.store, request) == frozenset()
        assert isinstance(request, ReleaseRequest)
        assert session.query(RequestFile).count() == 0
    derived = an_answered_statistic(house, provenance="derived")
    with pytest.raises(MalformedRequest, match="units: Are units counted"):
        a_submitted_request(house, [derived])


@pytest.mark.parametrize(
    ("number", "value", "shown"),
    [
        ("units", 9_007_199_254_740_991, "9,007,199,254,740,991"),
        ("smallest", 120, "120"),
        ("largest_two_percent", 12.345678901234567, "12.345678901234567"),
        ("largest_two_percent", 80.0, "80"),
    ],
)
def test_a_number_is_shown_with_every_digit_that_leaves(number: str, value: float, shown: str) -> None:
    """Digits that a page rounds away would be room for a message in the package, and nobody would have seen them."""
    stated = a_statement(what="magnitudes") | {"largest_two_percent": 50.0, number: value}
    assert shown in [text for _, text in in_words(stated)]
