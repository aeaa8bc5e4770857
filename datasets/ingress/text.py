"""From bytes to text, or to the sentence that says what they are instead. Nothing is unpacked.

Bytes are judged by themselves, whatever the name says: what is not clean UTF-8 text is refused, and its first bytes are
looked at only to say what it is.
"""

import re

from datasets.ingress.errors import NotTaken
from datasets.ingress.limits import LIMITS, limit

_ALLOWED_CONTROLS = frozenset("\t\n\r\f")

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK", "an archive or an office file (ZIP)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ\x00", "a compressed file (xz)"),
    (b"\x28\xb5\x2f\xfd", "a compressed file (zstd)"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7-Zip)"),
    (b"Rar!", "an archive (RAR)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x00asm", "a program"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "an image or a sound"),
    (b"BM", "an image"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "data (Parquet)"),
    (b"SQLite format 3", "a database"),
    (b"\x89HDF", "data (HDF5)"),
    (b"\x80", "a stored Python object (pickle)"),
    (b"\xd0\xcf\x11\xe0", "an office file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
"""What to call bytes that are no text: the first that fits."""

_TAR_MARK, _TAR_PLACE = b"ustar", 257

TEXT_SIGNATURES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"GIF8[79]a"), "an image"),
    (re.compile(r"%PDF-"), "a PDF document"),
    (re.compile(r"%!PS"), "a PostScript document"),
    (re.compile(r"\{\\rtf"), "an RTF document"),
    (re.compile(r"PK[\x03\x05]"), "an archive or an office file (ZIP)"),
    (re.compile(r"begin [0-7]{3,4} \S"), "an encoded file (uuencode)"),
    (re.compile(r"=ybegin "), "an encoded file (yEnc)"),
    (re.compile(r"MIME-Version:", re.IGNORECASE), "an e-mail or a web archive"),
    (re.compile(r"<[a-zA-Z!?/]"), "a web page, an image or another document with tags"),
)
"""What is refused although it is text, by how it begins after blanks."""

ACTIVE_HTML = re.compile(
    r"<!doctype|</?(?:html|head|body|script|style|iframe|frame|object|embed|applet|form|input|button|svg|math|img"
    r"|image|video|audio|source|link|meta|base|template|portal)\b|<[a-z][^>]{0,400}\son[a-z]{1,30}\s{0,9}=|javascript\s{0,9}:|vbscript\s{0,9}:",
    re.IGNORECASE,
)
"""HTML that does or loads something when a page shows it."""


def text_of(name: str, content: bytes) -> str:
    """The text in a file, without a byte order mark. `name` is a plain one.

    Raises:
        NotTaken: it is empty, no clean UTF-8 text, a document of another kind, or has a line nobody can read.
    """
    if not content.strip():
        raise NotTaken(f"“{name}” is empty. Leave it out, or choose the right file.")
    text = _decoded(name, content)
    if not _ALLOWED_CONTROLS.issuperset(_controls_in(text)):
        raise NotTaken(_no_text(name, content, "it holds characters that are no text"))
    begin = text.lstrip()
    for pattern, what in TEXT_SIGNATURES:
        if pattern.match(begin):
            raise NotTaken(f"“{name}” is {what}, which is not taken in. Bring in plain text, tables or notebooks only.")
    longest = max(len(line) for line in lines_of(text))
    if longest > limit("line"):
        raise NotTaken(
            f"“{name}” has a line of {longest:,} characters; at most {LIMITS['line'].words} are taken. "
            "Break the line, so that a person can read it."
        )
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a text as an editor numbers them, from 1."""
    return re.split(r"\r\n|\n|\r", text)


def require_no_active_html(name: str, text: str) -> None:
    """Raise `NotTaken` for HTML that would do something where the text is shown as a page."""
    if (found := ACTIVE_HTML.search(text)) is not None:
        line = len(lines_of(text[: found.start()]))
        raise NotTaken(
            f"“{name}” has HTML in line {line} that does or loads something when it is shown. "
            "Write it as Markdown, or leave it out."
        )


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise NotTaken(_no_text(name, content, "it is not in UTF-8")) from None


def _controls_in(text: str) -> set[str]:
    return {each for each in set(text) if ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0}


def _no_text(name: str, content: bytes, reason: str) -> str:
    what = _kind_of_bytes(content)
    if what is None:
        return f"“{name}” is no plain text: {reason}. Save it as UTF-8 text and bring it in again."
    if what.startswith("text"):
        return f"“{name}” is {what}. Save it as UTF-8 and bring it in again."
    return f"“{name}” is {what}, which is not taken in. Bring in plain text, tables or notebooks only."


def _kind_of_bytes(content: bytes) -> str | None:
    if content[_TAR_PLACE : _TAR_PLACE + len(_TAR_MARK)] == _TAR_MARK:
        return "an archive (tar)"
    return next((what for mark, what in SIGNATURES if content.startswith(mark)), None)
