"""How much of the disk is used: nothing that a kernel can do hides it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_config.notebook.disk import DEEPEST, ENTRY, TOO_MUCH, kept_open, used

MIB = 2**20


def fill(file: Path, mebibytes: int = 1) -> None:
    file.write_bytes(os.urandom(mebibytes * MIB))


def test_all_below_is_counted_and_links_are_not_followed(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "a" / "b").mkdir(parents=True)
    fill(work / "a" / "b" / "one")
    fill(tmp_path / "elsewhere", 3)
    (work / "link").symlink_to(tmp_path / "elsewhere")
    (work / "folders").symlink_to(tmp_path)
    assert MIB < used(work, 10 * MIB) < 2 * MIB
    assert used(tmp_path / "nothing", MIB) == 0


def test_holes_cost_nothing_and_endless_empty_files_do(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(2**33)
    assert used(tmp_path, MIB) < MIB
    for number in range(300):
        (tmp_path / f"{number}").touch()
    assert used(tmp_path, MIB) > 300 * ENTRY or used(tmp_path, MIB) > MIB


def test_a_folder_that_was_closed_is_counted(tmp_path: Path) -> None:
    """As an ordinary user, since to root no folder is closed."""
    closed = tmp_path / "work" / "closed"
    closed.mkdir(parents=True)
    fill(closed / "hidden")
    closed.chmod(0o300)
    (tmp_path / "work").chmod(0o300)
    place = str(closed.parent)
    code = f"import pathlib; from hub_config.notebook import disk; print(disk.used(pathlib.Path({place!r}), 2**30))"
    if os.geteuid() == 0:
        for path in (closed.parent, closed, closed / "hidden"):
            os.chown(path, 61234, 61234)
        for path in closed.parents:
            if path not in (closed.parent, Path("/"), Path("/tmp")):
                path.chmod(path.stat().st_mode | 0o055)
        code = f"import os; from hub_config.notebook import disk; os.setgid(61234); os.setuid(61234); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert MIB < int(done.stdout) < 2 * MIB


def test_folders_too_deep_for_a_path_are_counted(tmp_path: Path) -> None:
    before = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):  # 6,000 letters: more than a path may have
        os.mkdir("d" * 200, dir_fd=before)
        after = os.open("d" * 200, os.O_RDONLY, dir_fd=before)
        os.close(before)
        before = after
    inside = os.open("hidden", os.O_WRONLY | os.O_CREAT, dir_fd=before)
    os.write(inside, os.urandom(MIB))
    assert used(tmp_path, 10 * MIB) > MIB
    for _ in range(DEEPEST):
        os.mkdir("d", dir_fd=before)
        after = os.open("d", os.O_RDONLY, dir_fd=before)
        os.close(before)
        before = after
    os.close(before)
    os.close(inside)
    assert used(tmp_path, 10 * MIB) >= TOO_MUCH


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that keeps a file open that has no name any more."""
    code = (
        "import os, sys\nf = open('gone', 'wb'); f.write(os.urandom(2**21)); f.flush(); g = os.dup(f.fileno())\n"
        "os.remove('gone'); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_files_without_a_name_are_counted_once_while_they_are_open(
    tmp_path: Path, holder: "subprocess.Popen[bytes]"
) -> None:
    only = tmp_path / "proc"
    only.mkdir()
    (only / str(holder.pid)).symlink_to(f"/proc/{holder.pid}")
    assert kept_open([tmp_path], only) == 2 * MIB
    assert used(tmp_path, 10 * MIB) < MIB
