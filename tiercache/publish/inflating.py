"""Deflate streams, undone piece by piece: neither what comes nor what leaves is ever held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from isal import isal_zlib

from tiercache.publish.members import UnfitArchive

RAW, GZIP = -15, 31
"""zlib's words for what is around the stream: nothing, as in zip archives, or what gzip puts there."""

PIECE_BYTES = 1024 * 1024
"""How much is held at a time."""


def pieces(archive: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """So many bytes from where the archive stands; UnfitArchive if there are fewer."""
    while size_bytes:
        data = archive.read(min(size_bytes, PIECE_BYTES))
        if not data:
            raise UnfitArchive("it is cut off")
        size_bytes -= len(data)
        yield data


def inflated(packed: Iterator[bytes], window: int) -> Iterator[bytes]:
    """What one stream holds, in pieces of at most `PIECE_BYTES`.

    Raises UnfitArchive where it is damaged or cut off, or where it ends before what is given of it does.
    """
    stream = isal_zlib.decompressobj(window)
    for data in packed:
        if stream.eof:
            raise UnfitArchive("there is something behind its end")
        while not stream.eof:
            try:
                piece = stream.decompress(data, PIECE_BYTES)
            except isal_zlib.error:  # type: ignore[misc]  # its stub gives an instance for the class
                raise UnfitArchive("it is damaged") from None
            yield piece
            data = stream.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                break  # a full piece may have more behind it that was read already
        if stream.unused_data:
            raise UnfitArchive("there is something behind its end")
    if not stream.eof:
        raise UnfitArchive("it is cut off")
