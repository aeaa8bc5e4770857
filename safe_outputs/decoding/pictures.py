"""A picture, decoded and written anew as a PNG: its pixels as they show on white, and nothing else of the file."""

import io
import warnings
from typing import Any

from PIL import Image, ImageOps

from safe_outputs.decoding.refusal import NotDecodable

WHITE = "#ffffff"
_OF_PIXELS = ("background", "dpi", "duration", "gamma", "jfif", "loop", "srgb", "timestamp", "transparency", "version")
"""Fields that say how the pixels show, by how their names begin. All others tell of something else."""

_DAMAGED = (
    "The file begins like a picture, but cannot be read as one: it is damaged, or something else. "
    "Save the figure again as PNG and add that."
)


def decode(content: bytes, *, format: str, pixels: int, side: int) -> tuple[bytes, dict[str, Any]]:  # noqa: A002
    """The picture as a PNG, and facts about it: `width`, `height`, `frames`, `extra` (what is gone), `clear`.

    Raises:
        NotDecodable: it is damaged, or has more pixels than `pixels`, or more than `side` on one side.
    """
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # damaged metadata is not kept anyway
            with Image.open(io.BytesIO(content), formats=[format]) as image:
                require_size(*image.size, pixels=pixels, side=side)
                facts = _facts(image, content)
                return png(_on_white(image)), facts
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        TypeError,
        KeyError,
        IndexError,
        EOFError,
        ZeroDivisionError,
        OverflowError,
    ):
        raise NotDecodable(_DAMAGED) from None  # what Pillow raises for damaged files


def require_size(width: float, height: float, *, pixels: int, side: int) -> None:
    """Before anything is drawn. Raises `NotDecodable`."""
    if not (0 < width <= side and 0 < height <= side and width * height <= pixels):
        raise _too_large()


def _too_large() -> NotDecodable:
    return NotDecodable(
        "The picture has more pixels than are taken, or none; such pictures are made to fill memory. "
        "Save it smaller: 4,000 × 3,000 is enough for a page in print."
    )


def _facts(image: Image.Image, content: bytes) -> dict[str, Any]:
    frames = int(getattr(image, "n_frames", 1))
    extra = {str(name) for name in image.info if not str(name).startswith(_OF_PIXELS)}
    return {
        "width": image.width,
        "height": image.height,
        "frames": frames,
        "extra": len(extra),
        "place": 0x8825 in image.getexif(),
        "behind": _behind(content, image.format or ""),
        "clear": image.has_transparency_data,
    }


def _behind(content: bytes, format: str) -> int:  # noqa: A002
    """How many bytes stand behind the end of the picture; 0 where that cannot be told."""
    ends = {"PNG": (b"IEND\xaeB`\x82", 8), "JPEG": (b"\xff\xd9", 2), "GIF": (b"\x3b", 1)}
    if format == "WEBP":
        return max(0, len(content) - 8 - int.from_bytes(content[4:8], "little"))
    mark, size = ends.get(format, (b"", 0))
    first_end = content.find(mark) if format == "PNG" else content.rfind(mark)
    return len(content) - first_end - size if mark and first_end >= 0 else 0


def _on_white(image: Image.Image) -> Image.Image:
    """The first frame, turned as its camera says, without transparency: colours that do not show are gone."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        upright = _in_eight_bits(upright)
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    coloured = upright.convert("RGBA")
    ground = Image.new("RGBA", coloured.size, WHITE)
    return Image.alpha_composite(ground, coloured).convert("RGB")


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight."""
    return image.convert("I").point(lambda value: value / 256).convert("L")


def png(image: Image.Image) -> bytes:
    """A PNG of these pixels and nothing else; the same pixels give the same bytes."""
    bare = Image.frombytes("RGB", image.size, image.convert("RGB").tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG", compress_level=6)
    return file.getvalue()
