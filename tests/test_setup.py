"""`make setup` leaves alone what is as it should be, and says what is missing where it may not install it."""

import os
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPT = "scripts/setup.sh"


def set_up(part: str, checkout: Path = CHECKOUT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", SCRIPT, part],
        cwd=checkout,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A checkout with nothing set up."""
    for folder in ("scripts", "requirements"):
        (tmp_path / folder).mkdir()
        for path in (CHECKOUT / folder).iterdir():
            if path.is_file():
                (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH of a user who is not root, without Node.js, Chromium and Python."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "cut", "dirname", "flock", "mkdir", "rm", "sha256sum"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    (programs / "id").write_text("#!/usr/bin/bash\necho 1000\n")
    (programs / "id").chmod(0o755)
    return str(programs)


def test_a_second_set_up_does_nothing_and_is_quick() -> None:
    began = time.monotonic()
    ended = subprocess.run(
        ["make", "setup"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("part", "missing"),
    [("node", ["nodejs", "npm"]), ("tests", ["chromium"])],
)
def test_missing_debian_packages_are_named(part: str, missing: list[str], elsewhere: Path, bare_path: str) -> None:
    (elsewhere / "package-lock.json").touch()
    (elsewhere / ".npmrc").touch()
    ended = set_up(part, elsewhere, PATH=bare_path)
    assert ended.returncode == 1
    assert all(package in ended.stderr for package in missing)
    assert "apt-get install" in ended.stderr


def test_a_missing_python_is_named(elsewhere: Path, bare_path: str) -> None:
    ended = set_up("tools", elsewhere, PATH=bare_path)
    assert ended.returncode == 1
    assert "python3 python3-venv" in ended.stderr
    assert not (elsewhere / "build" / "tools").exists()


def test_an_unknown_part_is_refused() -> None:
    ended = set_up("garden")
    assert ended.returncode == 1
    assert "no part “garden”" in ended.stderr
