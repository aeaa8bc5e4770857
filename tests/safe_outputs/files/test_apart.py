"""The process that reads pictures, drawings and workbooks: bounded, without secrets, and its end is a refusal."""

import subprocess
import sys
from pathlib import Path

import pytest

from safe_outputs.decoding import apart, child
from safe_outputs.decoding.refusal import NotDecodable
from tests.safe_outputs.files import corpus

CHECKOUT = Path(__file__).resolve().parents[3]


def bounded(code: str) -> subprocess.CompletedProcess[bytes]:
    """What becomes of code that runs within the bounds, with a second of time."""
    start = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from safe_outputs.decoding.child import bound; bound(1);"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", start + code], capture_output=True, env={}, check=False, timeout=60
    )


def test_it_has_so_much_time_and_no_more() -> None:
    assert bounded("print('ran')").stdout == b"ran\n"
    assert bounded("exec('while True: pass')").returncode < 0


def test_it_has_so_much_memory_and_no_more() -> None:
    assert bounded(f"bytearray({child.MEMORY // 4})").returncode == 0
    assert b"MemoryError" in bounded(f"bytearray({child.MEMORY})").stderr


def test_it_writes_no_file(tmp_path: Path) -> None:
    bounded(f"open({str(tmp_path / 'a')!r}, 'w').write('x')")
    assert [each.read_bytes() for each in tmp_path.iterdir()] in ([], [b""])
    unbounded = f"open({str(tmp_path / 'b')!r}, 'w').write('x')"
    subprocess.run([sys.executable, "-c", unbounded], check=True)
    assert (tmp_path / "b").read_bytes() == b"x"


def test_it_gets_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    real = subprocess.run

    def run(*arguments: object, **options: object) -> object:
        given.append(options["env"])
        return real(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)
    apart.decode("picture", corpus.picture(), format="PNG", pixels=1_000, side=100)
    assert given == [{}]


def test_a_job_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.001)
    with pytest.raises(NotDecodable, match="more memory or time"):
        apart.decode("picture", corpus.picture(), format="PNG", pixels=1_000, side=100)


def test_a_job_that_breaks_is_refused() -> None:
    with pytest.raises(NotDecodable, match="breaks what reads it"):
        apart.decode("no such job", b"x")
    with pytest.raises(NotDecodable, match="breaks what reads it"):
        apart.decode("picture", corpus.picture(), nonsense=1)


def test_it_imports_none_of_the_service() -> None:
    """It starts fast, and holds nothing worth stealing."""
    code = "import safe_outputs.decoding.child, safe_outputs.decoding.drawings, safe_outputs.decoding.workbooks\n"
    code += (
        "print(sorted({n.partition('.')[0] for n in sys.modules} & {'flask', 'sqlalchemy', 'pydantic', 'governance'}))"
    )
    start = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
    done = subprocess.run([sys.executable, "-I", "-c", start + code], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_so_many_files_are_read_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes meanwhile is told to come again; once a file is read there is room, also when it was refused."""
    monkeypatch.setattr(apart, "WAIT_SECONDS", 0.01)
    with apart._turn(), pytest.raises(apart.DecoderBusy, match="Try again"):
        apart.decode("picture", corpus.picture(), format="PNG", pixels=1_000, side=100)
    with pytest.raises(NotDecodable):
        apart.decode("picture", b"no picture", format="PNG", pixels=1_000, side=100)
    assert apart.decode("picture", corpus.picture(), format="PNG", pixels=1_000, side=100)[0]
