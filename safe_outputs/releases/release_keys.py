"""The keys of releases in the register: which signs now, which did, and which nobody may trust any more.

A new key is made by putting a new secret in the place of the old one. The register learns of it when it is first used:
the key before it is retired in the same transaction. Retired keys stay known, since what they signed is still true;
a revoked one is known as such.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit
from governance.database import now
from safe_outputs.errors import MalformedRequest, NoSuchThing, NotPermitted, WrongState
from safe_outputs.models import ReleaseKey
from safe_outputs.package.keys import KnownKey, PublicKey, Revocation

LONGEST_REASON = 300


def use(session: Session, key: PublicKey, *, actor: str) -> None:
    """See that this key is the one that signs; a new one is entered and the one before it retired.

    Raises:
        NotPermitted: the key was retired or revoked, so nothing may be signed with it.
    """
    found = session.get(ReleaseKey, key.id)
    if found is None:
        _enter(session, key, actor)
    elif found.revoked_at is not None or found.retired_at is not None:
        word = "revoked" if found.revoked_at is not None else "retired"
        raise NotPermitted(
            f"The key {key.id} that signs releases here was {word}, so nothing is released. "
            "The operator makes a new one: saferoom release new-key."
        )


def _enter(session: Session, key: PublicKey, actor: str) -> None:
    at = now()
    for before in session.scalars(select(ReleaseKey).where(ReleaseKey.retired_at.is_(None))):
        before.retired_at = at
        audit.record(session, actor, "release_key.retired", f"release_key:{before.id}")
    session.add(ReleaseKey(id=key.id, public_key=key.raw.hex(), since=at))
    audit.record(session, actor, "release_key.entered", f"release_key:{key.id}", public_key=key.raw.hex())


def revoke(session: Session, key_id: str, reason: str, *, actor: str, account: str) -> None:
    """Say for good that nothing which this key signed can be trusted: others may have had it.

    Raises:
        NoSuchThing: no such key signed here.
        WrongState: it was revoked already.
        MalformedRequest: no reason, or a long one.
    """
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise MalformedRequest(f"Say in at most {LONGEST_REASON} characters why the key is revoked; everybody sees it.")
    found = session.get(ReleaseKey, key_id)
    if found is None:
        raise NoSuchThing(f"No key {key_id} signed here. `saferoom release keys` lists those that did.")
    if found.revoked_at is not None:
        raise WrongState(f"The key {key_id} was revoked already, on {found.revoked_at:%-d %B %Y}. Nothing was changed.")
    found.revoked_at, found.revoked_because = now(), reason.strip()
    subject = f"release_key:{key_id}"
    audit.record(session, actor, "release_key.revoked", subject, reason=reason.strip(), account=account)


def known_keys(session: Session) -> Mapping[str, KnownKey]:
    """All keys that ever signed here by id, the newest first."""
    found = session.scalars(select(ReleaseKey).order_by(ReleaseKey.since.desc(), ReleaseKey.id))
    return {each.id: _known(each) for each in found}


def _known(key: ReleaseKey) -> KnownKey:
    revoked = Revocation(key.revoked_at, key.revoked_because or "") if key.revoked_at else None
    return KnownKey(PublicKey(bytes.fromhex(key.public_key)), key.since, key.retired_at, revoked)
