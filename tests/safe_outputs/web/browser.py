"""What tests use the service with: people's browsers, and sessions behind their gates."""

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from safe_outputs.web import stamp
from safe_outputs.web.hub import Challenge
from safe_outputs.web.settings import WebSettings
from safe_outputs.web.tokens import TOKEN

PREFIX = "/services/outputs"
GATE_KEY = "gate " * 8
TOKEN_OF = "token of "


def settings_in(folder: Path, **facts: Any) -> WebSettings:
    defaults: dict[str, Any] = {
        "database_url": f"sqlite:///{folder}/register.sqlite",
        "store": folder / "store",
        "releases": folder / "releases",
        "incoming": folder / "incoming",
        "session_lock": folder / "session.txt",
        "public_url": f"http://127.0.0.1:8000{PREFIX}/",
        "session_key": "session " * 5,
        "gate_key": GATE_KEY,
        "prefix": f"{PREFIX}/",
    }
    return WebSettings(**{**defaults, **facts})


@dataclass
class KnownByName:
    """A hub that gives every person the token “token of <name>”. It keeps what it was asked."""

    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    signed_out: set[str] = field(default_factory=set)

    def challenge(self, state: str) -> Challenge:
        return Challenge(f"/hub/api/oauth2/authorize?state={state}", verifier=f"verifier of {state}")

    def token(self, code: str, verifier: str) -> str:
        name, expected = self.codes.pop(code)
        if verifier != expected:
            raise ValueError("the verifier is not that of the challenge")
        return TOKEN_OF + name

    def name_of(self, token: str) -> str | None:
        return None if token in self.signed_out else token.removeprefix(TOKEN_OF)


class Browser:
    """A person's browser. `sign_in` writes the session cookie that a sign-in through the hub would leave."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def sign_in(self, name: str) -> "Browser":
        with self.client.session_transaction(f"{PREFIX}/") as session:
            session.clear()
            session[TOKEN] = TOKEN_OF + name
        return self

    def get(self, path: str) -> TestResponse:
        return self.client.get(PREFIX + path, buffered=True)

    def post(self, path: str, form: dict[str, str] | None = None) -> TestResponse:
        return self.client.post(PREFIX + path, data=form or {})

    def form_of(self, path: str, action: str) -> dict[str, str]:
        """The hidden fields of the form on a page that leads to `action`."""
        page = self.get(path).text
        found = re.search(rf'<form[^>]*action="{re.escape(PREFIX + action)}".*?</form>', page, re.DOTALL)
        if found is None:
            raise LookupError(f"no form to {action} on {path}")
        hidden = re.findall(r"<input[^>]*>", found.group())
        return {_attribute(each, "name"): _attribute(each, "value") for each in hidden}

    def vote(self, request_id: str, vote: str = "approve", comment: str = "", **fields: str) -> TestResponse:
        """Open the request, press a button, and follow no redirect."""
        form = self.form_of(f"/requests/{request_id}", f"/requests/{request_id}/vote")
        chosen = {} if vote == "approve" else {"category": "other"}
        return self.post(f"/requests/{request_id}/vote", {**form, "vote": vote, "comment": comment, **chosen, **fields})


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', tag)
    return unescape(found.group(1)) if found else ""


def sentence_of(response: TestResponse) -> str:
    """The text of a page without its markup, or a problem's detail."""
    if response.content_type.startswith("application/problem+json"):
        return str(response.get_json()["detail"])
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", f"<main{main}")))


class Session:
    """A session's kernel behind its gate, which stamps each call."""

    def __init__(self, app: Flask, person: str, project: str) -> None:
        self._client = app.test_client()
        self._who = (person, project)

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> TestResponse:
        return self._open(method, path, token, json=body)

    def send(self, method: str, path: str, content: bytes, content_type: str) -> TestResponse:
        """A call with these bytes as its body."""
        return self._open(method, path, None, data=content, content_type=content_type)

    def hand_in(self, role: str, name: str, content: bytes) -> TestResponse:
        """A file as the notebook client sends it."""
        said = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"}
        return self._open("POST", f"/files/{role}", None, said, data=content, content_type="application/octet-stream")

    def _open(
        self, method: str, path: str, token: str | None, said: dict[str, str] | None = None, **body: Any
    ) -> TestResponse:
        token = stamp.sign(GATE_KEY, *self._who) if token is None else token
        headers = {"Authorization": f"{stamp.SCHEME} {token}"} if token else {}
        headers |= said or {}
        return self._client.open(f"{PREFIX}/api/session{path}", method=method, headers=headers, **body)


class Program:
    """A person's program, which calls the API with her token."""

    def __init__(self, app: Flask, person: str) -> None:
        self._client = app.test_client()
        self._token = {"Authorization": f"Bearer {TOKEN_OF}{person}"}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.open("GET", path, headers=headers)

    def send(self, method: str, path: str, body: Any = None, etag: str | None = None) -> TestResponse:
        """A call with this JSON, about the version of this tag."""
        headers = {} if etag is None else {"If-Match": etag}
        return self.open(method, path, json=body, headers=headers)

    def change(self, path: str, step: str, body: Any = None) -> TestResponse:
        """Read what is at `path`, then take the step below it on the version that was read."""
        return self.send("POST", f"{path}/{step}", body, self.get(path).headers.get("ETag", '"none"'))

    def open(self, method: str, path: str, *, headers: dict[str, str] | None = None, **facts: Any) -> TestResponse:
        sent = self._token | {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        return self._client.open(f"{PREFIX}/api{path}", method=method, headers=sent, buffered=True, **facts)
