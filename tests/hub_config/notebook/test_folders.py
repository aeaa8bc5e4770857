"""A folder in which a hostile process swaps files for links, FIFOs and others while they are read."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from governance.errors import SaferoomError
from hub_config.notebook import folders
from hub_config.notebook.folders import ClosedPath, InTheWay, NoSuchFile, NotWritable, Root, TooLarge

SECRET = "SECRET=the hub's token"
MIB = 1 << 20


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    secret = tmp_path / "outside" / "secret.py"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    return secret


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "root" / "work").mkdir(parents=True)
    return Root(tmp_path / "root")


def test_a_file_is_written_and_read(root: Root) -> None:
    root.write("work/a.py", b"print(1)")
    entry, content = root.read("work/a.py", MIB)
    assert (entry.name, entry.size, content) == ("a.py", 8, b"print(1)")
    assert [each.name for each in root.entries("work")] == ["a.py"]


@pytest.mark.parametrize(
    "path",
    ["../outside/secret.py", "work/../../outside/secret.py", "work/.hidden", ".ssh/id", "work/a\nb", "work/a\\b"],
)
def test_no_path_leads_out_or_to_what_is_hidden(root: Root, outside: Path, path: str) -> None:
    (root.path / "work" / ".hidden").write_text(SECRET)
    for call in (root.look, root.entries, lambda path: root.read(path, MIB), lambda path: root.write(path, b"x")):
        with pytest.raises(ClosedPath):
            call(path)
    assert outside.read_text() == SECRET


def test_no_link_is_followed_at_the_end_or_on_the_way(root: Root, outside: Path) -> None:
    (root.path / "work" / "file.py").symlink_to(outside)
    (root.path / "work" / "folder").symlink_to(outside.parent)
    assert (root.path / "work" / "folder" / "secret.py").read_text() == SECRET  # the links work
    for path in ("work/file.py", "work/folder/secret.py"):
        with pytest.raises(ClosedPath):
            root.read(path, MIB)
    with pytest.raises(ClosedPath):
        root.entries("work/folder")
    assert root.entries("work") == []


def test_a_link_is_replaced_by_what_is_saved_and_its_target_stays(root: Root, outside: Path) -> None:
    (root.path / "work" / "file.py").symlink_to(outside)
    root.write("work/file.py", b"mine")
    assert outside.read_text() == SECRET
    assert (root.path / "work" / "file.py").read_bytes() == b"mine"
    assert not (root.path / "work" / "file.py").is_symlink()


def test_a_link_is_deleted_and_its_target_stays(root: Root, outside: Path) -> None:
    (root.path / "work" / "file.py").symlink_to(outside)
    root.delete("work/file.py")
    assert outside.exists() and not os.path.lexists(root.path / "work" / "file.py")


def test_nothing_is_written_or_renamed_through_a_linked_folder(root: Root, outside: Path) -> None:
    (root.path / "work" / "folder").symlink_to(outside.parent)
    root.write("work/a.py", b"x")
    calls: list[Callable[[], object]] = [
        lambda: root.write("work/folder/new.py", b"x"),
        lambda: root.rename("work/a.py", "work/folder/new.py"),
        lambda: root.rename("work/folder/secret.py", "work/mine.py"),
        lambda: root.delete("work/folder/secret.py"),
        lambda: root.make_folder("work/folder/new"),
    ]
    for call in calls:
        with pytest.raises(ClosedPath):
            call()
    assert [each.name for each in outside.parent.iterdir()] == ["secret.py"]


def test_a_fifo_is_refused_at_once(root: Root) -> None:
    os.mkfifo(root.path / "work" / "pipe.py")
    begin = time.monotonic()
    with pytest.raises(ClosedPath):
        root.read("work/pipe.py", MIB)
    assert time.monotonic() - begin < 1
    assert root.entries("work") == []


def test_a_device_and_a_socket_are_refused(root: Root) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root.path / "work" / "s.py"))
        with pytest.raises(ClosedPath):
            root.read("work/s.py", MIB)
    with pytest.raises(ClosedPath):
        Root(Path("/dev")).read("zero", MIB)


def test_a_file_with_a_second_name_is_refused(root: Root, outside: Path) -> None:
    os.link(outside, root.path / "work" / "hard.py")
    with pytest.raises(ClosedPath):
        root.read("work/hard.py", MIB)


def test_a_sparse_file_of_two_gigabytes_is_refused_without_being_read(root: Root) -> None:
    with (root.path / "work" / "big.txt").open("wb") as file:
        file.truncate(2 << 30)
    begin = time.process_time()
    with pytest.raises(TooLarge):
        root.read("work/big.txt", MIB)
    assert time.process_time() - begin < 0.1


def test_a_file_that_grows_while_it_is_read_is_refused(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root.path / "work" / "grows.txt"
    path.write_bytes(b"x" * 1000)
    real_read = os.read

    def read_and_grow(descriptor: int, size: int) -> bytes:
        with path.open("ab") as file:
            file.write(b"x" * MIB)
        return real_read(descriptor, size)

    monkeypatch.setattr(os, "read", read_and_grow)
    with pytest.raises(TooLarge):
        root.read("work/grows.txt", MIB)


def test_a_folder_with_too_many_names_is_not_listed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_ENTRIES", 5)
    for number in range(6):
        (root.path / "work" / f"{number}.py").touch()
    with pytest.raises(TooLarge):
        root.entries("work")


def test_names_that_are_no_text_are_not_listed(root: Root) -> None:
    for name in (b"\xff\xfe.py", b"a\x1b[2J.py", b".hidden", b"fine.py"):
        (root.path / "work" / os.fsdecode(name)).touch()
    assert [each.name for each in root.entries("work")] == ["fine.py"]


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.write("work/a.py", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWritable, match="quota"):
        root.write("work/a.py", b"new")
    assert {each.name: each.read_bytes() for each in (root.path / "work").iterdir()} == {"a.py": b"old"}


def test_a_name_that_is_taken_is_not_overwritten_by_a_rename(root: Root) -> None:
    root.write("work/a.py", b"a")
    root.write("work/b.py", b"b")
    with pytest.raises(InTheWay):
        root.rename("work/a.py", "work/b.py")
    root.rename("work/a.py", "work/c.py")
    with pytest.raises(NoSuchFile):
        root.look("work/a.py")
    assert root.read("work/c.py", MIB)[1] == b"a"


def test_a_folder_is_deleted_when_it_is_empty(root: Root) -> None:
    root.make_folder("work/new")
    root.write("work/new/a.py", b"a")
    with pytest.raises(InTheWay, match="not empty"):
        root.delete("work/new")
    root.delete("work/new/a.py")
    root.delete("work/new")
    assert root.entries("work") == []


def test_what_is_made_in_a_groups_folder_is_the_groups(root: Root) -> None:
    (root.path / "work").chmod(0o2770)
    root.write("work/a.py", b"a")
    root.make_folder("work/new")
    assert (root.path / "work" / "a.py").stat().st_mode & 0o777 == 0o660
    assert (root.path / "work" / "new").stat().st_mode & 0o2777 == 0o2770


def test_a_saved_file_keeps_its_mode_without_special_bits(root: Root) -> None:
    root.write("work/run.py", b"a")
    (root.path / "work" / "run.py").chmod(0o4755)
    root.write("work/run.py", b"b")
    assert (root.path / "work" / "run.py").stat().st_mode & 0o7777 == 0o755


@contextmanager
def swapped_all_the_time(*states: Callable[[], None]) -> Iterator[None]:
    """A hostile process that puts one thing after the other in the same place, as fast as it can."""
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for state in states:
                state()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def put(path: Path, make: Callable[[Path], object]) -> Callable[[], None]:
    def state() -> None:
        new = path.with_name("new")
        new.unlink(missing_ok=True)
        make(new)
        new.rename(path)

    return state


def test_swapping_a_file_for_a_link_or_fifo_while_it_is_read_leaks_nothing(root: Root) -> None:
    """Positive control: reading by name, as a check before an open does, meets the link within the same time."""
    path = root.path / "work" / "a.py"
    states = (
        put(path, lambda new: new.write_text("honest")),
        put(path, lambda new: new.symlink_to("/proc/self/environ")),
        put(path, os.mkfifo),
    )
    seen: set[bytes] = set()
    naive_leaks = 0
    with swapped_all_the_time(*states):
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with suppress(SaferoomError):
                seen.add(root.read("work/a.py", MIB)[1])
            naive_leaks += path.is_symlink()
    assert seen <= {b"honest", b""}
    assert b"honest" in seen
    assert naive_leaks


def test_swapping_a_folder_for_a_link_while_files_in_it_are_read_and_saved_leaks_nothing(
    root: Root, outside: Path
) -> None:
    folder, aside, link = (root.path / "work" / name for name in ("folder", "aside", "link"))
    folder.mkdir()
    (folder / "secret.py").write_text("honest")
    link.symlink_to(outside.parent)
    states = (
        lambda: (folder.rename(aside), link.rename(folder)),
        lambda: (folder.rename(link), aside.rename(folder)),
    )
    seen: set[bytes] = set()
    with swapped_all_the_time(*states):  # type: ignore[arg-type]
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with suppress(SaferoomError):
                seen.add(root.read("work/folder/secret.py", MIB)[1])
                root.write("work/folder/planted.py", b"planted")
    assert seen == {b"honest"}
    assert [each.name for each in outside.parent.iterdir()] == ["secret.py"]
