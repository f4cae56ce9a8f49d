"""Identity tokens: what a CI system signs about one of its jobs (OpenID Connect Core, section 2; JWT, RFC 7519).

First `read`, which believes nothing, tells whose keys are wanted; then `verified`, with those keys.  Where keys come
from, and whether a token came before, is not known here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from tiercache.access.signing_keys import ALGORITHMS, SigningKey
from tiercache.errors import IdentityRefused

LONGEST_BYTES = 16 * 1024
"""Of a token; those of CI systems have one or two thousand."""

LEEWAY_S = 30.0
"""How far the clocks of the issuer and of this node may be apart."""

LONGEST_LIFE_S = 86400.0
"""So long may a token be good in all.  It is remembered until it is not, lest it be used twice."""

LONGEST_ID = 255

INVALID_TOKEN = "invalid-token"  # noqa: S105  # a word of the protocol
MALFORMED = "invalid-payload"
"""The codes of errors as the public index has them, and its clients show them."""


@frozen(kw_only=True)
class ClaimedIdentity:
    """What a token says by itself, nothing of it believed yet: `issuer`, and the key that it says it was signed by."""

    token: str = field(repr=False)
    issuer: str
    algorithm: str
    key_id: str | None


@frozen(kw_only=True)
class Identity:
    """What is true: `issuer` said these claims.  `id` is one token's own; from `expires_at` on (seconds) it is void."""

    issuer: str
    claims: Mapping[str, object] = field(repr=False)
    id: str
    expires_at: float


def read(token: str) -> ClaimedIdentity:
    """Take a token apart.  Raises IdentityRefused where it is none, or is signed by nothing that is ever believed."""
    if len(token) > LONGEST_BYTES:
        raise IdentityRefused(code=MALFORMED, reason=f"the token has more than {LONGEST_BYTES} bytes")
    parts = _decoded(token, options={"verify_signature": False})
    algorithm, key_id, issuer = parts["header"].get("alg"), parts["header"].get("kid"), parts["payload"].get("iss")
    if not isinstance(issuer, str):
        raise IdentityRefused(code=MALFORMED, reason="the token names no issuer")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token is not signed by a public key's algorithm")
    return ClaimedIdentity(token=token, issuer=issuer, algorithm=algorithm, key_id=key_id)


def verified(claimed: ClaimedIdentity, keys: Iterable[SigningKey], *, audience: str, now: float) -> Identity:
    """The identity, if one of the issuer's `keys` signed it for `audience`, and it is in force at `now`.

    Raises IdentityRefused.
    """
    usable = [one for one in keys if one.key_id == claimed.key_id and claimed.algorithm in one.algorithms]
    if len(usable) != 1:  # none, or two by one name, of which no token can say which it means
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token is signed by no key that its issuer shows")
    parts = _decoded(
        claimed.token,
        usable[0].key,
        algorithms=[claimed.algorithm],
        audience=audience,
        issuer=claimed.issuer,
        # What is about time is judged here, by the clock that was handed in.
        options={
            "require": ["iss", "aud", "exp", "iat"],
            **dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf"), False),
        },
    )
    claims = parts["payload"]
    expires_at = _in_force(claims, now)
    return Identity(issuer=claimed.issuer, claims=claims, id=_id_of(claimed, claims), expires_at=expires_at)


def _in_force(claims: Mapping[str, object], now: float) -> float:
    """When a token that is in force ends being so, with the leeway (RFC 7519 section 4.1.4 to 4.1.6)."""
    expires_at, issued_at, begins_at = (_moment(claims, name) for name in ("exp", "iat", "nbf"))
    if expires_at is None or issued_at is None:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token does not say from when until when it is good")
    if now >= expires_at + LEEWAY_S:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token has expired")
    if now < max(issued_at, issued_at if begins_at is None else begins_at) - LEEWAY_S:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token is not good yet")
    if expires_at - issued_at > LONGEST_LIFE_S:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token is good for more than a day")
    return expires_at + LEEWAY_S


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    stated = claims.get(name)
    if stated is None:
        return None
    # NaN, which Python takes in JSON, is later than nothing, and would never expire.
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not math.isfinite(stated):
        raise IdentityRefused(code=INVALID_TOKEN, reason=f"the token's {name} is no time")
    return stated


def _id_of(claimed: ClaimedIdentity, claims: Mapping[str, object]) -> str:
    """What is one token's own: its `jti` (RFC 7519 section 4.1.7), else what is signed of it."""
    stated = claims.get("jti")
    if isinstance(stated, str) and 0 < len(stated) <= LONGEST_ID:
        return f"jti {stated}"
    if stated is not None:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token's jti is no identifier")
    signed = claimed.token.rpartition(".")[0]
    return f"digest {hashlib.sha256(signed.encode()).hexdigest()}"


def _decoded(token: str, key: Any = "", **how: Any) -> dict[str, Any]:
    # Not imported where nobody is trusted to publish.
    import jwt

    try:
        return jwt.decode_complete(token, key, **how)
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token's signature is not its issuer's") from None
    except jwt.InvalidAudienceError:
        raise IdentityRefused(code=INVALID_TOKEN, reason="the token is for another audience") from None
    except jwt.MissingRequiredClaimError as missing:
        raise IdentityRefused(code=INVALID_TOKEN, reason=f"the token has no claim {missing.claim}") from None
    except (jwt.PyJWTError, ValueError, RecursionError, OverflowError):
        raise IdentityRefused(code=MALFORMED, reason="the token is no JSON Web Token") from None
