"""From bytes to clean text, or to the sentence that says why they are none; and what stands in its lines."""

import pickletools
import re
from collections.abc import Callable

from datasets.ingress import findings as patterns
from datasets.ingress.text import TEXT_SIGNATURES, lines_of
from safe_outputs.answers import Finding
from safe_outputs.files.errors import FileNotTaken
from safe_outputs.files.finding import finding, times
from safe_outputs.files.limits import LIMITS, limit
from safe_outputs.files.signatures import DOCUMENT, MODEL

_TEXT_CONTROLS = frozenset("\t\n\r\f")
_PIECE = 10_000
_MOSTLY = 0.6
_OBJECTS = re.compile(r"RD[AX]\d\r?\n|[AX]\r?\n[23]\r?\n\d")
_WITH_TAGS = "a web page, an image or another document with tags"
"""What the ingress scan says of text that begins with a tag; here it is shown as source."""

RULES: dict[str, tuple[str, str]] = {
    # what the scan calls it: (rule, how to put it right)
    "characters that turn the text around": (
        "characters that turn text around",
        "Take them out; in no language do tables need them.",
    ),
    "characters that do not show": ("characters that do not show", "Take them out, or write what they stand for."),
    "a word of letters that look alike in two alphabets": (
        "letters that look alike",
        "Write each word in the letters of one alphabet.",
    ),
    "a very long line": ("long lines", "Break the lines, so that a person can read them."),
    "a long encoded run of characters (base64 or the like)": (
        "encoded content",
        "Leave it out: nobody can read what it holds.",
    ),
    "a data URL": ("encoded content in an address", "Leave it out, or add the picture as a file of its own."),
    "what looks like a password, key or token": ("secrets", "Take it out, and have it changed."),
    "HTML that does or loads something when a page shows it": (
        "active HTML",
        "Leave it out, unless its reader needs it; here it is shown as source.",
    ),
    "code that loads or runs other code": ("code that runs other code", "Write the code itself."),
}
"""What the ingress scan looks for in lines, and how it is called here."""


def text_of(content: bytes) -> str | None:
    """The text in the content, without a byte order mark; None for what is no clean UTF-8 text."""
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    controls = {each for each in set(text) if ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0}
    return text if controls <= _TEXT_CONTROLS else None


def why_no_text(content: bytes) -> str | None:
    """What keeps content that is mostly text from being taken as text, as a sentence; None for what is none at all."""
    sample = content[:_PIECE]
    readable = sum(byte in b"\t\n\r\f" or 0x20 <= byte < 0x7F for byte in sample)
    if readable < _MOSTLY * len(sample):
        return None
    if b"\x00" in content:
        return "The file holds NUL characters, behind which programs hide or lose text. Save it as plain UTF-8 text."
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return (
            "The file is text, but not in UTF-8, so it would look different on every machine. "
            "Save it as UTF-8 (in Excel: “CSV UTF-8”) and add it again."
        )
    return (
        "The file holds control characters, which make a terminal or a printer do things. "
        "Take them out and add the file again."
    )


def require_no_document(text: str) -> None:
    """Raise `FileNotTaken` for text that is a document, an encoded file or a stored object."""
    begin = text.lstrip()
    for pattern, what in TEXT_SIGNATURES:
        if what != _WITH_TAGS and pattern.match(begin):
            raise FileNotTaken(f"The file is {what}. {DOCUMENT}")
    if _OBJECTS.match(text) or _is_pickle(text):
        raise FileNotTaken(f"The file is a stored object, written as text. {MODEL}")


def _is_pickle(text: str) -> bool:
    """Whether all of it is a pickle of the protocol that is text, with more than one value in it."""
    if not text.endswith(".") or not text.isascii() or "\n" not in text:
        return False
    names = []
    try:
        for code, _argument, _place in pickletools.genops(text.encode()):
            names.append(code.name)
    except (ValueError, IndexError, KeyError, UnicodeError):
        return False
    return names[-1:] == ["STOP"] and len(names) > 2


def in_lines(text: str) -> list[Finding]:
    """What stands in the lines of a text that a checker should look at. Findings name lines, never content."""
    lines = lines_of(text)
    numbered = [(number, piece) for number, line in enumerate(lines, 1) for piece in pieces(line)]
    found = [_in_line(what, finds, numbered) for what, finds in patterns.FINDERS if what != "a very long line"]
    return [each for each in [*found, _long_lines(lines), _line_ends(text)] if each is not None]


def pieces(line: str) -> list[str]:
    """A line in parts that no pattern takes long to search."""
    return [line[start : start + _PIECE] for start in range(0, len(line), _PIECE)]


def _in_line(what: str, finds: Callable[[str], object], numbered: list[tuple[int, str]]) -> Finding | None:
    numbers = sorted({number for number, piece in numbered if finds(piece)})
    return lines_finding(what, numbers)


def lines_finding(what: str, numbers: list[int], where: str = "") -> Finding | None:
    """A finding of the scan in these lines, or None where there are none."""
    if not numbers:
        return None
    rule, fix = RULES[what]
    return finding(rule, f"{times(len(numbers), 'line')} {where}with {what}.", value=places("line", numbers), fix=fix)


def _long_lines(lines: list[str]) -> Finding | None:
    numbers = [number for number, line in enumerate(lines, 1) if len(line) > limit("long_line")]
    if not numbers:
        return None
    longest = max(map(len, lines))
    return finding(
        "long lines",
        f"{times(len(numbers), 'line')} of more than {limit('long_line'):,} characters; the longest has {longest:,}.",
        value=places("line", numbers),
        limit=LIMITS["long_line"].words,
        fix=RULES["a very long line"][1],
    )


def _line_ends(text: str) -> Finding | None:
    """Line ends of more than one kind: lines that one program shows and another joins."""
    ends = {"CR LF": text.count("\r\n")}
    ends |= {"LF": text.count("\n") - ends["CR LF"], "CR": text.count("\r") - ends["CR LF"]}
    used = {name: number for name, number in ends.items() if number}
    if len(used) < 2:
        return None
    return finding(
        "mixed line ends",
        "Lines end in more than one way, so programs differ in what is one line.",
        value=", ".join(f"{number:,} × {name}" for name, number in used.items()),
        limit="one kind",
        fix="Save the file again with one kind of line end.",
    )


def places(word: str, numbers: list[int]) -> str:
    """“line 3, 7, 9 and 12 more”: where something is."""
    named = ", ".join(f"{number:,}" for number in numbers[: patterns.MOST_PLACES])
    more = len(numbers) - patterns.MOST_PLACES
    return f"{word} {named}" + (f" and {more:,} more" if more > 0 else "")
