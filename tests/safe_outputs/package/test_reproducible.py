"""The same release is the same bytes, whoever makes it again, where and when."""

import os
import subprocess
import sys
from pathlib import Path

from safe_outputs.package.zipped import as_zip, read_zip
from safe_outputs.store import digest_of
from tests.safe_outputs.package.packages import some_files

CHECKOUT = Path(__file__).resolve().parents[3]


def made_by_another_process(folder: Path, seed: str) -> list[str]:
    """The digests and names of a package's files, in the order in which that process makes them."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT), "TZ": f"UTC-{seed}"}
    command = [sys.executable, "-m", "tests.safe_outputs.package.packages", str(folder)]
    found = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True)
    *lines, last = found.stdout.splitlines()
    assert last == f"{seed} seed"
    return lines


def test_a_package_is_the_same_twice_and_in_two_processes(tmp_path: Path) -> None:
    for name in ("first", "second", "third", "fourth"):
        (tmp_path / name).mkdir()
    first, again = some_files(tmp_path / "first"), some_files(tmp_path / "second")
    assert first == again
    here = [f"{digest_of(content)} {name}" for name, content in first.items()]
    assert made_by_another_process(tmp_path / "third", "1") == here
    assert made_by_another_process(tmp_path / "fourth", "2") == here


def test_its_zip_is_the_same_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    files = some_files(tmp_path)
    content = as_zip("r-1", files)
    assert content == as_zip("r-1", dict(reversed(list(files.items()))))
    assert read_zip(content) == files


def test_another_time_of_release_is_another_package(tmp_path: Path) -> None:
    later = some_files(tmp_path, released_at="2026-11-25T00:00:00+00:00")
    assert later["manifest.sig"] != some_files(tmp_path)["manifest.sig"]
