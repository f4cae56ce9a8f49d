"""The values of a catalogue as the columns of its tables hold them, and back.

Heads, listings and names are JSON; larger bytes are compressed.  No SQL here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from isal import igzip, igzip_lib

from tiercache.access.tokens import IssuedToken, OwnerKind, Permission
from tiercache.policy.entry import Head
from tiercache.policy.news import Change
from tiercache.simple.model import File, ProjectName
from tiercache.simple.patterns import ProjectPatterns

PACK_ABOVE_BYTES = 4096
"""Bytes up to this length, a page of SQLite's, are kept as they are."""

_DamagedGzip: type[Exception] = igzip_lib.error  # type: ignore[assignment]  # isal's stub calls the class an instance


class Unreadable(Exception):
    """A row does not hold what it should: the disk lost or changed something."""


def packed(data: bytes) -> tuple[str, bytes]:
    """Bytes as they are stored: the word for their coding (`gzip` or nothing), and the coded bytes."""
    if len(data) > PACK_ABOVE_BYTES:
        smaller = igzip.compress(data, 1, mtime=0)
        if len(smaller) < len(data):
            return "gzip", smaller
    return "", data


def unpacked(coding: str, data: bytes) -> bytes:
    """The bytes that `packed` was given.  Raises Unreadable."""
    if coding == "":
        return data
    if coding != "gzip":
        raise Unreadable(f"unknown coding {coding!r}")
    if not data:  # which igzip takes for the gzip of nothing
        raise Unreadable("the compressed bytes are gone")
    try:
        plain: bytes = igzip.decompress(data)  # type: ignore[no-untyped-call]  # isal leaves this one function untyped
    except (EOFError, OSError, _DamagedGzip) as error:
        raise Unreadable(str(error)) from error
    return plain


def head_bytes(head: Head) -> bytes:
    """A head as JSON."""
    return _encoder.encode(head)


def head_of(data: bytes) -> Head:
    """The head that `head_bytes` was given.  Raises Unreadable."""
    try:
        return _heads.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def listing_bytes(listing: File) -> bytes:
    """A file's listing as JSON."""
    return _encoder.encode(listing)


def listing_of(data: bytes) -> File:
    """The listing that `listing_bytes` was given.  Raises Unreadable."""
    try:
        return _listings.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def names_bytes(names: Sequence[ProjectName]) -> bytes:
    """The names of projects as JSON."""
    return _encoder.encode(names)


def names_of(data: bytes) -> tuple[ProjectName, ...]:
    """The names that `names_bytes` was given.  Raises Unreadable."""
    try:
        return tuple(map(ProjectName, _names.decode(data)))
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def homes_of(rows: Iterable[Any]) -> dict[str, int]:
    """Of how many pages each tier is the home, by rows of their heads; those that are unreadable do not count."""
    found: Counter[str] = Counter()
    for (head,) in rows:
        with suppress(Unreadable):
            found[head_of(head).tier] += 1
    return found


def changes_of(rows: Iterable[Any]) -> tuple[Change, ...]:
    """The changes that rows of the journal hold."""
    return tuple(
        Change(serial=serial, project=project, what=what, at=at, origin=origin)
        for serial, project, what, at, origin in rows
    )


def words_bytes(words: Sequence[str]) -> bytes:
    """A few words as JSON."""
    return _encoder.encode(words)


def token_of(row: Any) -> IssuedToken:
    """The token that a row of its table holds.  Raises Unreadable."""
    try:
        return IssuedToken(
            id=row.id,
            digest=row.digest,
            name=row.name,
            owner=row.owner,
            kind=msgspec.convert(row.kind, OwnerKind),
            may=frozenset(_permissions.decode(row.may)),
            projects=ProjectPatterns(_names.decode(row.projects)),
            made_at=row.made_at,
            expires_at=row.expires_at,
            used_at=row.used_at,
        )
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def _plain(value: object) -> Any:
    """What JSON can hold of a value that msgspec does not know: the read-only mappings of a frozen page."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_heads = msgspec.json.Decoder(Head)
_listings = msgspec.json.Decoder(File)
_names = msgspec.json.Decoder(tuple[str, ...])
_permissions = msgspec.json.Decoder(tuple[Permission, ...])
