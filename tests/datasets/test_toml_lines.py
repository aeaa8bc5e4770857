"""Every key of a TOML text is found at its line; the oracle is a marker written into the text itself."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.toml_lines import Path, key_lines, line_of, syntax_error_line

EXAMPLE = '''\
# a comment with a = sign
name = "visits" # trailing
text = """
not = a key
[nor.a.table]
ends with quotes"""""
literal = \'\'\'
also = "none"\'\'\'
"quoted key" = 1
a.b.c = [1, 2,
  3, # three
]
tables = [
  { code = 1, label = "one, } ] #" },
  { code = 2, label = 'two' },
]
empty = []
nothing = {}

[source]
file = "x.csv"

[[columns]]
name = "person"

[[columns]]
name = "site"
bounds = { lower = 0, upper = -1.5e3 }
  [columns.extra]
  deep = true
  [[columns.categories]]
  label = "A"
  [[columns.categories]]
  label = "B"

[release.budget]
rho = 1979-05-27T07:32:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 2),
        (("text",), 3),
        (("literal",), 7),
        (("quoted key",), 9),
        (("a", "b", "c"), 10),
        (("a", "b", "c", 2), 11),
        (("tables", 0, "label"), 14),
        (("tables", 1), 15),
        (("empty",), 17),
        (("source",), 20),
        (("source", "file"), 21),
        (("columns",), 23),
        (("columns", 0, "name"), 24),
        (("columns", 1), 26),
        (("columns", 1, "bounds", "upper"), 28),
        (("columns", 1, "extra", "deep"), 30),
        (("columns", 1, "categories", 1, "label"), 34),
        (("release", "budget", "rho"), 37),
    ],
)
def test_finds_the_line_of_a_key(path: Path, line: int) -> None:
    assert line_of(EXAMPLE, path) == line


def test_a_missing_key_has_the_line_of_the_table_around_it() -> None:
    assert line_of(EXAMPLE, ("columns", 1, "lower")) == 26
    assert line_of(EXAMPLE, ("release", "budget", "none", "deeper")) == 36
    assert line_of(EXAMPLE, ("nowhere",)) == 1


def test_windows_line_ends_count_once() -> None:
    assert line_of("a = 1\r\n\r\nb = 2\r\n", ("b",)) == 3


def test_every_key_of_the_example_is_known() -> None:
    assert set(paths(tomllib.loads(EXAMPLE))) <= set(key_lines(EXAMPLE))


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb =\n", 2), ("a = 1\nb = [1,\n", 2), ("", 1)])
def test_a_syntax_error_has_a_line(text: str, line: int) -> None:
    if text:
        with pytest.raises(tomllib.TOMLDecodeError) as found:
            tomllib.loads(text)
        assert syntax_error_line(found.value, text) in (line, line + 1)
    assert line_of(text, ("a",)) == 1


values = st.recursive(
    st.one_of(
        st.integers(-9, 9).map(str),
        st.sampled_from(['"#]},"', "'\"{['", "true", "1.5", '"\\"\\\\"', '"""\nk = 1\n"""', "'''a\n''b'''"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n# c\n" + ",\n".join(items) + "\n]"),
        st.lists(inner.filter(lambda text: "\n" not in text), max_size=3).map(
            lambda items: "{ " + ", ".join(f"k{n} = {item}" for n, item in enumerate(items)) + " }"
        ),
    ),
    max_leaves=8,
)


@given(st.lists(values, max_size=6), st.integers(0, 3))
def test_any_text_that_tomllib_reads_is_walked_to_its_end(items: list[str], blanks: int) -> None:
    text, expected = "", {}
    for number, item in enumerate(items):
        expected[f"key{number}"] = text.count("\n") + 1 + blanks
        text += "\n" * blanks + f"key{number} = {item} # end\n"
    lines = key_lines(text)
    assert {key: lines[(key,)] for key in expected} == expected
    assert set(paths(tomllib.loads(text))) <= set(lines)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every path of a parsed document."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    here = [path] if path else []
    return here + [deeper for key, child in children for deeper in paths(child, (*path, key))]
