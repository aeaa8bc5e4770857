"""What is promised to the people in a dataset: one sentence, from the ledger, the same on every page."""

import pytest

from disclosure_control.privacy.ledger import ExactRelease, Guarantee
from governance.database import reading, transaction
from safe_outputs.evidence.standing import Standing, record_standing, released_datasets, standings
from safe_outputs.releases.releasing import release
from tests.safe_outputs.factories import CATALOGUE, PRIVATE_COUNT, RELEASE_KEY, a_statistic, an_answer, approved
from tests.safe_outputs.house import House

FIRST = ExactRelease("dataset:rand_hie", "crosstab 12ab", "project wren", "2026-11-22T09:30:00+00:00")


def guarantee(nano_rho: int = 0, nano_delta: int = 0, exact: int = 0) -> Guarantee:
    return Guarantee("dataset:rand_hie", nano_rho, nano_delta, exact, FIRST if exact else None)


SENTENCES = [
    (
        guarantee(50_000_000),
        "All private statistics of these persons together keep one guarantee: ρ = 0.05 was spent, that is ε = 1.472 at "
        "δ = 1e-06. No exact statistic of them was handed out.",
    ),
    (
        guarantee(50_000_000, 1_000),
        "All private statistics of these persons together keep one guarantee: ρ = 0.05 and δ = 0.000001 was spent, "
        "that is ε = 1.472 at δ = 2e-06. No exact statistic of them was handed out.",
    ),
    (
        guarantee(50_000_000, 10**9),
        "All private statistics of these persons together keep one guarantee: ρ = 0.05 and δ = 1 was spent, from which "
        "no ε follows. No exact statistic of them was handed out.",
    ),
    (
        guarantee(0, 0, 1),
        "No guarantee (ε) holds for all statistics of these persons together, because an exact one was handed out (on "
        "record since 22 November 2026). Exact statistics are protected by the output rules alone.",
    ),
    (
        guarantee(50_000_000, 0, 3),
        "No guarantee (ε) holds for all statistics of these persons together, because 3 exact ones were handed out "
        "(on record since 22 November 2026). Exact statistics are protected by the output rules alone. Each private "
        "statistic bounds what it tells by itself (ρ = 0.05 in all).",
    ),
]


@pytest.mark.parametrize(("said", "sentence"), SENTENCES)
def test_the_sentence(said: Guarantee, sentence: str) -> None:
    assert Standing.of(said).in_words("persons") == sentence


@pytest.mark.parametrize(("said", "sentence"), SENTENCES)
def test_an_epsilon_is_told_only_where_the_ledger_has_one(said: Guarantee, sentence: str) -> None:
    assert ("ε = " in sentence) == (said.epsilon() is not None)
    assert (f"ε = {said.epsilon():.3f} at δ = {said.delta():g}" in sentence) if said.epsilon() is not None else True


def test_the_register_keeps_the_newest(house: House) -> None:
    with reading(house.engine) as session:
        assert standings(session, ["rand_hie"]) == ()
    for said in (guarantee(), guarantee(50_000_000), guarantee(50_000_000, 0, 3)):
        with transaction(house.engine) as session:
            record_standing(session, "rand_hie", said)
    with reading(house.engine) as session:
        (found,) = standings(session, ["rand_hie", "tax", "rand_hie"])
    assert (found.population, found.datasets, found.title) == ("rand_hie", ("rand_hie",), CATALOGUE.title)
    assert found.sentence == SENTENCES[-1][1]


def test_what_nothing_was_answered_from_has_no_line(house: House) -> None:
    house.do(lambda session: record_standing(session, "rand_hie", guarantee()))
    with reading(house.engine) as session:
        assert standings(session, ["rand_hie"]) == ()


def test_only_datasets_of_that_audience_are_in_its_register(house: House) -> None:
    def step(session, audience: str) -> None:
        statistic = a_statistic(session, house.store, answer=an_answer(house.store, PRIVATE_COUNT))
        request = approved(session, house.store, statistics=[statistic], audience=audience)
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")

    house.do(lambda session: step(session, "pre_publication"))
    with reading(house.engine) as session:
        assert released_datasets(session, "publication") == set()
        assert released_datasets(session, "pre_publication") == {"rand_hie"}
    house.do(lambda session: step(session, "publication"))
    with reading(house.engine) as session:
        assert released_datasets(session, "publication") == {"rand_hie"}
