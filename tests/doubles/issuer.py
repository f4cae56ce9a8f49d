"""An issuer of identity tokens, as a CI system is one: it has keys, signs, and says where its keys are.

It signs whatever a test wants, so that it can lie as well as any other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.doubles.tier_http import TierHttp, http_answer

URL = "https://ci.example"
DISCOVERY = f"{URL}/.well-known/openid-configuration"
KEYS = f"{URL}/keys"
AUDIENCE = "https://packages.example/"

CLAIMS: Mapping[str, Any] = {
    "sub": "repo:acme/tools:environment:release",
    "repository": "acme/tools",
    "repository_owner": "acme",
    "repository_owner_id": "4711",
    "workflow_ref": "acme/tools/.github/workflows/release.yml@refs/tags/v1.0",
    "job_workflow_ref": "acme/tools/.github/workflows/release.yml@refs/tags/v1.0",
    "ref": "refs/tags/v1.0",
    "environment": "release",
    "run_id": "314159",
}


@cache
def private_key(kind: str, number: int) -> Any:
    """A key of this kind (`RSA`, `P-256`, `P-384`, `Ed25519`), the same for the same number: to make one takes time."""
    match kind:
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


ALGORITHMS = {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}


def public_jwk(kind: str, key_id: str | None, number: int = 0, **more: object) -> dict[str, Any]:
    """A key as an issuer shows it."""
    shows: dict[str, Any] = {"RSA": RSAAlgorithm, "Ed25519": OKPAlgorithm}
    shown = dict(shows.get(kind, ECAlgorithm).to_jwk(private_key(kind, number).public_key(), as_dict=True))
    return {**shown, "use": "sig", **({} if key_id is None else {"kid": key_id}), **more}


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(
    header: object, payload: object, signature: Callable[[bytes], bytes] = lambda signed: b"", *, raw: str = ""
) -> str:
    """A token that no library would make; `raw` takes the place of the payload's JSON."""
    text = raw or json.dumps(payload)
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(text.encode())}"
    return f"{signed}.{base64url(signature(signed.encode()))}"


@define(kw_only=True)
class SmallIssuer:
    """`keys`: the kind and number of each that it shows, by name.  `now` in seconds."""

    url: str = URL
    now: Callable[[], float]
    keys: dict[str, tuple[str, int]] = field(factory=lambda: {"first": ("RSA", 0)})
    made: int = field(default=0, init=False)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a token says; None leaves a claim out."""
        self.made += 1
        now = int(self.now())
        usual = {
            **CLAIMS,
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": f"token-{self.made}",
        }
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

    def token(self, *, key_id: str | None = "first", headers: Mapping[str, Any] | None = None, **changed: Any) -> str:
        """A token signed with one of the keys."""
        kind, number = self.keys[key_id or "first"]
        named = {} if key_id is None else {"kid": key_id}
        return jwt.encode(
            self.claims(**changed),
            private_key(kind, number),
            algorithm=ALGORITHMS[kind],
            headers={**named, **(headers or {})},
        )

    def signed_with_the_public_key(self, **changed: Any) -> str:
        """A token that is good for whoever takes the key that all may see for the secret of an HMAC."""
        kind, number = self.keys["first"]
        pem = private_key(kind, number).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        header = {"alg": "HS256", "typ": "JWT", "kid": "first"}
        return by_hand(header, self.claims(**changed), lambda signed: hmac.digest(pem, signed, hashlib.sha256))

    def discovery(self, **changed: Any) -> bytes:
        """The document that says where the keys are."""
        return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys", **changed}).encode()

    def jwks(self) -> bytes:
        """The keys."""
        shown = [public_jwk(kind, key_id, number) for key_id, (kind, number) in self.keys.items()]
        return json.dumps({"keys": shown}).encode()

    def serve(self, http: TierHttp) -> None:
        """Answer for its documents, as they are whenever they are asked for."""
        http.on(f"GET {self.url}/.well-known/openid-configuration", lambda _: http_answer(200, self.discovery()))
        http.on(f"GET {self.url}/keys", lambda _: http_answer(200, self.jwks()))
