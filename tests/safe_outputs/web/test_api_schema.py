"""schemathesis against the description: as each person, on things in every state, no answer that is not described.

It makes calls that are as described and calls that are not, many of them about what there really is and about its
present version. The same calls each time.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from safe_outputs.web import stamp
from safe_outputs.web.access import declared
from safe_outputs.web.api.description import path_of
from tests.safe_outputs.every_state import Everything, fill
from tests.safe_outputs.house import House
from tests.safe_outputs.web.browser import GATE_KEY, PREFIX, TOKEN_OF, KnownByName
from tests.safe_outputs.web.conformance import description_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
RESEARCHERS, EVERYBODY = {"rosa", "rui"}, {"rosa", "rui", "cleo", "cora", "olga", "stan", "otto"}
DOORS: dict[str, set[str]] = {
    "gate": RESEARCHERS,
    "researcher": RESEARCHERS,
    "output_checker": {"cleo", "cora"},
    "data_steward": {"stan"},
    "operator": {"otto"},
}
"""Who gets past which door, and is worth more calls than one; all do past the others."""

REACHED = {"rosa": 2, "cleo": 3, "olga": 1, "stan": 2, "otto": 1}
"""How many different changes each of them makes at the least, so that these calls test more than refusals."""

EXAMPLES = 4
CALLS = [
    *((person, GenerationMode.POSITIVE) for person in ("rosa", "cleo", "olga", "stan", "otto")),
    *((person, GenerationMode.NEGATIVE) for person in ("rosa", "cleo", "stan")),
]
"""Who calls as described, and who otherwise: what others call is refused at the door in either case."""


class Strict(KnownByName):
    """A hub that knows the tokens it gave, and no others."""

    def name_of(self, token: str) -> str | None:
        return super().name_of(token) if token.startswith(TOKEN_OF) else None


@pytest.fixture
def hub() -> KnownByName:
    return Strict()


@pytest.fixture
def everything(house: House) -> Everything:
    return fill(house)


@dataclass
class Caller:
    """One person, who calls what the description has. What she changes is put back after each call."""

    app: Flask
    person: str | None
    everything: Everything
    database: Path
    kept: sqlite3.Connection = field(init=False)
    answered: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = sqlite3.connect(":memory:")
        with sqlite3.connect(self.database) as present:
            present.backup(self.kept)

    def put_back(self) -> None:
        with sqlite3.connect(self.database) as present:
            self.kept.backup(present)

    def credentials(self, path: str) -> dict[str, str]:
        if self.person is None:
            return {}
        if path.startswith("/api/session/"):
            return {"Authorization": f"{stamp.SCHEME} {stamp.sign(GATE_KEY, self.person, 'heron')}"}
        return {"Authorization": f"Bearer {TOKEN_OF}{self.person}"}

    def real(self, path: str, draw: Any) -> dict[str, Any]:
        """What there really is for the parameters of a path."""
        there: dict[str, tuple[Any, ...]] = {
            "request_id": tuple(self.everything.requests.values()),
            "release_id": self.everything.releases,
            "ingress_id": self.everything.incoming,
            "package_request_id": self.everything.packages,
            "statistic_id": self.everything.statistics,
            "name": ("release.json", "manifest.json", "1-crosstab.csv"),
            "position": (1, 2),
            "case_id": ("p01", "p02"),
            "file_id": self.everything.files,
        }
        if "{file_id}" in path:
            there["request_id"] = (self.everything.requests["draft"],)
        return {name: draw(st.sampled_from(values)) for name, values in there.items() if f"{{{name}}}" in path}

    def about_the_present(self, case: Any) -> None:
        """Make the call about what there is: its version, its content, a project and a zone."""
        path = case.formatted_path if case.method.upper() == "PUT" else case.formatted_path.rpartition("/")[0]
        etag, content = self.version(path) if "If-Match" in (case.headers or {}) else ("", "")
        if etag:
            case.headers["If-Match"] = etag
        if not isinstance(case.body, dict):
            return
        facts = {"content_hash": content, "project": "heron", "time_zone": "Europe/Paris", "versions": ">=1"}
        if case.body.get("vote") == "approve":
            case.body.pop("category", None)
        case.body |= {name: value for name, value in facts.items() if name in case.body}
        if "approve" in case.body:
            case.body["approve"] = [self.approval(each) for each in list(self.everything.requests.values())[::4]]

    def approval(self, request_id: str) -> dict[str, str]:
        etag, content = self.version(f"/api/requests/{request_id}")
        return {"id": request_id, "etag": etag, "content_hash": content}

    def version(self, path: str) -> tuple[str, str]:
        """The present tag and content hash of what is at this path, for this person."""
        found = self.app.test_client().get(f"{PREFIX}{path}", headers=self.credentials(path))
        content = found.get_json().get("content_hash") if found.status_code == 200 else None
        return found.headers.get("ETag", '"none"'), content or ""


def operations(app: Flask, *, changes: bool) -> Iterator[Any]:
    schema: Any = schemathesis.openapi.from_dict(description_of(app))
    schema.app = app
    for result in schema.get_all_operations():
        operation = result.ok()
        if (operation.method.upper() != "GET") == changes:
            yield operation


def calls(strategy: Any, examples: int, call: Callable[[Any, Any], None]) -> None:
    """So many calls of one operation; the same each time."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def made(data: st.DataObject) -> None:
        known = data.draw(st.integers(0, 3)) > 0
        call(data.draw(strategy(known, data.draw)), known)

    made()


def exercise(caller: Caller, operation: Any, mode: GenerationMode, examples: int) -> None:
    """Call one operation, and compare each answer with the description."""

    def strategy(known: bool, draw: Any) -> Any:
        fixed = {"path_parameters": caller.real(operation.path, draw)} if known and "{" in operation.path else {}
        return operation.as_strategy(mode, **fixed)

    def call(case: Any, known: bool) -> None:
        if mode is GenerationMode.POSITIVE and known:
            caller.about_the_present(case)
        answer = case.call(headers=caller.credentials(operation.path))
        case.validate_response(answer, checks=CHECKS)
        caller.answered.setdefault(operation.label, set()).add(answer.status_code)
        if operation.method.upper() != "GET" and answer.status_code < 300:
            caller.put_back()

    with suppress(Unsatisfiable):  # there is nothing that could be otherwise
        calls(strategy, examples, call)


@pytest.fixture
def database(house: House) -> Path:
    return Path(str(house.engine.url.database))


@pytest.mark.parametrize(("person", "mode"), CALLS, ids=lambda value: str(getattr(value, "value", value)))
def test_every_answer_is_described(
    app: Flask, everything: Everything, database: Path, person: str, mode: GenerationMode
) -> None:
    caller = Caller(app, person, everything, database)
    for changes in (False, True):
        for operation in operations(app, changes=changes):
            open_to = DOORS.get(audience_of(app, operation), EVERYBODY)
            exercise(caller, operation, mode, EXAMPLES if person in open_to else 1)
    if mode is GenerationMode.POSITIVE:
        done = {label for label, statuses in caller.answered.items() if min(statuses) < 300}
        assert sum(not label.startswith("GET ") for label in done) >= REACHED[person]


def audience_of(app: Flask, operation: Any) -> str:
    """Who may come to the door of an operation."""
    return next(
        str(declared(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        if path_of(rule.rule) == operation.path and operation.method.upper() in (rule.methods or set())
    )


def test_nobody_gets_in_without_a_token_that_is_good(app: Flask, everything: Everything) -> None:
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer made up"},
        {"Authorization": f"{stamp.SCHEME} made.up"},
    )
    for changes in (False, True):
        for operation in operations(app, changes=changes):
            if audience_of(app, operation) == "public":
                continue

            def call(case: Any, known: bool) -> None:
                for headers in wrong:
                    answer = case.call(headers=headers)
                    case.validate_response(answer, checks=CHECKS)
                    assert answer.status_code == 401 and answer.headers["www-authenticate"]

            calls(lambda _known, _draw, operation=operation: operation.as_strategy(), 1, call)


def test_other_methods_are_refused_with_those_that_there_are(app: Flask) -> None:
    client = app.test_client()
    for path, described in description_of(app)["paths"].items():
        there = {method.upper() for method in described}
        there |= {"HEAD"} if "GET" in there else set()
        address = PREFIX + path.replace("{position}", "1").replace("{", "").replace("}", "")
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - there:
            answer = client.open(address, method=method)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].replace(",", " ").split()) == there, (method, path)


def test_the_description_is_openapi(app: Flask) -> None:
    """By the meta-schema of OpenAPI 3.1 that schemathesis brings."""
    schemathesis.openapi.from_dict(description_of(app)).validate()
    broken = json.loads(json.dumps(description_of(app)))
    broken["paths"]["/api/me"]["get"]["responses"] = []
    with pytest.raises(Exception, match="responses"):
        schemathesis.openapi.from_dict(broken).validate()
