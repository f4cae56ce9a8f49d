"""A source: where one file may be had.

Which sources there are is `chain`'s affair, and what is made of their bytes `fill`'s, which verifies them all.
"""

from __future__ import annotations

from attrs import frozen

from tiercache.interfaces import IFileStream, INeighbour, IUpstream, Tier
from tiercache.simple.model import File


@frozen(kw_only=True)
class Source:
    """A tier that lists the file: `file.url` is this upstream's own."""

    upstream: IUpstream
    file: File

    @property
    def tier(self) -> str:
        """The name of the tier."""
        tier: Tier = self.upstream.tier
        return tier.name

    async def begin(self, start: int) -> IFileStream:
        """The file from byte `start` on, or from an earlier one.  Raises FileAbsent, TierUnreachable."""
        stream: IFileStream = await self.upstream.file(self.file, start)
        return stream


@frozen(kw_only=True)
class SiblingSource:
    """A sibling that may have the file stored, and is asked for it by its digest; `tier` is its name."""

    tier: str
    file: File
    sha256: str
    _neighbour: INeighbour

    async def begin(self, start: int) -> IFileStream:
        """The file from its first byte on, whatever `start` is.  Raises FileAbsent, TierUnreachable."""
        stream: IFileStream = await self._neighbour.stored_file(self.sha256, self.file.filename)
        return stream
