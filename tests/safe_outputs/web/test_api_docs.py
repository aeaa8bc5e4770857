"""The review in docs/api.md, run by a real shell and curl against the service on a port of its own."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.browser import PREFIX, TOKEN_OF, Browser

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SCRIPT = "\n".join(["set -euo pipefail", *re.findall(r"^```bash\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)])

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


def test_a_whole_review_with_curl(app: Flask, house: House, port: int, tmp_path: Path) -> None:
    request_id = a_submitted_request(house)
    here = tmp_path / "review"
    here.mkdir()
    _write_cookies(app, "cleo", here / "cookies.txt")
    variables = {"ADDRESS": f"http://127.0.0.1:{port}{PREFIX}", "AUTHOR_TOKEN": f"{TOKEN_OF}rosa"}
    run = subprocess.run(
        ["bash", "-c", SCRIPT],
        cwd=here,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr

    def found(name: str) -> Any:
        return json.loads((here / f"{name}.json").read_text(encoding="utf-8"))

    assert found("me")["name"] == "cleo"
    assert found("queue")["requests"][0]["id"] == request_id
    assert found("context")["released_before"] == []
    assert found("history")["events"][0]["action"] == "request.drafted"
    assert found("asked")["move"] == "author"
    assert [each["kind"] for each in found("answered")["remarks"]] == ["question", "answer"]
    assert found("stale")["status"] == 412 and f"> {run.stdout.strip()}\n" in DOCS
    assert [each["vote"] for each in found("voted")["votes"]] == ["approve"]
    assert found("progress")["votes"] == 1


def _write_cookies(app: Flask, person: str, path: Path) -> None:
    """The cookie of a browser that is signed in, as curl keeps it."""
    client = Browser(app).sign_in(person).client
    cookie = client.get_cookie("saferoom-outputs", path=f"{PREFIX}/")
    assert cookie is not None
    fields = ("#HttpOnly_127.0.0.1", "FALSE", f"{PREFIX}/", "FALSE", "0", cookie.key, cookie.value)
    path.write_text("\t".join(fields) + "\n", encoding="utf-8")
