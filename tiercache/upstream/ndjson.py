"""A body of lines (NDJSON), read one at a time: gzip undone as it comes, no line longer than allowed.

What a line means is known elsewhere.
"""

from __future__ import annotations

from attrs import define, field
from isal import isal_zlib

from tiercache.interfaces import Pool
from tiercache.policy.retry import Fault
from tiercache.upstream.body import Body
from tiercache.upstream.decoding import GZIP_WINDOW
from tiercache.upstream.failure import Unanswered

SMALL_BYTES = 4096
"""So few coded bytes, which no bomb can make more than a piece of, are inflated sooner than a thread is woken."""

PIECE_BYTES = 256 * 1024
"""How much is decoded at a time: of a gzip bomb no more than this is ever made ahead of the reader."""


@define(kw_only=True, eq=False)
class Lines:
    """The lines of one body, for one reader.  `coding` is its Content-Encoding.

    `longest_bytes` bounds a line after decoding.  Decoding happens in the pool.
    """

    _body: Body = field(repr=False)
    _coding: str
    _longest_bytes: int
    _pool: Pool
    _is_gzip: bool = field(init=False)
    _member: isal_zlib.Decompress | None = field(default=None, init=False)
    _coded: bytes = field(default=b"", init=False)  # taken from the body, and not decoded yet
    _has_more: bool = field(default=False, init=False)  # the decoder had no room for all of it
    _held: bytearray = field(factory=bytearray, init=False)
    _looked_bytes: int = field(default=0, init=False)  # of what is held: there is no line's end in these
    _is_ended: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        names = [name for word in self._coding.lower().split(",") if (name := word.strip()) not in {"", "identity"}]
        if names not in ([], ["gzip"], ["x-gzip"]):
            raise Unanswered(reason="it sends a content coding that was not asked for")
        self._is_gzip = bool(names)

    @property
    def held_bytes(self) -> int:
        """What is held of lines that nobody has read."""
        return len(self._held)

    async def read(self) -> bytes | None:
        """The next line that is not empty, without its end; None after the last.

        A last line without an end is one that broke off.  Raises Unanswered.
        """
        while True:
            end = self._held.find(b"\n", self._looked_bytes)
            if (end if end >= 0 else len(self._held)) > self._longest_bytes:
                raise Unanswered(reason=f"it sends a line of more than {self._longest_bytes} bytes")
            if end >= 0:
                line = bytes(memoryview(self._held)[:end])
                del self._held[: end + 1]
                self._looked_bytes = 0
                if line.strip():
                    return line
                continue
            self._looked_bytes = len(self._held)
            if self._is_ended:
                if self._held.strip():
                    raise Unanswered(reason="its answer broke off in the middle of a line", fault=Fault.BROKEN)
                return None
            self._held += await self._decoded()

    def close(self) -> None:
        """Give the body up; harmless after its end."""
        self._body.close()

    async def _decoded(self) -> bytes:
        """Some more bytes, decoded; perhaps none."""
        if not self._coded and not self._has_more:
            self._coded = await self._body.read()
            if not self._coded:
                self._is_ended = True
                if self._member is not None:
                    raise Unanswered(reason="its gzip is cut off", fault=Fault.BROKEN)
                return b""
        if not self._is_gzip:
            data, self._coded = self._coded, b""
            return data
        return self._inflated() if len(self._coded) <= SMALL_BYTES else await self._pool(self._inflated)

    def _inflated(self) -> bytes:
        """What the next of the coded bytes stand for, `PIECE_BYTES` at most.  Blocking."""
        member = self._member or isal_zlib.decompressobj(GZIP_WINDOW)
        try:
            data: bytes = member.decompress(self._coded, PIECE_BYTES)
        except isal_zlib.error:  # type: ignore[misc]  # its stub gives an instance for the class
            raise Unanswered(reason="its gzip is garbled", fault=Fault.BROKEN) from None
        if member.eof:  # a gzip stream may have several members (RFC 1952 §2.2)
            self._member, self._coded, self._has_more = None, member.unused_data, False
        else:
            # A full piece may have left something in the decoder although it has taken all that was coded.
            self._member, self._coded, self._has_more = member, member.unconsumed_tail, len(data) == PIECE_BYTES
        return data
