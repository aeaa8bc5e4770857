"""A drawing (SVG), drawn here as a PNG. What would run, load, move or stand outside of it is refused, not left out.

A drawing without a part of it would be another drawing than its author made, so she is asked to take the part out.
"""

import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import resvg_py
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from PIL import Image

from safe_outputs.decoding.pictures import png, require_size
from safe_outputs.decoding.refusal import NotDecodable

LONGEST, SHORTEST_WANTED = 2_400, 1_200
"""Pixels on the longer side of what is drawn: twice what the drawing asks for, between these."""

PLAIN_DOCTYPE = re.compile(
    r"<!DOCTYPE\s+svg(?:\s+PUBLIC\s+\"[^\"<>\[\]]{0,200}\"(?:\s+\"[^\"<>\[\]]{0,200}\")?)?\s*>", re.IGNORECASE
)
"""The document type that programs write by habit. It defines nothing, and nothing of it is loaded."""

ACTIVE = {
    "script": "a script",
    "handler": "a script",
    "listener": "a script",
    "foreignObject": "a web page inside",
    "iframe": "a web page inside",
    "object": "another file inside",
    "embed": "another file inside",
    "audio": "a sound",
    "video": "a film",
    "animate": "an animation",
    "animateColor": "an animation",
    "animateMotion": "an animation",
    "animateTransform": "an animation",
    "set": "an animation",
}
_OWN_PICTURE = re.compile(r"\s*data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_OUTSIDE_STYLE = re.compile(r"@import|@font-face|url\s*\(\s*[\"']?\s*(?![#\"'\s])|expression\s*\(|\\", re.IGNORECASE)
_STYLESHEET = re.compile(r"<\?xml-stylesheet", re.IGNORECASE)
_LENGTH = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?)\s*(px|pt|pc|mm|cm|in|)\s*")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


def decode(content: bytes, *, pixels: int, side: int, depth: int) -> tuple[bytes, dict[str, Any]]:
    """The drawing as a PNG on white, and facts about it: `width`, `height`, `letters` (elements with text).

    Raises:
        NotDecodable: it is not well-formed, holds what would run, load or move, or would be too large.
    """
    text = PLAIN_DOCTYPE.sub("", content.decode("utf-8").removeprefix("\ufeff"), count=1)
    root = _root(text)
    if _STYLESHEET.search(text):
        raise _active("a style sheet from elsewhere")
    for element in _elements(root, depth):
        _require_inert(element)
    width, height = _size(root)
    require_size(width, height, pixels=pixels, side=side)
    drawn = _drawn(text, width, height)
    require_size(*drawn.size, pixels=pixels, side=side)
    letters = sum(_name(element) == "text" for element in root.iter())
    return png(drawn), {"width": drawn.width, "height": drawn.height, "letters": letters}


def _root(text: str) -> Element:
    try:
        root: Element = ElementTree.fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise NotDecodable(
            "The drawing has a document type or entities of its own, which can load other files or fill memory. "
            "Save it as “plain SVG”, or as PNG."
        ) from None
    except (ParseError, ValueError):
        raise NotDecodable(
            "The file begins like a drawing (SVG), but is not well-formed. Save it again, or save it as PNG."
        ) from None
    return root


def _elements(root: Element, depth: int) -> Iterator[Element]:
    level = [root]
    for _ in range(depth):
        yield from level
        level = [inner for each in level for inner in each]
        if not level:
            return
    raise NotDecodable("The drawing is nested too deeply, which breaks what draws it. Save it as PNG.")


def _require_inert(element: Element) -> None:
    """Raise `NotDecodable` for an element that runs, loads or moves, or points outside of the drawing."""
    if (what := ACTIVE.get(_name(element))) is not None:
        raise _active(what)
    if _name(element) == "style" and _OUTSIDE_STYLE.search("".join(element.itertext())):
        raise _active("a style that loads something from elsewhere")
    for attribute, value in element.attrib.items():
        name = attribute.rpartition("}")[2].lower()
        if name.startswith("on"):
            raise _active("a script that runs on an event")
        if name in {"href", "src", "base"} and not (value.lstrip().startswith("#") or _OWN_PICTURE.fullmatch(value)):
            raise _active("a link to another file or address")
        if (name == "style" or "url" in value.lower()) and name != "href" and _OUTSIDE_STYLE.search(value):
            raise _active("a style that loads something from elsewhere")


def _name(element: Element) -> str:
    """Its name without its namespace; empty for comments."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _active(what: str) -> NotDecodable:
    return NotDecodable(
        f"The drawing (SVG) holds {what}. Only what is drawn by the file alone, and stands still, is taken. "
        "Take it out, or save the figure as PNG."
    )


def _size(root: Element) -> tuple[float, float]:
    """Width and height in pixels: as the drawing says, or its view box, or the usual 300 × 150."""
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    sides = (_length(root.get("width")), _length(root.get("height")))
    if len(box) == 4 and None in sides:
        boxed = (_length(box[2]), _length(box[3]))
        sides = (sides[0] or boxed[0], sides[1] or boxed[1])
    return sides[0] or 300.0, sides[1] or 150.0


def _length(text: str | None) -> float | None:
    found = _LENGTH.fullmatch(text or "")
    return float(found.group(1)) * _PIXELS[found.group(2)] if found else None


def _drawn(text: str, width: float, height: float) -> Image.Image:
    wanted = round(min(LONGEST, max(SHORTEST_WANTED, 2 * max(width, height))))
    wide = width >= height
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=text, background="#ffffff", width=wanted if wide else None, height=None if wide else wanted
        )
    except (ValueError, OSError):
        raise NotDecodable("The drawing (SVG) cannot be drawn here. Save the figure as PNG and add that.") from None
    with Image.open(io.BytesIO(drawn), formats=["PNG"]) as image:
        return image.convert("RGB")
