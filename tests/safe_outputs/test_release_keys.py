"""The keys of releases in the register: one signs, the others stay known, a revoked one never signs again."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine

from governance import audit
from governance.database import reading, transaction
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, UnusableKey, WrongState
from safe_outputs.package.contents import as_json
from safe_outputs.package.keys import KnownKey, PublicKey, SigningKey, list_of_keys, read_keys
from safe_outputs.releases import release_keys

FIRST, SECOND = SigningKey(b"1" * 32).public, SigningKey(b"2" * 32).public


def use(engine: Engine, key: PublicKey) -> None:
    with transaction(engine) as session:
        release_keys.use(session, key, actor="checker")


def revoke(engine: Engine, key_id: str, reason: str = "It was copied.") -> None:
    with transaction(engine) as session:
        release_keys.revoke(session, key_id, reason, actor="operator", account="root")


def known(engine: Engine) -> dict[str, KnownKey]:
    with reading(engine) as session:
        return dict(release_keys.known_keys(session))


def actions(engine: Engine, key: PublicKey) -> list[str]:
    with reading(engine) as session:
        return [event.action for event in audit.events_about(session, f"release_key:{key.id}")]


def test_a_key_is_entered_once_and_its_successor_retires_it(engine: Engine) -> None:
    use(engine, FIRST)
    use(engine, FIRST)
    assert [each.until for each in known(engine).values()] == [None]
    use(engine, SECOND)
    found = known(engine)
    assert list(found) == [SECOND.id, FIRST.id]
    assert found[SECOND.id].until is None
    assert found[FIRST.id].until == found[SECOND.id].since
    assert actions(engine, FIRST) == ["release_key.entered", "release_key.retired"]
    assert actions(engine, SECOND) == ["release_key.entered"]


def test_a_retired_key_signs_no_more(engine: Engine) -> None:
    """An old secret that was put back, from a backup perhaps."""
    use(engine, FIRST)
    use(engine, SECOND)
    with pytest.raises(NotPermitted, match=r"was retired, so nothing is released.*saferoom release new-key"):
        use(engine, FIRST)


def test_a_revoked_key_signs_no_more_and_everybody_is_told_why(engine: Engine) -> None:
    use(engine, FIRST)
    revoke(engine, FIRST.id)
    with pytest.raises(NotPermitted, match="was revoked"):
        use(engine, FIRST)
    found = known(engine)[FIRST.id].revoked
    assert found is not None
    assert found.reason == "It was copied."
    assert actions(engine, FIRST)[-1] == "release_key.revoked"


def test_a_revocation_is_for_good_and_has_a_reason(engine: Engine) -> None:
    use(engine, FIRST)
    for reason in ("", "   ", "x" * 301):
        with pytest.raises(MalformedRequest):
            revoke(engine, FIRST.id, reason)
    with pytest.raises(NoSuchThing, match="No key"):
        revoke(engine, SECOND.id)
    revoke(engine, FIRST.id)
    with pytest.raises(WrongState, match="was revoked already"):
        revoke(engine, FIRST.id)


def test_the_published_list_is_read_as_it_was_written(engine: Engine) -> None:
    use(engine, FIRST)
    revoke(engine, FIRST.id)
    use(engine, SECOND)
    found = known(engine)
    assert read_keys(as_json(list_of_keys(found.values()))) == found


def test_a_pem_file_is_a_list_of_one(engine: Engine) -> None:
    assert read_keys(FIRST.pem) == {FIRST.id: KnownKey(FIRST)}


WRONG = {
    "nothing": b"",
    "no JSON": b"key",
    "another form": b'{"schema": "saferoom-release-keys/2", "keys": []}',
    "a broken PEM": b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n",
    "deep": b"[" * 100_000,
    "another key's name": as_json(
        {
            "schema": "saferoom-release-keys/1",
            "keys": [
                {"id": SECOND.id, "public_key": FIRST.raw.hex(), "since": None, "until": None, "revoked": None},
            ],
        }
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_no_list_of_keys_is_refused(name: str) -> None:
    with pytest.raises(UnusableKey):
        read_keys(WRONG[name])


def test_a_key_of_another_kind_is_refused() -> None:
    other = generate_private_key(SECP256R1()).public_key()
    with pytest.raises(UnusableKey, match="no Ed25519 public key"):
        read_keys(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_a_signing_key_shows_nothing_of_itself() -> None:
    assert repr(SigningKey(b"1" * 32)) == f"SigningKey({FIRST.id})"
    for secret in (b"", b"1" * 31, b"1" * 33):
        with pytest.raises(UnusableKey):
            SigningKey(secret)


def test_signatures_are_those_of_the_standard() -> None:
    """RFC 8032, section 7.1, test 2."""
    key = SigningKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
