"""Secrets: made once, private, and read only when they are whole."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hub_config.secrets import Secret, Secrets, UnsafeSecret
from hub_config.settings import UnsafeFolder


def test_missing_secrets_are_made_and_kept(tmp_path: Path) -> None:
    secrets = Secrets.load(tmp_path / "secrets")
    before = {secret: secrets.text(secret) for secret in Secret}
    assert len(set(before.values())) == len(Secret)
    again = Secrets.load(tmp_path / "secrets")
    assert {secret: again.text(secret) for secret in Secret} == before


def test_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    Secrets.load(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert {file.name for file in folder.iterdir()} == set(Secret)


def test_forms_that_their_users_need(tmp_path: Path) -> None:
    secrets = Secrets.load(tmp_path)
    assert Fernet(secrets.seal).decrypt(Fernet(secrets.seal).encrypt(b"x")) == b"x"
    assert len(secrets.pseudonym) == len(secrets.copies) == len(secrets.ledger) == 32
    assert len(secrets.gate) == len(secrets.web) == len(secrets.proxy) == 64


def test_the_object_shows_no_secret(tmp_path: Path) -> None:
    secrets = Secrets.load(tmp_path)
    assert not any(secrets.text(secret) in repr(secrets) for secret in Secret)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_readable_by_others_is_refused(tmp_path: Path, mode: int) -> None:
    secrets = Secrets.load(tmp_path)
    (tmp_path / Secret.GATE).chmod(mode)
    with pytest.raises(UnsafeSecret, match="can be read by others"):
        _ = secrets.gate
    with pytest.raises(UnsafeSecret):
        Secrets.load(tmp_path)


@pytest.mark.parametrize("text", ["", "00", "z" * 64])
def test_damaged_secret_is_refused_and_not_replaced(tmp_path: Path, text: str) -> None:
    Secrets.load(tmp_path)
    (tmp_path / Secret.SEAL).write_text(text)
    with pytest.raises(UnsafeSecret, match="damaged"):
        Secrets.load(tmp_path)
    assert (tmp_path / Secret.SEAL).read_text() == text


def test_open_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UnsafeFolder):
        Secrets.load(folder)


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: Secrets.load(tmp_path).gate, range(16)))
    assert len(set(texts)) == 1
