"""The notebook from which a request is made, as it was last saved: evidence for the output checkers.

Jupyter names it to its kernel when the kernel starts. What is sent is this kernel's word, and the request's page says
so. Where it cannot be found, the request says why.
"""

import os
import sys
from pathlib import Path
from typing import Any

from safe_outputs.client.files import hand_in
from safe_outputs.client.gate import Gate, Refused
from safe_outputs.limits import LARGEST_FILE

SESSION_NAME = "JPY_SESSION_NAME"
"""The variable in which Jupyter's server says which document a kernel was started for."""


def notebook_facts(gate: Gate, wanted: bool) -> dict[str, str | None]:
    """What a request's body says of the notebook: the file that was handed in, or why there is none."""
    if not wanted:
        return _none("not_asked")
    found = find_notebook()
    return _none(found) if isinstance(found, str) else _handed_in(gate, found)


def find_notebook() -> Path | str:
    """The notebook's file, or the word for why there is none."""
    name = os.environ.get(SESSION_NAME, "")
    if not name.endswith(".ipynb"):
        return "no_name"
    for path in (Path(name), Path.cwd() / Path(name).name):
        if path.is_file():
            return path
    return "not_found"


def _handed_in(gate: Gate, path: Path) -> dict[str, str | None]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            return _none("too_large")
        path.read_bytes()
    except OSError:
        return _none("not_read")
    try:
        return {"notebook": str(hand_in(gate, path, "evidence")["id"]), "no_notebook": None}
    except Refused as refused:
        if refused.status >= 500:
            raise
        _say(f"The notebook was not handed in as evidence: {refused.args[0]}")
        return _none("not_taken")


def _none(reason: str) -> dict[str, str | None]:
    return {"notebook": None, "no_notebook": reason}


def _say(sentence: str) -> Any:
    return sys.stdout.write(f"{sentence}\n")
