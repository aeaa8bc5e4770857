"""What gunicorn serves in the benchmark: the outputs service on a register that was built, and an empty Flask page."""

import os
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.queue.register import database_url
from safe_outputs.web import create_app
from safe_outputs.web.hub import JupyterHub
from safe_outputs.web.settings import WebSettings

FOLDER = "SAFEROOM_BENCHMARK_FOLDER"
PREFIX, EMPTY_PREFIX = "/services/outputs", "/services/empty"
SESSION_KEY = "session " * 5
TOKEN_OF = "token of "  # noqa: S105 - what these tokens begin with


class Tokens:
    """Where `JupyterHub` asks whose token this is: each is its bearer's name. What it answers is kept as always."""

    access_scopes = frozenset({"access:services"})

    def user_for_token(self, token: str, **_asked: Any) -> dict[str, Any]:
        return {"kind": "user", "name": token.removeprefix(TOKEN_OF)}

    def check_scopes(self, _required: Any, _model: Any) -> bool:
        return True


def settings() -> WebSettings:
    folder = Path(os.environ[FOLDER])
    return WebSettings(
        database_url=database_url(folder),
        store=folder / "store",
        releases=folder / "releases",
        incoming=folder / "incoming",
        session_lock=folder / "session.txt",
        public_url=f"http://127.0.0.1:8000{PREFIX}/",
        session_key=SESSION_KEY,
        gate_key="gate " * 8,
        prefix=f"{PREFIX}/",
    )


def create() -> Flask:
    """The outputs service."""
    hub: Any = Tokens()
    return create_app(settings(), JupyterHub(hub))


def empty() -> Flask:
    """A page with nothing on it."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(f"{EMPTY_PREFIX}/", "empty", lambda: "")
    return app
