"""Single sign-on through the hub: begin, come back, leave.

The signed session cookie holds the hub's token for this service, as JupyterHub's own services keep it: what the token
is worth is asked of the hub again and again, and what the person may do is asked of the register at every request.
"""

import secrets
import time

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for

from governance.errors import SaferoomError
from governance.people import Role
from safe_outputs.errors import NotPermitted
from safe_outputs.web.access import access, reader
from safe_outputs.web.service import service
from safe_outputs.web.tokens import TOKEN

PENDING = "pending"
MOST_PENDING = 5
SECONDS_TO_SIGN_IN = 600

blueprint = Blueprint("sign_in", __name__)


class StrangeSignIn(SaferoomError):
    """A sign-in came back that this browser did not begin, or that it began too long ago."""

    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This sign-in was not begun in this browser, or it took longer than ten minutes. Sign in again."
        )


def begin(path: str) -> Response:
    """Send the browser to the hub. `path` is where it comes back to, without the prefix."""
    state = secrets.token_urlsafe(16)
    challenge = service().hub.challenge(state)
    pending = dict(list(session.get(PENDING, {}).items())[1 - MOST_PENDING :])
    session[PENDING] = pending | {state: [path, challenge.verifier, int(time.time())]}
    return make_response(redirect(challenge.address))


@blueprint.get("/sign-in")
@access("public")
def sign_in() -> Response:
    return begin("/")


@blueprint.get("/oauth_callback")
@access("public")
def come_back() -> Response:
    """The hub sends the browser here. The state has to be one that this browser's cookie holds."""
    path, verifier, begun = session.get(PENDING, {}).pop(request.args.get("state", ""), ("/", "", 0))
    session.modified = True
    if not 0 <= time.time() - begun <= SECONDS_TO_SIGN_IN:
        raise StrangeSignIn
    if "error" in request.args or "code" not in request.args:
        raise NotPermitted("The hub did not let you in here. Ask the operator whether you may use the outputs service.")
    token = service().hub.token(request.args["code"], verifier)
    if service().hub.name_of(token) is None:
        raise NotPermitted("The hub does not let you use the outputs service. Ask the operator for access.")
    session.clear()
    session[TOKEN] = token
    return make_response(redirect(request.script_root + path))


@blueprint.get("/sign-out")
@access("public")
def sign_out() -> Response:
    """End the session here, and then at the hub, which would otherwise let the browser in again at once."""
    session.clear()
    return make_response(redirect(service().settings.hub_prefix + "logout"))


@blueprint.get("/")
@access("signed_in")
def home() -> Response:
    """The first page of each role."""
    pages = {
        Role.OUTPUT_CHECKER: "queue.desk",
        Role.RESEARCHER: "author.requests",
        Role.DATA_OWNER: "owner.desk",
        Role.DATA_STEWARD: "ingress.desk",
        Role.OPERATOR: "packages.packages",
    }
    page = pages.get(reader().role)
    return make_response(redirect(url_for(page)) if page else render_template("home.html"))
