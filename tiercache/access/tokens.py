"""Tokens: secrets that a node issues, each worth some of what its owner may do.

A token is 256 random bits; of it the node keeps a digest, which a quick hash makes, since nobody guesses that many.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Literal

from attrs import field, frozen

from tiercache.simple.patterns import ProjectPatterns

Permission = Literal["read", "prefetch", "publish", "manage", "administer"]
"""What a grant may give, and a token may be worth."""

OwnerKind = Literal["user", "operator", "publisher"]
"""Whose token it is: a user's, the node's operator's (without a name), or a trusted publisher's."""

PREFIX = "tiercache-"
"""Every token begins with this, so that who scans texts for secrets knows one."""

SECRET_BYTES = 32
ID_BYTES = 8


@frozen(kw_only=True)
class IssuedToken:
    """What a node keeps of a token: `digest` of its text, and what it is worth.

    `id`: by which it is listed and revoked.  `name`: what its owner calls it.  Times in seconds since 1970;
    `expires_at` None: it does not.  `used_at`: about when it was shown last, None for never.
    """

    id: str
    digest: str = field(repr=False)
    name: str
    owner: str
    kind: OwnerKind = "user"
    may: frozenset[Permission]
    projects: ProjectPatterns
    made_at: float
    expires_at: float | None = None
    used_at: float | None = None

    def is_live(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


def token_text(random: bytes) -> str:
    """The token that `SECRET_BYTES` random bytes make."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a token takes {SECRET_BYTES} bytes")
    return PREFIX + urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def token_digest(text: str) -> str:
    """What a node keeps of a token, and finds it by: SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
