import pytest
from sqlalchemy import Engine

from governance.database import transaction
from governance.errors import Conflict, Invalid
from governance.people import Person, password_fits
from tests.governance.people_factory import PASSWORD, TOTP_SECRET, a_person


@pytest.fixture(autouse=True)
def _ada(engine: Engine) -> None:
    with transaction(engine) as session:
        a_person(session, "ada")


def test_a_password_fits_its_person_and_nobody(engine: Engine) -> None:
    with transaction(engine) as session:
        ada = session.get_one(Person, "ada")
    assert password_fits(ada, PASSWORD)
    assert not password_fits(ada, PASSWORD + " ")
    assert not password_fits(None, PASSWORD)
    assert not password_fits(None, "nobody has this password")
    ada.password_hash = "damaged"
    assert not password_fits(ada, PASSWORD)


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
