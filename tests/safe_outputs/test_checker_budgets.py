"""Whose budgets a private statistic takes from: the population's, the project's share, and a person's ration."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.copies import provision
from datasets.steward import take_in
from datasets.versions import approve, make_available
from disclosure_control import Ledger
from disclosure_control.privacy.mechanisms import NANO
from governance import agreements
from governance.database import open_database, reading, transaction
from governance.people import Role
from safe_outputs import asking
from safe_outputs.answers import Answer
from safe_outputs.asking import Asker
from safe_outputs.checker.worker import CheckerSettings
from safe_outputs.evidence.differencing import released_tables
from safe_outputs.evidence.standing import standings
from safe_outputs.statistics import Crosstab, Private, PrivateKey, UnknownKeys
from safe_outputs.store import Store
from tests.governance.people_factory import a_person
from tests.registers import new_register
from tests.safe_outputs.factories import RELEASE_KEY, private_count
from tests.safe_outputs.test_checker import BY_SITE, COLUMNS, EXAMPLES, PACKAGES, Room, _a_project

PEOPLE = "hie_families"
"""The population of both datasets below."""
RATION = NANO // 10


def catalogue(folder: Path, name: str, budget: str) -> Path:
    """The example's entry under another name, of the population, with these further budgets."""
    text = (EXAMPLES / "rand_hie.toml").read_text(encoding="utf-8")
    text = text.replace('name = "rand_hie"\n', f'name = "{name}"\npopulation = "{PEOPLE}"\n', 1)
    path = folder / f"{name}.toml"
    path.write_text(text.replace("project_rho = 0.5\n", f"project_rho = 0.5\n{budget}\n"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two datasets about the same people, one of which gives each person a ration."""
    folder = tmp_path_factory.mktemp("furnished")
    engine = new_register(folder)
    with transaction(engine) as session:
        for person in ("ada", "bea"):
            a_person(session, person)
        a_person(session, "owner", Role.DATA_OWNER, organisation="RAND Corporation")
        a_person(session, "steward", Role.DATA_STEWARD)
        _a_project(session)
        for name, budget in (("visits", "person_rho = 0.1"), ("claims", "")):
            version = take_in(
                session,
                catalogue(folder, name, budget),
                folder=folder / "datasets",
                search=PACKAGES,
                secret=b"p" * 32,
                actor="steward",
            )
            approve(session, version, actor="owner")
            make_available(session, version, actor="steward")
            agreements.agree(session, project_id="wren", dataset=name, version=1, columns=COLUMNS, owner="owner")
            provision(session, "wren", name, folder=folder / "copies", secret=b"c" * 32, actor="steward")
    engine.dispose()
    return folder


@pytest.fixture
def room(furnished: Path, tmp_path: Path) -> Iterator[Room]:
    shutil.copy(furnished / "register.sqlite", tmp_path / "register.sqlite")
    engine = open_database(f"sqlite:///{tmp_path}/register.sqlite")
    settings = CheckerSettings(
        database_url=str(engine.url),
        ledger_url=f"sqlite:///{tmp_path}/ledger.sqlite",
        store=tmp_path / "store",
        releases=tmp_path / "releases",
        lock=tmp_path / "lock",
        ledger_key=b"l" * 32,
        release_key=lambda: RELEASE_KEY,
        poll_seconds=0.01,
    )
    with Ledger(settings.ledger_url, key=settings.ledger_key) as ledger:
        ledger.grant(f"dataset:{PEOPLE}", NANO, granted_by="owner")
        ledger.grant(f"project:wren/{PEOPLE}", NANO // 2, granted_by="owner")
    yield Room(engine, settings, None)  # type: ignore[arg-type]  # no test looks at the copy
    engine.dispose()


def count_of(dataset: str, rho: int, **changes: object) -> Private:
    return private_count(rho, by="site", **changes).model_copy(update={"dataset": dataset})


def asked_by(room: Room, person: str, plan: Private | Crosstab) -> Answer | str:
    """The answer, or the sentence of the refusal."""
    with transaction(room.engine) as session:
        statistic_id = asking.ask(session, Asker(person, "wren"), plan, "the cell").id
    room.work()
    statistic = room.statistic(statistic_id)
    if statistic.problem is not None:
        return str(statistic.problem["detail"])
    return asking.read_answer(Store(room.settings.store), statistic)


def answered(room: Room, person: str, plan: Private | Crosstab) -> Answer:
    found = asked_by(room, person, plan)
    assert isinstance(found, Answer), found
    return found


def test_a_person_spends_her_ration_and_no_more(room: Room) -> None:
    answer = answered(room, "ada", count_of("visits", RATION - 5))
    assert answer.charge is not None
    mine = f"person:ada/{PEOPLE}"
    assert answer.charge.remaining == {
        f"dataset:{PEOPLE}": NANO - RATION + 5,
        f"project:wren/{PEOPLE}": NANO // 2 - RATION + 5,
        mine: 5,
    }
    assert set(answer.charge.scopes) == set(answer.charge.remaining)
    refused = asked_by(room, "ada", count_of("visits", 6))
    assert isinstance(refused, str)
    assert f"“{mine}” has ρ = 0.000000005 left" in refused
    assert "ask the data owner for a larger budget" in refused
    assert room.ledger.spent(f"dataset:{PEOPLE}") == RATION - 5
    bea = answered(room, "bea", count_of("visits", 7)).charge
    assert bea is not None
    assert bea.remaining[f"person:bea/{PEOPLE}"] == RATION - 7


def test_a_ration_is_entered_in_the_name_of_the_owner_who_agreed_to_the_terms(room: Room) -> None:
    for rho in (5, 6):
        answered(room, "ada", count_of("visits", rho))
    with room.ledger._database.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT detail FROM ledger_entry WHERE kind = 'grant' AND subject LIKE 'person:%'"
        ).scalars()
        (grant,) = [json.loads(each) for each in found]
    assert grant["nano_rho"] == RATION
    assert grant["granted_by"].startswith("owner, by release terms ")


def test_a_preview_tells_of_the_ration_and_grants_nothing(room: Room) -> None:
    preview = answered(room, "ada", count_of("visits", 5).model_copy(update={"preview": True}))
    assert preview.preview is not None
    assert preview.preview.remaining[f"person:ada/{PEOPLE}"] == RATION
    assert "and your ration" in preview.findings[0].limit
    assert room.ledger.granted(f"person:ada/{PEOPLE}") == 0


def test_a_preview_tells_of_the_delta_that_comes_with_the_ration(room: Room) -> None:
    by = PrivateKey(name="visits", of={"op": "column", "name": "doctor_visits"})
    plan = private_count(NANO // 20).model_copy(
        update={"dataset": "visits", "by": (by,), "unknown_keys": UnknownKeys(), "preview": True}
    )
    quote = answered(room, "ada", plan).preview
    assert quote is not None and quote.fits and len(quote.remaining_delta) == 3
    paid = answered(room, "ada", plan.model_copy(update={"preview": False})).charge
    assert paid is not None
    assert paid.remaining_delta == {scope: left - 1000 for scope, left in quote.remaining_delta.items()}


def test_where_the_owner_sets_no_ration_the_answer_says_so(room: Room) -> None:
    answer = answered(room, "ada", count_of("claims", RATION + 5))
    assert answer.charge is not None
    assert set(answer.charge.remaining) == {f"dataset:{PEOPLE}", f"project:wren/{PEOPLE}"}
    assert "the data owner sets no ration for one person" in answer.findings[0].limit


def test_an_owner_may_grant_a_ration_to_one_person_by_hand(room: Room) -> None:
    room.ledger.grant(f"person:ada/{PEOPLE}", 10, granted_by="owner")
    refused = asked_by(room, "ada", count_of("claims", 11))
    assert isinstance(refused, str)
    assert f"“person:ada/{PEOPLE}” has ρ = 0.00000001 left" in refused
    answered(room, "ada", count_of("claims", 10))
    answered(room, "bea", count_of("claims", 11))
    room.ledger.grant(f"person:ada/{PEOPLE}", 1, granted_by="owner")  # the terms of the other dataset give the rest
    answered(room, "ada", count_of("visits", 12))
    assert room.ledger.granted(f"person:ada/{PEOPLE}") == RATION


def test_datasets_about_the_same_people_share_what_stands(room: Room) -> None:
    """One budget, one guarantee: an exact table of the one voids the ε of the other."""
    first = answered(room, "ada", count_of("visits", 5))
    second = answered(room, "ada", count_of("claims", 6))
    assert room.ledger.spent(f"dataset:{PEOPLE}") == 11
    assert "ρ = 0.000000011 was spent" in second.standing
    assert "No exact statistic of them was handed out" in first.standing
    exact = answered(room, "ada", BY_SITE.model_copy(update={"dataset": "claims"}))
    assert exact.standing.startswith("No guarantee (ε) holds for all statistics of these persons together")
    after = answered(room, "bea", count_of("visits", 7))
    assert after.standing.startswith("No guarantee")
    with reading(room.engine) as session:
        (found,) = standings(session, ["visits"])
        assert standings(session, ["claims", "visits"]) == (found,)
        assert released_tables(session, "visits") == set()
    assert (found.population, found.datasets) == (PEOPLE, ("claims", "visits"))
    assert found.sentence == after.standing
