"""A fill: one file on its way into the store, with one writer and any number of readers behind it.

Readers follow at their own pace.  Nobody is given the last byte before length and digests are verified and the file
is admitted, so that no wrong file ever looks complete.  A source that fails is followed by the next: from the byte
where it broke off, or from the beginning if what it gave was wrong.  Which sources there are, and what becomes of a
stored file, is `files`'s affair; where the bytes are meanwhile, `spool`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from attrs import define, field, frozen
from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.cache.fill_reader import FillReader
from tiercache.cache.signal import Signal
from tiercache.cache.source import SiblingSource, Source
from tiercache.cache.spool import Spool, Spooled
from tiercache.cache.stretch import Stretch
from tiercache.cache.verification import Verification
from tiercache.cache.worst import worse
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    FileRefused,
    LengthMismatch,
    LoopFound,
    StoreFull,
    TiercacheError,
    TierUnreachable,
)
from tiercache.interfaces import Pool
from tiercache.simple.model import File, ProjectName

log = Logger()

WITHHELD_BYTES = 64 * 1024
"""A file up to this length is given to nobody before it is verified, so that another source can still replace it."""

ANEW_AFTER_S = (0.5, 1.0, 2.0, 4.0)
"""How long to wait before every source is asked again for the rest of a file of which clients have a part already: a
tier that is restarted is back by then.  All of it is less than clients wait for the next byte (pip: 15 s)."""

RESUMPTIONS = 2
"""How often one source is asked for the rest of a body that broke off, as long as each time brings some bytes."""


@frozen(kw_only=True)
class Filled:
    """A verified file: its SHA-256, its length, where it came from; `stored` is False if there was no room for it.

    `refusal`: why nobody was given the whole of it although it is right.
    """

    sha256: str
    size_bytes: int
    source: Source | SiblingSource
    stored: bool
    refusal: FileRefused | None = None


Judge = Callable[[Spooled], Awaitable[FileRefused | None]]
"""Says of a verified file why it is not to be given out, or None."""


Pace = Callable[[int], Awaitable[None]]
"""Waits for as long as so many bytes may take."""


async def everything_is_admitted(_file: Spooled) -> FileRefused | None:
    """The judge of what nobody minds."""
    return None


async def at_any_pace(_size_bytes: int) -> None:
    """The pace of who may have everything at once."""


class _SourceWrongError(Exception):
    """What a source gave is not the file: nothing of it may be used."""

    def __init__(self, error: TiercacheError) -> None:
        super().__init__(error)
        self.error = error


@define(kw_only=True, eq=False)
class Fill:
    """One file being brought in.

    `digests`: those known beforehand, all of which have to be right, and so has `listed_bytes`, its length by the page.
    `size_bytes`: its length as far as it is known, if only from the source that is read now.  `released`: readers may
    have the bytes before this offset.  `epoch` counts the attempts that began with nothing: a reader that was given
    bytes of an earlier one fails.  `is_verified`: every byte is here and right, if not yet stored.  `error` is set when
    it has ended without.
    `cache_status`: what the tier says of how it came by the file (RFC 9211).  `distance`: how many nodes the request
    had passed that it was begun for.  `is_coming`: a source is giving its bytes now.  `project`: whose file it is.
    `pace`: how fast it comes while nobody waits for it.
    """

    filename: str
    _listed_bytes: int | None
    _digests: Mapping[str, str]
    _pool: Pool
    _new_spool: Callable[[], Spool]
    _heard: Callable[[str, File, TiercacheError | None], None]
    _pause: Callable[[float], Awaitable[None]]
    _judge: Judge = everything_is_admitted
    _pace: Pace | None = None
    distance: int = 0
    project: ProjectName | None = None
    size_bytes: int | None = field(init=False)
    is_coming: bool = field(default=False, init=False)
    released: int = field(default=0, init=False)
    epoch: int = field(default=0, init=False)
    is_verified: bool = field(default=False, init=False)
    error: TiercacheError | None = field(default=None, init=False)
    cache_status: str | None = field(default=None, init=False)
    changed: Signal = field(factory=Signal, init=False)
    _spool: Spool = field(init=False)
    _verification: Verification = field(init=False)
    _readers: set[FillReader] = field(factory=set, init=False)
    _reader_moved: Signal = field(factory=Signal, init=False)
    _holds: int = field(default=0, init=False)
    _is_over: bool = field(default=False, init=False)

    @size_bytes.default
    def _size_by_the_page(self) -> int | None:
        return self._listed_bytes

    @_spool.default
    def _first_spool(self) -> Spool:
        return self._new_spool()

    @_verification.default
    def _first_verification(self) -> Verification:
        return Verification(filename=self.filename, digests=self._digests)

    # -- for readers ------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Returns when the first bytes may be read, or all is done; raises what it ended with."""
        while not (self.released or self.is_verified):
            if self.error is not None:
                raise self.error
            await self.changed.wait()

    def can_serve(self, start: int) -> bool:
        """Whether a reader that begins at `start` now will be given every byte, if all goes well."""
        return self.error is None and self._spool.can_serve(start)

    def may_be_joined(self, distance: int) -> bool:
        """Whether a request that has passed so many nodes may wait for it.

        One that comes from further away than the fill does must not, before there are bytes: the source that the fill
        waits for may be the very node that sent the request.  So of two nodes that ask each other none waits.
        """
        return self.can_serve(0) and (distance <= self.distance or self.is_coming or self.is_verified)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it."""
        return self._pace is None

    def hurry(self) -> None:
        """Somebody waits for it from now on."""
        self._pace = None

    def hold(self) -> None:
        """Keep the bytes readable until `release`, also when it has ended and nobody reads."""
        self._holds += 1

    def release(self) -> None:
        """The end of a `hold`."""
        self._holds -= 1
        self._let_go_if_over()

    def reader(self, start: int, stop: int | None) -> FillReader:
        """A reader of the bytes from `start` to before `stop` (None: the end).  It has to be closed."""
        reader = FillReader(fill=self, position=start, stop=stop)
        self._readers.add(reader)
        return reader

    async def bytes_at(self, start: int, size_bytes: int) -> bytes:
        """Released bytes, at least one."""
        data = await self._spool.read(start, size_bytes)
        if not data:
            raise TierUnreachable(tier="", reason="these bytes have passed through, and were not kept")
        return data

    def stretch(self, start: int, stop: int) -> Stretch | None:
        """Released bytes, in the file where they are written; None where they are not in one."""
        return self._spool.stretch(start, stop)

    def moved(self) -> None:
        """A reader has gone on, or away."""
        if not self._spool.keeps_all:
            self._spool.needed_from(min((reader.position for reader in self._readers), default=self.released))
            self._reader_moved.fire()

    def left(self, reader: FillReader) -> None:
        """This reader is gone."""
        self._readers.discard(reader)
        self.moved()
        self._let_go_if_over()

    # -- the writer -------------------------------------------------------------------------------------------

    async def run(self, sources: Callable[[], AsyncIterator[Source | SiblingSource]]) -> Filled:
        """Bring the file in from the first source that has it right; called once.

        `sources` gives them all, best first, each time that it is called: where clients have been given bytes already,
        a file that no source goes on with is tried again for a while (`ANEW_AFTER_S`).
        A file that is right and not admitted ends it too: `error` says so, and what is returned.
        Raises what the sources failed with: that the file was wrong before that a tier was unreachable, be it one that
        may be a source and could not say so, before that tiers ask each other, before that the file was absent.
        Cancelling the Deferred that runs it ends it unfinished.
        """
        try:
            return await self._sooner_or_later(sources)
        except TiercacheError as error:
            self.error = error
            raise
        except BaseException:
            self.error = TierUnreachable(tier="", reason="the fill failed")
            raise
        finally:
            self._is_over = True
            self.changed.fire()
            self._let_go_if_over()

    async def _sooner_or_later(self, sources: Callable[[], AsyncIterator[Source | SiblingSource]]) -> Filled:
        for pause_s in ANEW_AFTER_S:
            try:
                return await self._first_right(sources())
            except LoopFound:
                raise
            except TierUnreachable as error:
                if not self._spool.size_bytes or not self._readers:
                    raise
                log.info("{filename} is asked for again soon: {error}", filename=self.filename, error=error)
                await self._pause(pause_s)
        return await self._first_right(sources())

    async def _first_right(self, sources: AsyncIterator[Source | SiblingSource]) -> Filled:
        worst: TiercacheError = FileAbsent(filename=self.filename)
        try:
            async for source in sources:
                try:
                    filled = await self._all_from(source)
                except _SourceWrongError as wrong:
                    log.warn("tier {tier}: {error}", tier=source.tier, error=wrong.error)
                    self._heard(source.tier, source.file, wrong.error)
                    worst = wrong.error
                except (TierUnreachable, FileAbsent, FileRefused) as error:
                    self._heard(source.tier, source.file, error)
                    worst = worse(worst, error)
                else:
                    self._heard(source.tier, source.file, None)
                    return filled
        except TierUnreachable as unasked:
            worst = worse(worst, unasked)
        raise worst

    async def _begin_anew(self) -> None:
        """Nothing of what came may be kept, nor read on, nor is it known any more how much there is."""
        wrong, self._spool = self._spool, self._new_spool()
        self.epoch += 1
        self.released = 0
        self.size_bytes = self._listed_bytes
        self.changed.fire()
        self._verification = self._first_verification()
        await wrong.discard()

    async def _all_from(self, source: Source | SiblingSource) -> Filled:
        """Everything that is still missing; what turns out wrong is thrown away.

        What an earlier source gave or stated may be at fault: then this one is asked for all of it.
        """
        goes_on = self._spool.size_bytes > 0 or self.size_bytes != self._listed_bytes
        try:
            return await self._from(source)
        except _SourceWrongError:
            await self._begin_anew()
            if not goes_on:
                raise
        try:
            return await self._from(source)
        except _SourceWrongError:
            await self._begin_anew()
            raise

    async def _from(self, source: Source | SiblingSource) -> Filled:
        """Everything that is still missing, from one source."""
        resumptions = 0
        while True:
            before = self._spool.size_bytes
            try:
                await self._body_from(source)
                break
            except TierUnreachable as error:
                resumptions += 1
                if self._spool.size_bytes == before or resumptions > RESUMPTIONS:
                    raise
                log.info("the body of {filename} broke off: {error}", filename=self.filename, error=error)
        return await self._verified(source)

    async def _body_from(self, source: Source | SiblingSource) -> None:
        stream = await source.begin(self._spool.size_bytes)
        self.is_coming = True
        try:
            if stream.size_bytes is not None:
                self._check_length(stream.size_bytes)
                self.size_bytes = stream.size_bytes
            self.cache_status = stream.cache_status
            skip = self._spool.size_bytes - stream.start
            if skip < 0:
                raise TierUnreachable(tier=source.tier, reason="a range that was not asked for")
            while pieces := await stream.read():
                if skip:
                    pieces, skip = _without_first(pieces, skip)
                if pieces:
                    await self._take(pieces)
        finally:
            self.is_coming = False
            stream.close()

    async def _take(self, pieces: Sequence[bytes]) -> None:
        taken_bytes = sum(map(len, pieces))
        size_bytes = self._spool.size_bytes + taken_bytes
        if self.size_bytes is not None and size_bytes > self.size_bytes:
            self._check_length(size_bytes)
        while self._spool.is_congested:
            if not self._readers:
                raise StoreFull(reason=f"{self.filename} does not fit, and nobody reads it")
            await self._reader_moved.wait()
        missing_bytes = (self.size_bytes or 0) - self._spool.size_bytes
        await self._spool.append(pieces, missing_bytes, self._verification.take)
        if self.size_bytes is None or self.size_bytes > WITHHELD_BYTES:
            self.released = max(self.released, self._spool.size_bytes - 1)
            self.changed.fire()
        if self._pace is not None:
            await self._pace(taken_bytes)

    def _check_length(self, size_bytes: int) -> None:
        if self.size_bytes is not None and size_bytes != self.size_bytes:
            raise _SourceWrongError(LengthMismatch(filename=self.filename, expected=self.size_bytes, actual=size_bytes))

    async def _verified(self, source: Source | SiblingSource) -> Filled:
        """Verify, let the readers have the rest, and commit: they need not wait for the disk."""
        self._check_length(self._spool.size_bytes)
        try:
            sha256 = self._verification.sha256()
        except DigestMismatch as error:
            raise _SourceWrongError(error) from None
        self.size_bytes = self._spool.size_bytes
        whole = self._spool.whole()
        refusal = await self._judge(whole) if whole is not None else None
        if refusal is None:
            self.released = self.size_bytes
            self.is_verified = True
        else:
            self.error = refusal
        self.changed.fire()
        stored = await self._spool.commit(sha256)
        return Filled(sha256=sha256, size_bytes=self.size_bytes, source=source, stored=stored, refusal=refusal)

    def _let_go_if_over(self) -> None:
        """When it has ended and nobody reads any more, the descriptor of the partial is closed."""
        if self._is_over and not self._readers and not self._holds:
            ensureDeferred(self._spool.discard()).addErrback(
                lambda failure: log.failure("a partial could not be discarded", failure)
            )


def _without_first(pieces: Sequence[bytes], size_bytes: int) -> tuple[Sequence[bytes], int]:
    """What follows the first so many bytes, and how many of those are yet to come."""
    data = b"".join(pieces)
    return [data[size_bytes:]] if len(data) > size_bytes else (), max(0, size_bytes - len(data))
