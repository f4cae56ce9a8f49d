# ruff: noqa: N802 -- Twisted's names
"""The body of a request that is an upload form: multipart/form-data (RFC 7578), as fast as the far end takes it.

The parts go out in the order in which they came, their values byte for byte; of a file never more is in memory than is
on its way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from tiercache.errors import LengthMismatch
from tiercache.interfaces import FormField, FormFile, Pool, UploadForm

PIECE_BYTES = 256 * 1024

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # RFC 7578 section 2, as browsers do it


def segments_of(form: UploadForm, boundary: str) -> tuple[bytes | FormFile, ...]:
    """A form as it stands on the wire, with the files themselves where their bytes are to be."""
    made: list[bytes | FormFile] = []
    between = b""
    for part in form.parts:
        head = f'{between.decode()}--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(part.name)}"'
        between = b"\r\n"
        match part:
            case FormField():
                made.append(head.encode() + b"\r\n\r\n" + part.value)
            case FormFile():
                head += f'; filename="{_quoted(part.filename)}"\r\nContent-Type: {_one_line(part.content_type)}'
                made += [head.encode() + b"\r\n\r\n", part]
    made.append(between + f"--{boundary}--\r\n".encode())
    return tuple(made)


@implementer(IBodyProducer)
@define(kw_only=True, eq=False)
class SentForm:
    """`segments` as of `segments_of`.  `moved` is told of each piece that the far end has taken, or has begun to.

    `ended` fires when no more will be written.  `failure` is why it could not be read to its end, if that is so.
    """

    segments: tuple[bytes | FormFile, ...] = field(repr=False)
    pool: Pool
    moved: Callable[[], None]
    length: int = field(init=False)
    ended: Deferred[None] = field(factory=Deferred, init=False)
    failure: Exception | None = field(default=None, init=False)
    is_whole: bool = field(default=False, init=False)
    _done: Deferred[None] = field(init=False)
    _is_stopped: bool = field(default=False, init=False)
    _is_paused: bool = field(default=False, init=False)
    _waiting: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.length = sum(part.size_bytes if isinstance(part, FormFile) else len(part) for part in self.segments)
        self._done = Deferred(lambda _: self.stopProducing())

    def give_up(self) -> None:
        """Write no more, and let the connection know that this was not all."""
        self.stopProducing()
        self._end(CancelledError())

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        self.moved()
        ensureDeferred(self._produce(consumer))
        return self._done

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        self._is_paused = False
        if not self._is_stopped:
            self.moved()
        self._wake()

    def stopProducing(self) -> None:
        """See `IProducer`."""
        if not self._is_stopped:
            self._is_stopped = True
            self._wake()
            if not self.ended.called:
                self.ended.callback(None)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def _produce(self, consumer: IConsumer) -> None:
        try:
            for segment in self.segments:
                async for piece in self._pieces(segment):
                    while self._is_paused and not self._is_stopped:
                        self._waiting = Deferred()
                        await self._waiting
                    if self._is_stopped:
                        return
                    consumer.write(piece)
                    self.moved()
        except Exception as error:  # noqa: BLE001  # told to who sends this, whatever it was
            self.failure = error
            self.stopProducing()
            self._end(error)
        else:
            self.is_whole = True
            self.stopProducing()
            self._end(None)

    async def _pieces(self, segment: bytes | FormFile) -> AsyncIterator[bytes]:
        if isinstance(segment, bytes):
            yield segment
            return
        at = 0
        while at < segment.size_bytes and not self._is_stopped:
            piece = await self.pool(segment.read, at, min(PIECE_BYTES, segment.size_bytes - at))
            if not piece:
                raise LengthMismatch(filename=segment.filename, expected=segment.size_bytes, actual=at)
            at += len(piece)
            yield piece

    def _end(self, error: Exception | None) -> None:
        if self._done.called:
            return
        if error is None:
            self._done.callback(None)
        else:
            self._done.errback(error)


def _quoted(text: str) -> str:
    return text.translate(_QUOTED)


def _one_line(text: str) -> str:
    return " ".join(text.split())
