"""Characters that would not show, or would turn text around, and how they are written out."""

import unicodedata

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_VARIATIONS = frozenset(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | _VARIATIONS
_PLAIN = frozenset("\n\t")
MARK = "⟦"
"""What begins a written-out character. It is written out itself, so that no text can claim one."""


def is_hidden(character: str) -> bool:
    """Whether it would not show, or would turn the text around it."""
    return character not in _PLAIN and (unicodedata.category(character) in HIDDEN_CATEGORIES or character in _BLANK)


def marked(text: str) -> str:
    """Text with every hidden character, and the mark itself, written out as ⟦U+202E⟧. Two texts never look the same."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"⟦U+{ord(each):04X}⟧" if each == MARK or is_hidden(each) else each for each in text)
