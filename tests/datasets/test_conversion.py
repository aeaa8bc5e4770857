"""How a text in the owner's file becomes a value. The tables are the manual: text in the file -> value kept.

`?` is a value that does not fit, `-` is empty.
"""

import json
import shlex
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import sql
from datasets.columns import Column
from datasets.conversion import is_outside, is_unreadable, kept, values_query
from tests.datasets.factories import bench

COMMON = {"name": "x", "label": "X", "description": "X.", "role": "variable", "source": "x"}
BOUNDS = {"unit": "things", "lower": -100, "upper": 100}

TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "integer": (
        {"type": "integer", **BOUNDS},
        """
        5 -> 5      ' 5 ' -> 5      5.0 -> 5      5e1 -> 50    +7 -> 7     -7 -> -7
        5.5 -> ?    5,5 -> ?        1_0 -> ?      nan -> ?     inf -> ?    five -> ?
        101 -> !    -101 -> !       '' -> -       1e400 -> ?   0x10 -> ?   99999999999999999999 -> ?
        """,
    ),
    "integer, rounded down": (
        {"type": "integer", "rounding": "down", **BOUNDS},
        "42.87748 -> 42   42.99999 -> 42   -0.5 -> -1   -3 -> -3   0.0136893 -> 0   100 -> 100   x -> ?",
    ),
    "decimal": (
        {"type": "decimal", "scale": 2, **BOUNDS},
        """
        1 -> 1.00      1.005 -> 1.01    -1.005 -> -1.01   1.0049999 -> 1.00   .5 -> 0.50   5. -> 5.00
        1e-3 -> 0.00   100.004 -> 100.00   100.005 -> !   NaN -> ?   '1 000' -> ?   $5 -> ?
        """,
    ),
    "decimal that may not lose digits": (
        {"type": "decimal", "scale": 2, "rounding": "none", **BOUNDS},
        "1.25 -> 1.25   1.250 -> 1.25   1.255 -> ?",
    ),
    "boolean": (
        {"type": "boolean"},
        "0 -> false  1 -> true  1.0 -> true  TRUE -> true  false -> false  0.0221 -> ?  2 -> ?  yes -> ?  '' -> -",
    ),
    "category by numbers": (
        {
            "type": "category",
            "categories": [{"label": "One", "codes": [1, 3]}, {"label": "It's two", "codes": [2]}],
        },
        "1 -> One   3.0 -> One   ' 2' -> \"It's two\"   4 -> ?   1.5 -> ?   one -> ?   '' -> -",
    ),
    "category by texts": (
        {
            "type": "category",
            "categories": [{"label": "North", "codes": ["N", "1"]}, {"label": "O", "codes": ["o'"]}],
        },
        "N -> North   ' N ' -> North   1 -> North   1.0 -> ?   n -> ?   \"o'\" -> O   '' -> -",
    ),
    "clamped": (
        {"type": "decimal", "scale": 1, "misfit": "clamp", **BOUNDS},
        "101 -> 100.0   -1000 -> -100.0   99.96 -> 100.0   x -> ?   '' -> -",
    ),
    "emptied": (
        {"type": "integer", "misfit": "null", "missing": "allow", **BOUNDS},
        "101 -> -   7 -> 7   x -> -   '' -> -",
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_table(name: str, connection: duckdb.DuckDBPyConnection) -> None:
    described, table = TABLES[name]
    column = Column.model_validate_json(_json({**COMMON, **described}))
    pairs = _pairs(table)
    results = {text: _result(column, {"x": text}, connection) for text, _ in pairs}
    if column.misfit.value == "null":  # counted, and then emptied
        results = {text: "-" if result in "?!" else result for text, result in results.items()}
    if column.misfit.value == "clamp":
        results = {
            text: _kept(column, {"x": text}, connection) if result == "!" else result
            for text, result in results.items()
        }
    assert results == dict(pairs)


@pytest.mark.parametrize(
    ("good", "poor", "expected"),
    [
        ("0", "0", "Fair"),
        ("1", "0", "Good"),
        ("0", "1", "Poor"),
        ("1", "1", "?"),
        ("2", "0", "?"),
        ("", "0", "-"),
    ],
)
def test_flags_become_categories(good: str, poor: str, expected: str, connection: duckdb.DuckDBPyConnection) -> None:
    categories = [
        {"label": "Fair", "otherwise": True},
        {"label": "Good", "flag": "g"},
        {"label": "Poor", "flag": "p q"},
    ]
    column = Column.model_validate_json(_json({**COMMON, "source": None, "type": "category", "categories": categories}))
    assert _result(column, {"g": good, "p q": poor}, connection) == expected


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with bench(tmp_path_factory.mktemp("bench"), threads=1) as connection:
        yield connection


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=12), name=st.sampled_from(sorted(TABLES)))
def test_no_text_raises_and_every_text_is_accounted_for(
    text: str, name: str, connection: duckdb.DuckDBPyConnection
) -> None:
    column = Column.model_validate_json(_json({**COMMON, **TABLES[name][0]}))
    text = text.replace("\0", "")
    assert _result(column, {"x": text}, connection) != ""


def _result(column: Column, row: dict[str, str], connection: duckdb.DuckDBPyConnection) -> str:
    """The value, or `?` (cannot be read), `!` (beyond a bound), `-` (empty)."""
    value, unreadable, outside = _evaluate(column, row, connection)
    return "?" if unreadable else "!" if outside else "-" if value is None else _shown(value)


def _kept(column: Column, row: dict[str, str], connection: duckdb.DuckDBPyConnection) -> str:
    return _shown(_evaluate(column, row, connection, kept(column))[0])


def _evaluate(
    column: Column, row: dict[str, str], connection: duckdb.DuckDBPyConnection, value: str = '"x"'
) -> tuple[object, bool, bool]:
    source = ", ".join(f"{sql.text(text)} AS {sql.name(name)}" for name, text in row.items())
    values = values_query((column,), f"(SELECT {source})")
    found = connection.execute(
        f"SELECT {value}, {is_unreadable(column)}, {is_outside(column)} FROM ({values})"
    ).fetchone()
    if found is None:
        raise LookupError("no row")
    return found[0], bool(found[1]), bool(found[2])


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pairs(table: str) -> list[tuple[str, str]]:
    words = shlex.split(table)
    return [(words[at - 1], words[at + 1]) for at, word in enumerate(words) if word == "->"]


def _json(settings: dict[str, object]) -> str:
    return json.dumps(settings)
