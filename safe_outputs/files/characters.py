"""Characters that would not show, or would turn text around, and how they are written out."""

import re
import unicodedata

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_VARIATIONS = frozenset(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | _VARIATIONS
_PLAIN = frozenset("\n\t")
MARK = "⟦"
"""What begins a written-out character. It is written out itself, so that no text can claim one."""

_MOST_KEPT = 5_000


class _Marks(dict[int, str]):
    """What stands for each character, worked out once for the usual ones."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = f"⟦U+{code:04X}⟧" if character == MARK or is_hidden(character) else character
        if len(self) < _MOST_KEPT:
            self[code] = shown
        return shown


def is_hidden(character: str) -> bool:
    """Whether it would not show, or would turn the text around it."""
    return character not in _PLAIN and (unicodedata.category(character) in HIDDEN_CATEGORIES or character in _BLANK)


_MARKS = _Marks()
_PLAIN_TEXT = re.compile(r"[\n\t\x20-\x7e]*").fullmatch
"""Nothing in it is hidden: most texts, looked through at once."""


def marked(text: str) -> str:
    """Text with every hidden character, and the mark itself, written out as ⟦U+202E⟧. No two texts look the same."""
    return text if _PLAIN_TEXT(text) else text.translate(_MARKS)


def hidden_in(text: str) -> int:
    """How many characters `marked` writes out."""
    return marked(text).count(MARK)
