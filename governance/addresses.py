"""Addresses for e-mail: those that mail can go to and that cannot break a header."""

import re

from governance.errors import Invalid

LONGEST_ADDRESS = 254
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*")


def require_address(text: str) -> str:
    """The address: ASCII, one `@`, no quotes, no space and no line. Raises `Invalid`."""
    if len(text) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(text):
        raise Invalid(f"{text[:60]!a} is no e-mail address that can be written to. Give one like ada@example.org.")
    return text
