from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import Invalid
from governance.zones import is_ambiguous, name_of, require_zone, zone_named, zones

SPAN = (datetime(1990, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 - hypothesis takes naive ends


def test_utc_comes_first_and_places_follow() -> None:
    assert zones()[0] == "UTC"
    assert {"Europe/Paris", "America/St_Johns", "Pacific/Chatham", "Asia/Kathmandu"} <= set(zones())
    assert not {"EST5EDT", "Etc/GMT+5", "GMT", "localtime"} & set(zones())


@pytest.mark.parametrize("name", ["", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "EST5EDT", "europe/paris"])
def test_what_is_no_zone_is_refused_and_shown_as_utc(name: str) -> None:
    with pytest.raises(Invalid, match="no time zone"):
        require_zone(name)
    if name not in {"EST5EDT", "europe/paris"}:
        assert zone_named(name) is UTC


def test_a_zone_knows_its_name() -> None:
    assert all(name_of(zone_named(name)) == name for name in zones())


@given(moment=st.datetimes(*SPAN), name=st.sampled_from(zones()))
def test_a_time_is_ambiguous_exactly_when_another_moment_near_it_reads_the_same(moment: datetime, name: str) -> None:
    moment, zone = moment.replace(tzinfo=UTC), zone_named(name)
    local = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    others = (moment + timedelta(minutes=m) for m in range(-24 * 60, 24 * 60 + 1, 30) if m)
    twice = any(each.astimezone(zone).replace(tzinfo=None, fold=0) == local for each in others)
    assert is_ambiguous(moment, zone) == twice
