"""The length of a file that no page tells: by asking, or where nobody says it, by counting."""

from __future__ import annotations

from tiercache.cache.body import OpenFile
from tiercache.cache.chain import Chain
from tiercache.cache.listings import Listing
from tiercache.cache.worst import worse
from tiercache.errors import FileAbsent, FileRefused, NoTierAnswered, TiercacheError, TierUnreachable
from tiercache.policy.entry import Ask


async def size_by_asking(chain: Chain, listing: Listing, ask: Ask) -> int | None:
    """What the first tier that has the file says, or None.  Raises FileAbsent, FileRefused, NoTierAnswered."""
    worst: TiercacheError = FileAbsent(filename=listing.file.filename)
    try:
        async for upstream, file in chain.sources(listing.project, listing.file, listing.tier, ask.hops):
            try:
                size_bytes: int | None = await upstream.file_size(file)
            except (TierUnreachable, FileAbsent, FileRefused) as error:
                worst = worse(worst, error)
            else:
                return size_bytes
    except TierUnreachable as unasked:
        worst = worse(worst, unasked)
    if not isinstance(worst, TierUnreachable):
        raise worst
    raise NoTierAnswered(
        subject=listing.file.filename, reason=worst.reason, retry_after_s=worst.retry_after_s
    ) from worst


async def size_by_filling(opened: OpenFile) -> int:
    """The length of a file that is on its way, once all of it has come."""
    if opened.size_bytes is not None:
        return opened.size_bytes
    body = opened.body(0, None)
    try:
        size_bytes = 0
        while data := await body.read():
            size_bytes += len(data)
    finally:
        body.close()
    return size_bytes
