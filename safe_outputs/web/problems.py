"""Errors as people and programs see them: a page with the sentence, or problem details (RFC 9457) below /api/.

An error that nobody foresaw is logged by its type and place alone: its text could hold data.
"""

import logging
import traceback
from http import HTTPStatus

from flask import Flask, Response, make_response, render_template, request, session
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from governance.errors import SaferoomError
from safe_outputs.web.access import NotSignedIn
from safe_outputs.web.api.problem import problem_of, problem_of_status
from safe_outputs.web.api.shapes import Problem
from safe_outputs.web.sign_in import begin
from safe_outputs.web.stamp import SCHEME, BadStamp
from safe_outputs.web.tokens import API, TOKEN

log = logging.getLogger(__name__)

WRITTEN = ("comment", "purpose")
"""The fields in which a person may have written something long."""

KEEPS_WHAT_WAS_WRITTEN = frozenset({400, 401, 403, 409})
UNFORESEEN = (
    "Something went wrong in Saferoom, and nothing was changed or released. Try again; if it stays, tell the operator "
    "what you did and when."
)

_HEADINGS = {
    400: "This was not understood",
    401: "Please sign in",
    403: "You cannot do this",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "This is not possible now",
    410: "This was taken back",
    413: "This is too large",
    415: "This is in another form than expected",
    422: "This cannot be used as it is",
    503: "Part of Saferoom does not answer",
}

_SENTENCES = {
    400: "The request was not understood. Go back, load the page again and try once more.",
    404: "There is no page at this address. Check the address, or begin at the first page.",
    405: "This address exists, but not for what was tried. Begin at the first page.",
    413: "More was sent than this page takes. Send less at once.",
    415: "The body has to be JSON, with the header “Content-Type: application/json”.",
}

STALE_FORM = (
    "The form was too old or did not come from this page, so nothing was changed. Go back, load the page again and "
    "send it once more."
)


def register(app: Flask) -> None:
    app.register_error_handler(NotSignedIn, _not_signed_in)
    app.register_error_handler(SaferoomError, _foreseen)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unforeseen)


def _not_signed_in(error: NotSignedIn) -> Response:
    if request.method in {"GET", "HEAD"} and not request.path.startswith(API):
        return begin(request.full_path.rstrip("?"))
    return _foreseen(error)


def _foreseen(error: SaferoomError) -> Response:
    if error.status >= 500:
        log.error("%s while answering %s: %s", type(error).__name__, request.endpoint, error.sentence)
    response = _answer(error.status, error.sentence, problem_of(error))
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = SCHEME if isinstance(error, BadStamp) else "Bearer"
    return response


def _stale_form(_error: CSRFError) -> Response:
    return _answer(400, STALE_FORM)


def _of_http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    response = _answer(status, _SENTENCES.get(status, UNFORESEEN if status >= 500 else _SENTENCES[400]))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _unforeseen(error: Exception) -> Response:
    log.error("unforeseen %s while answering %s, at %s", type(error).__name__, request.endpoint, places(error))
    try:
        return _answer(500, UNFORESEEN)
    except Exception:  # noqa: BLE001 - the page of errors itself is broken
        return make_response(UNFORESEEN, 500, {"Content-Type": "text/plain; charset=utf-8"})


def places(error: BaseException) -> str:
    """Where an error came from: files, lines and functions, and no value."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _answer(status: int, sentence: str, problem: Problem | None = None) -> Response:
    if request.path.startswith(API):
        return _problem(problem or problem_of_status(status, sentence))
    return _page(status, sentence)


def _problem(problem: Problem) -> Response:
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, problem.status, content_type="application/problem+json")


def _page(status: int, sentence: str) -> Response:
    """The sentence, and what the person had written, so that she does not lose it."""
    page = render_template(
        "problem.html",
        heading=_HEADINGS.get(status, "Something went wrong"),
        sentence=sentence,
        written=next(filter(None, map(request.form.get, WRITTEN)), "") if status in KEEPS_WHAT_WAS_WRITTEN else "",
        refused=status == HTTPStatus.FORBIDDEN and TOKEN in session,
    )
    return make_response(page, status)
