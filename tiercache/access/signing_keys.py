"""The public keys of an issuer of identity tokens, as it serves them: a JWK Set (RFC 7517).

Only keys for asymmetric signatures become keys here, and each goes with those algorithms alone that are of its kind: a
public key that is taken for the secret of an HMAC would let everybody sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import field, frozen

MOST_KEYS = 100
"""Of one issuer; what comes after them is not looked at."""

RSA_BITS = range(2048, 8193)
"""RFC 7518 section 3.3 asks for 2048 at least; more than 8192 only costs time."""

_OF_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_OF_CURVES = {
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": frozenset({"EdDSA"}),
}
# The public part of each kind (RFC 7518 section 6, RFC 8037): what else stands in a key is not read.
_PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}

ALGORITHMS = _OF_RSA.union(*_OF_CURVES.values())
"""Every algorithm by which a token may be signed: none is `none`, and none has a shared secret."""


@frozen(kw_only=True)
class SigningKey:
    """`key_id` None where the issuer gives it no name.  `key` as PyJWT verifies with it."""

    key_id: str | None
    algorithms: frozenset[str]
    key: Any = field(repr=False, eq=False)


def keys_of(document: bytes) -> tuple[SigningKey, ...]:
    """The usable keys of a JWK Set, those of other kinds left out.  Raises ValueError where it is none, or has none."""
    try:
        stated = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("its keys are no JSON") from None
    listed = stated.get("keys") if isinstance(stated, dict) else None
    if not isinstance(listed, list):
        raise ValueError("its keys are no JWK Set")
    keys = tuple(key for one in listed[:MOST_KEYS] if isinstance(one, dict) and (key := _key(one)) is not None)
    if not keys:
        raise ValueError("it has no key that can verify a token")
    return keys


def _key(stated: Mapping[str, Any]) -> SigningKey | None:
    kind, key_id, algorithm = (stated.get(name) for name in ("kty", "kid", "alg"))
    if not isinstance(kind, str) or kind not in _PARTS or not isinstance(key_id, str | None):
        return None
    if not _is_for_signatures(stated.get("use", "sig"), stated.get("key_ops", ["verify"])):
        return None
    public = {"kty": kind, **{part: stated.get(part) for part in _PARTS[kind]}}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    algorithms = _OF_RSA if kind == "RSA" else _OF_CURVES.get(str(public["crv"]), frozenset())
    if algorithm is not None:
        algorithms &= {algorithm} if isinstance(algorithm, str) else set()
    key = _loaded(public) if algorithms else None
    return None if key is None else SigningKey(key_id=key_id, algorithms=algorithms, key=key)


def _is_for_signatures(use: object, operations: object) -> bool:
    """What a key says that it is for (RFC 7517 section 4.2 and 4.3)."""
    return use == "sig" and isinstance(operations, list) and "verify" in operations


def _loaded(public: dict[str, Any]) -> Any:
    # Not imported where nobody is trusted to publish.
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
    from jwt.exceptions import PyJWTError

    reads: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    try:
        key = reads[public["kty"]].from_jwk(public)
    except (PyJWTError, ValueError, TypeError):
        return None
    if public["kty"] == "RSA" and key.key_size not in RSA_BITS:
        return None
    return key
