"""The documentation lists each attempt and what stops it."""

from tests.hub_config.escape.attempt import ATTEMPTS, Family
from tests.hub_config.escape.documentation import FEWEST, PAGE, written


def test_page_lists_every_attempt() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run: python -m tests.hub_config.escape.documentation"


def test_every_family_is_attempted_and_there_are_enough() -> None:
    assert {row.family for row in ATTEMPTS.values()} == set(Family)
    assert len(ATTEMPTS) >= FEWEST
