"""The docs of the review say what the tables say."""

from pathlib import Path

from safe_outputs.rights import RIGHTS, table
from safe_outputs.transitions import CLOCK_HOURS, Action, RequestState, diagram

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "review.md").read_text()


def test_the_diagram_is_that_of_the_transitions() -> None:
    assert f"```mermaid\n{diagram()}\n```" in DOCS
    assert all(str(state) in diagram() for state in RequestState)


def test_the_table_is_that_of_the_rights() -> None:
    assert f"| --- | --- | --- |\n{table()}\n" in DOCS
    assert set(RIGHTS) == set(Action)


def test_the_hours_are_those_of_the_clock() -> None:
    assert f"within {CLOCK_HOURS['publication']} hours" in DOCS
    assert f"within\n{CLOCK_HOURS['pre_publication']}." in DOCS
