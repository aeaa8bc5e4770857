"""Keys of releases: Ed25519 (RFC 8032), named by the hash of their public half.

The list of known keys is what a publisher shows and what `saferoom release verify --key` takes: every key that ever
signed here, with the time in which it was used, and whether it was revoked.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from safe_outputs.errors import UnusableKey

KEYS_SCHEMA: Literal["saferoom-release-keys/1"] = "saferoom-release-keys/1"
KEY_BYTES = 32
_ID_DIGITS = 32


@dataclass(frozen=True)
class PublicKey:
    """The public half: 32 bytes. Raises `UnusableKey`."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise UnusableKey(f"A public key has {KEY_BYTES} bytes; this one has {len(self.raw)}. Get the file again.")

    @classmethod
    def of_pem(cls, content: bytes) -> Self:
        """The key of a PEM file. Raises `UnusableKey`."""
        try:
            found = load_pem_public_key(content)
        except ValueError:
            found = None
        if not isinstance(found, Ed25519PublicKey):
            raise UnusableKey("This is no Ed25519 public key in PEM. Get the publisher's key file again.")
        return cls(found.public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def id(self) -> str:
        """The first 32 hexadecimal digits of the SHA-256 of the key's bytes."""
        return hashlib.sha256(self.raw).hexdigest()[:_ID_DIGITS]

    @property
    def pem(self) -> bytes:
        """The key as `openssl` reads it (SubjectPublicKeyInfo)."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether this key made that signature over exactly this content."""
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    @property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)


class SigningKey:
    """The private half, held only while a release is written. Shows nothing of itself."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise UnusableKey(f"A signing key has {KEY_BYTES} bytes. Nothing is released; look at the secrets' folder.")
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of the signature. The same content has the same signature, always."""
        return self._key.sign(content)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"


@dataclass(frozen=True)
class Revocation:
    at: datetime
    reason: str


@dataclass(frozen=True)
class KnownKey:
    """A key that signed here: `since` and `until` (retired) when, and whether it was revoked. Times are aware."""

    key: PublicKey
    since: datetime | None = None
    until: datetime | None = None
    revoked: Revocation | None = None


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Revoked(_Frozen):
    at: AwareDatetime
    reason: str


class _Line(_Frozen):
    id: str
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    since: AwareDatetime | None
    until: AwareDatetime | None
    revoked: _Revoked | None


class _List(_Frozen):
    form: Literal["saferoom-release-keys/1"] = Field(alias="schema")
    keys: tuple[_Line, ...]


def list_of_keys(keys: Iterable[KnownKey]) -> dict[str, Any]:
    """The list that is published, in the order given."""
    return {"schema": KEYS_SCHEMA, "keys": [_line(each) for each in keys]}


def _line(known: KnownKey) -> dict[str, Any]:
    revoked = known.revoked
    return {
        "id": known.key.id,
        "public_key": known.key.raw.hex(),
        "since": known.since.isoformat() if known.since else None,
        "until": known.until.isoformat() if known.until else None,
        "revoked": {"at": revoked.at.isoformat(), "reason": revoked.reason} if revoked else None,
    }


def read_keys(content: bytes) -> Mapping[str, KnownKey]:
    """The keys of a published list, or of a PEM file with one key, by id. Raises `UnusableKey`."""
    if content.lstrip().startswith(b"-----"):
        key = PublicKey.of_pem(content)
        return {key.id: KnownKey(key)}
    try:
        found = [_known(each) for each in _List.model_validate_json(content).keys]
    except ValidationError:
        raise UnusableKey(
            "This file holds no release keys: neither the list that the publisher shows as keys.json, nor a public "
            "key in PEM. Get it again from the publisher's page of keys."
        ) from None
    return {each.key.id: each for each in found}


def _known(line: _Line) -> KnownKey:
    key = PublicKey(bytes.fromhex(line.public_key))
    if key.id != line.id:
        raise UnusableKey(f"The list of keys names a key {line.id} that is not that key. Get the list again.")
    revoked = Revocation(line.revoked.at, line.revoked.reason) if line.revoked else None
    return KnownKey(key, line.since, line.until, revoked)
