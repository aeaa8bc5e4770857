"""Errors as problem details (RFC 9457). The type names the error; the detail is the sentence that people read."""

import re
from http import HTTPStatus

from governance.errors import SaferoomError
from safe_outputs.web.api.shapes import Problem

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def problem_of(error: SaferoomError) -> Problem:
    """An error of ours: `urn:saferoom:problem:wrong-state`, with what else it tells programs."""
    name = _HUMP.sub(" ", type(error).__name__).lower()
    facts = {
        "type": f"urn:saferoom:problem:{name.replace(' ', '-')}",
        "title": name.capitalize(),
        "status": error.status,
        "detail": error.sentence,
    }
    return Problem.model_validate(error.members | facts)


def problem_of_status(status: int, sentence: str) -> Problem:
    """An error of HTTP itself, which has no more to say than its status."""
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=sentence)
