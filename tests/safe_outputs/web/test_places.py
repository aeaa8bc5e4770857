"""Which statistics are on a request's page, and that every other is one link away; without JavaScript."""

import re

import pytest
from flask import Flask

from safe_outputs.transitions import Vote
from safe_outputs.web.places import MOST_AT_ONCE, places
from tests.safe_outputs.factories import a_cross_table
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, cast_vote
from tests.safe_outputs.web.browser import Browser, sentence_of

FEW = {f"s-{n}": n for n in range(1, 4)}
MANY = {f"s-{n}": n for n in range(1, MOST_AT_ONCE + 2)}
JUST = {f"s-{n}": n for n in range(1, MOST_AT_ONCE + 1)}

ASKED = [
    (FEW, "", (1, 2, 3), None),
    (FEW, "2", (2,), 2),
    (FEW, "4", (1, 2, 3), None),
    (FEW, "nonsense", (1, 2, 3), None),
    (FEW, "²", (1, 2, 3), None),
    (FEW, "9" * 5000, (1, 2, 3), None),
    (JUST, "", tuple(range(1, MOST_AT_ONCE + 1)), None),
    (MANY, "", (), None),
    (MANY, "0", (), None),
    (MANY, "all", tuple(range(1, MOST_AT_ONCE + 2)), None),
    (MANY, "9", (9,), 9),
    ({}, "", (), None),
]


@pytest.mark.parametrize(("numbers", "item", "read", "one"), ASKED)
def test_what_is_read(numbers: dict[str, int], item: str, read: tuple[int, ...], one: int | None) -> None:
    found = places(numbers, item, counts=False)
    assert (found.read, found.one) == (read, one)
    assert found.overview == (bool(numbers) and not read)


def test_where_the_others_are_read() -> None:
    one = places(FEW, "2", counts=True)
    assert (one.before, one.after) == (1, 3)
    assert one.to("s-2") == "#s-2"
    assert one.to("s-3") == "?item=3&counts=1"
    assert one.with_counts("s-2") == "?item=2&counts=1#s-2"
    ends = [places(FEW, end, counts=False) for end in ("1", "3")]
    assert [(each.before, each.after) for each in ends] == [(None, 2), (2, None)]
    assert places(MANY, "all", counts=False).with_counts("s-1") == "?item=all&counts=1#s-1"
    assert places(FEW, "", counts=False).with_counts("s-1") == "?counts=1#s-1"


def a_long_request(house: House) -> str:
    tables = [a_cross_table(("Dayton", "Seattle"), ("free",)) for _ in MANY]
    return a_submitted_request(house, [an_answered_statistic(house, table=each) for each in tables])


def test_a_long_request_is_listed_and_read_one_by_one_to_its_end(app: Flask, house: House) -> None:
    request = a_long_request(house)
    browser = Browser(app).sign_in("cleo")
    overview = browser.get(f"/requests/{request}")
    assert "As it would be published" not in overview.text
    assert "9 statistics, to be read one by one" in sentence_of(overview)
    assert f"Approve these {len(MANY)} statistics" in overview.text
    read, path = [], "?item=1"
    while path:
        page = browser.get(f"/requests/{request}{path}").text
        assert page.count("As it would be published") == 1
        read += re.findall(r'<h2[^>]*id="(s-[0-9a-f]+)"', page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = found.group(1) if found else ""
    assert len(set(read)) == len(MANY)
    assert "That was the last one: to your vote" in page
    every = browser.get(f"/requests/{request}?item=all").text
    assert every.count("As it would be published") == len(MANY)
    for part in ("why", "before", "history"):
        assert f'id="{part}"' in overview.text and f'id="{part}"' not in page


def test_every_link_of_every_page_of_a_request_leads_somewhere(app: Flask, house: House) -> None:
    request = a_long_request(house)
    browser = Browser(app).sign_in("cleo")
    for path in ("", "?item=4", "?item=all"):
        page = browser.get(f"/requests/{request}{path}").text
        names = set(re.findall(r'\bid="([^"]+)"', page))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= names
        for link in set(re.findall(r'href="(\?[^"#]*)', page)):
            assert browser.get(f"/requests/{request}{link}").status_code == 200


def test_the_reader_sees_her_own_vote_beside_the_list(app: Flask, house: House) -> None:
    request = a_submitted_request(house)
    assert "You have not voted in this turn." in sentence_of(Browser(app).sign_in("cleo").get(f"/requests/{request}"))
    cast_vote(house, request, "cleo", Vote.REQUEST_CHANGES, "Please merge.")
    assert "You asked for changes in this turn." in sentence_of(
        Browser(app).sign_in("cleo").get(f"/requests/{request}")
    )
    for who in ("carl", "rosa"):
        text = sentence_of(Browser(app).sign_in(who).get(f"/requests/{request}"))
        assert "You asked for changes" not in text
