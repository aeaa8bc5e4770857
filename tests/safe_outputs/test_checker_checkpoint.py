"""The checker keeps checkpoints of the audit chain, and releases nothing from a register that was put back (I3, I8)."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from disclosure_control.privacy.ledger import Ledger
from governance import audit
from governance.audit import AuditEvent, BrokenChain
from governance.checkpoints import Keeper, Key
from governance.database import transaction
from safe_outputs.checker import worker
from safe_outputs.checker.worker import CheckerSettings
from safe_outputs.models import ReleaseRequest
from safe_outputs.package.keys import SigningKey
from safe_outputs.transitions import RequestState
from tests.safe_outputs.house import House, an_approved_request

KEY = b"l" * 32


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> CheckerSettings:
    settings = CheckerSettings(
        database_url=engine.url.render_as_string(),
        ledger_url=f"sqlite:///{tmp_path}/ledger.sqlite",
        store=tmp_path / "store",
        releases=tmp_path / "releases",
        lock=tmp_path / "lock",
        ledger_key=KEY,
        release_key=lambda: SigningKey(KEY),
        keeper=Keeper(tmp_path / "audit" / "checkpoint.json", Key.of(b"a" * 32), seconds=0),
    )
    Ledger(settings.ledger_url, key=KEY).close()
    return settings


def started_and_stopped(settings: CheckerSettings) -> None:
    stop = threading.Event()
    stop.set()
    worker.run(settings, stop)


def newest(settings: CheckerSettings) -> int:
    kept = settings.keeper.newest() if settings.keeper else None
    assert kept is not None
    return kept.head.sequence


def test_the_checker_keeps_a_checkpoint_as_it_starts_and_while_it_works(
    house: House, settings: CheckerSettings
) -> None:
    with transaction(house.engine) as session:
        end = audit.head(session).sequence
    started_and_stopped(settings)
    assert newest(settings) == end
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    worker.run(settings, stop)
    assert newest(settings) > end


def test_a_register_that_was_put_back_stops_the_checker_before_it_releases(
    house: House, settings: CheckerSettings
) -> None:
    request = an_approved_request(house)
    started_and_stopped(settings)
    with transaction(house.engine) as session:
        session.execute(delete(AuditEvent).where(AuditEvent.sequence >= newest(settings)))
    with pytest.raises(BrokenChain, match="older state"):
        worker.run(settings, threading.Event())
    with transaction(house.engine) as session:
        assert session.get_one(ReleaseRequest, request).state is RequestState.APPROVED
