"""What docs/files.md says is what the code does."""

from pathlib import Path

from safe_outputs.decoding.child import MEMORY, SECONDS
from safe_outputs.decoding.drawings import LONGEST
from safe_outputs.files import documented
from safe_outputs.files.limits import LIMITS, limit
from safe_outputs.files.views import PIECE, WINDOW
from safe_outputs.web.security import INERT_POLICY

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "files.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    for table in (documented.kinds_table(), documented.limits_table(), documented.refused_table()):
        assert f"\n\n{table}\n\n" in PAGE


def test_the_parts_of_workbooks_and_drawings_are_those_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    for words in (*documented.parts_of_workbooks(), documented.active_drawings()):
        assert words in flat


def test_the_numbers_are_those_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    assert f"{MEMORY / 1e9:g} GB of memory, {SECONDS} seconds" in flat
    assert f"at most {LONGEST:,} pixels on its longer side" in flat
    assert f"The first {WINDOW:,} of 12,345 rows." in flat
    assert f"longer than {PIECE:,} characters come in pieces" in flat
    assert f"at most {limit('name')} characters" in flat
    assert INERT_POLICY in flat


def test_every_limit_is_asked_for() -> None:
    package = Path(documented.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py") if path.name != "limits.py")
    unused = [name for name in LIMITS if f'"{name}"' not in code and f"'{name}'" not in code]
    assert unused == []
