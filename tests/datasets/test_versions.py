"""The states of a version: the whole table of (state, move, role) is walked, and each step leaves its event."""

from datetime import date
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from datasets import versions
from datasets.errors import UnknownVersion, WrongRole, WrongState
from datasets.versions import MOVES, DatasetVersion, VersionState, find_version, make_move
from governance import audit
from governance.database import now
from governance.errors import NotFound
from governance.people import Role
from tests.datasets.factories import PEOPLE, person, register, small_catalogue

PERMITTED = {
    (VersionState.QUARANTINED, "scan", "steward"): VersionState.SCANNED,
    (VersionState.SCANNED, "approve", "owner"): VersionState.APPROVED,
    (VersionState.APPROVED, "make_available", "steward"): VersionState.AVAILABLE,
    (VersionState.SCANNED, "withdraw", "owner"): VersionState.WITHDRAWN,
    (VersionState.APPROVED, "withdraw", "owner"): VersionState.WITHDRAWN,
    (VersionState.AVAILABLE, "withdraw", "owner"): VersionState.WITHDRAWN,
}


def version(session: Session, state: VersionState, number: int = 1) -> DatasetVersion:
    made = DatasetVersion(
        dataset="stays",
        number=number,
        state=state,
        catalogue_json=small_catalogue().to_json(),
        inputs_digest="",
        content_digest="",
        data_digest="",
        manifest_digest="",
        folder="nowhere",
        rows=1,
        units=1,
        scan={},
        made_at=now(),
    )
    session.add(made)
    session.flush()
    return made


def test_the_whole_table_of_moves(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        for number, (state, move, actor) in enumerate(product(VersionState, MOVES, PEOPLE)):
            made = version(session, state, number)
            after = PERMITTED.get((state, move, actor))
            if after is None:
                with pytest.raises((WrongRole, WrongState)) as refused:
                    make_move(session, made, move, actor=actor)
                assert refused.value.status in (403, 409) and refused.value.sentence.endswith(".")
                assert made.state is state and not audit.events_about(session, made.subject)
            else:
                make_move(session, made, move, actor=actor)
                assert made.state is after
                (event,) = audit.events_about(session, made.subject)
                assert (event.actor, event.action) == (actor, f"version.{after.value}")
                terms = {"release_terms": made.catalogue.release.digest} if move == "approve" else {}
                assert event.detail == {"before": state.value, **terms}
        audit.verify(session)


def test_every_state_but_the_last_can_be_left_and_all_are_reached() -> None:
    assert {state for move in MOVES.values() for state in move.before} == set(VersionState) - {VersionState.WITHDRAWN}
    assert {move.after for move in MOVES.values()} == set(VersionState) - {VersionState.QUARANTINED}


def test_an_owner_of_other_data_cannot_approve(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        made = version(session, VersionState.SCANNED)
        with pytest.raises(WrongRole, match=r"stays belongs to RAND Corporation\. Ask a data owner from there"):
            versions.approve(session, made, actor="other-owner")


def test_a_right_that_has_ended_moves_nothing(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        session.add(person("late", Role.DATA_OWNER, "RAND Corporation", until=date(2020, 1, 1)))
        made = version(session, VersionState.SCANNED)
        with pytest.raises(WrongRole, match="accreditation ended on 1 January 2020"):
            versions.approve(session, made, actor="late")
        with pytest.raises(NotFound, match="nobody-known"):
            versions.approve(session, made, actor="nobody-known")


def test_a_version_that_is_not_there_is_named(tmp_path: Path) -> None:
    with register(tmp_path) as session:
        version(session, VersionState.AVAILABLE)
        assert find_version(session, "stays", 1).number == 1
        with pytest.raises(UnknownVersion, match="no version 2 of a dataset “stays”"):
            find_version(session, "stays", 2)
