from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine

from governance.database import now, transaction
from governance.errors import Conflict, Invalid
from governance.people import LoginFailed, Person, authenticate
from tests.governance.people_factory import PASSWORD, SEAL, TOTP_SECRET, a_person


def sign_in(
    engine: Engine, name: str = "ada", password: str = PASSWORD, code: str | None = None, at: datetime | None = None
) -> str:
    at = at or now()
    code = pyotp.TOTP(TOTP_SECRET).at(at) if code is None else code
    return authenticate(engine, name=name, password=password, code=code, at=at, seal=SEAL).name


@pytest.fixture(autouse=True)
def _ada(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "ada")


def test_password_and_code_together_sign_in(engine: Engine) -> None:
    assert sign_in(engine) == "ada"


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"code": "000000"}, {"name": "nobody"}, {"code": ""}])
def test_every_wrong_part_gives_the_same_sentence(engine: Engine, wrong: dict[str, Any]) -> None:
    with pytest.raises(LoginFailed) as failure:
        sign_in(engine, **wrong)
    assert str(failure.value) == str(LoginFailed())
    assert failure.value.status == 403


def test_a_code_works_once(engine: Engine) -> None:
    at = now()
    sign_in(engine, at=at)
    with pytest.raises(LoginFailed):
        sign_in(engine, at=at)
    assert sign_in(engine, at=at + timedelta(seconds=30)) == "ada"


def test_an_old_code_is_refused(engine: Engine) -> None:
    old = pyotp.TOTP(TOTP_SECRET).at(now() - timedelta(minutes=5))
    with pytest.raises(LoginFailed):
        sign_in(engine, code=old)


def test_secrets_are_not_kept_in_the_clear(engine: Engine) -> None:
    with transaction(engine) as session:
        person = session.get_one(Person, "ada")
        assert person.password_hash.startswith("$argon2id$")
        assert PASSWORD not in person.password_hash
        assert TOTP_SECRET.encode() not in person.totp_sealed


def test_a_name_is_enrolled_once(engine: Engine) -> None:
    with pytest.raises(Conflict, match="already in the register"), transaction(engine) as session:
        a_person(session, "ada")


@pytest.mark.parametrize("name", ["", "Ada", "ada lovelace", "-ada", "ada-", "a--b", "1ada", "ada/..", "a" * 31, "adá"])
def test_a_name_fits_into_an_address(engine: Engine, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be a person's name"), transaction(engine) as session:
        a_person(session, name)
