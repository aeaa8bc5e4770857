"""What docs/tables.md shows runs, and says what is true."""

import re
from pathlib import Path

import disclosure_control

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_pages_examples_run_one_after_another() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page


def test_the_names_that_the_page_calls_are_public() -> None:
    called = set(re.findall(r"`(?:\w+ = )?(\w+)\(", PAGE.read_text(encoding="utf-8")))
    known = {*disclosure_control.__all__, "floor"}
    assert called <= known
