"""The walk through a running Saferoom, over its own pages and sockets: work, ask, submit, review, release.

It begins where an earlier walk was left: a request that waits is reviewed, one that was released is shown.
"""

import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from governance.database import reading
from governance.errors import Unavailable
from governance.people import Role
from hub_config import driver
from hub_config.demo.cast import PROJECT, Cast, User
from hub_config.demo.visitor import anybody
from hub_config.driver import Browser
from hub_config.settings import OUTPUTS_PREFIX, Settings
from safe_outputs.models import Release, ReleaseRequest
from safe_outputs.package.folder import open_package
from safe_outputs.package.reading import verified_record
from safe_outputs.releases.release_keys import known_keys
from safe_outputs.transitions import OWNERS, Owner, RequestState

NOTEBOOK = "work/examples/first_release.ipynb"
SECONDS_FOR_A_RELEASE = 60.0
SECONDS_BETWEEN_LOOKS = 0.2

Say = Callable[[str], None]


class WalkFailed(Unavailable):
    """A step of the walk did not lead where it should."""


def walk(settings: Settings, engine: Engine, people: Cast, say: Say) -> Path:
    """The release package that the walk led to. Raises `WalkFailed`, `DriverError` or `CellFailed`."""
    if (package := released(settings, engine)) is not None:
        say("The request was released in an earlier run; nothing is asked for again.")
        return _shown(settings, engine, package, say)
    request = waiting(engine) or _work(settings, engine, people, say)
    _review(settings, engine, people, request, say)
    return _shown(settings, engine, _wait_for_release(settings, engine, request), say)


def released(settings: Settings, engine: Engine) -> Path | None:
    """The newest release package of the demo's project."""
    query = select(Release.package).where(Release.project_id == PROJECT).order_by(Release.released_at.desc())
    with reading(engine) as session:
        package = session.scalars(query.limit(1)).first()
    return None if package is None else settings.releases / package


def waiting(engine: Engine) -> str | None:
    """The request of the demo's project that checkers or Saferoom have to move."""
    theirs = [state for state, owner in OWNERS.items() if owner in {Owner.CHECKERS, Owner.SYSTEM}]
    query = select(ReleaseRequest.id).where(ReleaseRequest.project_id == PROJECT, ReleaseRequest.state.in_(theirs))
    with reading(engine) as session:
        return session.scalars(query.order_by(ReleaseRequest.created_at)).first()


def state_of(engine: Engine, request: str) -> RequestState:
    """The state of a request as the register has it."""
    with reading(engine) as session:
        return session.get_one(ReleaseRequest, request).state


def _work(settings: Settings, engine: Engine, people: Cast, say: Say) -> str:
    """The researcher runs her notebook, which ends with a request."""
    researcher = people.of_role(Role.RESEARCHER)[0]
    with _signed_in(settings, researcher) as browser:
        say(f"{researcher.name} signed in with password and one-time code.")
        driver.start_session(browser, PROJECT)
        say(f"Her session for {PROJECT} runs; the notebook {NOTEBOOK} is executed in its kernel.")
        notebook = driver.run_notebook(browser, PROJECT, NOTEBOOK)
    for line in _verdicts(notebook):
        say(f"  The notebook says: {line}")
    request = waiting(engine)
    if request is None:
        raise WalkFailed("The notebook ran, but no release request waits. Look at its last cell in JupyterLab.")
    say(f"The release request {request} was submitted.")
    return request


def _verdicts(notebook: Any) -> list[str]:
    """The lines of the notebook's outputs that hold a verdict."""
    texts = [
        output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    return [line.strip() for text in texts for line in str(text).splitlines() if "verified from" in line]


def _review(settings: Settings, engine: Engine, people: Cast, request: str, say: Say) -> None:
    """Two checkers approve, one after the other; before that, the author tries and is refused."""
    researcher = people.of_role(Role.RESEARCHER)[0]
    with _signed_in(settings, researcher) as browser:
        say(f"{researcher.name} tries to approve it herself: {_refused_vote(browser, request)}")
    for checker in people.of_role(Role.OUTPUT_CHECKER):
        if state_of(engine, request) not in {RequestState.SUBMITTED, RequestState.IN_REVIEW}:
            return
        with _signed_in(settings, checker) as browser:
            _approve(browser, request)
        say(f"{checker.name} read the request and approved it; it is now {state_of(engine, request).value}.")


def _refused_vote(browser: Browser, request: str) -> str:
    page = driver.sign_in_to_outputs(browser, f"requests/{request}")
    token = _Form.of(page.text).get("csrf_token", "")
    answer = browser.http.post(
        f"{OUTPUTS_PREFIX}requests/{request}/vote",
        data={"csrf_token": token, "vote": "approve"},
        headers={"Referer": str(page.url)},
    )
    if answer.status_code != 403:
        raise WalkFailed(f"The author's own approval was answered with status {answer.status_code}, not refused.")
    return f"refused (status {answer.status_code})."


def _approve(browser: Browser, request: str) -> None:
    """Open the queue, then the request, read it, and press the button."""
    queue = driver.sign_in_to_outputs(browser, "queue")
    if f"requests/{request}" not in queue.text:
        raise WalkFailed(f"The request {request} is not in the queue of {browser.name}.")
    page = driver.sign_in_to_outputs(browser, f"requests/{request}")
    fields = _Form.of(page.text)
    if "content_hash" not in fields:
        return  # this checker has voted already
    answer = browser.http.post(
        f"{OUTPUTS_PREFIX}requests/{request}/vote",
        data={**fields, "vote": "approve", "comment": ""},
        headers={"Referer": str(page.url)},
    )
    if answer.is_error:
        raise WalkFailed(f"The vote of {browser.name} was answered with status {answer.status_code}.")


def _wait_for_release(settings: Settings, engine: Engine, request: str) -> Path:
    end = time.monotonic() + SECONDS_FOR_A_RELEASE
    while time.monotonic() < end:
        if (package := released(settings, engine)) is not None:
            return package
        time.sleep(SECONDS_BETWEEN_LOOKS)
    raise WalkFailed(
        f"The request {request} is {state_of(engine, request).value} and was not released within a minute. "
        f"Look into {settings.log}."
    )


def _shown(settings: Settings, engine: Engine, package: Path, say: Say) -> Path:
    """Verify the package, and read its public page as anybody could."""
    with reading(engine) as session:
        opened = open_package(package, session.get_one(Release, package.name).record_hash)
        known = known_keys(session)
    record = verified_record(package, known) if opened.signed else opened.record
    how = "its signature verified" if opened.signed else "of before there were signatures"
    say(f"Released: “{record['title']}”, {len(record['statistics'])} statistics, {how}.")
    with anybody(settings.hub_url) as http:
        page = http.get(f"{OUTPUTS_PREFIX}releases/{package.name}")
    if page.is_error or record["title"] not in page.text:
        raise WalkFailed(f"The public page answered with status {page.status_code}.")
    say("The public page shows it without a login.")
    return package


def _signed_in(settings: Settings, user: User) -> Browser:
    return driver.sign_in(settings.hub_url, user.name, user.password, user.totp_secret)


class _Form(HTMLParser):
    """The hidden fields of the forms in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    @classmethod
    def of(cls, text: str) -> dict[str, str]:
        form = cls()
        form.feed(text)
        return form.fields

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "input" and facts.get("type") == "hidden" and facts.get("name"):
            self.fields[str(facts["name"])] = facts.get("value") or ""
