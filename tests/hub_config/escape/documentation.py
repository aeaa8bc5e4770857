"""The list of attempts in the documentation, made from the table: `python -m tests.hub_config.escape.documentation`."""

from itertools import groupby
from pathlib import Path

from hub_config.settings import CHECKOUT
from tests.hub_config.escape import (  # noqa: F401 - they fill the table
    browser,
    exhaustion,
    files,
    gate,
    network,
    outputs,
    planting,
    processes,
    system,
)
from tests.hub_config.escape.attempt import ATTEMPTS, Control, Family

PAGE = CHECKOUT / "docs" / "safe-setting.md"
HEADING = "## Attempts\n"
FEWEST = 60

SHORT = {
    Control.TWIN: "twin",
    Control.FREE: "free process",
    Control.SERVER: "plain server",
    Control.PROGRAM: "plain program",
    Control.COUNT: "count",
}


def rendered() -> str:
    """The section, from its heading to the end of the page."""
    ordered = sorted(ATTEMPTS.values(), key=lambda row: list(Family).index(row.family))
    parts = [HEADING, INTRODUCTION.format(number=len(ordered), controls=_controls())]
    for family, members in groupby(ordered, key=lambda row: row.family):
        lines = [f"| {row.tries} | {row.stops} | {SHORT[row.control]} |" for row in members]
        parts.append(f"### {family}\n")
        parts.append("\n".join(["| attempt | what stops it | control |", "| --- | --- | --- |", *lines, ""]))
    return "\n".join(parts)


def _controls() -> str:
    return "\n".join(f"- *{short}*: {control}." for control, short in SHORT.items())


INTRODUCTION = """\
These {number} attempts are made by the tests (`tests/hub_config/escape`), from a kernel of a real session and from a
browser that is signed in to it. None succeeds. Each succeeds, by the same code, where the protection is missing (its
control), so that a broken attempt cannot pass for a refused one:

{controls}

The tests fail where bubblewrap is missing. This list is made from their table.
"""


def written(page: str) -> str:
    """The page with the section as it has to be."""
    return page.partition(HEADING)[0].rstrip("\n") + "\n\n" + rendered()


def main(page: Path = PAGE) -> None:
    before = page.read_text(encoding="utf-8") if page.exists() else "# The safe setting\n"
    page.write_text(written(before), encoding="utf-8")


if __name__ == "__main__":
    main()
