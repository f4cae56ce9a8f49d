"""The METADATA of a wheel at a tier, by a few reads of its end instead of the whole."""

from __future__ import annotations

from tiercache.cache.wheel import BytesMissing, SparseFile, metadata_in
from tiercache.errors import RangesUnsupported, TierUnreachable
from tiercache.interfaces import IUpstream, Pool
from tiercache.simple.model import File, ProjectName

TAIL_BYTES = 32 * 1024
"""The first read from a wheel: its end, where the directory is, and often METADATA itself."""

STRETCH_BYTES = 16 * 1024
"""No later read from a wheel is shorter."""

READS = 6
"""A wheel that needs more reads than this is fetched as a whole."""

READ_BYTES = 8 * 1024 * 1024
"""So is one whose directory is so long that it would take more bytes than this."""


async def metadata_by_ranges(upstream: IUpstream, file: File, project: ProjectName, pool: Pool) -> bytes:
    """METADATA from the wheel's end and whatever else it takes.

    Raises RangesUnsupported if that is too much; SidecarUnavailable, FileAbsent, FileRefused, TierUnreachable.
    """
    tail = await upstream.file_range(file, -TAIL_BYTES, TAIL_BYTES)
    if file.size not in {None, tail.size_bytes}:
        raise TierUnreachable(tier=upstream.tier.name, reason="the file has another length than its page says")
    archive = SparseFile(size_bytes=tail.size_bytes)
    archive.add(tail.start, tail.data)
    read_bytes = len(tail.data)
    for _ in range(READS):
        try:
            return await pool(metadata_in, archive, file.filename, project)
        except BytesMissing as missing:
            wanted = max(STRETCH_BYTES, missing.size_bytes)
            read_bytes += wanted
            if read_bytes > READ_BYTES:
                break
            stretch = await upstream.file_range(file, missing.start, wanted)
            if stretch.size_bytes != tail.size_bytes:
                raise TierUnreachable(tier=upstream.tier.name, reason="the file changed while it was read") from None
            archive.add(stretch.start, stretch.data)
    raise RangesUnsupported(tier=upstream.tier.name, filename=file.filename)
