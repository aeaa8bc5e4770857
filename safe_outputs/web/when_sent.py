"""What a page says only when it is sent: how long ago things were and in whose zone, whose menu, which form's token.

While a page is rendered to be kept, each such thing is a place left open: a sign that nobody who writes a title, a
comment or a file can guess. `pieces_of` takes the page apart at its open places, and whoever sends it fills them.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flask import g
from markupsafe import Markup

_SIGN = secrets.token_hex(16)
_PLACE = re.compile(rf"{_SIGN}<(\w+):([^>]*)>")
_OPEN = "saferoom_places_left_open"

Pieces = tuple[str, ...]
"""A text, the kind of the place after it and what the place was told; and so on, to the last text."""
Fill = Callable[[str], str]
"""What stands in a place, as markup, made of what the place was told."""


@contextmanager
def left_open() -> Iterator[None]:
    """Render with open places."""
    before = is_left_open()
    setattr(g, _OPEN, True)
    try:
        yield
    finally:
        setattr(g, _OPEN, before)


def is_left_open() -> bool:
    """Whether what is rendered now leaves places open."""
    return bool(g.get(_OPEN, False))


def place(kind: str, told: str = "") -> Markup:
    """An open place."""
    return Markup(f"{_SIGN}<{kind}:{told}>")  # noqa: S704 - no text of anybody's


def pieces_of(text: str) -> Pieces:
    """The text, taken apart at its open places."""
    return tuple(_PLACE.split(text))


def filled(pieces: Pieces, fills: Mapping[str, Fill]) -> str:
    """The text, with every place filled. Raises `KeyError` for a place of which nobody knows what stands in it."""
    if len(pieces) == 1:
        return pieces[0]
    found = list(pieces[::3])
    for number, (kind, told) in enumerate(zip(pieces[1::3], pieces[2::3], strict=True), start=1):
        found[number] = f"{fills[kind](told)}{found[number]}"
    return "".join(found)
