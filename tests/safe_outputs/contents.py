"""Files, groups and evidence for tests: handed in through the service, as a session would."""

import json
from collections.abc import Mapping
from typing import Any

from safe_outputs.asking import Asker
from safe_outputs.contents.handing_in import hand_in, judged
from safe_outputs.contents.request_details import RequestDetails
from safe_outputs.models import FileRole
from tests.safe_outputs.house import House

CODE = b"import safe_outputs as so\nroom = so.connect()\n"
COUNTS = b"site,persons\nDayton,120\nSeattle,340\n"
NOTEBOOK = json.dumps(
    {
        "cells": [{"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": [], "execution_count": 1}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
).encode()

ANSWERS = {
    "units": "yes",
    "individuals": "yes",
    "outsider": "yes",
    "earlier": "None show these people.",
    "only_way": "It is a figure.",
    "parts": "yes",
    "model": "yes",
    "code": "yes",
}
"""An answer to every question."""


def a_statement(**changes: Any) -> dict[str, Any]:
    """What an author says of a table of counts."""
    facts: dict[str, Any] = {
        "what": "counts",
        "shows": "Persons at each site.",
        "made": "Counted by hand.",
        "why_safe": "Each count is above 100.",
        "data": ["rand_hie"],
        "units": 460,
        "smallest": 120,
    }
    return {**facts, **changes}


CODE_STATEMENT = {"what": "code", "shows": "How it was made.", "made": "Written.", "why_safe": "It holds no data."}


def a_file(
    house: House,
    content: bytes = COUNTS,
    *,
    name: str = "counts.csv",
    role: str = "output",
    project: str = "heron",
    author: str = "rosa",
) -> str:
    """The id of a file that was handed in."""
    taken = judged(name, content, FileRole(role))
    asker = Asker(author, project)
    return str(house.do(lambda session: hand_in(session, house.store, asker, FileRole(role), taken).id))


def a_group(
    audience: str = "publication",
    statistics: list[str] | None = None,
    files: Mapping[str, Any] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """A group's details; `files` are statements by the file's id."""
    uses = [{"file": each, "statement": said} for each, said in (files or {}).items()]
    group = {"title": f"For {audience}", "context": f"What {audience} needs.", "audience": audience}
    return group | {"statistics": statistics or [], "files": uses} | facts


def details_of(*groups: dict[str, Any], **changes: Any) -> RequestDetails:
    """The details of a request with these groups, and every answer to the checklist."""
    facts = {"title": "Several things", "purpose": "A paper.", "groups": groups, "answers": ANSWERS}
    return RequestDetails.model_validate({**facts, **changes})
