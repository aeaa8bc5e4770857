"""Earlier releases on the page of a request: laid out, marked where they are too close, inert and linked."""

import re

from flask import Flask

from safe_outputs.answers import TableOfCells
from safe_outputs.web.earlier import MOST_CELLS
from tests.safe_outputs.factories import PRIVATE_COUNT
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic
from tests.safe_outputs.test_beside import ADULTS, BY_BOTH, BY_SITE, a_table, released
from tests.safe_outputs.web.browser import Browser, sentence_of
from tests.safe_outputs.web.test_request_page import HOSTILE


def page_of(app: Flask, house: House, table: TableOfCells, who: str = "cleo") -> str:
    request = a_submitted_request(house, [an_answered_statistic(house, BY_SITE, table=table)])
    return str(Browser(app).sign_in(who).get(f"/requests/{request}").text)


def section(page: str) -> str:
    found = re.search(r"Released before of the same people</h3>.*?</section>", page, re.DOTALL)
    assert found is not None
    return found.group()


def text_of(part: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))


def test_numbers_too_close_are_marked_and_noted(app: Flask, house: House) -> None:
    where = BY_SITE.model_copy(update={"where": ADULTS})
    released(house, where, a_table("site", Seattle=400, Dayton=1_097), title="Adults")
    page = page_of(app, house, a_table("site", Dayton=1_100, Seattle=500))
    found = text_of(section(page))
    assert "1 number differs from those of an earlier release by fewer than 10 persons" in found
    assert "Limit no two populations that differ by fewer than the threshold" in found
    assert "Adults: Persons, by site – ≈ 1 number too close" in found
    assert "Only age is at least 18." in found
    assert "Dayton 1,097 ≈ now 1,100 differs by 3 Seattle 400" in found
    assert '<a class="govuk-link" href="/services/outputs/releases/' in section(page)


def test_without_small_differences_it_is_only_laid_out(app: Flask, house: House) -> None:
    released(house, BY_BOTH, a_table("plan", "site", free__Dayton=40), title="Free plans")
    found = text_of(section(page_of(app, house, a_table("site", Dayton=1_100))))
    assert "Free plans" in found
    assert "≈" not in found and "Limit" not in found
    assert "Of everybody in the data." in found


def test_nothing_before_is_said(app: Flask, house: House) -> None:
    found = text_of(section(page_of(app, house, a_table("site", Dayton=1_100))))
    assert "Nothing that could be subtracted from it was released before." in found


def test_what_is_apart_is_counted_and_not_shown(app: Flask, house: House) -> None:
    released(house, PRIVATE_COUNT, a_table("site", Dayton=1_093))
    page = page_of(app, house, a_table("site", Dayton=1_100))
    assert "1,093" not in page
    assert "1 statistic of the same people released before has noise" in text_of(section(page))


def test_another_projects_team_release_is_not_on_an_authors_page(app: Flask, house: House) -> None:
    released(house, BY_BOTH, a_table("plan", "site", free__Dayton=1_093), title="A team’s", audience="pre_publication")
    for who, there in (("cleo", True), ("rosa", False)):
        assert ("A team’s" in section(page_of(app, house, a_table("site", Dayton=1_100), who))) == there


def test_titles_are_inert(app: Flask, house: House) -> None:
    released(house, BY_BOTH, a_table("plan", "site", free__Dayton=40), title=HOSTILE)
    page = page_of(app, house, a_table("site", Dayton=1_100))
    assert "<script" not in page
    assert "\u202e" not in page


def test_of_a_large_table_the_shared_groups_are_laid_out_and_the_rest_counted(app: Flask, house: House) -> None:
    many = {f"p{n}__Dayton": 20 + n for n in range(MOST_CELLS)} | {"all__Dayton": 5_000}
    released(house, BY_BOTH, a_table("plan", "site", **many))
    found = text_of(section(page_of(app, house, a_table("site", Dayton=1_100))))
    assert f"{MOST_CELLS} cells of groups that the table above does not have are not laid out here." in found
    assert "Total Dayton 5,000" in found
    assert "p7" not in found


def test_together_pages_need_no_earlier_releases(app: Flask, house: House) -> None:
    a_submitted_request(house, [an_answered_statistic(house, PRIVATE_COUNT)])
    assert "Released before of the same people" not in sentence_of(Browser(app).sign_in("cleo").get("/queue/together"))
