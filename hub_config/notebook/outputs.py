"""What of a kernel's output crosses to a browser: one rule, for messages and for the outputs in a notebook's file.

An output is built anew from the parts that are listed here, so that nothing unlisted can ride along. What is too
large, binary or of another kind is held back, and a sentence stands in its place. Pure: no file, clock or socket.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KIB = 1024
MOST_TEXT = 512 * KIB
"""Bytes of text in one output: a table that a person reads, not a table that she carries away."""

MOST_IMAGE = 1024 * KIB
"""Bytes of one image, as base64: a plot at twice the usual resolution."""

MOST_TRACEBACK = 64 * KIB

TEXTS = frozenset({"text/plain", "text/html", "text/markdown", "text/latex"})
"""Shown by JupyterLab itself. HTML is shown without its scripts: the page's content security policy runs none."""

DOCUMENTS = frozenset({"application/json"})
"""A tree that a person unfolds. Bounded like text."""

IMAGES: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": lambda image: image.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": lambda image: image.startswith(b"\xff\xd8\xff"),
}
"""Each with what its content begins with."""

DRAWINGS = frozenset({"image/svg+xml"})
"""Text that JupyterLab shows as an image, where nothing in it can run."""

MIME_TYPES = TEXTS | DOCUMENTS | IMAGES.keys() | DRAWINGS
"""Not among them: scripts (`application/javascript`), which would act in the person's name; widgets and charts that
carry the rows they draw (`application/vnd.*`); and files of any kind."""

_SIZES = frozenset({"width", "height"})
_LARGEST_SIZE = 10_000


@dataclass(frozen=True)
class HeldBack:
    """Why an output, or a part of it, was held back. `kind` is for the record and never quotes the output."""

    kind: str
    size: int
    sentence: str


@dataclass(frozen=True)
class Judged:
    """An output as it may be shown, and what was held back of it. `content` is None if nothing is left."""

    content: dict[str, Any] | None
    held: tuple[HeldBack, ...] = ()


def size_of(value: Any) -> int:
    """Bytes of a JSON value as it crosses."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def too_large(kind: str, size: int, most: int) -> HeldBack:
    return HeldBack(
        kind,
        size,
        f"Saferoom held back this output: its {size // KIB + 1:,} KiB are more than the {most // KIB:,} KiB that one "
        "output may have. The cell went on; show a summary, fewer rows, or a smaller plot.",
    )


def not_shown(kind: str, size: int) -> HeldBack:
    return HeldBack(
        kind,
        size,
        "Saferoom held back an output of a kind that is not shown here (widgets, scripts, binary data). The cell went "
        "on; show a table, text, or a plot as an image.",
    )


def judge_bundle(data: Any, metadata: Any = None) -> Judged:
    """The representations in a MIME bundle that may be shown, with `data` and `metadata` built anew.

    A representation that is held back leaves the others; if all are, `content` is None.
    """
    kept: dict[str, Any] = {}
    held: list[HeldBack] = []
    for kind, value in _items(data):
        reason = _why_not(kind, value)
        if reason is None:
            kept[kind] = _as_text(kind, value)
        else:
            held.append(reason)
    if sum(size_of(value) for kind, value in kept.items() if kind not in IMAGES) > MOST_TEXT:
        held.append(too_large("text", size_of(kept), MOST_TEXT))
        kept = {kind: value for kind, value in kept.items() if kind in IMAGES}
    if not kept:
        return Judged(None, tuple(held) or (not_shown("nothing", 0),))
    return Judged({"data": kept, "metadata": _image_sizes(metadata, kept)}, tuple(held))


def _why_not(kind: str, value: Any) -> HeldBack | None:
    if kind not in MIME_TYPES:
        return not_shown("other kind", size_of(value))
    most = MOST_IMAGE if kind in IMAGES or kind in DRAWINGS else MOST_TEXT
    if (size := size_of(value)) > most:
        return too_large(kind, size, most)
    if kind in IMAGES and not _is_image(kind, _as_text(kind, value)):
        return not_shown("no image", size)
    if kind not in DOCUMENTS and not _is_text(value):
        return not_shown("no text", size)
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _as_text(kind: str, value: Any) -> Any:
    if kind in DOCUMENTS or isinstance(value, str):
        return value
    return "".join(value) if _is_text(value) else ""


def _is_image(kind: str, value: str) -> bool:
    try:
        return IMAGES[kind](base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _image_sizes(metadata: Any, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Of all metadata, only how large an image is drawn."""
    sizes = {
        kind: {name: int(value) for name, value in _items(of_kind) if name in _SIZES and _is_size(value)}
        for kind, of_kind in _items(metadata)
        if kind in kept
    }
    return {kind: of_kind for kind, of_kind in sizes.items() if of_kind}


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _LARGEST_SIZE


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(key, item) for key, item in value.items() if isinstance(key, str)] if isinstance(value, dict) else []


def judge_stream(name: Any, text: Any) -> Judged:
    """Printed text, if it is not too long."""
    text = _as_text("text/plain", text)
    if (size := size_of(text)) > MOST_TEXT:
        return Judged(None, (too_large("stream", size, MOST_TEXT),))
    return Judged({"name": "stderr" if name == "stderr" else "stdout", "text": text})


def judge_error(content: Mapping[str, Any]) -> Judged:
    """An exception with its traceback; of a long one, the name and the first of its text."""
    name, value = _short(content.get("ename"), 200), _short(content.get("evalue"), 4 * KIB)
    traceback = content.get("traceback")
    lines = traceback if isinstance(traceback, list) and _is_text(traceback) else []
    if (size := size_of(lines)) > MOST_TRACEBACK:
        reason = too_large("traceback", size, MOST_TRACEBACK)
        return Judged({"ename": name, "evalue": value, "traceback": [f"{name}: {value}", reason.sentence]}, (reason,))
    return Judged({"ename": name, "evalue": value, "traceback": lines})


def _short(value: Any, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def count_in(value: Any) -> int | None:
    """An execution count, or None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000 else None


def judge_output(output: Mapping[str, Any]) -> Judged:
    """An output as it stands in a notebook's file (nbformat 4), or as a message brings it."""
    kind = output.get("output_type")
    if kind == "stream":
        judged = judge_stream(output.get("name"), output.get("text"))
    elif kind == "error":
        judged = judge_error(output)
    elif kind in ("display_data", "execute_result"):
        judged = judge_bundle(output.get("data"), output.get("metadata"))
    else:
        return Judged(None, (not_shown("unknown output", size_of(dict(output))),))
    if judged.content is None:
        return judged
    number = {"execution_count": count_in(output.get("execution_count"))} if kind == "execute_result" else {}
    return Judged({"output_type": kind, **judged.content, **number}, judged.held)


def notice(held: HeldBack) -> dict[str, Any]:
    """The output that stands in the place of one that was held back."""
    return {"output_type": "display_data", "data": {"text/plain": held.sentence}, "metadata": {}}


def shown_outputs(outputs: Any) -> tuple[list[dict[str, Any]], tuple[HeldBack, ...]]:
    """A cell's outputs as they may be shown, with a sentence for each that is held back whole."""
    shown: list[dict[str, Any]] = []
    held: list[HeldBack] = []
    for output in outputs if isinstance(outputs, list) else []:
        judged = judge_output(output if isinstance(output, dict) else {})
        shown.append(judged.content if judged.content is not None else notice(judged.held[0]))
        held.extend(judged.held)
    return shown, tuple(held)
