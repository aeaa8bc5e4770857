"""What a notebook asks for privately: questions that the checker's plans understand, and pictures of the answers."""

import json
import re
from decimal import Decimal
from html import escape
from typing import Any

import pytest

from disclosure_control import PrivatePlan
from disclosure_control.privacy import expressions as nodes
from disclosure_control.privacy import measures
from disclosure_control.privacy.catalogue import PublicColumn, PublicDataset
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.plan import Price, Wanted
from safe_outputs.answers import Answer, Cell, Column, Noise, Quote
from safe_outputs.client import private as so
from safe_outputs.client import room
from safe_outputs.client.asking import Asked
from safe_outputs.client.expressions import derived
from safe_outputs.client.gate import Gate, Refused
from safe_outputs.client.picture import BAR, MOST_LETTERS, MOST_LINES, picture
from safe_outputs.client.room import Room, Source
from safe_outputs.client.showing import as_frame, as_html, as_text, headline
from safe_outputs.statistics import Private, in_words, plan_from_json, plan_hash, plan_to_json
from safe_outputs.store import Store
from tests.safe_outputs.factories import PRIVATE_COUNT, a_charge, a_noise, an_answer

VISITS = Source(
    {
        "name": "rand_hie",
        "table": "visits",
        "columns": [{"name": each} for each in ("site", "year", "female", "age", "spending")],
    }
)
DATASET = PublicDataset(
    name="rand_hie",
    version=1,
    table="visits",
    unit="person",
    columns=(
        PublicColumn(name="site", kind="category", labels=("North", "East"), key=True),
        PublicColumn(name="year", kind="category", labels=("Year 1", "Year 2"), key=True),
        PublicColumn(name="female", kind="boolean", key=True),
        PublicColumn(name="age", kind="integer", lower=0, upper=100),
        PublicColumn(name="spending", kind="decimal", lower=0, upper=500, places=2),
    ),
)
ADULTS = derived(VISITS.age) >= 18

QUESTIONS: dict[str, tuple[so.Question, str]] = {
    "a count": (so.count(VISITS, rho=0.1), "Differentially private number of persons in rand_hie."),
    "a count by a key": (
        so.count(VISITS, by=VISITS.site, where=VISITS.year == "Year 1", rho=0.1),
        "number of persons in rand_hie, by site, each counted in one group at most, where year is Year 1",
    ),
    "records": (so.records(VISITS, rows_per_unit=3, error=20), "number of records in rand_hie"),
    "a sum": (so.total(so.clamp(VISITS.spending, 0, 99.5), rho=0.1), "spending (kept between 0 and 99.5)"),
    "a mean": (so.mean(VISITS.spending, error=12, group_size=800), "mean of spending"),
    "a variance": (so.variance(VISITS.age, rho=0.1), "variance of age"),
    "a deviation": (so.standard_deviation(VISITS.age, rho=0.1, mechanism="laplace"), "standard deviation of age"),
    "a median": (so.median(VISITS.age, rho=0.1, steps=50), "0.5 quantile of age"),
    "a quartile": (so.quantile(VISITS.age, 0.25, rho=0.1), "0.25 quantile of age"),
    "a histogram": (so.histogram(VISITS.age, [18, 65], rho=0.1), "by age (in intervals from 18, 65)"),
    "a table": (so.crosstab(VISITS.site, VISITS.female, groups_per_unit=2, rho=0.1), "by site and female"),
    "a regression": (so.regression(VISITS.spending, [VISITS.age], rho=0.1), "regression of spending on age"),
    "a calculation": (
        so.mean((derived(VISITS.age) - 20) * 2 + VISITS.spending, rho=0.1, where=~(ADULTS & (VISITS.female == True))),  # noqa: E712 - a condition
        "not (age is at least 18 and female is True)",
    ),
    "several values": (
        so.count(VISITS, where=VISITS.year.isin(["Year 1", "Year 2"]) & (VISITS.age < 30), rho=0.1),
        "year is one of Year 1, Year 2 and age is under 30",
    ),
    "persons ever": (
        so.count(VISITS, where=so.per_unit("any", where=VISITS.age > 60), rho=0.1),
        "person (feature: any, where: age is over 60)",
    ),
    "a total of a person": (
        so.mean(so.per_unit("sum", VISITS.spending, lower=0, upper=900), rho=0.1),
        "feature: sum, of: spending",
    ),
    "keys that are not public": (
        so.count(VISITS, by=VISITS.age, unknown_keys=True, rho=0.1),
        "by age (those values that enough persons have), each counted in one group at most",
    ),
    "a table with totals": (
        so.crosstab(VISITS.site, VISITS.female, margins=True, rho=0.1),
        "by site and female, with totals that add up, each counted in one group at most",
    ),
    "several at one price": (so.count(VISITS, rho=0.1) & so.mean(VISITS.age, rho=9), "number of persons, mean of age"),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_the_checker_understands_what_the_notebook_asks(case: str) -> None:
    question, words = QUESTIONS[case]
    plan = question.plan
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan
    asked = PrivatePlan.asked(DATASET, json.dumps(plan.question()))
    assert len(asked.measures) == len(plan.measures)
    assert words in in_words(plan, "persons")
    assert "Not asked yet" in repr(question)


SAME: dict[str, tuple[so.Question, dict[str, Any]]] = {
    "a count by a key of adults": (
        so.count(VISITS, by=VISITS.site, where=VISITS.age >= 18, rho=0.1),
        {
            "measures": [measures.CountUnits(name="count_units")],
            "by": [Key(name="site", of=nodes.Column(name="site"))],
            "where": nodes.Compare(operator=">=", left=nodes.Column(name="age"), right=nodes.Number(value=Decimal(18))),
            "price": Price(nano_rho=100_000_000),
        },
    ),
    "a mean with a wanted accuracy": (
        so.mean(so.clamp(VISITS.spending, 0, 99.50), error=12, group_size=800, rows_per_unit=3, mechanism="laplace"),
        {
            "measures": [
                measures.Mean(
                    name="mean_spending",
                    of=nodes.Clamp(of=nodes.Column(name="spending"), lower=Decimal(0), upper=Decimal("99.5")),
                )
            ],
            "rows_per_unit": 3,
            "mechanism": "laplace",
            "price": Wanted(measure="mean_spending", error=Decimal(12), group_size=800),
        },
    ),
    "a median of one value a person": (
        so.median(so.per_unit("max", VISITS.age), rho=0.25),
        {
            "measures": [
                measures.Quantile(
                    name="quantile_max_age",
                    of=nodes.Person(feature="max", of=nodes.Column(name="age")),
                    q=Decimal("0.5"),
                )
            ],
            "price": Price(nano_rho=250_000_000),
        },
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_the_notebook_and_the_library_make_one_plan_with_one_hash(case: str) -> None:
    question, facts = SAME[case]
    asked = PrivatePlan.asked(DATASET, json.dumps(question.plan.question()))
    assert asked.to_json() == PrivatePlan.of(DATASET, **facts).to_json()
    assert asked.hash == PrivatePlan.of(DATASET, **facts).hash == PrivatePlan.from_json(asked.to_json()).hash


def test_the_same_question_has_one_form() -> None:
    joined = so.count(VISITS, where=(VISITS.age > 1) & (VISITS.age < 9) & (VISITS.female == True), rho=0.1)  # noqa: E712 - a condition
    other = so.count(
        VISITS,
        where=(derived(VISITS.age) > 1) & ((VISITS.age < 9) & (VISITS.female == True)),  # noqa: E712 - a condition
        rho=0.1,
    )
    assert joined.plan == other.plan


WRONG: dict[str, tuple[Any, str]] = {
    "no price": (lambda: so.count(VISITS), "what it may cost"),
    "two prices": (lambda: so.count(VISITS, rho=1, error=1), "what it may cost"),
    "a price of nothing": (lambda: so.count(VISITS, rho=0), "positive number"),
    "an endless price": (lambda: so.count(VISITS, rho=float("inf")), "positive number"),
    "an error of nothing": (lambda: so.count(VISITS, error=-3), "positive number"),
    "an argument that is none": (lambda: so.count(VISITS, epsilon=1), "no such argument"),
    "a frame": (lambda: so.mean(VISITS.age, where=[1, 2], rho=1), "conditions"),
    "other groups together": (lambda: so.count(VISITS, rho=1) & so.count(VISITS, by=VISITS.site, rho=1), "same groups"),
    "a delta for nothing": (lambda: so.count(VISITS, by=VISITS.age, delta=1e-6, rho=1), "Say unknown_keys=True"),
    "a delta of nothing": (
        lambda: so.count(VISITS, by=VISITS.age, unknown_keys=True, delta=0, rho=1),
        "a chance that is very small",
    ),
    "a delta that is certain": (
        lambda: so.count(VISITS, by=VISITS.age, unknown_keys=True, delta=1, rho=1),
        "a chance that is very small",
    ),
    "a feature of nothing": (lambda: so.per_unit("any"), "made of a column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_is_refused_at_once(case: str) -> None:
    make, sentence = WRONG[case]
    with pytest.raises(Refused, match=sentence):
        make()


def answer(tmp_path: Any, **facts: Any) -> Answer:
    cells = tuple(
        Cell(codes=(name,), status="published", values=(value,), ranges=((value - 9.0, value + 9.0),))
        for name, value in (("<North>", 40.0), ("East", -3.0))
    )
    measures = (Column(name="n", label="Persons & more"),)
    table = an_answer(Store(tmp_path), PRIVATE_COUNT).table.model_copy(update={"cells": cells, "measures": measures})
    return an_answer(Store(tmp_path), PRIVATE_COUNT, table=table, **facts)


def test_a_picture_shows_every_interval_and_what_is_left(tmp_path: Any) -> None:
    drawn = picture(answer(tmp_path))
    assert drawn.count("<svg") == 2 and "script" not in drawn
    assert "&lt;North&gt;" in drawn and "Persons &amp; more" in drawn and "<North>" not in drawn
    assert drawn.count('stroke-width="1.5"') == 2, "an error bar for each group"
    assert "this takes the filled part (ρ = 0.02)" in drawn
    assert "ρ = 4.98 left" in drawn and "project heron/rand_hie" in drawn


def test_a_picture_says_in_words_what_it_draws_and_has_the_colour_of_the_text(tmp_path: Any) -> None:
    drawn = picture(answer(tmp_path))
    alternatives = re.findall(r'<svg role="img" aria-label="([^"]*)"', drawn)
    assert alternatives[0] == (
        "Persons &amp; more, with 95 % intervals: &lt;North&gt;: 40 (31 to 49); East: -3 (-12 to 6)."
    )
    assert alternatives[1].endswith("dataset rand_hie: ρ = 4.98 left; project heron/rand_hie: ρ = 0.98 left.")
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawn)) == {"currentColor", "none", BAR}


def test_a_long_name_is_cut_in_the_picture_and_whole_in_its_text(tmp_path: Any) -> None:
    shown = answer(tmp_path)
    name = "A region " * 9 + "& more"
    cells = (shown.table.cells[0].model_copy(update={"codes": (name,)}),)
    drawn = picture(shown.model_copy(update={"table": shown.table.model_copy(update={"cells": cells})}))
    assert f"<title>{escape(name)}</title>" in drawn
    assert f'text-anchor="end" stroke="none">{name[: MOST_LETTERS - 1]}…<' in drawn


def test_many_groups_have_no_picture_and_say_where_the_intervals_are(tmp_path: Any) -> None:
    shown = answer(tmp_path)
    cells = shown.table.cells * MOST_LINES
    drawn = picture(shown.model_copy(update={"table": shown.table.model_copy(update={"cells": cells})}))
    assert drawn.count("<svg") == 1 and "Too many groups" in drawn


def test_a_preview_says_what_it_would_take(tmp_path: Any) -> None:
    quote = Quote(nano_rho=a_charge().nano_rho, remaining=a_charge().remaining)
    shown = answer(tmp_path, charge=None, preview=quote)
    assert "this would take the filled part (ρ = 0.02)" in picture(shown)
    assert "ρ = 4.96 would be left" in picture(shown)
    assert headline(shown) == "preview, with made-up numbers · ± 14 persons at 95 % · would cost ρ = 0.02 of 0.98 left"
    assert not Quote(nano_rho=2, remaining={"a": 9, "b": 1}).fits


def test_a_preview_of_what_is_too_dear_says_so(tmp_path: Any) -> None:
    shown = answer(tmp_path, charge=None, preview=Quote(nano_rho=30, remaining={"dataset:x": 20}))
    assert "dataset x: too much: ρ = 2e-08 is left" in picture(shown)


def test_price_and_accuracy_are_told_by_one_preview(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quote = Quote(nano_rho=20_000_000, remaining={"dataset:x": 20_000_000})
    plans: list[Private] = []

    def asked(make: Any) -> Asked:
        plans.append(make())
        return Asked("s-1", answer(tmp_path, charge=None, preview=quote))

    monkeypatch.setattr(so, "ask", asked)
    monkeypatch.setattr(room, "_present", [Room(Gate("nowhere"), {})])
    assert so.count(VISITS, error=14).price() == 0.02
    assert so.count(VISITS, error=14).accuracy() == {each.measure: each.error for each in a_noise().errors}
    assert [each.preview for each in plans] == [True], "nothing is paid, and the same question is asked once"
    so.count(VISITS, error=15).price()
    assert len(plans) == 2, "another question is another one"
    so.count(VISITS, error=15).preview()
    assert len(plans) == 3, "what is left is told anew"
    monkeypatch.setattr(room, "_present", [Room(Gate("nowhere"), {})])
    so.count(VISITS, error=15).accuracy()
    assert len(plans) == 4, "in another room there may be other data"


def test_an_earlier_question_keeps_its_hash() -> None:
    """Fields that came later are in the plan's JSON where they say something, and nowhere else."""
    assert not {"unknown_keys", "margins"} & plan_to_json(PRIVATE_COUNT).keys()
    assert plan_hash(PRIVATE_COUNT) == "5dcc7c7f7ca54234fc767057b39cf01e8b488d1b40ea862e45395dae401ed059"
    table = so.crosstab(VISITS.site, margins=True, rho=1).plan
    unknown = so.count(VISITS, by=VISITS.age, unknown_keys=True, delta=1e-5, rho=1).plan
    assert plan_to_json(table)["margins"] is True
    assert plan_to_json(unknown)["unknown_keys"] == {"nano_delta": 10_000}
    assert "Costs ρ = 1 and δ = 1e-05." in repr(so.Question(unknown))


def test_a_price_in_delta_is_shown_beside_rho(tmp_path: Any) -> None:
    paid = a_charge().model_copy(update={"nano_delta": 1000, "remaining_delta": {"dataset:rand_hie": 9000}})
    shown = answer(tmp_path, charge=paid)
    assert "ρ = 0.02 and δ = 1e-06 paid, 0.98 left" in headline(shown)
    assert "this takes the filled part (ρ = 0.02 and δ = 1e-06)" in picture(shown)


def test_a_preview_fits_if_both_rho_and_delta_do() -> None:
    left = {"remaining": {"a": 9}, "remaining_delta": {"a": 1000, "b": 999}}
    assert Quote(nano_rho=9, nano_delta=999, **left).fits
    assert not Quote(nano_rho=9, nano_delta=1000, **left).fits
    assert not Quote(nano_rho=9, nano_delta=1, remaining={"a": 9}).fits
    assert Quote(nano_rho=9, remaining={"a": 9}).fits


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_table_of_which_nothing_is_told_says_so(tmp_path: Any, dimensions: int) -> None:
    shown = answer(tmp_path)
    named = tuple(Column(name=f"k{place}", label="Key") for place in range(dimensions))
    empty = shown.model_copy(update={"table": shown.table.model_copy(update={"cells": (), "dimensions": named})})
    assert "no group has enough to be told of" in as_text(empty) and "no group has enough" in as_html(empty)
    assert "Empty" not in as_text(empty) and "<table" not in as_html(empty)
    assert list(as_frame(empty.table).columns) == [*(each.name for each in named), "n", "status"]
    assert len(as_frame(empty.table)) == 0 and picture(empty).count("<svg") == 1


def test_an_exact_answer_has_no_picture(tmp_path: Any) -> None:
    assert picture(an_answer(Store(tmp_path))) == ""


def test_intervals_stand_beside_their_values(tmp_path: Any) -> None:
    frame = as_frame(answer(tmp_path).table)
    assert list(frame.columns) == ["site", "n", "n_low", "n_high", "status"]
    assert list(frame[["n_low", "n", "n_high"]].iloc[0]) == [31, 40, 49]


def test_errors_of_several_measures_are_named() -> None:
    one, noise = a_noise().errors[0], a_noise()
    assert noise.in_words == "± 14 persons"
    both = Noise(mechanism="m", guarantee="g", errors=(one, one.model_copy(update={"measure": "mean", "words": "± 2"})))
    assert both.in_words == "count_units ± 14 persons; mean ± 2"
