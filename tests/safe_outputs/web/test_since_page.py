"""What changed since the reader's last vote, as the page shows it: marked by sign and words, and inert."""

import re

from flask import Flask
from sqlalchemy import delete

from safe_outputs.answers import Cell, TableOfCells
from safe_outputs.models import RequestTurn
from safe_outputs.transitions import Vote
from safe_outputs.web.differences import MOST_ROWS
from tests.safe_outputs.factories import CODE, PRIVATE_COUNT, a_column, a_cross_table
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, cast_vote, submit
from tests.safe_outputs.test_submissions import edit
from tests.safe_outputs.web.browser import Browser

HOSTILE = "<script>alert(1)</script>\u202e"


def section(page: str, heading: str = "since") -> str:
    found = re.search(rf'<section aria-labelledby="{heading}".*?</section>', page, re.DOTALL)
    assert found is not None
    return found.group()


def text_of(part: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))


def changed(house: House, old: TableOfCells, new: TableOfCells, **changes: str) -> str:
    """A request whose table was `old` when cleo and carl voted, and is `new` in the second turn."""
    request = a_submitted_request(house, [an_answered_statistic(house, table=old)])
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Please change it.")
    edit(house, request, [an_answered_statistic(house, table=new, code=changes.pop("code", CODE))], **changes)
    submit(house, request)
    return request


def test_each_changed_cell_has_a_sign_and_a_word_and_the_others_are_counted(app: Flask, house: House) -> None:
    old = a_cross_table(("Dayton", "Seattle"), ("free", "25 %"), withheld=[("Dayton", "25 %")])
    new = a_cross_table(("Dayton", "Seattle"), ("free", "25 %"), withheld=[("Seattle", "25 %")])
    request = changed(house, old, new)
    page = Browser(app).sign_in("cleo").get(f"/requests/{request}").text
    found = text_of(section(page))
    assert "What changed since your last vote" in found
    assert "1 statistic changed." in found
    assert "You last voted in turn 1." in found
    assert "○ no longer withheld Dayton 25 % before: ▒ withheld now: 107" in found
    assert "▒ now withheld: fewer than 10 persons Seattle 25 % before: 121 now: ▒ withheld" in found
    assert "2 cells unchanged." in found
    assert "Dayton free" not in found


def test_how_much_a_number_changed_is_told_with_its_sign(app: Flask, house: House) -> None:
    old = a_cross_table(("Dayton", "Seattle"), ("free",))
    cells = (old.cells[0].model_copy(update={"values": (99, 185.0)}), old.cells[1])
    request = changed(house, old, old.model_copy(update={"cells": cells}))
    found = text_of(section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text))
    assert "≠ changed Dayton free before: 100 now: 99 (−1) before: 180.25 now: 185.00 (+4.75)" in found


def test_new_and_lost_categories_are_told(app: Flask, house: House) -> None:
    request = changed(house, a_cross_table(("Dayton",), ("free",)), a_cross_table(("Seattle",), ("free",)))
    found = text_of(section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text))
    assert "Site has a new category: Seattle." in found
    assert "Site no longer has the category Dayton." in found
    assert "+ new cell Seattle free before: not there now: 100" in found
    assert "− gone Dayton free before: 100 now: not there" in found


def test_words_and_code_are_compared_and_inert(app: Flask, house: House) -> None:
    table = a_cross_table()
    title = f"Another {HOSTILE} title"
    request = changed(house, table, table, title=title, code=f"{CODE}\nmore = '{HOSTILE}'")
    for who in ("cleo", "cora", "rosa"):
        page = Browser(app).sign_in(who).get(f"/requests/{request}").text
        assert "<script" not in page and "\u202e" not in page
        found = section(page)
        assert "1 text of the request changed, 1 statistic changed." in text_of(found)
        assert re.search(r"<h3[^>]*>Title</h3>", found)
        assert "Another <ins" in found
        assert '<ins class="sr-ins">+ more = ' in found
        assert "  ⋯" not in text_of(found) or "unchanged" in text_of(found)
        heading = "What changed since your last vote" if who == "cleo" else "What changed since turn 1"
        assert heading in text_of(found)


def test_statistics_that_came_went_and_stayed_are_listed(app: Flask, house: House) -> None:
    stays, goes = an_answered_statistic(house), an_answered_statistic(house, table=a_cross_table(("Dayton",)))
    comes = an_answered_statistic(house, PRIVATE_COUNT)
    request = a_submitted_request(house, [stays, goes])
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Please change it.")
    edit(house, request, [comes, stays])
    submit(house, request)
    found = section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text)
    assert "1 statistic was added, 1 statistic was removed, 1 statistic is as it was." in text_of(found)
    assert re.findall(r'href="#(s-[0-9a-f]+)"', found) == [comes, stays]


def test_nothing_is_shown_where_there_is_nothing_to_compare_with(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    for who in ("cleo", "rosa"):
        page = Browser(app).sign_in(who).get(f"/requests/{request}").text
        assert 'id="since"' not in page and "#since" not in page
    cast_vote(house, request, "cleo")
    found = text_of(section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text))
    assert "Nothing changed." in found
    assert 'id="since"' not in Browser(app).sign_in("carl").get(f"/requests/{request}").text


def test_a_turn_that_was_not_kept_is_said_to_be_so(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    for checker in ("cleo", "carl"):
        cast_vote(house, request, checker, Vote.REQUEST_CHANGES, "Please change it.")
    house.do(lambda session: session.execute(delete(RequestTurn)))
    submit(house, request)
    found = text_of(section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text))
    assert "What turn 1 held was not kept" in found
    assert "Nothing changed." not in found


def test_what_is_cut_is_said_to_be(app: Flask, house: House) -> None:
    def table(value: int) -> TableOfCells:
        cells = tuple(Cell(codes=(f"{n}",), status="published", values=(value,)) for n in range(MOST_ROWS + 3))
        return TableOfCells(dimensions=(a_column("site"),), measures=(a_column("persons"),), cells=cells)

    request = changed(house, table(50), table(51))
    found = text_of(section(Browser(app).sign_in("cleo").get(f"/requests/{request}").text))
    assert "3 more changed cells are not listed here. The whole table stands below." in found
    assert found.count("≠ changed") == MOST_ROWS
