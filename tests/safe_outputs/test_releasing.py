"""From approval to package: bytes reviewed are bytes released (I7), and nothing else is (I3)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from datasets.versions import DatasetVersion, VersionState, versions_of
from governance import audit, projects
from governance.agreements import agree, agreement_in_force
from governance.agreements import withdraw as withdraw_agreement
from governance.database import reading, transaction
from safe_outputs import reading as views
from safe_outputs import requests
from safe_outputs.checker.worker import release_next
from safe_outputs.errors import NoSuchThing, NotPermitted, Tampered, WrongState
from safe_outputs.lists import lines
from safe_outputs.package.folder import read_package
from safe_outputs.package.keys import KnownKey, SigningKey
from safe_outputs.package.reading import verified_record
from safe_outputs.releases import release_keys, releasing
from safe_outputs.statistics import Crosstab
from safe_outputs.transitions import RequestState, Vote
from tests.safe_outputs.factories import PRIVATE_COUNT, RELEASE_KEY, TODAY
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    an_approved_request,
    cast_vote,
    the_request,
)

KNOWN = {RELEASE_KEY.public.id: KnownKey(RELEASE_KEY.public)}


def released(house: House, request_id: str) -> Path:
    with transaction(house.engine) as session:
        releasing.release(
            session,
            house.store,
            the_request(session, request_id),
            house.folder / "releases",
            key=RELEASE_KEY,
            actor="checker",
        )
    return house.folder / "releases" / request_id


def test_the_package_holds_the_approved_bytes_and_the_record(house: House) -> None:
    statistics = [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)]
    folder = released(house, an_approved_request(house, statistics=statistics))
    record = verified_record(folder, KNOWN)
    tables = {"1-crosstab.csv", "2-private-count.csv"}
    said = {"release.json", "ro-crate-metadata.json", "results.json", "checksums"}
    signed = {"manifest.json", "manifest.sig", "public-key.pem"}
    assert {path.name for path in folder.iterdir()} == tables | said | signed
    lines = (folder / "1-crosstab.csv").read_text().splitlines()
    assert lines[0] == "site,plan,persons,mean_spending,status"
    assert lines[1] == "Dayton,free,100,180.25,published"
    assert lines[3] == "Dayton,50 %,,,withheld"
    assert len(lines) == 1 + 24
    assert [each["name"] for each in record["approvals"]] == ["cleo", "carl"]
    assert record["author"]["name"] == "rosa"
    first, second = record["statistics"]
    assert first["profile"]["name"] == "ons-srs"
    assert first["source"]["version"] == 3
    assert second["charge"]["nano_rho"] == 20_000_000


def test_withheld_values_are_nowhere_in_the_package(house: House) -> None:
    folder = released(house, an_approved_request(house))
    record = json.loads((folder / "release.json").read_text())
    assert "table" not in record["statistics"][0]
    assert record["statistics"][0]["withheld"] == 1


def test_what_is_not_approved_is_not_released(house: House) -> None:
    request = a_submitted_request(house)
    with pytest.raises((Tampered, WrongState)):
        released(house, request)
    cast_vote(house, request, "cleo")
    with pytest.raises((Tampered, WrongState)):
        released(house, request)
    assert not (house.folder / "releases").exists()


FORGERIES = {
    "the state alone": "UPDATE release_request SET state = 'approved'",
    "votes of one person": "UPDATE checker_vote SET checker = 'cleo', turn = turn * 1 WHERE checker = 'carl'",
    "votes of another turn": "UPDATE checker_vote SET turn = 0",
    "votes on other content": "UPDATE checker_vote SET content_hash = 'x' || substr(content_hash, 2)",
    "a changed title": "UPDATE release_request SET title = 'Something else'",
    "a changed audience": "UPDATE release_request SET audience = 'pre_publication'",
    "fewer checkers": "UPDATE release_request SET checkers_needed = 1",
    "a vote against": "UPDATE checker_vote SET vote = 'reject' WHERE checker = 'carl'",
    "the author's vote": "UPDATE checker_vote SET checker = 'rosa' WHERE checker = 'carl'",
    "other release terms": "UPDATE dataset_version SET catalogue_json = replace(catalogue_json, 'ons-srs', 'x')",
    "changed code": "UPDATE statistic SET code = 'other()'",
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_a_forged_approval_releases_nothing(house: House, forgery: str) -> None:
    request = a_submitted_request(house) if forgery == "the state alone" else an_approved_request(house)
    with house.engine.begin() as connection:
        if forgery == "votes of one person":
            connection.execute(text("DROP TABLE IF EXISTS keep"))
            connection.execute(text("DELETE FROM checker_vote WHERE checker = 'carl'"))
        else:
            connection.execute(text(FORGERIES[forgery]))
    with pytest.raises(Tampered, match="not what its checkers approved"):
        released(house, request)
    assert not (house.folder / "releases").exists()


def test_a_checker_who_joined_the_project_since_does_not_count(house: House) -> None:
    request = an_approved_request(house)
    with transaction(house.engine) as session:
        session.add(projects.Membership(project_id="heron", person_name="carl"))
    with pytest.raises(Tampered):
        released(house, request)


def test_a_release_that_fails_stays_approved_and_is_tried_again(house: House) -> None:
    request = an_approved_request(house)
    obstacle = house.folder / "releases"
    obstacle.write_text("no folder can be made here")
    postponed: dict[str, float] = {}
    assert release_next(house.engine, house.store, obstacle, postponed, lambda: RELEASE_KEY)
    assert not release_next(house.engine, house.store, obstacle, postponed, lambda: RELEASE_KEY)
    with reading(house.engine) as session:
        assert the_request(session, request).state is RequestState.APPROVED
        actions = [event.action for event in audit.events_about(session, f"request:{request}")]
        assert actions[-1] == "request.not_released"
    obstacle.unlink()
    postponed[request] = 0.0
    assert release_next(house.engine, house.store, obstacle, postponed, lambda: RELEASE_KEY)
    verified_record(obstacle / request, KNOWN)


def test_what_was_released_is_never_released_again(house: House) -> None:
    request = an_approved_request(house)
    folder = released(house, request)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(WrongState, match="is released, so it is not released now"):
        released(house, request)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE release_request SET state = 'approved', title = 'Another title'"))
    with pytest.raises(Tampered, match="was released before"):
        released(house, request)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_nothing_is_released_with_a_revoked_key(house: House) -> None:
    request = an_approved_request(house)
    house.do(lambda session: release_keys.use(session, RELEASE_KEY.public, actor="checker"))
    house.do(
        lambda session: release_keys.revoke(
            session, RELEASE_KEY.public.id, "It was copied.", actor="operator", account="root"
        )
    )
    assert release_next(house.engine, house.store, house.folder / "releases", {}, lambda: RELEASE_KEY)
    with reading(house.engine) as session:
        assert the_request(session, request).state is RequestState.APPROVED
        (said,) = [each for each in audit.events_about(session, f"request:{request}") if "reason" in each.detail]
    assert "was revoked, so nothing is released" in said.detail["reason"]
    other = SigningKey(b"2" * 32)
    assert release_next(house.engine, house.store, house.folder / "releases", {}, lambda: other)
    with reading(house.engine) as session:
        assert the_request(session, request).state is RequestState.RELEASED


def agreement_ends(session: Session) -> None:
    agreement = agreement_in_force(session, "heron", "rand_hie")
    assert agreement is not None
    withdraw_agreement(session, agreement, owner="olga")


def version_is_withdrawn(session: Session) -> None:
    versions_of(session, "rand_hie")[0].state = VersionState.WITHDRAWN


def project_pauses(session: Session) -> None:
    projects.move(session, projects.find_project(session, "heron"), projects.ProjectState.PAUSED, actor="otto")


@pytest.mark.parametrize("ending", [agreement_ends, version_is_withdrawn, project_pauses])
def test_a_right_to_the_data_that_ends_stops_votes_and_release(house: House, ending: Callable[[Session], None]) -> None:
    """I10: nothing more leaves, and the author can still take her request back."""
    approved, waiting = an_approved_request(house), a_submitted_request(house)
    house.do(ending)
    with pytest.raises(NotPermitted):
        released(house, approved)
    with pytest.raises(WrongState):
        cast_vote(house, waiting, "cleo")
    withdraw(house, approved)
    withdraw(house, waiting)


def withdraw(house: House, request_id: str) -> None:
    house.do(lambda session: requests.withdraw(session, the_request(session, request_id), author="rosa", today=TODAY))


def test_a_withdrawn_request_does_not_open_its_blind_votes(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", Vote.REJECT, "Too small.")
    withdraw(house, request)
    with reading(house.engine) as session:
        assert views.request_view(session, house.store, request, "rosa", TODAY).votes == ()


def test_what_was_released_since_makes_a_person_look(house: House) -> None:
    """The finding is of now, not of the moment when the statistic was asked for."""
    waiting = a_submitted_request(
        house, [an_answered_statistic(house, Crosstab(dataset="rand_hie", dimensions=("plan",)))]
    )
    with reading(house.engine) as session:
        assert views.request_view(session, house.store, waiting, "cleo", TODAY).findings == ()
    released(house, an_approved_request(house))
    with reading(house.engine) as session:
        view = views.request_view(session, house.store, waiting, "cleo", TODAY)
    assert [finding.verdict for finding in view.findings] == ["refer"]
    assert "1 other exact table of the same people was released before" in view.findings[0].sentence


def a_linked_dataset(house: House) -> None:
    """Another dataset of the same owner about the same people, which the project uses too."""

    def step(session: Session) -> None:
        (version,) = versions_of(session, "rand_hie")
        other = version.catalogue.model_copy(update={"name": "claims", "population": "rand_hie"})
        facts = {each.name: getattr(version, each.name) for each in DatasetVersion.__table__.columns}
        changed = {"id": None, "dataset": "claims", "catalogue_json": other.to_json()}
        session.add(DatasetVersion(**facts | changed))
        session.flush()
        agree(session, project_id="heron", dataset="claims", version=3, columns=["site", "plan"], owner="olga")

    house.do(step)


def test_tables_of_another_dataset_about_the_same_people_count_too(house: House) -> None:
    """I4: what could be had by subtraction does not ask which file a number is from."""
    a_linked_dataset(house)
    claims = Crosstab(dataset="claims", dimensions=("plan",))
    waiting = a_submitted_request(house, [an_answered_statistic(house, claims)])
    together = [an_answered_statistic(house, PRIVATE_COUNT), an_answered_statistic(house, claims)]
    both = a_submitted_request(house, [*together, an_answered_statistic(house)])
    earlier = an_approved_request(house)
    released(house, earlier)
    with reading(house.engine) as session:
        view = views.request_view(session, house.store, waiting, "cleo", TODAY)
        found = views.request_view(session, house.store, both, "cleo", TODAY).findings
    assert "1 other exact table of the same people was released before" in view.findings[0].sentence
    assert [line.id for line in view.released_before] == [earlier]
    assert {finding.rule for finding in found} == {"differencing", "exact beside private"}
    assert "2 exact tables of claims and rand_hie" in found[0].sentence


def release_and_fail(house: House, request_id: str) -> None:
    with transaction(house.engine) as session:
        request = the_request(session, request_id)
        releasing.release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")
        raise RuntimeError


def test_a_crash_between_package_and_register_is_made_good(house: House) -> None:
    """The package was written, the transaction was lost: the next try replaces it, and registers it once."""
    request = an_approved_request(house)
    folder = house.folder / "releases" / request
    with pytest.raises(RuntimeError):
        release_and_fail(house, request)
    assert folder.exists()
    assert release_next(house.engine, house.store, house.folder / "releases", {}, lambda: RELEASE_KEY)
    verified_record(folder, KNOWN)
    with reading(house.engine) as session:
        assert [line.id for line in lines.releases(session, audience="publication")] == [request]


def test_a_changed_package_does_not_verify(house: House) -> None:
    folder = released(house, an_approved_request(house))
    table = folder / "1-crosstab.csv"
    table.chmod(0o600)
    table.write_text(table.read_text().replace("100", "101"))
    with pytest.raises(Tampered, match=r"1-crosstab\.csv was changed"):
        verified_record(folder, KNOWN)


def test_a_package_with_one_file_more_does_not_verify(house: House) -> None:
    folder = released(house, an_approved_request(house))
    (folder / "extra.csv").write_text("a,b\n")
    with pytest.raises(Tampered, match=r"extra\.csv was added"):
        verified_record(folder, KNOWN)


def test_no_package_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(NoSuchThing):
        read_package(tmp_path)


def test_a_checker_sees_only_her_own_vote_while_a_turn_is_open(house: House) -> None:
    request = a_submitted_request(house)
    cast_vote(house, request, "cleo", comment="Fine.")

    def seen_by(person: str) -> views.RequestView:
        with reading(house.engine) as session:
            return views.request_view(session, house.store, request, person, TODAY)

    assert [vote.checker for vote in seen_by("cleo").votes] == ["Cleo"]
    assert seen_by("carl").votes == ()
    assert seen_by("rosa").votes == ()
    assert "cleo" not in {line.actor for line in seen_by("carl").history}
    assert seen_by("carl").line.votes == 1
    cast_vote(house, request, "carl")
    assert [vote.checker for vote in seen_by("cora").votes] == ["Cleo", "Carl"]


def test_several_exact_tables_in_one_request_make_a_person_look(house: House) -> None:
    """Two tables that may differ by a few people: the request is referred, though each table passes alone."""
    other = Crosstab(dataset="rand_hie", dimensions=("plan",))
    together = [an_answered_statistic(house), an_answered_statistic(house, other)]
    request = a_submitted_request(house, together)
    with reading(house.engine) as session:
        view = views.request_view(session, house.store, request, "cleo", TODAY)
    assert (view.line.verdict, [finding.rule for finding in view.findings]) == ("refer", ["differencing"])
    assert "2 exact tables of rand_hie" in view.findings[0].sentence


def test_a_table_and_a_private_count_are_not_differenced(house: House) -> None:
    private = a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)])
    both = a_submitted_request(house, [an_answered_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    with reading(house.engine) as session:
        assert views.request_view(session, house.store, private, "cleo", TODAY).findings == ()
        (finding,) = views.request_view(session, house.store, both, "cleo", TODAY).findings
    assert (finding.rule, finding.verdict) == ("exact beside private", "refer")
