"""JSON, notebooks and documents with tags, told from their text. Nothing is loaded from elsewhere."""

import json
import re
from dataclasses import dataclass
from typing import Any

from datasets.ingress.nesting import is_deeper
from safe_outputs.answers import Finding
from safe_outputs.files.errors import FileNotTaken
from safe_outputs.files.finding import finding, times
from safe_outputs.files.limits import LIMITS, limit
from safe_outputs.files.text import in_lines

Notebook = dict[str, Any]

_TAG = re.compile(r"<[A-Za-z_!?/]")
_PROLOG = re.compile(
    r"\s*(?:<\?[^>]{0,2000}\?>|<!--.{0,20000}?-->|<!DOCTYPE[^>\[]{0,1000}(?:\[[^\]]{0,20000}\]\s*)?>)", re.DOTALL
)
_MOST_BEFORE_ROOT = 50
_SVG = re.compile(r"\s*<(?:[A-Za-z_][\w.-]{0,30}:)?svg[\s/>]")
_ENTITY = re.compile(r"<!ENTITY|<!DOCTYPE[^>]{0,1000}\[", re.IGNORECASE)
_HTML = re.compile(r"<!DOCTYPE html|<(?:html|head|body|div|p|table|script|span)\b", re.IGNORECASE)
_LOOKED_AT = 5_000
_CELL_KINDS = frozenset({"code", "markdown", "raw"})
_KERNEL = ("kernelspec", "language_info")


class _NotPlain(ValueError):
    """JSON that says one thing twice, or something that is no JSON."""


def json_value(text: str) -> Any:
    """The value of a JSON object or list, or None for what is none. Raises `FileNotTaken` for deep nesting."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        return None
    if is_deeper(value, limit("depth")):
        raise _too_deep()
    return value


def _no_constant(_name: str) -> None:
    raise _NotPlain


def _too_deep() -> FileNotTaken:
    return FileNotTaken(
        f"The file is JSON that is nested more than {LIMITS['depth'].words} deep, which breaks what reads it. "
        "Make it flatter, or add a table."
    )


# ---------------------------------------------------------------------------------------------- tags


def begins_with_tag(text: str) -> bool:
    return _TAG.match(text.lstrip()) is not None


def is_drawing(text: str) -> bool:
    """Whether the outermost element is svg. What stands before it is skipped, not read."""
    place = 0
    for _ in range(_MOST_BEFORE_ROOT):
        if (found := _PROLOG.match(text, place)) is None:
            break
        place = found.end()
    return _SVG.match(text, place) is not None


def is_html(text: str) -> bool:
    """Whether text with tags is rather a web page than XML."""
    return _HTML.search(text[:_LOOKED_AT]) is not None


def require_no_entities(text: str) -> None:
    """Raise `FileNotTaken` for XML that defines entities: a few lines of them unfold to gigabytes, or read files."""
    if _ENTITY.search(text):
        raise FileNotTaken(
            "The file is XML that defines entities, which can unfold to gigabytes or read other files. "
            "Save it without a document type (DOCTYPE) of its own and add it again."
        )


# ---------------------------------------------------------------------------------------------- notebooks


def is_notebook(value: Any) -> bool:
    """Whether a decoded JSON value is a notebook of format 4, each of its cells with a source."""
    return (
        isinstance(value, dict)
        and value.get("nbformat") == 4
        and isinstance(value.get("cells"), list)
        and all(map(_is_cell, value["cells"]))
    )


def _is_cell(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") in _CELL_KINDS and _source(cell) is not None


def _source(cell: dict[str, Any]) -> str | None:
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(each, str) for each in source):
        return "".join(source)
    return source if isinstance(source, str) else None


@dataclass(frozen=True)
class Part:
    """A cell's source (`kind`: code, markdown or raw), or text that it put out (output). Cells count from 1."""

    cell: int
    kind: str
    text: str


def parts(book: Notebook) -> list[Part]:
    """The source of each cell, and the text of each of its outputs behind it."""
    found = []
    for number, cell in enumerate(book["cells"], 1):
        found.append(Part(number, str(cell["cell_type"]), _source(cell) or ""))
        found += [Part(number, "output", text) for text in _put_out(cell)]
    return found


def _outputs(cell: dict[str, Any]) -> list[Any]:
    outputs = cell.get("outputs")
    return outputs if isinstance(outputs, list) else []


def _put_out(cell: dict[str, Any]) -> list[str]:
    """The outputs of a cell that have a form in plain text."""
    texts = [_text_of(each) for each in _outputs(cell) if isinstance(each, dict)]
    return [text for text in texts if text]


def _text_of(output: dict[str, Any]) -> str:
    data = output.get("data")
    plain = data.get("text/plain") if isinstance(data, dict) else None
    error = [each for each in (output.get("ename"), output.get("evalue")) if isinstance(each, str)]
    return _joined(output.get("text")) or _joined(plain) or ": ".join(error)


def _joined(text: Any) -> str:
    if isinstance(text, list) and all(isinstance(each, str) for each in text):
        return "".join(text)
    return text if isinstance(text, str) else ""


def cleaned(book: Notebook, *, outputs: bool) -> bytes:
    """The notebook with the sources of its cells and the name of its kernel; with `outputs`, also their plain text."""
    cells = [_bare(number, cell, outputs) for number, cell in enumerate(book["cells"], 1)]
    whole = {"cells": cells, "metadata": _kernel(book), "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(whole, indent=1, ensure_ascii=True) + "\n").encode()


def _bare(number: int, cell: dict[str, Any], outputs: bool) -> dict[str, Any]:
    kind = str(cell["cell_type"])
    bare: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": _source(cell) or ""}
    if kind != "code":
        return bare
    kept = _put_out(cell) if outputs else []
    shown = [{"output_type": "stream", "name": "stdout", "text": text} for text in kept]
    return bare | {"execution_count": None, "outputs": shown}


def _kernel(book: Notebook) -> dict[str, dict[str, str]]:
    """The short words by which the notebook names its kernel and language."""
    metadata = book.get("metadata")
    found = {key: metadata.get(key) for key in _KERNEL} if isinstance(metadata, dict) else {}
    return {key: _names(value) for key, value in found.items() if isinstance(value, dict)}


def _names(value: dict[str, Any]) -> dict[str, str]:
    kept = ("display_name", "language", "name")
    return {
        key: value[key]
        for key in kept
        if isinstance(value.get(key), str) and re.fullmatch(r"[\w .()+-]{1,40}", value[key])
    }


def notebook_findings(book: Notebook, *, outputs: bool) -> list[Finding]:
    """What was left out of the notebook, and what stands in the text that is kept of it."""
    put_out = sum(len(_outputs(cell)) for cell in book["cells"])
    kept = [part for part in parts(book) if outputs or part.kind != "output"]
    attached = sum(len(cell["attachments"]) for cell in book["cells"] if isinstance(cell.get("attachments"), dict))
    widgets = int(isinstance(book.get("metadata"), dict) and "widgets" in book["metadata"])
    gone = put_out - sum(part.kind == "output" for part in kept)
    found = [
        _left_out(n, what) for n, what in ((gone, "output"), (attached, "attached file"), (widgets, "widget")) if n
    ]
    for part in kept:
        found += [
            each.model_copy(update={"value": f"cell {part.cell:,}, {each.value}"}) for each in in_lines(part.text)
        ]
    return found


def _left_out(number: int, what: str) -> Finding:
    return finding(
        "left out of the notebook",
        f"{times(number, what)} {'is' if number == 1 else 'are'} left out: a notebook is kept as text.",
        value=times(number, what),
        limit="0",
        fix="Nothing has to be done. To release an output, ask for it as a statistic or add it as a file.",
    )
