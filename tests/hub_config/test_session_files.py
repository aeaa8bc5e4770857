"""The files of a session: private, whole, and nothing of the researcher's is overwritten."""

import json
import stat
from pathlib import Path

import pytest

from hub_config.session_files import remove_sockets, write_files
from hub_config.settings import UnsafeFolder
from tests.hub_config.test_session import a_session


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "first.ipynb").write_text("{}")
    (folder / "catalogue.toml").write_text("")
    return folder


def test_folders_and_files_are_private(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    write_files(session, examples)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in session.private_folders} == {0o700}
    spec = json.loads((session.outside.configuration / "kernels/python3/kernel.json").read_text())
    assert "--disable-userns" in spec["metadata"]["kernel_provisioner"]["config"]["arguments"]
    server = json.loads((session.outside.configuration / "jupyter_server_config.json").read_text())
    assert server["ServerApp"]["sock"] == "/run/saferoom/server/server.sock"
    assert session.server_socket.with_name("server.sock:80").readlink() == Path("server.sock")


def test_writing_again_keeps_the_workspace(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    write_files(session, examples)
    mine = session.outside.work / "examples" / "first.ipynb"
    mine.write_text("mine")
    write_files(session, examples)
    assert mine.read_text() == "mine"
    assert [path.name for path in mine.parent.iterdir()] == ["first.ipynb"]


def test_link_that_a_kernel_put_in_a_folders_place_is_refused(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    write_files(session, examples)
    session.outside.scratch.rmdir()
    session.outside.scratch.symlink_to(tmp_path)
    with pytest.raises(UnsafeFolder):
        write_files(session, examples)


def test_link_in_place_of_the_examples_is_left_alone(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    session.outside.work.mkdir(parents=True, mode=0o700)
    (session.outside.work / "examples").symlink_to(tmp_path / "elsewhere")
    write_files(session, examples)
    assert not (tmp_path / "elsewhere").exists()


def test_sockets_are_taken_away_and_may_be_gone(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    write_files(session, examples)
    remove_sockets(session.sockets)
    remove_sockets(session.sockets)
    assert not session.sockets.exists()


def test_files_of_the_first_version_are_found_where_they_are_now(tmp_path: Path, examples: Path) -> None:
    session = a_session(folder=tmp_path / "session", sockets=tmp_path / "sockets")
    old = tmp_path / "session" / "workspace"
    old.mkdir(parents=True, mode=0o700)
    (tmp_path / "session").chmod(0o700)
    (old / "mine.ipynb").write_text("{}")
    write_files(session, examples)
    assert (session.outside.work / "mine.ipynb").read_text() == "{}"
    assert not old.exists()
