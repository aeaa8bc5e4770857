"""An OpenID provider for tests: `python -m tests.hub_config.openid_provider PORT CLIENT SECRET CALLBACK`.

It signs people in without asking, as whom and how honestly the tests say (`POST /behave`). What it answers honestly is
checked as a provider does: client, redirect address, PKCE, a code that works once.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tornado.web import Application, RequestHandler

KID = "key-1"


def a_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    issuer: str
    client: str
    secret: str
    callback: str
    key: rsa.RSAPrivateKey = field(default_factory=a_key)
    other_key: rsa.RSAPrivateKey = field(default_factory=a_key)
    mode: str = "honest"
    who: str = "ada"
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    exchanges: list[dict[str, str]] = field(default_factory=list)

    def claims(self, asked: dict[str, str], access_token: str) -> dict[str, Any]:
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        return {
            "iss": self.issuer,
            "sub": f"subject-of-{self.who}",
            "aud": self.client,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            "amr": ["pwd", "otp"],
            "acr": "second-factor",
            "preferred_username": self.who,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }

    def signed(self, claims: dict[str, Any], kid: str | None = KID) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": kid} if kid else {})

    def keys(self) -> dict[str, Any]:
        listed = []
        for key, use, kid in ((self.key, "sig", KID), (self.other_key, "enc", "key-2")):
            listed.append(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"use": use, "kid": kid})
        return {"keys": listed}


def changed(**changes: Any) -> Callable[[Provider, dict[str, Any]], str]:
    """The honest token with other claims; those that are None are left out."""

    def make(provider: Provider, claims: dict[str, Any]) -> str:
        return provider.signed({name: value for name, value in (claims | changes).items() if value is not None})

    return make


def signed_with_the_public_key(provider: Provider, claims: dict[str, Any]) -> str:
    """A shared-secret signature whose secret is the public key, which everybody has."""
    pem = provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = _part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": KID}).encode())
    body = _part(json.dumps(claims).encode())
    digest = hashlib.sha256  # of HMAC, written out since no library makes this token
    block = pem if len(pem) <= 64 else digest(pem).digest()
    block = block.ljust(64, b"\0")
    inner = digest(bytes(byte ^ 0x36 for byte in block) + f"{head}.{body}".encode()).digest()
    outer = digest(bytes(byte ^ 0x5C for byte in block) + inner).digest()
    return f"{head}.{body}.{_part(outer)}"


def tampered(provider: Provider, claims: dict[str, Any]) -> str:
    """The signature of one token under the claims of another."""
    head, _, signature = provider.signed(claims).split(".")
    return f"{head}.{_part(json.dumps(claims | {'preferred_username': 'bert'}).encode())}.{signature}"


TOKENS: dict[str, Callable[[Provider, dict[str, Any]], str | None]] = {
    "honest": changed(),
    "no amr": changed(amr=None),
    "wrong amr": changed(amr=["pwd"]),
    "empty amr": changed(amr=[]),
    "amr as text": changed(amr="otp"),
    "no acr": changed(acr=None),
    "wrong acr": changed(acr="password"),
    "wrong nonce": changed(nonce="another"),
    "no nonce": changed(nonce=None),
    "nonce is a number": changed(nonce=1),
    "other audience": changed(aud="another-client"),
    "no audience": changed(aud=None),
    "several audiences": lambda provider, claims: changed(aud=[provider.client, "another"])(provider, claims),
    "other authorized party": changed(azp="another-client"),
    "other issuer": changed(iss="https://elsewhere.example.org"),
    "no issuer": changed(iss=None),
    "expired": changed(exp=int(time.time()) - 3600),
    "no expiry": changed(exp=None),
    "old": lambda provider, claims: changed(iat=claims["iat"] - 3600)(provider, claims),
    "from the future": lambda provider, claims: changed(iat=claims["iat"] + 3600)(provider, claims),
    "no subject": changed(sub=None),
    "other access token": changed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "alg none": lambda _provider, claims: jwt.encode(claims, "", algorithm="none", headers={"kid": KID}),
    "signed with the public key": signed_with_the_public_key,
    "signed by somebody else": lambda provider, claims: jwt.encode(
        claims, provider.other_key, algorithm="RS256", headers={"kid": KID}
    ),
    "signed with the key for encryption": lambda provider, claims: jwt.encode(
        claims, provider.other_key, algorithm="RS256", headers={"kid": "key-2"}
    ),
    "unknown key": lambda provider, claims: provider.signed(claims, "key-3"),
    "tampered": tampered,
    "no token": lambda _provider, _claims: None,
    "garbage": lambda _provider, _claims: "a.b.c",
    "name in user data": changed(preferred_username=None),
    "unsigned second factor": changed(preferred_username=None, amr=None),
    "user data of another": changed(preferred_username=None),
    "name is a list": changed(preferred_username=["ada"]),
}


class Handler(RequestHandler):
    def initialize(self, provider: Provider) -> None:
        self.provider = provider

    def check_xsrf_cookie(self) -> None: ...


class Authorize(Handler):
    def get(self) -> None:
        asked = {name: self.get_argument(name) for name in self.request.arguments}
        wanted = {"client_id": self.provider.client, "redirect_uri": self.provider.callback, "response_type": "code"}
        assert wanted.items() <= asked.items(), asked
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.provider.asked[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.provider.issuer}
        if self.provider.mode == "denied":
            answer = {"error": "access_denied", "error_description": "<b>no</b>", "state": asked["state"]}
        if self.provider.mode == "answer of another provider":
            answer["iss"] = "https://elsewhere.example.org"
        back = f"{self.provider.callback}?{urlencode(answer)}"
        if self.provider.mode == "with a page":  # what a person does on it begins at this site
            self.finish(f'<!doctype html><a href="{escape(back)}">Confirm</a>')
        else:
            self.redirect(back)


class Token(Handler):
    def post(self) -> None:
        given = {name: self.get_body_argument(name) for name in self.request.body_arguments}
        self.provider.exchanges.append(given)
        basic = base64.b64encode(f"{self.provider.client}:{self.provider.secret}".encode()).decode()
        if self.request.headers.get("Authorization") != f"Basic {basic}":
            self._refuse(401, "invalid_client")
            return
        asked = self.provider.asked.pop(given.get("code", ""), None)
        if asked is None or given.get("redirect_uri") != self.provider.callback or not _fits(asked, given):
            self._refuse(400, "invalid_grant")
            return
        access = secrets.token_urlsafe(16)
        token = TOKENS.get(self.provider.mode, TOKENS["honest"])(self.provider, self.provider.claims(asked, access))
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": 300}
        self.finish(answer | ({"id_token": token} if token else {}))

    def _refuse(self, status: int, error: str) -> None:
        self.set_status(status)
        self.finish({"error": error})


class UserData(Handler):
    def get(self) -> None:
        who = "bert" if self.provider.mode == "user data of another" else self.provider.who
        self.finish({"sub": f"subject-of-{who}", "preferred_username": who, "amr": ["otp"], "acr": "second-factor"})


class Keys(Handler):
    def get(self) -> None:
        if self.provider.mode == "no keys":
            self.set_status(500)
            self.finish("out of order")
            return
        self.finish(self.provider.keys())


class Behave(Handler):
    def post(self) -> None:
        self.provider.mode = self.get_body_argument("mode", "honest")
        self.provider.who = self.get_body_argument("who", "ada")
        self.finish({"exchanges": self.provider.exchanges})


def _fits(asked: dict[str, str], given: dict[str, str]) -> bool:
    """Whether the verifier is that of the challenge (RFC 7636)."""
    return _part(hashlib.sha256(given.get("code_verifier", "").encode()).digest()) == asked["code_challenge"]


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def serve(port: int, provider: Provider) -> None:
    routes = {
        "/authorize": Authorize, "/token": Token, "/userdata": UserData, "/keys": Keys, "/behave": Behave
    }  # fmt: skip
    application = Application([(path, handler, {"provider": provider}) for path, handler in routes.items()])
    for address in ("127.0.0.1", "127.0.0.2"):  # the browser is sent to the second, which is another site than the hub
        application.listen(port, address)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, client, secret, callback = sys.argv[1:]
    asyncio.run(serve(int(port), Provider(f"http://127.0.0.1:{port}", client, secret, callback)))
