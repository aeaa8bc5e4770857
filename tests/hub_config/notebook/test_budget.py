"""The day's budget survives restarts, and is never behind what crossed."""

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_config.notebook.budget import RESERVE, STEP, Budget
from hub_config.notebook.outputs import not_shown
from hub_config.notebook.recorder import HELD_BACK, Recorder
from hub_config.notebook.way_out import NOT_RECORDED, WayOut, way_out_of
from tests.hub_config.notebook.server import ear

MIB = 1 << 20
TODAY, TOMORROW = date(2026, 11, 25), date(2026, 11, 26)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "shown-today.json"


def a_budget(ledger: Path, most: int = MIB, day: date = TODAY) -> Budget:
    return Budget(ledger, most, lambda: day)


def test_bytes_are_counted_until_they_are_used_up(ledger: Path) -> None:
    budget = a_budget(ledger)
    assert budget.take(MIB - 10) and not budget.used_up
    assert not budget.take(11)
    assert budget.used_up and not budget.take(1)


def test_a_restart_refills_nothing(ledger: Path) -> None:
    a_budget(ledger).take(MIB - 10)
    assert not a_budget(ledger).take(11)
    assert a_budget(ledger).used_up


def test_a_restart_loses_at_most_one_step(ledger: Path) -> None:
    a_budget(ledger, 10 * MIB).take(1)
    assert a_budget(ledger, 10 * MIB).used == 1 + STEP


@given(sizes=st.lists(st.one_of(st.integers(0, 4 * STEP), st.none()), max_size=30))
def test_no_sequence_of_outputs_and_restarts_overspends(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int | None]
) -> None:
    """None stands for a server that is killed and started again."""
    ledger = tmp_path_factory.mktemp("ledger") / "shown.json"
    budget, crossed = a_budget(ledger), 0
    for size in sizes:
        if size is None:
            budget = a_budget(ledger)
        elif budget.take(size):
            crossed += size
    assert crossed <= MIB
    assert a_budget(ledger).used >= crossed


def test_it_is_refilled_the_next_day_and_not_by_a_clock_that_goes_back(ledger: Path) -> None:
    a_budget(ledger, day=TOMORROW).take(2 * MIB)
    assert a_budget(ledger, day=TODAY).used_up
    assert not a_budget(ledger, day=date(2026, 11, 27)).used_up


def test_a_day_turns_while_the_server_runs(ledger: Path) -> None:
    days = [TODAY, TODAY]
    budget = Budget(ledger, MIB, lambda: days[-1])
    assert not budget.take(2 * MIB)
    days.append(TOMORROW)
    assert budget.take(10)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"day": "x", "bytes": 0}', '{"day": "2026-11-25", "bytes": "x"}', "\0"]
)
def test_a_ledger_that_cannot_be_read_is_used_up(ledger: Path, content: str) -> None:
    ledger.write_text(content)
    assert a_budget(ledger).used_up


def test_a_ledger_that_cannot_be_written_is_used_up(tmp_path: Path) -> None:
    budget = a_budget(tmp_path / "gone" / "shown.json")
    assert not budget.take(1)
    assert budget.used_up


def test_what_crosses_in_any_case_is_counted(ledger: Path) -> None:
    budget = a_budget(ledger)
    assert budget.count(MIB) and budget.used_up
    assert json.loads(ledger.read_text())["bytes"] >= MIB
    assert budget.count(MIB // RESERVE)
    assert not budget.count(1)


@pytest.fixture
def socket() -> Path:
    return Path("/tmp") / f"ear-{secrets.token_hex(4)}"


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen within ten seconds")


def test_events_are_told_at_most_once_a_minute_and_kind(socket: Path) -> None:
    now = [0.0]

    async def tell() -> None:
        recorder = Recorder(str(socket), lambda: now[0])
        for _ in range(5):
            recorder.note(HELD_BACK, "stream", bytes="1")
        recorder.note(HELD_BACK, "comm", bytes="2")
        now[0] = 61
        recorder.note(HELD_BACK, "stream", bytes="3")
        await until(lambda: not recorder.busy)

    with ear(socket) as hub:
        asyncio.run(tell())
    assert sorted((each["detail"]["kind"], each["detail"]["times"], each["detail"]["bytes"]) for each in hub.heard) == [
        ("comm", "1", "2"),
        ("stream", "1", "1"),
        ("stream", "5", "3"),
    ]
    socket.unlink()


def test_while_an_event_cannot_be_told_nothing_crosses(
    socket: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_config.notebook.recorder.SECONDS_BETWEEN_TRIES", 0.01)

    async def tell() -> None:
        way_out = WayOut(a_budget(ledger), Recorder(str(socket)))
        assert way_out.why_not(10) is None
        hub.status = 503
        way_out.held_back([not_shown("comm", 5)])
        await until(lambda: way_out.recorder.failing)
        assert way_out.why_not(10) == NOT_RECORDED
        hub.status = 204
        await until(lambda: not way_out.recorder.failing)
        assert way_out.why_not(10) is None

    with ear(socket) as hub:
        asyncio.run(tell())
    assert hub.kinds(HELD_BACK) == ["comm"]
    socket.unlink()


def test_a_hub_that_is_not_there_holds_everything_back(
    socket: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_config.notebook.recorder.SECONDS_BETWEEN_TRIES", 0.01)

    async def tell() -> None:
        way_out = WayOut(a_budget(ledger), Recorder(str(socket)))
        assert way_out.why_not(2 * MIB) == way_out.used_up_sentence
        await until(lambda: way_out.recorder.failing)
        assert way_out.why_not(1) == NOT_RECORDED
        await way_out.recorder.close()

    asyncio.run(tell())


def test_a_server_without_its_lock_shows_nothing() -> None:
    with pytest.raises(RuntimeError, match="without its lock"):
        way_out_of({})
