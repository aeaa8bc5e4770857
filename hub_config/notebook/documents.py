"""Which files may be opened and saved, and what a notebook's file has to be. Pure: bytes in, a document out."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import nbformat
from nbformat.v4.rwbase import rejoin_lines

from governance.errors import Invalid, Refused
from hub_config.notebook.folders import TooLarge
from hub_config.notebook.outputs import KIB, MOST_TEXT, HeldBack, judge_bundle, shown_outputs, size_of

NOTEBOOK = ".ipynb"
MOST_NOTEBOOK = 8 * 1024 * KIB
"""Bytes of a notebook's file: some eight of the largest plots."""

MOST_TEXT_FILE = 512 * KIB
"""Bytes of a text file: as much as one output may show."""

TEXT_TYPES = frozenset(
    {".bib", ".cfg", ".do", ".ini", ".jl", ".json", ".md", ".py", ".r", ".rmd", ".rst", ".sas", ".sql", ".sps"}
    | {".stan", ".tex", ".toml", ".txt", ".yaml", ".yml"}
)
"""What a person writes. Tables (`.csv`), pages (`.html`) and drawings are data: they are read in a cell."""

_DEEPEST_JSON = 64
_MOST_CELLS = 2_000
_MOST_METADATA = 8 * KIB
_CONTROLS = frozenset(chr(code) for code in range(32)) - {"\t", "\n", "\r", "\f"}
_MINORS = (0, 1, 2, 3, 4, 5)
_CELL_KINDS = frozenset({"code", "markdown", "raw"})


class ClosedType(Refused):
    """A file of a kind that is not opened or saved here."""


class NoNotebook(Invalid):
    """A file with a notebook's name that is none."""


@dataclass(frozen=True)
class Document:
    """A notebook as it may be shown, and what was held back of it."""

    content: dict[str, Any]
    held: tuple[HeldBack, ...]


def suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def is_notebook(path: str) -> bool:
    return suffix(path) == NOTEBOOK


def most_bytes(path: str) -> int:
    """How large the file may be. Raises `ClosedType` for a type that is not opened here."""
    if is_notebook(path):
        return MOST_NOTEBOOK
    if suffix(path) in TEXT_TYPES:
        return MOST_TEXT_FILE
    raise ClosedType(
        "Files of this type are not opened or saved here: only notebooks and plain text that people write "
        "(.py, .md, .txt, .sql, .r and the like). Read data in a cell."
    )


def text_of(content: bytes) -> str:
    """The text in a file. Raises `ClosedType` for what is not UTF-8 text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ClosedType("This file is not UTF-8 text, so it is not opened. Read it in a cell.") from None
    if not _CONTROLS.isdisjoint(text):
        raise ClosedType("This file holds binary data, so it is not opened. Read it in a cell.")
    return text


def notebook_of(content: bytes) -> nbformat.NotebookNode:
    """The notebook in a file, valid by nbformat 4. Raises `NoNotebook` or `TooLarge`, and quotes nothing of it."""
    return checked_notebook(_json(content))


def checked_notebook(tree: Any) -> nbformat.NotebookNode:
    """A notebook from its JSON, valid by nbformat 4. Raises `NoNotebook` or `TooLarge`."""
    if not _is_format_4(tree) or not _has_cells(tree.get("cells")):
        raise NoNotebook(_NO_NOTEBOOK)
    if len(tree["cells"]) > _MOST_CELLS:
        raise TooLarge(f"This notebook has more than {_MOST_CELLS:,} cells. Split it.")
    if _depth(tree) > _DEEPEST_JSON:
        raise NoNotebook(_NO_NOTEBOOK)
    _name_cells(tree)
    try:
        notebook: nbformat.NotebookNode = rejoin_lines(nbformat.from_dict(tree))
        nbformat.validator.validate(notebook)
    except (nbformat.ValidationError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        raise NoNotebook(_NO_NOTEBOOK) from None
    return notebook


_NO_NOTEBOOK = (
    "This file is no notebook of format 4, so it is not opened as one. If it is text, rename it to .txt; if another "
    "program made it, save it there again as a notebook of format 4."
)


def shown_notebook(notebook: Mapping[str, Any]) -> Document:
    """The notebook with its outputs and attachments judged like a kernel's messages, and its metadata bounded.

    Raises `TooLarge` where the text of its cells is more than one output may show.
    """
    if sum(size_of(cell.get("source", "")) for cell in notebook["cells"]) > MOST_TEXT:
        raise TooLarge(
            f"The text of this notebook has more than {MOST_TEXT // KIB:,} KiB. Split the notebook in a cell."
        )
    held: list[HeldBack] = []
    cells = [_shown_cell(cell, held) for cell in notebook["cells"]]
    tree = {**notebook, "cells": cells, "metadata": _bounded(notebook.get("metadata", {}))}
    return Document(nbformat.from_dict(tree), tuple(held))


def notebook_bytes(notebook: Mapping[str, Any]) -> bytes:
    """The notebook as its file's content. Raises `TooLarge`."""
    content: bytes = (nbformat.writes(nbformat.from_dict(dict(notebook)), version=4) + "\n").encode("utf-8", "replace")
    if len(content) > MOST_NOTEBOOK:
        raise TooLarge(f"A notebook may have {MOST_NOTEBOOK // KIB:,} KiB. Clear outputs of cells, and save again.")
    return content


def text_bytes(text: Any) -> bytes:
    """A text file's content. Raises `TooLarge`, or `ClosedType` for what is no text."""
    if not isinstance(text, str):
        raise ClosedType("Only text can be saved here. Write other files in a cell.")
    content = text.encode("utf-8", "replace")
    if len(content) > MOST_TEXT_FILE:
        raise TooLarge(f"A text file may have {MOST_TEXT_FILE // KIB:,} KiB here. Write larger ones in a cell.")
    text_of(content)
    return content


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NoNotebook(_NO_NOTEBOOK) from None


def _is_format_4(tree: Any) -> bool:
    return isinstance(tree, dict) and tree.get("nbformat") == 4 and tree.get("nbformat_minor") in _MINORS


def _has_cells(cells: Any) -> bool:
    return isinstance(cells, list) and all(
        isinstance(cell, dict) and cell.get("cell_type") in _CELL_KINDS for cell in cells
    )


def _depth(tree: Any) -> int:
    """How deep a JSON value is nested, counted level by level, so that no depth exhausts the stack."""
    level, depth = [tree], 0
    while level and depth <= _DEEPEST_JSON:
        level = [child for node in level for child in _children(node)]
        depth += 1
    return depth


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _name_cells(tree: dict[str, Any]) -> None:
    """Give each cell an id of its own, as nbformat 4.5 asks; older ones have none."""
    if tree["nbformat_minor"] < 5:
        for cell in tree["cells"]:
            cell.pop("id", None)
        return
    seen: set[Any] = set()
    for cell in tree["cells"]:
        name = cell.get("id")
        if not isinstance(name, str) or name in seen:
            cell["id"] = name = uuid.uuid4().hex[:8]
        seen.add(name)


def _shown_cell(cell: Mapping[str, Any], held: list[HeldBack]) -> dict[str, Any]:
    shown = {**cell, "metadata": _bounded(cell.get("metadata", {}))}
    if "outputs" in cell:
        shown["outputs"], reasons = shown_outputs(cell["outputs"])
        held.extend(reasons)
    if "attachments" in cell:
        shown["attachments"] = _shown_attachments(cell["attachments"], held)
    return shown


def _shown_attachments(attachments: Mapping[str, Any], held: list[HeldBack]) -> dict[str, Any]:
    shown = {}
    for name, bundle in attachments.items():
        judged = judge_bundle(bundle)
        held.extend(judged.held)
        if judged.content is not None and len(name) <= 255:
            shown[name] = judged.content["data"]
    return shown


def _bounded(metadata: Any) -> dict[str, Any]:
    """Metadata without the state of widgets; none of it if it is large enough to hide something in."""
    kept = {key: value for key, value in metadata.items() if key != "widgets"} if isinstance(metadata, dict) else {}
    return kept if size_of(kept) <= _MOST_METADATA else {}
