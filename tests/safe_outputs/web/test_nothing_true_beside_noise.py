"""No page, answer, file or log shows the true values of a private statistic beside its noisy ones, or anywhere.

Real parts: patients in a real project copy, the real checker, every page of it, the API, the notebook's view, the
release, and all that is stored. The scanner is shown to find true values where an exact table has been let out.
"""

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from datasets.engines import open_copy
from disclosure_control import Ledger
from governance import projects
from governance.database import open_database, transaction
from governance.people import Role
from safe_outputs.answers import Answer, answer_from_json
from safe_outputs.checker import disclosure_stage, protection, worker
from safe_outputs.checker.worker import CheckerSettings
from safe_outputs.client.showing import as_frame, as_html, as_text
from safe_outputs.evidence import underlying
from safe_outputs.evidence.underlying import TrueBesideNoise
from safe_outputs.models import Statistic
from safe_outputs.statistics import Crosstab, Private, PrivateKey, plan_to_json
from safe_outputs.store import Store
from safe_outputs.web import create_app
from tests.datasets.factories import agreed, available, provision, register, write_small
from tests.governance.people_factory import a_person
from tests.safe_outputs.factories import RELEASE_KEY
from tests.safe_outputs.web.browser import Browser, KnownByName, Session, settings_in

PATIENTS = {"N": 1237, "S": 2741}
POLICY = """\
count = { pre_publication = "exact", publication = "private" }
mean = { publication = "private" }
sum = { publication = "private" }
quantile = { publication = "private" }
"""
KEY = b"l" * 32
BY_WARD = (PrivateKey(name="ward", of={"op": "column", "name": "ward"}),)
COST = {"op": "column", "name": "cost"}
MEASURES = (
    {"kind": "count_units", "name": "patients"},
    {"kind": "sum", "name": "total_cost", "of": COST},
    {"kind": "mean", "name": "mean_cost", "of": COST},
    {"kind": "quantile", "name": "median_cost", "of": COST},
)
OF_THE_DATA = ('INSERT INTO "dataset_version"', 'INSERT INTO "project_copy"')
NANO_RHO = 4_000
"""So little that the noise is far larger than one: a noisy number seldom equals a true one."""


@dataclass(frozen=True)
class Ward:
    """A hospital's Saferoom: its service, its checker, and the true values by ward."""

    app: Flask
    engine: Engine
    settings: CheckerSettings
    folder: Path
    truths: frozenset[str]

    def asked(self, plan: Private | Crosstab) -> tuple[str, Answer]:
        """The id of a statistic that the researcher asked for, and its answer as her notebook gets it."""
        rosa = Session(self.app, "researcher", "wards")
        statistic = rosa.call("POST", "/statistics", {"plan": plan_to_json(plan), "code": "so.private…"}).get_json()[
            "id"
        ]
        with Ledger(self.settings.ledger_url, key=KEY) as ledger:
            while worker.answer_next(self.engine, Store(self.settings.store), ledger):
                pass
        facts = rosa.call("GET", f"/statistics/{statistic}").get_json()
        assert facts["problem"] is None, facts["problem"]
        return statistic, answer_from_json(facts["answer"])

    def released(self, statistics: list[str]) -> str:
        """The id of the release of these statistics: submitted, approved by two checkers, released."""
        rosa = Session(self.app, "researcher", "wards")
        body = {"title": "Stays", "purpose": "To know.", "audience": "publication", "statistics": statistics}
        request = str(rosa.call("POST", "/requests", body).get_json()["id"])
        assert rosa.call("POST", f"/requests/{request}/submit").status_code == 200
        for checker in ("checker", "second"):
            assert Browser(self.app).sign_in(checker).vote(request).status_code == 303
        worker.release_next(
            self.engine, Store(self.settings.store), self.settings.releases, {}, self.settings.release_key
        )
        return request

    def found_in(self, text: str) -> set[str]:
        """The true values that stand in a text as numbers of their own, with or without thousands separated."""
        numbers = set(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])", text))
        return {each for each in numbers if each.replace(",", "") in self.truths}


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with a_ward(tmp_path) as made:
        yield made


@contextmanager
def a_ward(tmp_path: Path) -> Iterator[Ward]:
    stays = "".join(
        f"P-{code}{number},A Person,{code},{number % 997},{number % 7},0\n"
        for code, patients in PATIENTS.items()
        for number in range(patients)
    )
    owners = write_small(
        tmp_path / "owner",
        (
            'count = { pre_publication = "exact", publication = "private" }\nmean = { publication = "refused" }\n',
            POLICY,
        ),
        stays=f"Patient No,name,ward,cost,nights,emergency\n{stays}",
    )
    with register(tmp_path) as session:
        for name, role in (("second", Role.OUTPUT_CHECKER),):
            a_person(session, name, role)
        agreed(session, "wards", available(session, owners, tmp_path), ["ward", "cost"])
        projects.add_member(session, projects.find_project(session, "wards"), "researcher", actor="operator")
        path = provision(session, "wards", "stays", tmp_path).path
    settings = CheckerSettings(
        database_url=f"sqlite:///{tmp_path}/register.sqlite",
        ledger_url=f"sqlite:///{tmp_path}/ledger.sqlite",
        store=tmp_path / "store",
        releases=tmp_path / "releases",
        lock=tmp_path / "lock",
        ledger_key=KEY,
        release_key=lambda: RELEASE_KEY,
    )
    with Ledger(settings.ledger_url, key=KEY) as ledger:
        for scope in ("dataset:stays", "project:wards/stays"):
            ledger.grant(scope, 10**9, granted_by="owner")
    app = create_app(settings_in(tmp_path), KnownByName())
    engine = open_database(settings.database_url)
    yield Ward(app, engine, settings, tmp_path, truths_of(path))
    app.extensions["saferoom"].engine.dispose()
    engine.dispose()


def truths_of(copy: str) -> frozenset[str]:
    """Count, sum, mean and median of each ward, as the copy has them."""
    with open_copy(Path(copy)) as connection:
        rows = connection.execute(
            "SELECT count(DISTINCT patient), sum(cost), round(avg(cost), 2), median(cost) FROM stay GROUP BY ward"
        ).fetchall()
    numbers = {f"{float(value):.2f}" for row in rows for value in row}
    return frozenset(numbers | {each.removesuffix(".00") for each in numbers})


def pages(app: Flask, request: str) -> Iterator[tuple[str, str]]:
    """Every page on which a request or its release can be seen, by everybody who can see it."""
    for who in ("researcher", "checker", "second"):
        browser = Browser(app).sign_in(who)
        for path in (f"/requests/{request}", "/queue" if who != "researcher" else "/requests"):
            answer = browser.get(path)
            assert answer.status_code == 200
            yield f"{who}: {path}", answer.text
    stranger = Browser(app)
    for path in ("/releases", f"/releases/{request}", f"/releases/{request}/files/release.json"):
        answer = stranger.get(path)
        assert answer.status_code == 200
        yield path, answer.text


def stored(folder: Path) -> Iterator[tuple[str, str]]:
    """All that is kept but the data itself: answers, files, release packages, and the rows of both databases.

    What the register says of versions and copies (their size, the owner's scan report) is of the data, and shown on no
    page; it is left out.
    """
    for kept in ("store", "releases"):
        for path in (folder / kept).rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes().decode("utf-8", "backslashreplace")  # a signature is no text
    for name in ("register.sqlite", "ledger.sqlite"):
        with closing(sqlite3.connect(folder / name)) as connection:
            rows = (line for line in connection.iterdump() if not line.startswith(OF_THE_DATA))
            yield name, "\n".join(rows)


def private(**facts: object) -> Private:
    return Private.model_validate(
        {
            "dataset": "stays",
            "by": BY_WARD,
            "measures": MEASURES,
            "price": {"kind": "rho", "nano_rho": NANO_RHO},
            **facts,
        }
    )


def test_true_values_of_a_private_statistic_are_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A noisy number equals a true one by chance now and then. What leaks is there in every draw."""
    caplog.set_level(logging.DEBUG)
    found = []
    for draw in range(3):
        caplog.clear()
        (tmp_path / str(draw)).mkdir()
        with a_ward(tmp_path / str(draw)) as ward:
            assert {"1237", "2741"} <= ward.truths
            found.append(true_values_in(ward, caplog))
        if not found[-1]:
            break
    assert set.intersection(*found) == set()


def true_values_in(ward: Ward, caplog: pytest.LogCaptureFixture) -> set[str]:
    """The true values that are anywhere, after a private statistic of all kinds was asked for and released."""
    statistic, answer = ward.asked(private())
    request = ward.released([statistic])
    seen = dict(pages(ward.app, request)) | dict(stored(ward.folder))
    seen |= {"text": as_text(answer), "html": as_html(answer), "frame": as_frame(answer.table).to_csv()}
    seen |= {"log": caplog.text, "answer": answer.model_dump_json()}
    assert len(seen) > 15
    for code, cell in zip(("North", "South"), answer.table.cells, strict=True):
        noisy = f"{cell.values[0]:,}"
        assert cell.codes == (code,)
        for place in (f"checker: /requests/{request}", f"/releases/{request}", "html"):
            assert noisy in seen[place], (place, noisy)
    return {each.replace(",", "") for text in seen.values() for each in ward.found_in(text)}


def test_the_scanner_finds_what_an_exact_table_tells(ward: Ward) -> None:
    """The positive control: the same walk, on an exact table that may be seen by a named team."""
    statistic, answer = ward.asked(Crosstab(dataset="stays", dimensions=("ward",)))
    rosa = Session(ward.app, "researcher", "wards")
    body = {"title": "Stays", "purpose": "To know.", "audience": "pre_publication", "statistics": [statistic]}
    request = rosa.call("POST", "/requests", body).get_json()["id"]
    assert rosa.call("POST", f"/requests/{request}/submit").status_code == 200
    page = Browser(ward.app).sign_in("checker").get(f"/requests/{request}").text
    assert ward.found_in(page) >= {"1,237", "2,741"}
    assert ward.found_in(as_text(answer)) >= {"1,237", "2,741"}
    kept = {found for _, text in stored(ward.folder) for found in ward.found_in(text)}
    assert {"1237", "2741"} <= kept


def submitted(ward: Ward, statistics: list[str], audience: str = "publication") -> str:
    rosa = Session(ward.app, "researcher", "wards")
    body = {"title": "Stays", "purpose": "To know.", "audience": audience, "statistics": statistics}
    request = str(rosa.call("POST", "/requests", body).get_json()["id"])
    assert rosa.call("POST", f"/requests/{request}/submit").status_code == 200
    return request


def test_no_counts_can_be_had_behind_a_private_statistic(ward: Ward) -> None:
    """Not by asking, not beside an exact one of the same people, and not by naming another's in the register."""
    counts = private(measures=MEASURES[:1])
    exact, _ = ward.asked(Crosstab(dataset="stays", dimensions=("ward",)))
    alone = submitted(ward, [exact], "pre_publication")
    checker = Browser(ward.app).sign_in("checker")
    control = checker.get(f"/requests/{alone}?counts=1")
    assert "n = 1,237" in control.text, "the scanner would find them"
    noisy, _ = ward.asked(counts)
    with transaction(ward.engine) as session:
        assert session.get_one(Statistic, noisy).underlying is None
    for statistics in ([noisy], [exact, noisy]):
        request = submitted(ward, statistics, "pre_publication")
        page = checker.get(f"/requests/{request}?counts=1")
        assert page.status_code == 200
        assert "n = " not in page.text
        assert "the noise would be worth nothing" in page.text
    with pytest.raises(TrueBesideNoise):
        underlying.underlying(counts, [])
    with transaction(ward.engine) as session:
        session.get_one(Statistic, noisy).underlying = session.get_one(Statistic, exact).underlying
    page = checker.get(f"/requests/{submitted(ward, [noisy], 'pre_publication')}?counts=1")
    assert page.status_code == 200
    assert "n = " not in page.text
    with transaction(ward.engine) as session, pytest.raises(TrueBesideNoise):
        underlying.read(Store(ward.settings.store), session.get_one(Statistic, noisy), counts)


def test_a_refusal_of_an_exact_statistic_tells_nothing_of_it(ward: Ward) -> None:
    mean = Crosstab.model_validate(
        {"dataset": "stays", "dimensions": ["ward"], "measure": {"column": "cost", "aggregate": "mean"}}
    )
    with pytest.raises(AssertionError, match=r"only as a private statistic: .*so\.private\.mean") as told:
        ward.asked(mean)
    assert ward.found_in(str(told.value)) == set()
    assert ward.found_in("\n".join(text for _, text in stored(ward.folder))) == set()


def test_the_disclosure_control_stage_is_not_asked_about_true_values(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deciding on true counts would undo the guarantee: no part of the stage that reads microdata is called."""

    def called(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("the stage looked at true values")

    monkeypatch.setattr(disclosure_stage, "protected_table", called)
    monkeypatch.setattr(protection, "protected_cells", called)
    _, answer = ward.asked(private(measures=MEASURES[:1]))
    assert answer.noise is not None
    assert {cell.status for cell in answer.table.cells} == {"published"}
