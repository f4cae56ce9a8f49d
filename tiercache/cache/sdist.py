"""The core metadata inside an sdist: `PKG-INFO` at the top of a `.tar.gz` (PEP 625), if it stands near enough.

How far it may be relied on is `policy.direct_urls`'s affair.
"""

from __future__ import annotations

import tarfile
import zlib
from typing import BinaryIO

from attrs import define

from tiercache.errors import SidecarUnavailable

PKG_INFO_BYTES = 4 * 1024 * 1024
"""No PKG-INFO is read that is longer."""

SEARCHED_BYTES = 32 * 1024 * 1024
"""Of the archive's contents no more is unpacked to find it: about a tenth of a second, and a bound for bombs."""

_PIECE_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16


@define(kw_only=True)
class _Unpacked:
    """What a gzip file holds, from its beginning on; ValueError once more than `SEARCHED_BYTES` is read of it."""

    _packed: BinaryIO
    _inflated: zlib._Decompress
    _ready: bytes = b""
    _given: int = 0

    def read(self, size_bytes: int) -> bytes:
        if self._given + size_bytes > SEARCHED_BYTES:
            raise ValueError("it stands too far behind")
        while len(self._ready) < size_bytes and not self._inflated.eof:
            packed = self._inflated.unconsumed_tail or self._packed.read(_PIECE_BYTES)
            if not packed:
                break
            self._ready += self._inflated.decompress(packed, _PIECE_BYTES)
        data, self._ready = self._ready[:size_bytes], self._ready[size_bytes:]
        self._given += len(data)
        return data


def pkg_info_in(archive: BinaryIO, filename: str) -> bytes:
    """The bytes of PKG-INFO in the sdist `filename`.  Raises SidecarUnavailable when there is none to be had."""
    unpacked = _Unpacked(packed=archive, inflated=zlib.decompressobj(_GZIP))
    try:
        with tarfile.open(fileobj=unpacked, mode="r|") as members:  # type: ignore[call-overload]  # all it calls is read
            for member in members:
                folder, _, rest = member.name.removeprefix("./").partition("/")
                if rest != "PKG-INFO" or not folder or not member.isreg():
                    continue
                if member.size > PKG_INFO_BYTES:
                    raise SidecarUnavailable(filename=filename, reason="its PKG-INFO is too long")
                stream = members.extractfile(member)
                if stream is not None:
                    data: bytes = stream.read(PKG_INFO_BYTES)
                    return data
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        raise SidecarUnavailable(filename=filename, reason=f"the archive cannot be read: {error}") from error
    raise SidecarUnavailable(filename=filename, reason="it has no PKG-INFO")
