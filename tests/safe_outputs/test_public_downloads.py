"""Downloads without signing in: every one is counted, and nobody fills the audit chain with them."""

from datetime import datetime, timedelta

import pytest

from governance import audit
from governance.audit import Happened
from governance.database import now, reading
from safe_outputs.models import PublicDownload
from safe_outputs.releases import downloads, public_downloads
from safe_outputs.releases.public_downloads import COUNTED, DOWNLOADED, count_past_hours, hour_of
from tests.safe_outputs.factories import TODAY
from tests.safe_outputs.house import House, an_approved_request, release_next_of


@pytest.fixture
def release(house: House) -> str:
    request = an_approved_request(house)
    assert release_next_of(house)
    return request


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The present moment, to be put forward."""
    times = [hour_of(now()) + timedelta(minutes=1)]
    monkeypatch.setattr(public_downloads, "now", lambda: times[-1])
    return times


def take(house: House, release: str, file: str = "1-crosstab.csv", times: int = 1, who: str | None = None) -> None:
    for _ in range(times):
        house.do(
            lambda session: downloads.record_download(
                session, downloads.find_release(session, release), who, file, TODAY
            )
        )


def told(house: House, release: str) -> list[tuple[str, str, int]]:
    with reading(house.engine) as session:
        audit.verify(session)
        events: list[Happened] = audit.events_about(session, f"release:{release}")
        return [(each.action, each.detail["file"], each.detail.get("times", 1)) for each in events]


def test_the_first_of_an_hour_is_an_event_and_the_others_are_counted(
    house: House, release: str, clock: list[datetime]
) -> None:
    take(house, release, times=50)
    take(house, release, "release.json")
    assert told(house, release) == [(DOWNLOADED, "1-crosstab.csv", 1), (DOWNLOADED, "release.json", 1)]
    with reading(house.engine) as session:
        assert downloads.how_often(session, release) == 51
        shown = downloads.downloads_of(session, release)
    assert [(each.who, each.file, each.times) for each in shown] == [
        ("public", "release.json", 1),
        ("public", "1-crosstab.csv", 50),
    ]


def test_an_hour_that_is_over_is_told_once_with_its_number(house: House, release: str, clock: list[datetime]) -> None:
    take(house, release, times=3)
    take(house, release, "release.json")
    clock.append(clock[-1] + timedelta(hours=1))
    assert house.do(count_past_hours) == 2
    assert house.do(count_past_hours) == 0
    assert told(house, release)[2:] == [(COUNTED, "1-crosstab.csv", 3)]
    take(house, release, times=2)
    with reading(house.engine) as session:
        assert downloads.how_often(session, release) == 6
    assert told(house, release)[3:] == [(DOWNLOADED, "1-crosstab.csv", 1)]


def test_the_next_download_tells_of_hours_that_nobody_told(house: House, release: str, clock: list[datetime]) -> None:
    take(house, release, times=2)
    clock.append(clock[-1] + timedelta(hours=5))
    take(house, release, "release.json")
    assert told(house, release)[1:] == [(COUNTED, "1-crosstab.csv", 2), (DOWNLOADED, "release.json", 1)]


def test_who_is_signed_in_is_named_each_time(house: House, release: str, clock: list[datetime]) -> None:
    take(house, release, times=3, who="rosa")
    assert told(house, release) == [(DOWNLOADED, "1-crosstab.csv", 1)] * 3


def test_downloads_of_before_there_were_counts_are_one_each(house: House, release: str) -> None:
    for _ in range(2):
        house.do(lambda session: audit.record(session, "public", DOWNLOADED, f"release:{release}", file="a.csv"))
    with reading(house.engine) as session:
        assert downloads.how_often(session, release) == 2
        assert [each.times for each in downloads.downloads_of(session, release)] == [1, 1]


def test_nothing_is_counted_that_is_not_handed_out(house: House, release: str) -> None:
    with pytest.raises(RuntimeError, match="killed"):
        house.do(_killed_after_it(release))
    with reading(house.engine) as session:
        assert session.query(PublicDownload).count() == 0
    assert told(house, release) == []


def _killed_after_it(release: str):
    def step(session) -> None:
        public_downloads.record(session, release, "1-crosstab.csv")
        raise RuntimeError("killed")

    return step
