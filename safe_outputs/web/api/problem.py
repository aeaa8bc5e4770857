"""Errors as problem details (RFC 9457). The type names the error; the detail is the sentence that people read."""

import re
from http import HTTPStatus

from governance.errors import SaferoomError
from safe_outputs.web.api.errors import NotAsDescribed
from safe_outputs.web.api.shapes import PlaceOfError, Problem

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def problem_of(error: SaferoomError) -> Problem:
    """An error of ours: `urn:saferoom:problem:wrong-state`, with the places that are wrong where there are some."""
    name = _HUMP.sub(" ", type(error).__name__).lower()
    flaws = error.flaws if isinstance(error, NotAsDescribed) else ()
    return Problem(
        type=f"urn:saferoom:problem:{name.replace(' ', '-')}",
        title=name.capitalize(),
        status=error.status,
        detail=error.sentence,
        errors=[PlaceOfError(pointer=each.pointer, detail=each.detail) for each in flaws] or None,
        **error.members,
    )


def problem_of_status(status: int, sentence: str) -> Problem:
    """An error of HTTP itself, which has no more to say than its status."""
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=sentence)
