"""The organisation that signs people in with OpenID Connect: its addresses, and what it has to prove."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from governance.errors import Invalid


class MalformedProvider(Invalid):
    """Settings of an OpenID provider that are missing or not safe."""


@dataclass(frozen=True)
class OpenIDProvider:
    """A provider and what is asked of a sign-in there.

    A second factor is always asked for: at least one of `required_amr` (methods of which one must have been used,
    RFC 8176) and `required_acr` (classes of which the sign-in must have one) has a value; where both have, both hold.

    Raises:
        MalformedProvider: something is missing, or an address is not https (or http on this machine itself).
    """

    name: str
    issuer: str
    authorize_url: str
    token_url: str
    keys_url: str
    client_id: str
    username_claim: str
    required_amr: frozenset[str]
    required_acr: tuple[str, ...]
    userdata_url: str | None = None

    def __post_init__(self) -> None:
        for what in ("issuer", "authorize_url", "token_url", "keys_url", "client_id", "username_claim", "name"):
            if not getattr(self, what):
                raise MalformedProvider(f"openid_{what} is missing; signing in with OpenID needs it")
        for what in ("issuer", "authorize_url", "token_url", "keys_url", "userdata_url"):
            address = getattr(self, what)
            if address and not _is_protected(address):
                raise MalformedProvider(f"openid_{what} is no https address; what it says could be forged on the way")
        if not self.required_amr and not self.required_acr:
            raise MalformedProvider(
                "openid_required_amr and openid_required_acr are both empty; say what proves a second factor there, "
                'for instance openid_required_amr = "mfa,otp,hwk"'
            )


def words(text: str) -> tuple[str, ...]:
    """The words of a list with commas, without empty ones."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _is_protected(address: str) -> bool:
    parts = urlsplit(address)
    if not parts.hostname or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
