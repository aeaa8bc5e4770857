"""Private plans: one form, one hash, one price; and what is refused before anything is read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import MalformedPrivatePlan, PrivatePlan
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.expressions import Arithmetic, Case, Column, Number, Text, When
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows, CountUnits, Mean, Quantile, Regression, Sum, Variance
from disclosure_control.privacy.mechanisms import NANO
from disclosure_control.privacy.plan import Price, Wanted
from tests.disclosure_control.privacy.shapes import AGE, DATASET, SHAPES, SITE, SPENDING, WARD, adult, key, plan


@pytest.mark.parametrize("shape", SHAPES)
def test_a_plan_is_the_same_after_json(shape: str) -> None:
    asked = SHAPES[shape]
    again = PrivatePlan.from_json(asked.to_json())
    assert again == asked and again.hash == asked.hash and again.to_json() == asked.to_json()
    assert again.cost() == asked.cost() and again.sensitivity() == asked.sensitivity()


def test_the_json_is_canonical_and_complete() -> None:
    text = SHAPES["filtered"].to_json()
    value = json.loads(text)
    assert text == json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert set(value) == {
        "by", "dataset", "groups_per_unit", "measures", "mechanism", "price", "rows_per_unit", "unknown_keys", "where"
    }  # fmt: skip
    assert [each["name"] for each in value["dataset"]["columns"]] == ["age", "spending", "ward"]
    shuffled = json.dumps(dict(reversed(value.items())), indent=3)
    assert PrivatePlan.from_json(shuffled).hash == SHAPES["filtered"].hash


def test_plans_of_before_there_were_margins_keep_their_hashes() -> None:
    old, new = plan(by=[key(SITE)]), plan(by=[key(SITE)], margins=True)
    assert "margins" not in json.loads(old.to_json())
    assert json.loads(new.to_json())["margins"] is True and new.hash != old.hash
    assert PrivatePlan.from_json(json.dumps(json.loads(old.to_json()) | {"margins": False})).hash == old.hash
    assert old.hash == "ed7b5e81f457243b0be1d152da064dab92ad2eb9733f8033ee973a9cde183c5d"


def test_another_question_has_another_hash() -> None:
    assert len({asked.hash for asked in SHAPES.values()}) == len(SHAPES)
    assert plan(rows_per_unit=2).hash != plan(rows_per_unit=3).hash
    dear = plan(price=Price(nano_rho=100_000_001))
    assert dear.hash != plan().hash


def changed(path: list[Any], value: Any, shape: str = "filtered") -> str:
    whole = json.loads(SHAPES[shape].to_json())
    place = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(whole)


REFUSED: dict[str, tuple[str, str]] = {
    "an unknown field": (changed(["budget"], 3), "budget: Extra inputs"),
    "an unknown field deep inside": (changed(["where", "left", "sql"], "1; DROP"), "sql: Extra inputs"),
    "an unknown operation": (changed(["where", "op"], "eval"), "where"),
    "K of zero": (changed(["groups_per_unit"], 0), "groups_per_unit: Input should be greater"),
    "M of zero": (changed(["rows_per_unit"], 0), "rows_per_unit: Input should be greater"),
    "M as text": (changed(["rows_per_unit"], "1"), "rows_per_unit"),
    "a price of zero": (changed(["price", "nano_rho"], 0), "nano_rho: Input should be greater"),
    "a negative price": (changed(["price", "nano_rho"], -5), "nano_rho: Input should be greater"),
    "a price that is no whole number": (changed(["price", "nano_rho"], 0.5), "nano_rho"),
    "a price that is not finite": (
        changed(["price", "nano_rho"], 1).replace('"nano_rho": 1', '"nano_rho": Infinity'),
        "nano_rho",
    ),
    "no price": (changed(["price"], None), "price"),
    "no measures": (changed(["measures"], []), "measures: Tuple should have at least 1 item"),
    "two names alike": (changed(["measures", 0, "name"], "m"), "names that differ"),
    "a key outside the catalogue": (changed(["by", 0, "values"], ["1", "4"]), "“4” is no public value of “k”"),
    "a key named twice": (changed(["by", 0, "values"], ["1", "1"]), "named twice"),
    "columns that it does not use": (
        changed(["dataset", "columns"], [each.model_dump(mode="json") for each in DATASET.columns]),
        "the columns that it uses",
    ),
    "a column that is not there": (changed(["where", "left", "name"], "income"), "income: no column"),
    "a bound that is NaN": (changed(["dataset", "columns", 1, "upper"], "NaN"), "not finite"),
    "a dataset without bounds": (
        json.dumps(json.loads(changed(["dataset", "columns", 1, "upper"], None))), "a bound alone bounds nothing"
    ),
    "bounds the wrong way round": (changed(["dataset", "columns", 1, "lower"], "60"), "lower bound is not below"),
    "no JSON": ("SELECT 1", "is no JSON"),
    "a list": ("[]", "no plan that can be asked for"),
    "a bomb": ("[" * 100_000 + "]" * 100_000, "no JSON|too deeply"),
    "a deep bomb": (changed(["where"], json.loads("[" * 70 + "]" * 70)), "nested too deeply"),
    "a long one": (" " * 1_000_001, "too long"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plan_is_refused_with_the_place(case: str) -> None:
    text, sentence = REFUSED[case]
    with pytest.raises(MalformedPrivatePlan, match=sentence):
        PrivatePlan.from_json(text)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unbounded sum": ({"measures": [Sum(name="s", of=Column(name="unbounded"))]}, "no bounds in the catalogue"),
    "a sum of categories": ({"measures": [Sum(name="s", of=SITE)]}, "needs a number"),
    "a key that is not public": ({"by": [key(AGE)]}, "no public keys. Public keys: none"),
    "a key that is not there": ({"by": [Key(name="k", of=Column(name="income"))]}, "has no column income"),
    "a filter that is no condition": ({"where": AGE}, "needs a condition"),
    "a quantile of 1": ({"measures": [Quantile(name="q", of=AGE, q="1")]}, "between 0 and 1"),
    "a price too small to be split": (
        {"measures": [CountUnits(name="a"), CountRows(name="b")], "price": Price(nano_rho=1)},
        "too small for so many measures",
    ),
    "a regression on itself": ({"measures": [Regression(name="r", of=AGE, on=(AGE,))]}, "variables that differ"),
    "rows that do not fit into 64 bits": (
        {"measures": [Sum(name="s", of=Column(name="wide"))], "rows_per_unit": 100_000},
        "do not fit into 64 bits",
    ),
    "an accuracy of what is not asked": ({"price": Wanted(measure="x", error="1")}, "no measure “x”"),
    "an accuracy that nothing buys": (
        {"measures": [Mean(name="m", of=AGE)], "price": Wanted(measure="m", error="0.000001", group_size=2)},
        "No price buys",
    ),
    "totals of unknown keys": (
        {"by": [key(AGE)], "unknown_keys": SHAPES["unknown keys"].unknown_keys, "margins": True},
        "have no totals. Ask by public keys",
    ),
    "totals over nothing": ({"margins": True}, "Totals need a key"),
    "totals of means": ({"by": [key(SITE)], "measures": [Mean(name="m", of=AGE)], "margins": True}, "Only counts have"),
    "totals of units in several groups": (
        {"by": [key(SITE)], "groups_per_unit": 2, "margins": True},
        "several times in their totals",
    ),
    "totals with a value that is called so": (
        {"by": [key(Case(whens=(When(condition=adult(), value=Text(value="_T")),)))], "margins": True},
        "which is the total's code",
    ),
    "unknown keys without a key": ({"unknown_keys": SHAPES["unknown keys"].unknown_keys}, "need a key"),
}
WIDE_COLUMN = PublicColumn(name="wide", kind="integer", lower=0, upper=2**61, missing=False)
WIDE = PublicDataset(**(dict(DATASET) | {"columns": (*DATASET.columns, WIDE_COLUMN), "most_units": 2**31}))


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_is_refused_with_a_sentence(case: str) -> None:
    facts, sentence = WRONG[case]
    given: dict[str, Any] = {"measures": [CountUnits(name="n")], "price": Price(nano_rho=NANO)} | facts
    with pytest.raises(MalformedPrivatePlan, match=sentence):
        PrivatePlan.of(WIDE, **given)


def test_a_plan_for_another_version_or_with_other_bounds_is_refused() -> None:
    asked = SHAPES["filtered"]
    asked.require_published(DATASET)
    wider = [each.model_copy(update={"upper": 500}) if each.name == "age" else each for each in DATASET.columns]
    for other in (DATASET.model_copy(update={"version": 2}), DATASET.model_copy(update={"columns": tuple(wider)})):
        with pytest.raises(MalformedPrivatePlan, match="another description of visits than the published one"):
            asked.require_published(other)


# ------------------------------------------------------------------------------------------------- price and accuracy


@settings(max_examples=50, deadline=None)
@given(nano=st.integers(100_000, 10**12), shape=st.sampled_from(sorted(SHAPES)))
def test_the_split_is_never_more_than_the_price_and_nearly_all_of_it(nano: int, shape: str) -> None:
    facts = {name: getattr(SHAPES[shape], name) for name in type(SHAPES[shape]).model_fields} | {
        "price": Price(nano_rho=nano)
    }
    cost = PrivatePlan(**facts).cost()
    assert cost.nano_rho == nano
    assert nano - len(cost.split) < sum(cost.split.values()) <= nano


def test_measures_share_what_they_have_in_common() -> None:
    both = plan(measures=[CountRows(name="n"), Mean(name="m", of=AGE), Variance(name="v", of=AGE)])
    assert set(both.cost().split) == {"rows", "moment:m:1", "moment:v:2"}
    summed = plan(measures=[Sum(name="s", of=AGE), Mean(name="m", of=AGE)])
    assert set(summed.cost().split) == {"moment:s:0", "rows"}


def test_a_share_is_a_part_of_the_price() -> None:
    asked = plan(measures=[CountUnits(name="a", share=3), Sum(name="b", of=AGE)], price=Price(nano_rho=4000))
    assert asked.cost().split == {"units": 3000, "moment:b:0": 1000}


def test_k_is_at_most_the_number_of_groups() -> None:
    assert plan(groups_per_unit=7).sensitivity()["units"].l0 == 1
    assert plan(by=[key(WARD)], groups_per_unit=7).sensitivity()["units"].l0 == 3


WANTED = {
    "a count": ([CountUnits(name="x")], "3"),
    "a sum": ([Sum(name="x", of=SPENDING), CountRows(name="n")], "100"),
    "a mean": ([Mean(name="x", of=AGE)], "0.5"),
    "a variance": ([Variance(name="x", of=AGE)], "60"),
    "a median": ([Quantile(name="x", of=AGE)], "20"),
}


@pytest.mark.parametrize("case", WANTED)
def test_a_wanted_accuracy_is_had_at_the_least_price(case: str) -> None:
    measures, error = WANTED[case]
    wanted = plan(by=[key(SITE)], measures=measures, price=Wanted(measure="x", error=error, group_size=800))
    nano = wanted.cost().nano_rho
    assert (wanted.accuracy(800)["x"].error or 0) <= float(error)
    cheaper = plan(by=[key(SITE)], measures=measures, price=Price(nano_rho=nano - 1))
    assert (cheaper.accuracy(800)["x"].error or 0) > float(error)


def test_a_plan_can_be_had_at_another_price() -> None:
    asked = SHAPES["two keys"]
    assert asked.at(asked.cost().nano_rho) == asked
    assert asked.at(77_000_000).cost().nano_rho == 77_000_000


def test_a_lower_price_is_less_accurate() -> None:
    errors = [
        plan(measures=[Mean(name="m", of=AGE)], price=Price(nano_rho=nano)).accuracy()["m"].error or 0
        for nano in (10**6, 10**7, 10**8, 10**9)
    ]
    assert errors == sorted(errors, reverse=True) and errors[0] > errors[-1]


def test_epsilon_and_delta_are_shown_with_rho() -> None:
    cost = plan().cost()
    assert cost.rho == 0.1 and cost.epsilon == pytest.approx(2.142, abs=0.001) and cost.delta == 1e-6
    assert SHAPES["unknown keys"].cost().delta == pytest.approx(2e-6)


def test_constants_are_canonical_in_hashes() -> None:
    one, other = (
        plan(where=adult(), measures=[Sum(name="s", of=Arithmetic(operator="*", left=AGE, right=Number(value=each)))])
        for each in ("0.50", 0.5)
    )
    assert one.hash == other.hash
