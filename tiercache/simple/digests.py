"""Digests by name: which algorithms a node verifies, how long their values are, and how others spell them.

Inside tiercache `blake2b` is hashlib's own (64 bytes) and `blake2b_256` the 32-byte form.  Outside, both go by
`blake2b`, and clients differ in which they take, and in what they do about the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from tiercache.simple.model import STRONGEST_FIRST

HEX_LENGTHS: Mapping[str, int] = {
    "sha256": 64,
    "sha512": 128,
    "sha384": 96,
    "sha3_256": 64,
    "sha3_512": 128,
    "blake2b": 128,
    "blake2b_256": 64,
    "blake2s": 64,
    "sha224": 56,
    "sha1": 40,
    "md5": 32,
}
"""The length in hex digits of each algorithm of `STRONGEST_FIRST`."""

_HEX = re.compile(r"[0-9a-f]+")
_WRITABLE = frozenset(HEX_LENGTHS) - {"blake2b", "blake2b_256"}
_FRAGMENTS = ("sha256", "sha512", "sha384", "md5", "blake2b_256", "sha224", "sha1")
# OpenSSL's name for the 64-byte form: pip finds it in hashlib, and uv passes over it.
_BLAKE2B_512 = "blake2b512"
_NAME_BY_SPELLING = {
    ("blake2b", HEX_LENGTHS["blake2b_256"]): "blake2b_256",
    (_BLAKE2B_512, HEX_LENGTHS["blake2b"]): "blake2b",
}


class Hasher(Protocol):
    """What hashlib gives: bytes in, a digest out."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def _blake2b_256() -> Hasher:
    return hashlib.blake2b(digest_size=32)


_SPECIAL: Mapping[str, Callable[[], Hasher]] = {"blake2b_256": _blake2b_256}


def hasher(algorithm: str) -> Hasher:
    """A new hasher of an algorithm of `STRONGEST_FIRST`; its `hexdigest()` compares with a File's `hashes`.

    Raises ValueError for any other name.
    """
    if algorithm not in HEX_LENGTHS:
        raise ValueError(f"{algorithm!r} is not an algorithm that a node verifies")
    special = _SPECIAL.get(algorithm)
    return special() if special is not None else hashlib.new(algorithm, usedforsecurity=False)


def is_digest(algorithm: str, value: str) -> bool:
    """Whether `value` is lower-case hex of the right length for an algorithm of `STRONGEST_FIRST`."""
    return len(value) == HEX_LENGTHS.get(algorithm) and _HEX.fullmatch(value) is not None


def strongest(digests: Mapping[str, str]) -> tuple[str, str] | None:
    """Algorithm and value of the usable digest that stands first in `STRONGEST_FIRST`, or None if there is none."""
    for algorithm in STRONGEST_FIRST:
        value = digests.get(algorithm)
        if value is not None and is_digest(algorithm, value):
            return algorithm, value
    return None


def read_digests(given: Mapping[str, str]) -> dict[str, str]:
    """Digests as a page gives them, under our names, in lower case; empty values and names are left out.

    Algorithms that this version does not know are kept as they are.  Raises ValueError if the value of one that
    it knows is malformed: bytes that were to be verified must not go unverified for a typing error.
    """
    sha256 = given.get("sha256")
    if sha256 is not None and len(given) == 1 and is_digest("sha256", sha256):
        return {"sha256": sha256}  # nearly always, and there are thousands on a page
    digests: dict[str, str] = {}
    for spelling, written in given.items():
        value = written.strip().lower()
        name = spelling.strip().lower()
        name = _NAME_BY_SPELLING.get((name, len(value)), name)
        if not value or not name:
            continue
        if name in HEX_LENGTHS and not is_digest(name, value):
            raise ValueError(f"its {name} digest is malformed")
        digests[name] = value
    return digests


def written_digests(digests: Mapping[str, str]) -> dict[str, str]:
    """The digests that may stand in a JSON page.

    pip looks each name up in hashlib, and does not install the file if it is not there, or if no value agrees; uv
    refuses the page for a value of another length than it expects.  So only the names that mean one thing to both
    are written: a 64-byte BLAKE2b only where there is nothing else, a 32-byte one and unknown names never.
    """
    written = {name: value for name, value in digests.items() if name in _WRITABLE and is_digest(name, value)}
    if not written and is_digest("blake2b", digests.get("blake2b", "")):
        written[_BLAKE2B_512] = digests["blake2b"]
    return written


def fragment_digest(digests: Mapping[str, str]) -> str | None:
    """The digest for a URL's fragment or an attribute in HTML, as `name=value`; None if there is none to write.

    It is the strongest that every client knows, else one that some know: uv refuses a page for any other.
    """
    for name in _FRAGMENTS:
        value = digests.get(name, "")
        if is_digest(name, value):
            return f"{'blake2b' if name == 'blake2b_256' else name}={value}"
    return None
