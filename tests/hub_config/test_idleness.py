"""When a session that nobody uses is ended."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hub_config.idleness import announcement, why_idle

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LIMIT = timedelta(hours=2)


@pytest.mark.parametrize("ago", [timedelta(0), LIMIT, timedelta(hours=-1)])
def test_a_session_in_use_goes_on(ago: timedelta) -> None:
    assert why_idle(NOW - ago, NOW, LIMIT) is None


def test_a_session_ends_after_the_limit_and_says_what_to_do() -> None:
    reason = why_idle(NOW - LIMIT - timedelta(seconds=1), NOW, LIMIT)
    assert reason is not None
    assert "for 2 hours" in reason and "Your files are kept; start it again" in reason


def test_a_time_without_a_zone_is_in_utc_and_one_with_a_zone_is_what_it_is() -> None:
    assert why_idle(datetime(2026, 11, 25, 10, 0), NOW, LIMIT) is None  # noqa: DTZ001 - as the hub's database has it
    assert why_idle(datetime(2026, 11, 25, 9, 59, 59), NOW, LIMIT) is not None  # noqa: DTZ001
    east = timezone(timedelta(hours=5))
    assert why_idle(datetime(2026, 11, 25, 15, 0, tzinfo=east), NOW, LIMIT) is None
    assert why_idle(datetime(2026, 11, 25, 14, 59, tzinfo=east), NOW, LIMIT) is not None


def test_a_session_in_which_nothing_was_seen_yet_goes_on() -> None:
    assert why_idle(None, NOW, LIMIT) is None


def test_the_start_page_says_it_beforehand() -> None:
    assert "ends after 90 minutes; your files are kept" in announcement(timedelta(minutes=90))
