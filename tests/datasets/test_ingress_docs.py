"""What the page on bringing in says is what the code does."""

from pathlib import Path

from datasets.ingress.limits import KINDS, LIMITS
from datasets.ingress.states import MOVES, IngressState

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bringing-in.md").read_text(encoding="utf-8")


def test_the_table_of_limits_is_that_of_the_code() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]
    assert rows == [f"| {each.words} | {each.reason} |" for each in LIMITS.values()]


def test_every_kind_and_every_step_is_named() -> None:
    assert [ending for ending in KINDS if f"`{ending}`" not in PAGE] == []
    assert [state.value for state in IngressState if state.value not in PAGE] == []
    assert {move.after.value for move in MOVES.values()} <= set(PAGE.replace("▶", " ").split())
