"""What the first release stored is read as it was meant, and its bytes stay as they are."""

import json
from typing import Any

import pytest

from safe_outputs.answers import Answer, answer_from_json
from safe_outputs.asking import read_answer
from safe_outputs.earlier import present_answer, present_noise, present_plan
from safe_outputs.models import Statistic
from safe_outputs.statistics import canonical, in_words, plan_from_json
from tests.safe_outputs.factories import PRIVATE_COUNT, an_answer
from tests.safe_outputs.house import House

FIRST_PLAN: dict[str, Any] = {
    "kind": "private_count",
    "dataset": "rand_hie",
    "by": "site",
    "groups_per_unit": 1,
    "nano_rho": 50_000_000,
    "where": [],
}
FIRST_NOISE: dict[str, Any] = {
    "mechanism": "discrete Gaussian (OpenDP)",
    "guarantee": "ρ = 0.05 (zero-concentrated), that is ε = 1.472 at δ = 1e-06",
    "scale": 3.162277660171542,
    "accuracy": 7.0,
    "confidence": 0.95,
    "bound": "",
}


def first_answer(house: House) -> dict[str, Any]:
    """An answer as the first release wrote it."""
    value: dict[str, Any] = an_answer(house.store, PRIVATE_COUNT).model_dump(mode="json")
    for later in ("policy", "standing", "preview"):
        del value[later]
    for cell in value["table"]["cells"]:
        del cell["ranges"]
    return value | {"plan": FIRST_PLAN, "noise": FIRST_NOISE}


def condition(column: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"column": column, "operator": operator, "values": list(values)}


WHERE = [
    ([], ""),
    ([condition("site", "==", "Dayton")], "site is Dayton"),
    ([condition("age", ">=", 18), condition("female", "!=", True)], "age is at least 18 and female is not True"),
    ([condition("year", "in", "Year 4", "Year 5")], "year is one of Year 4, Year 5"),
]


@pytest.mark.parametrize(("where", "words"), WHERE)
@pytest.mark.parametrize("by", [None, "site"])
def test_a_first_private_count_asks_the_same(where: list[dict[str, Any]], words: str, by: str | None) -> None:
    plan = plan_from_json(present_plan(FIRST_PLAN | {"where": where, "by": by}))
    said = in_words(plan, "persons")
    assert said.startswith("Differentially private number of persons in rand_hie")
    assert (", by site, each counted in one group at most" in said) == (by is not None)
    assert said.endswith(f", where {words}." if words else ".")


def test_its_noise_keeps_its_accuracy() -> None:
    noise = present_noise(FIRST_NOISE, "persons")
    assert noise["errors"] == [{"measure": "count_units", "error": 7.0, "words": "± 7 persons"}]
    assert noise["guarantee"] == FIRST_NOISE["guarantee"]


def test_a_stored_answer_is_read_and_stays_as_it_is(house: House) -> None:
    value = first_answer(house)
    digest = house.store.put(canonical(value))
    answer = read_answer(house.store, Statistic(answer=digest))
    assert answer.noise is not None
    assert answer.noise.in_words == "± 7 persons"
    assert (answer.policy, answer.standing) == (None, "")
    assert json.loads(house.store.get(digest)) == value


@pytest.mark.parametrize("value", [None, 3, "private_count", [], {"kind": "crosstab"}, {"kind": "unknown"}])
def test_what_is_no_first_plan_or_noise_is_left_alone(value: Any) -> None:
    assert present_plan(value) == value
    assert present_noise(value, "persons") == value


def test_what_this_release_writes_is_read_as_it_is(house: House) -> None:
    answer: Answer = an_answer(house.store, PRIVATE_COUNT)
    value = answer.model_dump(mode="json")
    assert present_answer(value) == value
    assert answer_from_json(present_answer(value)) == answer
    assert present_answer("no answer") == "no answer"
