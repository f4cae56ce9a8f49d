"""The bytes of a file on their way to one client: what `web` reads, be the file stored or still on its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol

from attrs import define, field

from tiercache.cache.fill_reader import CHUNK_BYTES, FillReader
from tiercache.cache.stretch import Stretch
from tiercache.cache.usage import Usage
from tiercache.errors import FileAbsent, LengthMismatch
from tiercache.interfaces import Pool
from tiercache.policy.cache_status import Outcome
from tiercache.simple.model import FileIdentity, ProjectName


class IBody(Protocol):
    """A file's bytes from one offset on, for one client."""

    async def read(self) -> bytes:
        """The next bytes, at most 256 KiB, b"" after the last.

        Raises TierUnreachable, DigestMismatch, LengthMismatch or FileAbsent when the rest cannot be had.
        """
        ...

    def close(self) -> None:
        """The client has all, or has gone; always called, and harmless twice."""
        ...


class IFileBody(IBody, Protocol):
    """A body whose bytes lie in a file, at least some of them."""

    async def stretch(self) -> Stretch | None:
        """The next bytes, as far as they are there, to be sent from their file; None where they are to be read.

        Raises as `read` does.  To be closed, before anything else is asked.
        """
        ...

    def passed(self, size_bytes: int) -> None:
        """So many of them are sent.  Raises as `read` does, where they have turned out wrong meanwhile."""
        ...


AT_ONCE_BYTES = 64 * 1024
"""So much of a file is read where it stands: a trip to the pool takes longer."""


@define(kw_only=True)
class StoredBody:
    """A stretch of a stored file: an `IBody`."""

    _handle: BinaryIO
    _filename: str
    _position: int
    _stop: int
    _pool: Pool
    _usage: Usage
    _sha256: str
    _is_closed: bool = field(default=False, init=False)
    _is_reading: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._usage.begin(self._sha256)

    async def read(self) -> bytes:
        """The next bytes; LengthMismatch where the file has become shorter than it was."""
        wanted = min(CHUNK_BYTES, self._stop - self._position)
        if wanted <= 0 or self._is_closed:
            return b""
        data = self._read_at(self._position, wanted) if wanted <= AT_ONCE_BYTES else await self._read_in_pool(wanted)
        if not data:
            raise LengthMismatch(filename=self._filename, expected=self._stop, actual=self._position)
        self._position += len(data)
        return data

    async def stretch(self) -> Stretch | None:
        """What is left of it; None where nothing is, or the file has no descriptor."""
        if self._position >= self._stop or self._is_closed:
            return None
        with suppress(OSError):  # as io.UnsupportedOperation is one
            return Stretch(descriptor=self._handle.fileno(), start=self._position, stop=self._stop)
        return None

    def passed(self, size_bytes: int) -> None:
        """So many bytes were sent from where it stands; LengthMismatch where there were none."""
        self._position += size_bytes
        if not size_bytes:
            raise LengthMismatch(filename=self._filename, expected=self._stop, actual=self._position)

    async def _read_in_pool(self, wanted: int) -> bytes:
        self._is_reading = True
        try:
            return await self._pool(self._read_at, self._position, wanted)
        finally:
            self._is_reading = False
            if self._is_closed:
                self._handle.close()

    def _read_at(self, position: int, size_bytes: int) -> bytes:
        self._handle.seek(position)
        return self._handle.read(size_bytes)

    def close(self) -> None:
        """Close the file, once a read that is under way in the pool has ended."""
        if not self._is_closed:
            self._is_closed = True
            self._usage.end(self._sha256)
            if not self._is_reading:
                self._handle.close()


@define(kw_only=True)
class OpenFile:
    """A file that may be sent: `body` gives its bytes; `close` when it is done with, sent or not.

    `size_bytes` is None only while the tier of a cold file has not told its length.  `project`: whose file it is; to
    who may not read that, it is not to be sent.
    """

    identity: FileIdentity
    filename: str
    size_bytes: int | None
    outcome: Outcome
    project: ProjectName | None = None
    _new_body: Callable[[int, int | None], IBody]
    _close: Callable[[], None]
    _is_taken: bool = field(default=False, init=False)

    def body(self, start: int, stop: int | None) -> IBody:
        """The bytes from `start` to before `stop` (None: the end); called at most once, and closed by itself."""
        self._is_taken = True
        return self._new_body(start, stop)

    def close(self) -> None:
        """Let go of what it holds, unless a body was taken; harmless twice."""
        if not self._is_taken:
            self._close()


def fill_body(reader: FillReader, start: int, stop: int | None) -> IBody:
    """The reader that held the beginning of a cold file for a client, set to what the client wants."""
    reader.position, reader.stop = start, stop
    reader.fill.moved()
    return reader


def head_only(
    identity: FileIdentity, filename: str, size_bytes: int | None, outcome: Outcome, project: ProjectName
) -> OpenFile:
    """What is told of a file without its bytes."""

    def no_body(start: int, stop: int | None) -> IBody:
        raise FileAbsent(filename=filename)

    return OpenFile(
        identity=identity,
        filename=filename,
        size_bytes=size_bytes,
        outcome=outcome,
        project=project,
        new_body=no_body,
        close=lambda: None,
    )
