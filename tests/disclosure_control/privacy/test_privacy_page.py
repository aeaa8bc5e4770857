"""What docs/privacy.md shows runs, and says what is true."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "privacy.md"


def test_the_pages_examples_run_one_after_another() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
