"""Where the files of a job are to be had: what lists each of them, for who asked.

Their digests decide which bytes they are, whatever a lock says of where they come from.
"""

from __future__ import annotations

from attrs import define, evolve

from tiercache.access.permissions import Permissions, Scope
from tiercache.access.principals import Principal
from tiercache.cache.files import Files
from tiercache.cache.listings import Listing, Listings
from tiercache.errors import DigestMismatch, FileAbsent, PermissionMissing, TiercacheError
from tiercache.errors.prefetch import WantedUnusable
from tiercache.policy.entry import Ask
from tiercache.simple.digests import read_digests, strongest
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import candidate_projects, checked_filename
from tiercache.wire.prefetch import WantedFile


@define(kw_only=True, eq=False)
class Locating:
    """Looks files up, stored ones first."""

    _files: Files
    _listings: Listings
    _permissions: Permissions

    async def listing(self, file: WantedFile, for_whom: Principal, ask: Ask) -> Listing:
        """What lists a file; a stored one as it was listed.

        Raises InvalidName, WantedUnusable, PermissionMissing, NotStored, NoTierAnswered; FileAbsent also of what they
        may not read, of which no tier is asked; DigestMismatch where there are only other bytes of that name.
        """
        filename = checked_filename(file.filename)
        identity, readable = named_by(file), self._permissions.scope(for_whom, "read")
        candidates = candidate_projects(filename)
        if candidates and not any(project in readable for project in candidates):
            ask = evolve(ask, only_if_cached=True)  # it may be a file of another project than its name tells
        try:
            listing = await self._found(identity, filename, ask)
        except TiercacheError:
            if ask.only_if_cached or await self._is_of_others(identity, filename, readable):
                raise FileAbsent(filename=filename) from None
            raise
        if listing.project not in readable:
            raise FileAbsent(filename=filename)
        if listing.project not in self._permissions.scope(for_whom, "prefetch"):
            raise PermissionMissing(user=str(for_whom), permission="prefetch")
        return listing

    async def _is_of_others(self, identity: FileIdentity | None, filename: str, readable: Scope) -> bool:
        """Whether it is known to be a file of a project that they may not read."""
        for named in (identity, None):
            known = await self._listings.known(named, filename)
            if known is not None:
                return known.project not in readable
        return False

    async def _found(self, identity: FileIdentity | None, filename: str, ask: Ask) -> Listing:
        if identity is not None:
            record = await self._files.stored(identity, filename)
            if record is not None:
                return Listing(project=record.project, tier=record.tier, file=record.listing)
        try:
            return await self._listings.find(identity, filename, ask)
        except FileAbsent:
            other = await self._listings.known(None, filename) if identity is not None else None
            if identity is None or other is None or identity.algorithm not in other.file.hashes:
                raise
            raise DigestMismatch(
                filename=filename,
                algorithm=identity.algorithm,
                expected=identity.value,
                actual=other.file.hashes[identity.algorithm],
            ) from None


def named_by(file: WantedFile) -> FileIdentity | None:
    """The strongest of its digests; None where there is none, and whatever the page lists is meant.

    Raises WantedUnusable where there are some that are none: bytes that were to be verified do not go unverified.
    """
    try:
        digest = strongest(read_digests(file.hashes))
    except ValueError as error:
        raise WantedUnusable(reason=f"of {file.filename} {error}") from None
    if digest is None and file.hashes:
        raise WantedUnusable(reason=f"of {file.filename} no digest is one that a node verifies")
    return None if digest is None else FileIdentity(*digest)
