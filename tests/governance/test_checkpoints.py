"""What a chain that is whole by itself does not show, a checkpoint does; on both kinds of database."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from governance import audit, checkpoints
from governance.audit import AuditEvent, BrokenChain, Head
from governance.checkpoints import Checkpoint, Keeper, Key, MalformedCheckpoint
from governance.database import now, open_database, reading, transaction
from governance.errors import Conflict

KEY = Key.of(b"k" * 32)


@pytest.fixture(autouse=True)
def _three_events(engine: Engine) -> None:
    events(engine, 3)


def events(engine: Engine, number: int, actor: str = "ada") -> None:
    with transaction(engine) as session:
        for each in range(number):
            audit.record(session, actor, "thing.done", f"thing:{each}", number=each)


def signed(engine: Engine) -> Checkpoint:
    with reading(engine) as session:
        return Checkpoint.signed(audit.head(session), KEY, now())


def compare(engine: Engine, checkpoint: Checkpoint) -> None:
    with reading(engine) as session:
        assert audit.verify(session) > 0  # by itself, it is whole
        checkpoints.require_holds(session, checkpoint)


def cut(engine: Engine, after: int) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM audit_event WHERE sequence > {after}"))


def test_a_chain_that_went_on_holds_its_checkpoint(engine: Engine) -> None:
    checkpoint = signed(engine)
    events(engine, 2)
    compare(engine, checkpoint)


def test_events_taken_off_the_end_show(engine: Engine) -> None:
    checkpoint = signed(engine)
    cut(engine, 2)
    with pytest.raises(BrokenChain, match=r"ends with event 2, and had 3 .* older state"):
        compare(engine, checkpoint)


def test_a_chain_that_was_made_anew_shows(engine: Engine) -> None:
    checkpoint = signed(engine)
    cut(engine, 1)
    events(engine, 4, actor="eve")
    with pytest.raises(BrokenChain, match=r"event 3 is not what it was on .* made anew"):
        compare(engine, checkpoint)


def test_a_checkpoint_comes_back_from_its_file_and_no_byte_of_it_can_change(engine: Engine, tmp_path: Path) -> None:
    with reading(engine) as session:
        made = checkpoints.export(session, tmp_path / "checkpoint.json", KEY)
    assert checkpoints.read(tmp_path / "checkpoint.json", KEY) == made
    facts = json.loads((tmp_path / "checkpoint.json").read_bytes())
    for name, other in (
        ("sequence", 2),
        ("hash", "0" * 64),
        ("at", "2026-11-22T00:00:00+00:00"),
        ("signature", "00" * 64),
    ):
        with pytest.raises(MalformedCheckpoint, match="changed after it was signed"):
            Checkpoint.from_json(json.dumps(facts | {name: other}).encode(), KEY.public)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"null", b'{"sequence": "x"}', b"[" * 100_000])
def test_what_is_no_checkpoint_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(MalformedCheckpoint, match="is no checkpoint"):
        checkpoints.read(tmp_path / "file", KEY)


def test_a_checkpoint_of_another_key_is_refused(engine: Engine) -> None:
    with pytest.raises(MalformedCheckpoint, match="another key"):
        Checkpoint.from_json(signed(engine).to_json(), Key.of(b"o" * 32).public)


def test_nothing_is_exported_over_a_file_or_of_a_broken_chain(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with reading(engine) as session, pytest.raises(Conflict, match="not written over"):
        checkpoints.export(session, tmp_path / "there", KEY)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_event SET actor = 'eve' WHERE sequence = 2"))
    with reading(engine) as session, pytest.raises(BrokenChain):
        checkpoints.export(session, tmp_path / "new", KEY)
    assert not (tmp_path / "new").exists()


def test_a_keeper_follows_the_chain_and_keeps_what_it_lost(engine: Engine, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "kept" / "checkpoint.json", KEY, seconds=0)
    assert keeper.newest() is None
    for expected in (3, 5):
        keeper.keep(engine)
        newest = keeper.newest()
        assert newest is not None and newest.head.sequence == expected
        events(engine, 2)
    cut(engine, 4)
    for _ in range(2):
        with pytest.raises(BrokenChain, match="ends with event 4, and had 5"):
            keeper.keep(engine)


def test_a_keeper_looks_once_in_its_time(engine: Engine, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "checkpoint.json", KEY, seconds=1000)
    keeper.keep(engine)
    cut(engine, 1)
    keeper.keep(engine)
    with pytest.raises(BrokenChain):
        Keeper(tmp_path / "checkpoint.json", KEY).keep(engine)


def test_a_sqlite_file_put_back_from_a_backup_shows(tmp_path: Path, engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        cut(engine, 1)  # what a restored dump comes to
        with pytest.raises(BrokenChain):
            compare(engine, Checkpoint.signed(Head(3, "0" * 64), KEY, now()))
        return
    file = tmp_path / "register.sqlite"
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql(f"VACUUM INTO '{tmp_path}/backup.sqlite'")
        connection.exec_driver_sql("BEGIN")
    events(engine, 1)
    checkpoint = signed(engine)
    engine.dispose()
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.sqlite", file)
    restored = open_database(f"sqlite:///{file}")
    with pytest.raises(BrokenChain, match="older state"):
        compare(restored, checkpoint)
    restored.dispose()


def test_an_empty_chain_has_a_checkpoint_too(engine: Engine) -> None:
    cut(engine, 0)
    with transaction(engine) as session:
        assert session.get(AuditEvent, 1) is None
        checkpoint = Checkpoint.signed(audit.head(session), KEY, now())
        checkpoints.require_holds(session, checkpoint)
    events(engine, 1)
    compare(engine, checkpoint)
