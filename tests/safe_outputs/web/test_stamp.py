"""The gate's stamp: who calls is what the gate signed a moment ago, and nothing else (I10)."""

from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from safe_outputs.asking import Asker
from safe_outputs.web import stamp
from safe_outputs.web.stamp import BadStamp
from tests.safe_outputs.web.browser import GATE_KEY, Session, sentence_of


def test_what_was_signed_is_read() -> None:
    assert stamp.read(GATE_KEY, stamp.sign(GATE_KEY, "rosa", "heron")) == Asker("rosa", "heron")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        stamp.sign("another key " * 4, "rosa", "heron"),
        stamp.sign(GATE_KEY, "rosa", "heron") + "x",
        URLSafeTimedSerializer(GATE_KEY).dumps(["rosa", "heron"]),
        URLSafeTimedSerializer(GATE_KEY, salt=stamp._SALT).dumps({"person": "rosa"}),
        URLSafeTimedSerializer(GATE_KEY, salt=stamp._SALT).dumps(["rosa", "heron", "more"]),
    ],
    ids=["nothing", "nonsense", "another key", "a letter more", "another salt", "no list", "three names"],
)
def test_what_the_gate_did_not_sign_is_refused(app: Flask, token: str) -> None:
    with pytest.raises(BadStamp):
        stamp.read(GATE_KEY, token)
    answer = Session(app, "rosa", "heron").call("GET", "/requests/r-1", token=token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == stamp.SCHEME
    assert "stamp" in sentence_of(answer)


def test_an_old_stamp_is_refused() -> None:
    token = stamp.sign(GATE_KEY, "rosa", "heron")
    with pytest.raises(BadStamp, match="too old"):
        stamp.read(GATE_KEY, token, seconds=-1)


@pytest.mark.parametrize(
    ("person", "project", "reason"),
    [
        ("nobody", "heron", "not in the register"),
        ("rosa", "wren", "do not belong"),
        ("rosa", "no-such", "do not belong"),
        ("cleo", "heron", "Only researchers"),
    ],
)
def test_a_good_stamp_without_a_right_is_refused(app: Flask, person: str, project: str, reason: str) -> None:
    answer: Any = Session(app, person, project).call("GET", "/requests/r-1")
    assert answer.status_code == 403
    assert reason in sentence_of(answer)
