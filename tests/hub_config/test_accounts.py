"""As whom sessions run: numbers of their own where Saferoom is root, this user otherwise."""

import os
import stat
from pathlib import Path

import pytest

from hub_config import accounts
from hub_config.accounts import FIRST, account_of, hand_over
from hub_config.session import Copy, Session
from hub_config.session_files import write_files
from hub_config.settings import UnsafeFolder
from tests.hub_config.test_session import a_session

root = os.geteuid() == 0


def session_in(folder: Path, person: str = "ada", project: str = "heron", **facts: object) -> Session:
    for name in ("sessions", "projects", "sockets"):
        (folder / name).mkdir(exist_ok=True)
    return a_session(
        person=person,
        project=project,
        folder=folder / "sessions" / f"{person}--{project}",
        shared=folder / "projects" / project,
        incoming=folder / "incoming" / project,
        sockets=folder / "sockets" / f"{person}{project}",
        **facts,
    )


def test_an_account_is_kept_and_no_two_sessions_share_one(tmp_path: Path) -> None:
    sessions = [session_in(tmp_path, person, project) for person in ("ada", "bert") for project in ("heron", "wren")]
    made = [account_of(session) for session in sessions]
    assert [account_of(session) for session in sessions] == made
    if not root:
        assert {(each.uid, each.gid, each.drop) for each in made} == {(os.geteuid(), os.getegid(), False)}
        return
    assert len({each.uid for each in made}) == 4 and min(each.uid for each in made) == FIRST
    assert made[0].gid == made[2].gid != made[1].gid
    assert all(each.drop for each in made)


def test_what_belongs_to_a_session_is_handed_over_and_no_more(tmp_path: Path) -> None:
    copy = tmp_path / "visits.duckdb"
    copy.write_text("")
    copy.chmod(0o440)
    session = session_in(tmp_path, copies=(Copy("visits", 1, 1, copy),))
    account = account_of(session)
    examples = tmp_path / "examples"
    examples.mkdir()
    (examples / "first.ipynb").write_text("{}")
    write_files(session, examples, owner=account.uid)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not theirs")
    (session.outside.work / "link").symlink_to(elsewhere)
    hand_over(session, account)
    write_files(session, examples, owner=account.uid)
    assert {folder.stat().st_uid for folder in session.private_folders} == {account.uid}
    assert (session.outside.work / "examples" / "first.ipynb").stat().st_uid == account.uid
    assert elsewhere.stat().st_uid == os.geteuid()
    assert copy.stat().st_uid == os.geteuid() and copy.stat().st_gid == account.gid
    assert stat.S_IMODE(copy.stat().st_mode) == 0o440


def test_members_of_a_project_share_its_folder_alone(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    account = account_of(session)
    found = session.shared.stat()
    assert found.st_gid == account.gid
    assert stat.S_IMODE(found.st_mode) & 0o007 == 0


@pytest.mark.parametrize("planted", ["link", "file"])
def test_something_else_in_a_folders_place_is_refused(tmp_path: Path, planted: str) -> None:
    session = session_in(tmp_path)
    if planted == "link":
        session.shared.symlink_to(tmp_path)
    else:
        session.shared.write_text("")
    with pytest.raises(UnsafeFolder if root else (UnsafeFolder, FileExistsError)):
        account_of(session)


@pytest.mark.skipif(not root, reason="an ordinary user cannot give folders away")
def test_a_number_that_is_no_sessions_is_refused(tmp_path: Path) -> None:
    session = session_in(tmp_path)
    session.folder.mkdir()
    os.chown(session.folder, 1234, 1234)
    with pytest.raises(UnsafeFolder, match="1234"):
        account_of(session)


@pytest.mark.skipif(not root, reason="an ordinary user cannot give folders away")
def test_when_all_numbers_are_used_nothing_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "LAST", FIRST)
    account_of(session_in(tmp_path, "ada"))
    with pytest.raises(UnsafeFolder, match="in use"):
        account_of(session_in(tmp_path, "bert"))
