"""What an sdist says of itself: `PKG-INFO` and `pyproject.toml` at the top of a `.tar.gz` (PEP 625), if near enough.

How far its core metadata may be relied on is `policy.direct_urls`'s affair.
"""

from __future__ import annotations

import tarfile
import zlib

from attrs import define

from tiercache.cache.wheel import Archive
from tiercache.errors import SidecarUnavailable

MEMBER_BYTES = 4 * 1024 * 1024
"""No PKG-INFO or pyproject.toml is read that is longer."""

SEARCHED_BYTES = 32 * 1024 * 1024
"""Of the archive's contents no more is unpacked to find it: about a tenth of a second, and a bound for bombs."""

_PIECE_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16


@define(kw_only=True)
class _Unpacked:
    """What a gzip file holds, from its beginning on; ValueError once more than `SEARCHED_BYTES` is read of it."""

    _packed: Archive
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


def pkg_info_in(archive: Archive, filename: str) -> bytes:
    """The bytes of PKG-INFO in the sdist `filename`.  Raises SidecarUnavailable when there is none to be had."""
    found = _member_in(archive, filename, "PKG-INFO")
    if found is None:
        raise SidecarUnavailable(filename=filename, reason="it has no PKG-INFO")
    return found


def pyproject_in(archive: Archive, filename: str) -> bytes | None:
    """The bytes of its pyproject.toml, None where there is none.  Raises SidecarUnavailable when it cannot be read."""
    return _member_in(archive, filename, "pyproject.toml")


def _member_in(archive: Archive, filename: str, name: str) -> bytes | None:
    unpacked = _Unpacked(packed=archive, inflated=zlib.decompressobj(_GZIP))
    try:
        with tarfile.open(fileobj=unpacked, mode="r|") as members:  # type: ignore[call-overload]  # all it calls is read
            for member in members:
                folder, _, rest = member.name.removeprefix("./").partition("/")
                if rest != name or not folder or not member.isreg():
                    continue
                if member.size > MEMBER_BYTES:
                    raise SidecarUnavailable(filename=filename, reason=f"its {name} is too long")
                stream = members.extractfile(member)
                if stream is not None:
                    data: bytes = stream.read(MEMBER_BYTES)
                    return data
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        raise SidecarUnavailable(filename=filename, reason=f"the archive cannot be read: {error}") from error
    return None
