"""What may be opened and saved."""

import json
from typing import Any

import nbformat
import pytest

from hub_config.notebook.documents import (
    MOST_NOTEBOOK,
    ClosedType,
    NoNotebook,
    checked_notebook,
    most_bytes,
    notebook_bytes,
    notebook_of,
    shown_notebook,
    text_bytes,
    text_of,
)
from hub_config.notebook.folders import TooLarge

PNG = "iVBORw0KGgo="


def a_notebook(*cells: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **facts}


def a_cell(source: str = "1", outputs: Any = (), **facts: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "a",
        "source": source,
        "metadata": {},
        "execution_count": None,
        "outputs": list(outputs),
        **facts,
    }


def as_bytes(tree: Any) -> bytes:
    return json.dumps(tree).encode()


@pytest.mark.parametrize("name", ["a.py", "a.PY", "b.md", "c.txt", "d.sql", "e.R", "f.toml", "g.ipynb"])
def test_what_people_write_is_opened(name: str) -> None:
    assert most_bytes(f"work/{name}") > 0


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.tsv", "a.parquet", "a.xlsx", "a.html", "a.svg", "a.png", "a.zip", "a", "a.py.gz", "a.jsonl", ".py"],
)
def test_data_and_pages_are_not(name: str) -> None:
    with pytest.raises(ClosedType, match="Read data in a cell"):
        most_bytes(f"work/{name}")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"PK\x03\x04", b"a\x00b", b"\x1b[2J", b"\x89PNG\r\n\x1a\n"])
def test_a_text_file_holds_text(content: bytes) -> None:
    assert text_of("π = 3\r\n\t".encode()) == "π = 3\r\n\t"
    with pytest.raises(ClosedType):
        text_of(content)


def test_a_notebook_is_opened_and_written_as_nbformat_does() -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1"), nbformat.v4.new_markdown_cell("# a")])
    opened = notebook_of(nbformat.writes(made).encode())
    assert opened == made
    assert nbformat.reads(notebook_bytes(opened).decode(), as_version=4) == made


@pytest.mark.parametrize(
    "tree",
    [
        [],
        "id,income",
        {},
        {"cells": []},
        a_notebook(nbformat=3),
        a_notebook(nbformat="4"),
        a_notebook(cells={}),
        a_notebook(cells=[1]),
        a_notebook({"cell_type": "made up", "source": "", "metadata": {}}),
        a_notebook(a_cell(smuggled="rows")),
        a_notebook(a_cell(outputs=[{"output_type": "display_data", "data": 1}])),
        a_notebook(smuggled="rows"),
        a_notebook(metadata=[]),
        a_notebook(nbformat_minor="x"),
        a_notebook(nbformat_minor=[4]),
        a_notebook(a_cell(smuggled="rows"), nbformat_minor=99),
        a_notebook({"cell_type": "code"}),
    ],
)
def test_what_is_no_notebook_is_refused(tree: Any) -> None:
    with pytest.raises(NoNotebook) as refusal:
        notebook_of(as_bytes(tree))
    assert "rows" not in refusal.value.sentence


@pytest.mark.parametrize(
    "content",
    [b"id,income\n1,20000", b"", b"\xff", b"[" * 200_000, b'{"a":' * 200_000, b"1" * 5000, b'{"nbformat": 4, "cells"'],
)
def test_a_table_with_a_notebooks_name_does_not_open(content: bytes) -> None:
    with pytest.raises(NoNotebook):
        notebook_of(content)


def test_deep_metadata_does_not_open() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    with pytest.raises(NoNotebook):
        notebook_of(as_bytes(a_notebook(metadata={"a": deep})))


def test_too_many_cells_and_too_much_text_do_not_open() -> None:
    with pytest.raises(TooLarge):
        notebook_of(as_bytes(a_notebook(*[a_cell()] * 2_001)))
    with pytest.raises(TooLarge):
        shown_notebook(notebook_of(as_bytes(a_notebook(a_cell("x" * 300_000), a_cell("x" * 300_000)))))


def test_cells_without_or_with_the_same_id_get_one_each() -> None:
    opened = notebook_of(as_bytes(a_notebook(a_cell(), a_cell(), a_cell(id=None))))
    assert len({cell["id"] for cell in opened["cells"]}) == 3
    older = notebook_of(as_bytes(a_notebook(a_cell(), nbformat_minor=4)))
    assert "id" not in older["cells"][0]


def test_outputs_and_attachments_of_a_file_are_judged_and_metadata_is_bounded() -> None:
    script = {"output_type": "display_data", "data": {"application/javascript": "x"}, "metadata": {}}
    image = {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {"rows": "x" * 100}}
    attached = {"a.png": {"image/png": PNG}, "b.csv": {"text/csv": "1,2"}}
    markdown = {
        "cell_type": "markdown",
        "id": "b",
        "source": "",
        "metadata": {"x": "y" * 9_000},
        "attachments": attached,
    }
    metadata = {"kernelspec": {"name": "python3", "display_name": "P"}, "widgets": {"state": "x" * 100}}
    document = shown_notebook(
        notebook_of(as_bytes(a_notebook(a_cell(outputs=[script, image]), markdown, metadata=metadata)))
    )
    code, text = document.content["cells"]
    assert "held back" in code["outputs"][0]["data"]["text/plain"]
    assert code["outputs"][1] == {"output_type": "display_data", "data": {"image/png": PNG}, "metadata": {}}
    assert text["attachments"] == {"a.png": {"image/png": PNG}}
    assert text["metadata"] == {}
    assert set(document.content["metadata"]) == {"kernelspec"}
    assert len(document.held) == 2
    nbformat.validate(nbformat.from_dict(document.content))


def test_what_is_saved_is_bounded_and_text() -> None:
    with pytest.raises(TooLarge):
        notebook_bytes(checked_notebook(a_notebook(a_cell("x" * MOST_NOTEBOOK))))
    with pytest.raises(TooLarge):
        text_bytes("x" * (513 * 1024))
    for content in (None, 5, {"a": 1}, "a\x00"):
        with pytest.raises(ClosedType):
            text_bytes(content)
