"""Signing in: the same sentence for every cause, and nobody is an administrator."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from tornado.web import HTTPError

from governance.audit import AuditEvent
from governance.database import reading, transaction
from governance.people import LoginFailed, Person
from hub_config.authenticator import LONGEST_FIELD, RegisterAuthenticator, sign_in
from hub_config.installation import Installation
from tests.hub_config.house import PASSWORD, House, totp_secret


def an_authenticator(house: House) -> RegisterAuthenticator:
    return RegisterAuthenticator(
        installation=Installation(house.settings, house.engine, house.secrets), allow_all=True, admin_users={"ada"}
    )


def a_form(name: str = "ada", password: str = PASSWORD, otp: str | None = None) -> dict[str, str]:
    return {"username": name, "password": password, "otp": pyotp.TOTP(totp_secret(name)).now() if otp is None else otp}


def authenticated(authenticator: RegisterAuthenticator, form: dict[str, str]) -> Any:
    return asyncio.run(authenticator.get_authenticated_user(None, form))


def test_right_name_password_and_code_sign_in_without_admin_rights(house: House) -> None:
    model = authenticated(an_authenticator(house), a_form())
    assert model["name"] == "ada"
    assert model["admin"] is False
    assert model["user_info"] == {
        "name": "Ada Example", "display_name": "Ada Example", "initials": "AE", "role": "researcher"
    }  # fmt: skip


@pytest.mark.parametrize(
    "form",
    [
        a_form(password="wrong"),
        a_form(otp="000000x"),
        a_form(otp=""),
        a_form(name="nobody"),
        a_form(name="ADA"),
        a_form(name=""),
        a_form(password="x" * (LONGEST_FIELD + 1)),
        {"username": "ada"},
        {},
    ],
)
def test_every_failure_has_the_same_sentence(house: House, form: dict[str, str]) -> None:
    with pytest.raises(HTTPError) as caught:
        authenticated(an_authenticator(house), form)
    assert caught.value.status_code == 403
    assert caught.value.get_message() == LoginFailed().sentence


def test_code_works_once(house: House) -> None:
    authenticator, form = an_authenticator(house), a_form()
    assert authenticated(authenticator, form)["name"] == "ada"
    with pytest.raises(HTTPError):
        authenticated(authenticator, form)


def test_failure_changes_nothing(house: House) -> None:
    with pytest.raises(LoginFailed):
        sign_in(Installation(house.settings, house.engine, house.secrets), a_form(password="wrong"))
    with reading(house.engine) as session:
        ada = session.get(Person, "ada")
        assert ada is not None and ada.totp_last_step == 0
        assert session.query(AuditEvent).filter_by(action="person.signed_in").count() == 0


def test_register_that_cannot_be_asked_is_no_wrong_password(house: House, caplog: pytest.LogCaptureFixture) -> None:
    (house.settings.secrets / "seal").chmod(0o644)
    with pytest.raises(HTTPError) as caught, caplog.at_level(logging.CRITICAL + 1):
        authenticated(an_authenticator(house), a_form())
    assert caught.value.status_code == 503
    assert "try again" in str(caught.value.get_message())
    assert "secrets" not in str(caught.value.get_message())


def test_somebody_taken_out_of_the_register_is_signed_out(house: House) -> None:
    authenticator = an_authenticator(house)
    with transaction(house.engine) as session:
        house.person(session, "gone")
    assert asyncio.run(authenticator.refresh_user(SimpleNamespace(name="gone"))) is True
    with transaction(house.engine) as session:
        session.delete(session.get_one(Person, "gone"))
    assert asyncio.run(authenticator.refresh_user(SimpleNamespace(name="gone"))) is False
