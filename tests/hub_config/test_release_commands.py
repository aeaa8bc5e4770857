"""`saferoom release`: what it says of a package and of keys, and the status that a script reads."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.database import open_database, reading, transaction
from hub_config.commands import main
from hub_config.migrations import migrate
from hub_config.secrets import Secret, Secrets
from safe_outputs.package.keys import SigningKey
from safe_outputs.package.zipped import as_zip
from safe_outputs.releases import release_keys
from tests.safe_outputs.factories import RELEASE_KEY
from tests.safe_outputs.package.packages import FACTS, a_folder, some_files


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The publisher's key, as a file."""
    path = tmp_path / "key.pem"
    path.write_bytes(RELEASE_KEY.public.pem)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with secrets and a register, and no Saferoom that runs."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    Secrets.load(folder / "secrets")
    with register(folder) as engine:
        migrate(engine)
    return folder


@contextmanager
def register(state: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{state}/register.sqlite")
    yield engine
    engine.dispose()


def says(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """The status of a command, and all that it prints."""
    status = main(["release", *map(str, words)])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_a_package_verifies_offline_as_folder_and_zip(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "package.zip"
    archive.write_bytes(as_zip(FACTS["id"], some_files(tmp_path)))
    for package in (a_folder(tmp_path), archive):
        status, said = says(capsys, "--state", tmp_path / "none", "verify", package, "--key", keys)
        assert status == 0
        assert said.startswith(f"Release {FACTS['id']} of 24 November 2026")
    assert not (tmp_path / "none").exists()


def test_what_is_wrong_is_said_and_the_status_is_one(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = a_folder(tmp_path)
    (folder / "1-crosstab.csv").write_text("x")
    (folder / "results.json").unlink()
    (folder / "more.csv").write_text("")
    status, said = says(capsys, "verify", folder, "--key", keys)
    assert status == 1
    assert said.splitlines() == [
        f"This is not release {FACTS['id']!r} as it was released:",
        "- The file 1-crosstab.csv was changed: it is not the one that was released. Do not use it.",
        "- The file more.csv was added: it was never released. Do not use it.",
        "- The file results.json is missing. Download the package again.",
    ]


def test_without_known_keys_no_package_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = says(capsys, "--state", tmp_path / "none", "verify", a_folder(tmp_path))
    assert status == 1
    assert "not among the known keys" in said


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_file_without_keys_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "keys.json").write_bytes(content)
    status, said = says(capsys, "verify", a_folder(tmp_path), "--key", tmp_path / "keys.json")
    assert status == 1
    assert said.startswith("saferoom: ")
    assert said.count("\n") == 1


def test_what_is_no_package_is_refused_in_one_sentence(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("text")
    for path in ("empty", "text.zip", "nothing"):
        status, said = says(capsys, "verify", tmp_path / path, "--key", keys)
        assert (status, said.count("\n")) == (1, 1)


def test_the_register_here_knows_its_keys(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = Secrets(state / "secrets")
    old = SigningKey(secrets.release)
    with register(state) as engine, transaction(engine) as session:
        release_keys.use(session, old.public, actor="checker")
    package = a_folder(tmp_path, key=old)
    assert says(capsys, "--state", state, "verify", package)[0] == 0
    published = tmp_path / "keys.json"
    published.write_text(says(capsys, "--state", state, "keys")[1])
    assert says(capsys, "verify", package, "--key", published)[0] == 0


def test_a_new_key_takes_the_place_of_the_old_one(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = Secrets(state / "secrets")
    assert says(capsys, "--state", state, "new-key")[0] == 0
    first = SigningKey(secrets.release).public.id
    status, said = says(capsys, "--state", state, "new-key")
    second = SigningKey(secrets.release).public.id
    assert (status, first == second) == (0, False)
    assert f"signed with the key {second} from now on" in said
    found = {each["id"]: each for each in json.loads(says(capsys, "--state", state, "keys")[1])["keys"]}
    assert found[first]["until"] == found[second]["since"]
    assert found[second]["until"] is None
    assert (secrets.folder / Secret.RELEASE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in secrets.folder.iterdir()) == sorted(Secret)
    assert secrets.text(Secret.RELEASE) not in said


def test_a_revoked_key_gets_a_successor_and_its_packages_stop_verifying(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    says(capsys, "--state", state, "new-key")
    old = SigningKey(Secrets(state / "secrets").release)
    package = a_folder(tmp_path, key=old)
    status, said = says(capsys, "--state", state, "revoke-key", old.public.id, "--reason", "It was copied.")
    assert status == 0
    assert "from now on" in said
    assert SigningKey(Secrets(state / "secrets").release).public.id != old.public.id
    status, said = says(capsys, "--state", state, "verify", package)
    assert status == 1
    assert "(It was copied.)" in said
    with register(state) as engine, reading(engine) as session:
        assert release_keys.known_keys(session)[old.public.id].revoked is not None


def test_an_older_key_is_revoked_and_the_present_one_stays(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(capsys, "--state", state, "new-key")
    old = SigningKey(Secrets(state / "secrets").release).public.id
    says(capsys, "--state", state, "new-key")
    present = Secrets(state / "secrets").release
    assert says(capsys, "--state", state, "revoke-key", old, "--reason", "Lost.")[0] == 0
    assert Secrets(state / "secrets").release == present


def test_a_key_that_never_signed_cannot_be_revoked(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = says(capsys, "--state", state, "revoke-key", "0" * 32, "--reason", "Lost.")
    assert status == 1
    assert "No key" in said


@pytest.mark.parametrize("words", [["keys"], ["new-key"], ["revoke-key", "0" * 32, "--reason", "Lost."]])
def test_where_there_is_no_saferoom_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status, said = says(capsys, "--state", tmp_path / "none", *words)
    assert status == 1
    assert "There is no Saferoom in" in said
    assert not (tmp_path / "none").exists()
