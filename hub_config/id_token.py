"""The check of an ID token (OpenID Connect Core 1.0, section 3.1.3.7), and of the second factor that it proves.

oauthenticator 17 reads an ID token without its signature, its issuer and its nonce, so all of it is done here. Nothing
in this module opens a connection: a token and the provider's keys go in, claims come out.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from governance.errors import Refused, SaferoomError
from hub_config.openid_provider import OpenIDProvider

ALGORITHMS: dict[str, tuple[str, ...]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""The signatures that are taken, by the type of the key. No `none`, and none with a shared secret."""

HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
SECONDS_OF_DRIFT = 60
SECONDS_OLD = 600


class UnprovenSignIn(SaferoomError):
    """The provider's answer does not prove who signed in. `why` is for the log and holds nothing of the token."""

    status = 403

    def __init__(self, why: str) -> None:
        super().__init__(
            "What your organisation sent does not prove who you are, so you are not signed in. Sign in again; if it "
            "stays, tell the operator, who finds the cause in the hub's log."
        )
        self.why = why


class NoSecondFactor(Refused):
    """The sign-in had one factor only, or the provider did not say."""

    def __init__(self) -> None:
        super().__init__(
            "Your organisation did not confirm that you signed in with a second factor, so you cannot come in. Set one "
            "up there (an app, a key or a code), sign in there with it, and try again."
        )


def verified_claims(
    token: str, keys: Mapping[str, Any], provider: OpenIDProvider, *, nonce: str, access_token: str, now: float
) -> dict[str, Any]:
    """The claims of a token that this provider has signed for us, now, and for this very sign-in.

    `keys` is the provider's JSON Web Key Set, `now` in seconds of Unix time.

    Raises:
        UnprovenSignIn: anything of that is not so.
    """
    try:
        header = jwt.get_unverified_header(token)
        key, algorithms = _key(keys, header)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=SECONDS_OF_DRIFT,
            options={"require": REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise UnprovenSignIn(f"the ID token is refused: {type(error).__name__}") from None
    _check_own(claims, provider, nonce, now)
    _check_access_token(claims, access_token, str(header.get("alg")))
    return claims


def require_second_factor(claims: Mapping[str, Any], provider: OpenIDProvider) -> None:
    """Raise `NoSecondFactor` unless the signed claims say that one was used. Unsigned sources are never asked."""
    methods = claims.get("amr")
    used = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    if provider.required_amr and not used & provider.required_amr:
        raise NoSecondFactor
    if provider.required_acr and claims.get("acr") not in provider.required_acr:
        raise NoSecondFactor


def _check_own(claims: Mapping[str, Any], provider: OpenIDProvider, nonce: str, now: float) -> None:
    """What a library does not check: whose sign-in it is, and for whom else the token is meant."""
    if not isinstance(claims["nonce"], str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise UnprovenSignIn("the ID token has another nonce: it belongs to another sign-in")
    if now - float(claims["iat"]) > SECONDS_OLD:
        raise UnprovenSignIn("the ID token is old: it was not made for this sign-in")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise UnprovenSignIn("the ID token was given to another client (azp)")


def _check_access_token(claims: Mapping[str, Any], access_token: str, algorithm: str) -> None:
    """`at_hash`, where it is there: the access token came with this ID token."""
    if "at_hash" not in claims:
        return
    digest = HASHES.get(algorithm[2:], hashlib.sha512)(access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not hmac.compare_digest(str(claims["at_hash"]).encode(), half.encode()):
        raise UnprovenSignIn("the access token is not the ID token's (at_hash)")


def _key(keys: Mapping[str, Any], header: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The provider's key that the token names, with the algorithms that fit its type."""
    listed = keys.get("keys")
    usable = [key for key in listed if _signs(key)] if isinstance(listed, list) else []
    named = [key for key in usable if "kid" not in header or key.get("kid") == header["kid"]]
    if len(named) != 1:
        raise UnprovenSignIn("the ID token names none of the provider's keys, or not one alone")
    return jwt.PyJWK(named[0]).key, ALGORITHMS[named[0]["kty"]]


def _signs(key: Any) -> bool:
    return isinstance(key, dict) and key.get("kty") in ALGORITHMS and key.get("use", "sig") == "sig"
