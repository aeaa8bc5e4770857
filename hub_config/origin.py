"""Where a request to the hub comes from: a network address that its sender cannot choose, and a known browser."""

import ipaddress
import secrets
from typing import Any

from governance.attempts import mark

DEVICE_COOKIE = "saferoom-device"
DEVICE_DAYS = 90
UNKNOWN = "unknown"


def address(forwarded: str, servers_in_front: int) -> str:
    """The sender's address out of `X-Forwarded-For`, to which every server on the way adds whom it heard.

    Only the last entries can be believed: our proxy's, and those of as many servers in front of it as the operator
    has named; what stands before them is the sender's own word. An IPv6 address is cut to its /64 network, of which
    one household has all addresses.
    """
    entries = [entry.strip() for entry in forwarded.split(",")]
    believed = entries[-1 - servers_in_front :][0]
    try:
        found = ipaddress.ip_address(believed.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    if mapped is not None or found.version == 4:
        return str(mapped or found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def known_device(handler: Any, name: str, seal: bytes) -> str | None:
    """The mark of this browser if the person of that name has signed in here before; the hub's key signs the cookie."""
    cookie = handler.get_secure_cookie(DEVICE_COOKIE, max_age_days=DEVICE_DAYS) or b""
    whose, _, device = cookie.decode(errors="replace").partition(".")
    return device if device and whose == mark(seal, name) else None


def remember_device(handler: Any, name: str, seal: bytes) -> None:
    """Let this browser be known as one in which she has signed in. The cookie tells no name, and opens nothing."""
    device = known_device(handler, name, seal) or secrets.token_hex(16)
    handler.set_secure_cookie(
        DEVICE_COOKIE,
        f"{mark(seal, name)}.{device}",
        expires_days=DEVICE_DAYS,
        path=handler.hub.base_url,
        **handler.settings.get("cookie_options", {}),
    )
