"""Signing in: the same sentence for every cause, and nobody is an administrator."""

import asyncio
import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from tornado.web import HTTPError

from governance import presence
from governance.audit import AuditEvent
from governance.database import now, reading, transaction
from governance.people import Person
from governance.sign_in import LoginFailed
from hub_config.authenticator import LONGEST_FIELD, RegisterAuthenticator
from hub_config.installation import Installation
from hub_config.origin import DEVICE_COOKIE, address
from hub_config.sign_out import leave
from tests.hub_config.house import PASSWORD, House, totp_secret

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Handler:
    """What the authenticator uses of a request to the hub. Its cookies are the browser's, and signed."""

    def __init__(self, forwarded: str = HERE, cookies: dict[str, str] | None = None, token: Any = None) -> None:
        self.request = SimpleNamespace(headers={"X-Forwarded-For": forwarded, "X-Real-Ip": "203.0.113.9"})
        self.cookies = {} if cookies is None else cookies
        self.settings = {"cookie_options": {"httponly": True, "samesite": "Strict"}}
        self.hub = SimpleNamespace(base_url="/hub/")
        self.options: dict[str, Any] = {}
        self.token = token

    def get_secure_cookie(self, name: str, max_age_days: float) -> bytes | None:
        assert max_age_days <= 90
        return self.cookies[name].encode() if name in self.cookies else None

    def set_secure_cookie(self, name: str, value: str, **options: Any) -> None:
        self.cookies[name], self.options = value, options

    def get_token(self) -> Any:
        return self.token


def an_authenticator(house: House) -> RegisterAuthenticator:
    return RegisterAuthenticator(
        installation=Installation(house.settings, house.engine, house.secrets), allow_all=True, admin_users={"ada"}
    )


def a_form(name: str = "ada", password: str = PASSWORD, otp: str | None = None) -> dict[str, str]:
    return {"username": name, "password": password, "otp": pyotp.TOTP(totp_secret(name)).now() if otp is None else otp}


def authenticated(authenticator: RegisterAuthenticator, form: dict[str, str], handler: Handler | None = None) -> Any:
    return asyncio.run(authenticator.get_authenticated_user(handler or Handler(), form))


def refused(authenticator: RegisterAuthenticator, form: dict[str, str], handler: Handler | None = None) -> HTTPError:
    with pytest.raises(HTTPError) as caught:
        authenticated(authenticator, form, handler)
    return caught.value


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
    refused(an_authenticator(house), a_form(password="wrong"))
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


# --- where somebody signs in from


@pytest.mark.parametrize(
    ("forwarded", "in_front", "believed"),
    [
        (HERE, 0, HERE),
        (f"{ELSEWHERE}, {HERE}", 0, HERE),
        (f"{ELSEWHERE},{HERE}", 0, HERE),
        (f"10.9.9.9, {ELSEWHERE}, {HERE}", 1, ELSEWHERE),
        (HERE, 1, HERE),
        ("::ffff:192.0.2.1", 0, HERE),
        ("2001:db8:1:2:3:4:5:6", 0, "2001:db8:1:2::/64"),
        ("fe80::1%eth0", 0, "fe80::/64"),
        ("", 0, "unknown"),
        ("<b>x</b>", 0, "unknown"),
        (f"{HERE},", 0, "unknown"),
    ],
)
def test_the_origin_is_what_our_own_proxy_heard(forwarded: str, in_front: int, believed: str) -> None:
    assert address(forwarded, in_front) == believed


def test_guesses_from_elsewhere_do_not_hold_up_a_browser_that_is_known(house: House) -> None:
    authenticator, cookies = an_authenticator(house), dict[str, str]()
    first = Handler(cookies=cookies)
    assert authenticated(authenticator, a_form(), first)["name"] == "ada"
    assert first.options["path"] == "/hub/" and first.options["samesite"] == "Strict" and first.options["httponly"]
    assert "ada" not in cookies[DEVICE_COOKIE]
    for _ in range(6):
        refused(authenticator, a_form(password="wrong"), Handler(ELSEWHERE))
    _next_code(house, "ada")
    assert refused(authenticator, a_form(), Handler(ELSEWHERE)).get_message() == LoginFailed().sentence
    assert authenticated(authenticator, a_form(), Handler(cookies=cookies))["name"] == "ada"


def test_a_browser_is_known_for_its_own_person_only(house: House) -> None:
    authenticator, cookies = an_authenticator(house), dict[str, str]()
    authenticated(authenticator, a_form("bert"), Handler(cookies=cookies))
    for _ in range(5):
        refused(authenticator, a_form(password="wrong"), Handler(ELSEWHERE))
    refused(authenticator, a_form(), Handler(cookies=cookies))
    kept = cookies[DEVICE_COOKIE]
    _next_code(house, "bert")
    authenticated(authenticator, a_form("bert"), Handler(cookies=cookies))
    assert cookies[DEVICE_COOKIE] == kept, "the same browser stays the same"


def _next_code(house: House, name: str) -> None:
    """As if half a minute had gone by: the code that is shown now is a new one."""
    with transaction(house.engine) as session:
        session.get_one(Person, name).totp_last_step = 0


# --- who is still signed in


class Database:
    """The hub's own database, as far as ending sign-ins goes."""

    def __init__(self) -> None:
        self.committed = 0

    def query(self, _table: Any) -> Any:
        return SimpleNamespace(filter=lambda *_: [])

    def commit(self) -> None:
        self.committed += 1


def a_user(name: str) -> Any:
    return SimpleNamespace(name=name, db=Database(), orm_user=SimpleNamespace(id=1, cookie_id="old"))


def still(house: House, user: Any, handler: Any = None) -> bool:
    return asyncio.run(an_authenticator(house).refresh_user(user, handler))


def test_somebody_taken_out_of_the_register_is_signed_out(house: House) -> None:
    with transaction(house.engine) as session:
        house.person(session, "gone")
        presence.arrive(session, "gone", now())
    user, token = a_user("gone"), SimpleNamespace(client_id="jupyterhub")
    assert still(house, user)
    assert user.orm_user.cookie_id == "old"
    with transaction(house.engine) as session:
        session.delete(session.get_one(Person, "gone"))
    assert not still(house, user, Handler(token=token)), "not even for a notebook server of hers"
    assert user.orm_user.cookie_id != "old" and user.db.committed == 1


def test_who_was_away_for_long_signs_in_again_and_a_restart_does_not_help(house: House) -> None:
    limit, user = timedelta(minutes=house.settings.idle_sign_in_minutes), a_user("ada")
    assert limit == timedelta(hours=8)
    with transaction(house.engine) as session:
        presence.arrive(session, "ada", now() - limit + timedelta(minutes=1))
    assert still(house, user), "and this visit counts"
    with transaction(house.engine) as session:
        assert presence.why_not_here(session, "ada", now() + limit - timedelta(minutes=1), limit) is None
        presence.arrive(session, "ada", now() - limit - timedelta(seconds=1))
    assert not still(house, user)
    assert user.orm_user.cookie_id != "old"
    assert not still(house, user), "it stays so until she signs in"
    authenticated(an_authenticator(house), a_form())
    assert still(house, user)
    with reading(house.engine) as session:
        ended = session.query(AuditEvent).filter_by(action="person.sign_in_ended").first()
        assert ended is not None and "away for more than 8 hours" in ended.detail["reason"]


def test_calls_of_a_running_notebook_server_are_no_visits_but_those_of_a_page_are(house: House) -> None:
    server, page = SimpleNamespace(client_id="jupyterhub"), SimpleNamespace(client_id="service-outputs")
    long_ago = now() - timedelta(hours=7)
    with transaction(house.engine) as session:
        presence.arrive(session, "ada", long_ago)
    assert still(house, a_user("ada"), Handler(token=server))
    with reading(house.engine) as session:
        assert session.get_one(presence.Presence, "ada").last_seen == long_ago
    assert still(house, a_user("ada"), Handler(token=page))
    with reading(house.engine) as session:
        assert session.get_one(presence.Presence, "ada").last_seen > long_ago
    leave(an_authenticator(house).installation, "ada", "person.signed_out")
    assert still(house, a_user("ada"), Handler(token=server)), "her session goes on when she signs out"
    assert not still(house, a_user("ada"), Handler(token=page))
