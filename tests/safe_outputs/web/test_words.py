from datetime import UTC, datetime, timedelta

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
    ],
)
def test_what_would_not_show_is_written_out(text: str, expected: str) -> None:
    assert words.visible(text) == expected
    assert words.hidden_characters(text) == expected.count("⟦")
