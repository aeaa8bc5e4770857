from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from safe_outputs.web import words

THEN = datetime(2026, 11, 22, 9, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (-5, "just now"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (3 * 3600, "3 hours ago"),
        (2 * 86400, "2 days ago"),
        (30 * 86400, "4 weeks ago"),
        (100 * 86400, "on 22 November 2026"),
    ],
)
def test_how_long_ago(seconds: int, expected: str) -> None:
    assert words.ago(THEN, THEN + timedelta(seconds=seconds)) == expected


def test_the_exact_time() -> None:
    assert words.exact(THEN) == "22 November 2026, 09:35 UTC"


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ("2026-11-26T00:20", "Europe/Paris", "26 November 2026, 01:20 (Europe/Paris)"),
        ("2026-11-25T23:20", "Europe/Paris", "26 November 2026, 00:20 (Europe/Paris)"),
        # clocks are put back: the hour from two to three comes twice
        ("2026-10-24T23:59", "Europe/Paris", "25 October 2026, 01:59 (Europe/Paris)"),
        ("2026-10-25T00:30", "Europe/Paris", "25 October 2026, 02:30 (Europe/Paris, UTC+2)"),
        ("2026-10-25T01:30", "Europe/Paris", "25 October 2026, 02:30 (Europe/Paris, UTC+1)"),
        ("2026-10-25T02:00", "Europe/Paris", "25 October 2026, 03:00 (Europe/Paris)"),
        ("2026-11-01T04:45", "America/St_Johns", "1 November 2026, 01:15 (America/St_Johns, UTC−3:30)"),
        # clocks are put forward: nothing is said twice, and no time is shown that there was not
        ("2026-03-29T00:59", "Europe/Paris", "29 March 2026, 01:59 (Europe/Paris)"),
        ("2026-03-29T01:00", "Europe/Paris", "29 March 2026, 03:00 (Europe/Paris)"),
        ("2026-04-04T15:10", "Australia/Lord_Howe", "5 April 2026, 01:40 (Australia/Lord_Howe, UTC+10:30)"),
    ],
)
def test_the_exact_time_of_a_zone(moment: str, zone: str, expected: str) -> None:
    assert words.exact(datetime.fromisoformat(moment).replace(tzinfo=UTC), ZoneInfo(zone)) == expected


def test_what_is_long_ago_is_the_zones_day() -> None:
    then = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert words.ago(then, then + timedelta(days=100), ZoneInfo("Europe/Paris")) == "on 1 July 2026"
    assert words.ago(then, then + timedelta(days=100)) == "on 30 June 2026"


@pytest.mark.parametrize(
    ("nano", "expected"), [(0, "0"), (1, "0.000000001"), (20_000_000, "0.02"), (10**9, "1"), (12 * 10**8, "1.2")]
)
def test_rho_loses_no_digit(nano: int, expected: str) -> None:
    assert words.rho(nano) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain – ± ▒ ρ\n\ttext\r\nof two lines", "plain – ± ▒ ρ\n\ttext\nof two lines"),
        ("abc\u202edef", "abc⟦U+202E⟧def"),
        ("a\u200bb\u2066c\x00d\u3164", "a⟦U+200B⟧b⟦U+2066⟧c⟦U+0000⟧d⟦U+3164⟧"),
        ("a\rb\u2028c", "a⟦U+000D⟧b⟦U+2028⟧c"),
        ("a⟦U+202E⟧", "a⟦U+27E6⟧U+202E⟧"),
    ],
)
def test_what_would_not_show_is_written_out(text: str, expected: str) -> None:
    assert words.visible(text) == expected
    assert words.hidden_characters(text) == expected.count("⟦")
