"""Who may use which route. The tables here are complete: a new route without a line in them fails."""

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from governance.people import Person
from safe_outputs.web import stamp
from safe_outputs.web.access import DOORS, declared
from tests.governance.people_factory import FAR
from tests.safe_outputs.bringing_in import something_asked
from tests.safe_outputs.handed_in import a_file, a_picture
from tests.safe_outputs.house import House, a_submitted_request
from tests.safe_outputs.web.browser import GATE_KEY, PREFIX, Browser, KnownByName, Program, sentence_of

NOBODY, STRANGER, EXPIRED = "nobody", "stranger", "expired"
PEOPLE = {
    "researcher": "rosa",
    "researcher of another project": "rui",
    "output checker": "cleo",
    "data owner": "olga",
    "data steward": "stan",
    "operator": "otto",
    STRANGER: "mallory",
    EXPIRED: "cora",
}
"""Everybody who can sign in at the hub. The stranger is in no register, the expired one's accreditation ended."""

TO_HUB, HERE = 302, 200
EVERYBODY = dict.fromkeys([NOBODY, *PEOPLE], HERE)
REFUSED = dict.fromkeys(PEOPLE, 403) | {NOBODY: TO_HUB}
FORBIDDEN = dict.fromkeys(PEOPLE, 403) | {NOBODY: 401}
STAMPED_ONLY = dict.fromkeys([NOBODY, *PEOPLE], 401)
RESEARCHERS = ("researcher", "researcher of another project")
NO_STRANGER = dict.fromkeys([*RESEARCHERS, "output checker", "data owner", "data steward", "operator"], HERE)

TOKEN_NEEDED = dict.fromkeys(PEOPLE, 403) | {NOBODY: 401}
READERS = {"researcher": HERE, "output checker": HERE}

SIGNED_IN_HERE = dict.fromkeys(PEOPLE, HERE) | {NOBODY: TO_HUB, STRANGER: 403, EXPIRED: 403}
SIGNED_IN_FORM = dict.fromkeys(PEOPLE, 400) | {NOBODY: 401, STRANGER: 403, EXPIRED: 403}
"""400: let in, but the form's token is missing."""
SIGNED_IN_TO_NOTHING = {who: 404 if status == HERE else status for who, status in SIGNED_IN_HERE.items()}

EXPECTED: dict[tuple[str, str], dict[str, int]] = {
    ("GET", "/"): REFUSED
    | dict.fromkeys(["researcher", "researcher of another project"], 302)
    | dict.fromkeys(["output checker", "data owner", "data steward", "operator"], 302),
    ("GET", "/owner"): REFUSED | {"data owner": HERE},
    ("POST", "/owner/requests/<request_id>/recall"): FORBIDDEN | {"data owner": 400},
    ("POST", "/owner/delegates"): FORBIDDEN | {"data owner": 400},
    ("POST", "/owner/delegates/end"): FORBIDDEN | {"data owner": 400},
    ("GET", "/sign-in"): dict.fromkeys([NOBODY, *PEOPLE], TO_HUB),
    ("GET", "/oauth_callback"): dict.fromkeys([NOBODY, *PEOPLE], 403),
    ("GET", "/sign-out"): dict.fromkeys([NOBODY, *PEOPLE], 302),
    ("GET", "/queue"): REFUSED | {"output checker": HERE},
    ("GET", "/queue/together"): REFUSED | {"output checker": HERE},
    ("POST", "/queue/together"): FORBIDDEN | {"output checker": 400},
    ("GET", "/requests"): REFUSED | dict.fromkeys(["researcher", "researcher of another project"], HERE),
    ("GET", "/requests/<request_id>"): REFUSED | {"researcher": HERE, "output checker": HERE},
    ("GET", "/requests/<request_id>/files/<file_id>"): REFUSED | {"researcher": HERE, "output checker": HERE},
    ("GET", "/requests/<request_id>/files/<file_id>/picture"): REFUSED | {"researcher": HERE, "output checker": HERE},
    # 400: let in, but the form's token is missing
    ("POST", "/requests/<request_id>/vote"): FORBIDDEN | {"output checker": 400},
    ("POST", "/requests/<request_id>/return"): FORBIDDEN | {"output checker": 400},
    ("POST", "/requests/<request_id>/say"): FORBIDDEN | {"output checker": 400},
    ("POST", "/requests/<request_id>/recall"): FORBIDDEN
    | dict.fromkeys(
        ["researcher", "researcher of another project", "output checker", "data owner", "data steward", "operator"], 400
    ),
    ("POST", "/requests/<request_id>/answer"): FORBIDDEN
    | dict.fromkeys(["researcher", "researcher of another project"], 400),
    ("POST", "/requests/<request_id>/checklist"): FORBIDDEN
    | dict.fromkeys(["researcher", "researcher of another project"], 400),
    ("POST", "/requests/<request_id>/withdraw"): FORBIDDEN
    | dict.fromkeys(["researcher", "researcher of another project"], 400),
    ("GET", "/incoming"): REFUSED | dict.fromkeys(RESEARCHERS, HERE),
    ("POST", "/incoming"): FORBIDDEN | dict.fromkeys(RESEARCHERS, 400),
    ("GET", "/incoming/queue"): REFUSED | {"data steward": HERE},
    ("GET", "/incoming/<ingress_id>"): REFUSED | {"researcher": HERE, "data steward": HERE},
    ("GET", "/incoming/<ingress_id>/files/<int:position>"): REFUSED | {"researcher": HERE, "data steward": HERE},
    ("POST", "/incoming/<ingress_id>/withdraw"): FORBIDDEN | dict.fromkeys(RESEARCHERS, 400),
    ("POST", "/incoming/<ingress_id>/decide"): FORBIDDEN | {"data steward": 400},
    ("POST", "/incoming/<ingress_id>/resume"): FORBIDDEN | {"data steward": 400},
    ("GET", "/packages"): REFUSED | NO_STRANGER,
    ("POST", "/packages"): FORBIDDEN | dict.fromkeys(RESEARCHERS, 400),
    ("POST", "/packages/<package_request_id>/<action>"): FORBIDDEN | {"operator": 400},
    ("GET", "/releases"): EVERYBODY,
    ("GET", "/releases/<release_id>"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/releases/<release_id>/files/<path:name>"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/releases/<release_id>/package.zip"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/releases/keys"): EVERYBODY,
    ("GET", "/releases/keys.json"): EVERYBODY,
    ("GET", "/team/releases"): SIGNED_IN_HERE,
    ("GET", "/team/releases/<release_id>"): SIGNED_IN_TO_NOTHING,
    ("GET", "/team/releases/<release_id>/files/<path:name>"): SIGNED_IN_TO_NOTHING,
    ("GET", "/team/releases/<release_id>/package.zip"): SIGNED_IN_TO_NOTHING,
    ("GET", "/settings"): SIGNED_IN_HERE,
    ("POST", "/settings/time-zone"): SIGNED_IN_FORM,
    ("POST", "/settings/email"): SIGNED_IN_FORM,
    ("POST", "/settings/away"): FORBIDDEN | {"output checker": 400},
    ("POST", "/requests/<request_id>/decline"): FORBIDDEN | {"output checker": 400},
    ("GET", "/notifications"): SIGNED_IN_HERE,
    ("POST", "/notifications/read"): SIGNED_IN_FORM,
    ("GET", "/health"): EVERYBODY,
    ("GET", "/practice"): REFUSED | {"output checker": HERE},
    ("GET", "/practice/<case_id>"): REFUSED | {"output checker": HERE},
    ("POST", "/practice/<case_id>"): FORBIDDEN | {"output checker": 400},
    ("GET", "/practice/summary"): REFUSED | dict.fromkeys(["output checker", "operator"], HERE),
    ("GET", "/metrics"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/numbers"): REFUSED | dict.fromkeys(["output checker", "operator"], HERE),
    ("GET", "/numbers/<name>.svg"): REFUSED | dict.fromkeys(["output checker", "operator"], 404),
    ("GET", "/static/<path:name>"): EVERYBODY,
    ("GET", "/api/openapi.json"): EVERYBODY,
    ("GET", "/api/practice"): TOKEN_NEEDED | {"output checker": HERE},
    ("GET", "/api/practice/<case_id>"): TOKEN_NEEDED | {"output checker": HERE},
    ("GET", "/api/practice/summary"): TOKEN_NEEDED | dict.fromkeys(["output checker", "operator"], HERE),
    ("POST", "/api/practice/<case_id>/answers"): TOKEN_NEEDED | {"output checker": 415},
    ("GET", "/api/health"): EVERYBODY,
    ("GET", "/api/me"): TOKEN_NEEDED | NO_STRANGER,
    ("GET", "/api/requests/<request_id>"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/files/<file_id>"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/files/<file_id>/picture"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/progress"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/history"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/context"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests/<request_id>/evidence"): TOKEN_NEEDED | READERS,
    ("GET", "/api/requests"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, HERE),
    ("GET", "/api/queue"): TOKEN_NEEDED | {"output checker": HERE},
    ("GET", "/api/queue/together"): TOKEN_NEEDED | {"output checker": HERE},
    # 415: let in, but nothing is sent
    ("POST", "/api/queue/together"): TOKEN_NEEDED | {"output checker": 415},
    ("GET", "/api/releases"): EVERYBODY,
    ("GET", "/api/releases/<release_id>"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/api/releases/<release_id>/files/<path:name>"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/api/releases/<release_id>/package.zip"): dict.fromkeys([NOBODY, *PEOPLE], 404),
    ("GET", "/api/keys"): EVERYBODY,
    ("GET", "/api/team/releases"): TOKEN_NEEDED | NO_STRANGER,
    ("GET", "/api/team/releases/<release_id>"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 404),
    ("GET", "/api/team/releases/<release_id>/files/<path:name>"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 404),
    ("GET", "/api/team/releases/<release_id>/package.zip"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 404),
    ("GET", "/api/incoming"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, HERE),
    ("POST", "/api/incoming"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 415),
    ("GET", "/api/incoming/queue"): TOKEN_NEEDED | {"data steward": HERE},
    ("GET", "/api/incoming/<ingress_id>"): TOKEN_NEEDED | {"researcher": HERE, "data steward": HERE},
    ("GET", "/api/incoming/<ingress_id>/files/<int(max=10000):position>"): TOKEN_NEEDED
    | {"researcher": HERE, "data steward": HERE},
    ("POST", "/api/incoming/<ingress_id>/withdraw"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 428),
    ("POST", "/api/incoming/<ingress_id>/accept"): TOKEN_NEEDED | {"data steward": 428},
    ("POST", "/api/incoming/<ingress_id>/decline"): TOKEN_NEEDED | {"data steward": 428},
    ("POST", "/api/incoming/<ingress_id>/resume"): TOKEN_NEEDED | {"data steward": 428},
    ("GET", "/api/packages"): TOKEN_NEEDED | NO_STRANGER,
    ("POST", "/api/packages"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 415),
    ("GET", "/api/packages/<package_request_id>"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 404),
    ("POST", "/api/packages/<package_request_id>/steps"): TOKEN_NEEDED | {"operator": 428},
    ("GET", "/api/settings"): TOKEN_NEEDED | NO_STRANGER,
    ("GET", "/api/settings/zones"): TOKEN_NEEDED | NO_STRANGER,
    ("PUT", "/api/settings"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 428),
    # 428: let in, but no version is named
    ("POST", "/api/requests/<request_id>/votes"): TOKEN_NEEDED | {"output checker": 428},
    ("POST", "/api/requests/<request_id>/questions"): TOKEN_NEEDED | {"output checker": 428},
    ("POST", "/api/requests/<request_id>/comments"): TOKEN_NEEDED | {"output checker": 428},
    ("POST", "/api/requests/<request_id>/notes"): TOKEN_NEEDED | {"output checker": 428},
    ("POST", "/api/requests/<request_id>/return"): TOKEN_NEEDED | {"output checker": 428},
    ("POST", "/api/requests/<request_id>/answers"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 428),
    ("POST", "/api/requests/<request_id>/withdraw"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 428),
    ("POST", "/api/requests/<request_id>/checklist"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 428),
    ("POST", "/api/requests/<request_id>/submit"): TOKEN_NEEDED | dict.fromkeys(RESEARCHERS, 428),
    ("POST", "/api/requests/<request_id>/recall"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 428),
    ("GET", "/api/numbers"): TOKEN_NEEDED | dict.fromkeys(["output checker", "operator"], HERE),
    ("GET", "/api/owner"): TOKEN_NEEDED | {"data owner": HERE},
    ("POST", "/api/owner/requests/<request_id>/recall"): TOKEN_NEEDED | {"data owner": 415},
    ("PUT", "/api/owner/delegates/<name>"): TOKEN_NEEDED | {"data owner": 415},
    ("GET", "/api/settings/away"): TOKEN_NEEDED | {"output checker": HERE},
    ("PUT", "/api/settings/away"): TOKEN_NEEDED | {"output checker": 428},
    ("GET", "/api/requests/<request_id>/asked"): TOKEN_NEEDED | {"output checker": HERE},
    ("POST", "/api/requests/<request_id>/decline"): TOKEN_NEEDED | {"output checker": HERE},
    ("GET", "/api/notifications"): TOKEN_NEEDED | NO_STRANGER,
    # 415: let in, but there is no body
    ("POST", "/api/notifications/read"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 415),
    ("GET", "/api/settings/email"): TOKEN_NEEDED | NO_STRANGER,
    ("PUT", "/api/settings/email"): TOKEN_NEEDED | dict.fromkeys(NO_STRANGER, 428),
    ("GET", "/api/session/session"): STAMPED_ONLY,
    ("POST", "/api/session/statistics"): STAMPED_ONLY,
    ("GET", "/api/session/statistics/<statistic_id>"): STAMPED_ONLY,
    ("POST", "/api/session/requests"): STAMPED_ONLY,
    ("GET", "/api/session/requests/<request_id>"): STAMPED_ONLY,
    ("PUT", "/api/session/requests/<request_id>"): STAMPED_ONLY,
    ("POST", "/api/session/requests/<request_id>/submit"): STAMPED_ONLY,
    ("POST", "/api/session/requests/<request_id>/withdraw"): STAMPED_ONLY,
    ("POST", "/api/session/requests/<request_id>/answers"): STAMPED_ONLY,
    ("PUT", "/api/session/requests/<request_id>/checklist"): STAMPED_ONLY,
    ("POST", "/api/session/files/<role>"): STAMPED_ONLY,
}


def routes(app: Flask) -> list[tuple[str, str]]:
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def test_every_route_declares_who_may_use_it(app: Flask) -> None:
    undeclared = [rule.rule for rule in app.url_map.iter_rules() if declared(app.view_functions[rule.endpoint]) is None]
    assert undeclared == []


def test_every_declaration_has_a_door(app: Flask) -> None:
    assert {declared(view) for view in app.view_functions.values()} <= set(DOORS)


def test_the_table_has_every_route(app: Flask) -> None:
    assert sorted(routes(app)) == sorted(EXPECTED)


def test_a_route_that_declares_nothing_is_refused_to_all(app: Flask) -> None:
    app.url_map.add(Rule("/undeclared", endpoint="undeclared"))
    app.view_functions["undeclared"] = lambda: "reached"
    answer = Browser(app).sign_in("cleo").get("/undeclared")
    assert answer.status_code == 500
    assert "does not say who may see it" in sentence_of(answer)


def test_everybody_on_every_route(app: Flask, house: House) -> None:
    """The whole table, role × route, with real requests; every refusal has a sentence."""
    request_id, ingress_id = a_submitted_request(house), something_asked(house)
    file_id = a_file(house, request_id, "plot.png", a_picture())
    _cora_expires(house)
    wrong = []
    for (method, rule), expected in EXPECTED.items():
        path = rule.replace("<request_id>", request_id).replace("<path:name>", "icon.svg")
        path = path.replace("<ingress_id>", ingress_id).replace("<int:position>", "1").replace("<case_id>", "p01")
        path = path.replace("<int(max=10000):position>", "1").replace("<file_id>", file_id)
        for who, status in expected.items():
            answer = opened(app, method, path, None if who == NOBODY else PEOPLE[who])
            if answer.status_code != status:
                wrong.append((method, rule, who, str(answer.status_code)))
            if answer.status_code >= 400 and len(sentence_of(answer)) < 30:
                wrong.append((method, rule, who, "no sentence"))
    assert wrong == []


def opened(app: Flask, method: str, path: str, person: str | None) -> TestResponse:
    """What a person's browser is answered, or on the API her program."""
    if path.startswith("/api/") and not path.startswith("/api/session/") and person is not None:
        return Program(app, person).open(method, path.removeprefix("/api"))
    browser = Browser(app) if person is None else Browser(app).sign_in(person)
    return browser.client.open(PREFIX + path, method=method, buffered=True)


def _cora_expires(house: House) -> None:
    def expire(session) -> None:
        session.get(Person, "cora").accredited_until = FAR.replace(year=2020)

    house.do(expire)


@pytest.mark.parametrize(
    ("who", "sentence"),
    [("mallory", "not in the register"), ("cora", "accreditation ended"), ("olga", "Only output checkers")],
)
def test_a_refusal_says_why(app: Flask, house: House, who: str, sentence: str) -> None:
    _cora_expires(house)
    assert sentence in sentence_of(Browser(app).sign_in(who).get("/queue"))


def test_a_right_that_ends_ends_the_next_click(browser: Browser, house: House) -> None:
    browser.sign_in("cora")
    assert browser.get("/queue").status_code == 200
    _cora_expires(house)
    assert browser.get("/queue").status_code == 403


def test_signing_out_at_the_hub_ends_the_session_here(browser: Browser, hub: KnownByName) -> None:
    browser.sign_in("cleo")
    hub.signed_out.add("token of cleo")
    assert browser.get("/queue").status_code == TO_HUB


def test_a_gates_stamp_opens_no_page(app: Flask) -> None:
    client = app.test_client()
    header = {"Authorization": f"{stamp.SCHEME} {stamp.sign(GATE_KEY, 'rosa', 'heron')}"}
    assert client.get(f"{PREFIX}/requests", headers=header).status_code == TO_HUB


def test_a_changed_cookie_is_worth_nothing(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("saferoom-outputs", "eyJ0b2tlbiI6InRva2VuIG9mIGNsZW8ifQ.aa.bb", path=f"{PREFIX}/")
    assert client.get(f"{PREFIX}/queue").status_code == TO_HUB


def test_nothing_answers_outside_of_the_prefix(app: Flask) -> None:
    client = app.test_client()
    for path in ("/", "/queue", "/services", "/services/outputsqueue", "/services/other/queue"):
        assert client.get(path).status_code == 404, path
