"""The counts behind cells: who sees them, that it is on record, that votes are bound to them, where they never are."""

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session as Database

from datasets.catalogue import Catalogue
from datasets.versions import DatasetVersion
from governance.projects import Membership
from safe_outputs.answers import Cell, TableOfCells
from safe_outputs.contents.content import content_hash
from safe_outputs.evidence import underlying
from safe_outputs.evidence.underlying import CountedCell
from safe_outputs.models import Statistic
from safe_outputs.statistics import Crosstab
from tests.safe_outputs.factories import CATALOGUE, CROSSTAB, PRIVATE_COUNT, a_column
from tests.safe_outputs.house import (
    House,
    a_submitted_request,
    an_answered_statistic,
    cast_vote,
    release_next_of,
    the_request,
)
from tests.safe_outputs.web.browser import Browser, Session, sentence_of
from tests.safe_outputs.web.test_seen import views_of

BY_SITE = Crosstab(dataset="rand_hie", dimensions=("site",))
TABLE = TableOfCells(
    dimensions=(a_column("site"),),
    measures=(a_column("persons"), a_column("mean_spending", decimals=2)),
    cells=(
        Cell(codes=("Dayton",), status="published", values=(4_321, 12.5)),
        Cell(codes=("Seattle",), status="primary", reason="fewer than 10 persons", values=(None, None)),
    ),
)
BEHIND = (
    CountedCell(codes=("Dayton",), units=4_321, shares=(0.1234, 0.2, 0.25)),
    CountedCell(codes=("Seattle",), units=7),
)


def a_counted_statistic(house: House, cells: tuple[CountedCell, ...] = BEHIND) -> str:
    """An exact statistic with counts behind it, as the checker would leave it."""
    statistic = an_answered_statistic(house, BY_SITE, table=TABLE)
    counted = underlying.keep(house.store, underlying.underlying(BY_SITE, cells))

    def name(session: Database) -> None:
        session.get_one(Statistic, statistic).underlying = counted

    house.do(name)
    return statistic


def with_terms(house: House, **terms: Any) -> None:
    """Other release terms of the dataset; its answers are then of other terms, which counts do not ask about."""
    value = json.loads(CATALOGUE.to_json())
    value["release"] |= terms
    changed = Catalogue.from_json(json.dumps(value)).to_json()

    def change(session: Database) -> None:
        session.query(DatasetVersion).one().catalogue_json = changed

    house.do(change)


def counts_page(app: Flask, who: str, request: str) -> Any:
    return Browser(app).sign_in(who).get(f"/requests/{request}?counts=1")


def test_a_reviewing_checker_sees_the_units_behind_every_cell(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house)])
    plain = Browser(app).sign_in("cleo").get(f"/requests/{request}")
    assert "n = " not in plain.text
    assert 'href="?counts=1#' in plain.text
    assert "That you looked is recorded." in sentence_of(plain)
    text = sentence_of(counts_page(app, "cleo", request))
    assert "Dayton 4,321 n = 4,321 12.50 n = 4,321 largest 12 % two largest 20 %" in text
    assert "▒ withheld, reason a" in text and "n = 7" in text
    assert "n is the number of persons behind a cell" in text


def test_each_look_at_counts_is_on_record_as_one(app: Flask, house: House) -> None:
    statistic = a_counted_statistic(house)
    request = a_submitted_request(house, [statistic])
    Browser(app).sign_in("cleo").get(f"/requests/{request}")
    counts_page(app, "cleo", request)
    assert [each.detail.get("counts") for each in views_of(house, request)] == [None, [statistic]]


@pytest.mark.parametrize("who", ["rosa", "rui", "olga", "otto", "stan"])
def test_others_see_none(app: Flask, house: House, who: str) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house)])
    page = counts_page(app, who, request)
    assert page.status_code == 403
    assert "n = " not in page.text
    assert "counts=1" not in Browser(app).sign_in(who).get(f"/requests/{request}").text
    assert all("counts" not in each.detail for each in views_of(house, request))


def test_a_checker_who_belongs_to_the_project_sees_none(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house)])
    house.do(lambda session: session.add(Membership(project_id="heron", person_name="cleo")))
    page = counts_page(app, "cleo", request)
    assert page.status_code == 403
    assert "You belong to this project" in sentence_of(page)


def test_after_the_review_nobody_sees_them(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house)])
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    page = counts_page(app, "cleo", request)
    assert page.status_code == 403
    assert "are shown while a request is under review" in sentence_of(page)


def test_a_data_owner_can_keep_them_to_herself(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house)])
    with_terms(house, counts_for_checkers=True)
    assert "n = 7" in counts_page(app, "cleo", request).text
    with_terms(house, counts_for_checkers=False)
    page = counts_page(app, "cleo", request)
    assert "n = 7" not in page.text
    assert "does not let output checkers see the counts" in sentence_of(page)
    assert "counts" not in views_of(house, request)[-1].detail


def test_terms_that_do_not_name_the_switch_keep_their_digest() -> None:
    assert "counts_for_checkers" not in CATALOGUE.to_json()
    value = json.loads(CATALOGUE.to_json())
    value["release"]["counts_for_checkers"] = False
    named = Catalogue.from_json(json.dumps(value))
    assert named.release.digest != CATALOGUE.release.digest
    assert named.release.counts_for_checkers is False


def test_beside_a_private_statistic_of_the_same_people_none_are_shown(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [a_counted_statistic(house), an_answered_statistic(house, PRIVATE_COUNT)])
    page = counts_page(app, "cleo", request)
    assert "n = " not in page.text
    text = sentence_of(page)
    assert "true numbers beside noisy ones would undo the noise" in text
    assert "This statistic has noise, so nobody is shown the true numbers behind it" in text


def test_a_statistic_of_before_says_that_they_were_not_kept(app: Flask, house: House) -> None:
    request = a_submitted_request(house, [an_answered_statistic(house, CROSSTAB)])
    assert "The counts behind this statistic were not kept" in sentence_of(counts_page(app, "cleo", request))


def test_votes_are_bound_to_the_counts(house: House) -> None:
    statistic = a_counted_statistic(house)
    request = a_submitted_request(house, [statistic])
    other = underlying.keep(house.store, underlying.underlying(BY_SITE, BEHIND[:1]))

    def look(session: Database) -> tuple[str | None, str]:
        found = the_request(session, request)
        return found.content_hash, content_hash(session, house.store, found)

    def change(session: Database) -> None:
        session.get_one(Statistic, statistic).underlying = other

    before, same = house.do(look)
    assert before == same
    house.do(change)
    assert house.do(look)[1] != before


def test_counts_that_were_changed_or_are_of_another_statistic_are_not_shown(app: Flask, house: House) -> None:
    statistic = a_counted_statistic(house)
    request = a_submitted_request(house, [statistic])
    of_another = underlying.keep(house.store, underlying.underlying(CROSSTAB, BEHIND))

    def change(session: Database) -> None:
        session.get_one(Statistic, statistic).underlying = of_another

    house.do(change)
    page = counts_page(app, "cleo", request)
    assert page.status_code == 500
    assert "n = " not in page.text


def test_they_are_in_no_package_and_in_nothing_that_the_project_gets(app: Flask, house: House) -> None:
    statistic = a_counted_statistic(house)
    request = a_submitted_request(house, [statistic])
    digest = house.do(lambda session: session.get_one(Statistic, statistic).underlying)
    rosa = Session(app, "rosa", "heron")
    told = [
        rosa.call("GET", f"/statistics/{statistic}").text,
        rosa.call("GET", f"/requests/{request}").text,
        Browser(app).sign_in("rosa").get(f"/requests/{request}").text,
        Browser(app).sign_in("cleo").get(f"/requests/{request}").text,
    ]
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker)
    assert release_next_of(house)
    files = [path for path in (house.folder / "releases").rglob("*") if path.is_file()]
    assert len(files) > 3
    told += [path.read_bytes().decode("utf-8", "replace") for path in files]
    assert not [text for text in told if digest in text or "0.1234" in text or '"units":' in text]
