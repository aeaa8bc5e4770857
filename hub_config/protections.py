"""What stands between a session and the rest, one by one, with what its absence means.

An operator can do without a protection only by naming it. Then every page says so.
"""

from collections.abc import Iterable
from enum import StrEnum


class Protection(StrEnum):
    """A part of the safe setting that can be missing from a machine."""

    SANDBOX = "sandbox"
    SESSION_LIMITS = "session-limits"
    TLS = "tls"


WITHOUT: dict[Protection, str] = {
    Protection.SANDBOX: (
        "Kernels are not sandboxed: whoever runs code here can read what this service can read. Use it with data that "
        "may be shown to everybody who signs in."
    ),
    Protection.SESSION_LIMITS: (
        "Memory and processes are limited for each process, not for a session as a whole: one session can slow down or "
        "stop all others."
    ),
    Protection.TLS: (
        "Pages travel unencrypted: whoever is on the network between can read them and sign in as somebody else."
    ),
}
"""What is said, on every page and at every start, while a protection is missing."""


def named(names: str) -> frozenset[Protection]:
    """The protections in a text of names with commas between. Raises ValueError for one that there is not."""
    words = [word.strip() for word in names.split(",") if word.strip()]
    known = {each.value: each for each in Protection}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"no protection is called {', '.join(unknown)}; there are {', '.join(known)}")
    return frozenset(known[word] for word in words)


def warnings(missing: Iterable[Protection]) -> tuple[str, ...]:
    """A sentence for each protection that is missing, in the order of the table."""
    gone = set(missing)
    return tuple(sentence for protection, sentence in WITHOUT.items() if protection in gone)
