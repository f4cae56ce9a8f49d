"""Files at one tier: streams, ranges, sizes.  Their bytes pass as they are; digests are checked by who reads them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from tiercache.errors import FileAbsent, RangesUnsupported
from tiercache.interfaces import FileRange, IFileStream
from tiercache.policy.retry import Fault
from tiercache.simple.model import File
from tiercache.upstream.body import Body, body_of, let_go, read_whole
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.file_stream import EmptyStream, FileStream
from tiercache.upstream.ranges import ContentRange, content_range, range_from, range_of_last
from tiercache.upstream.requests import Reply, Requests
from tiercache.upstream.target import Target

_AS_IT_IS = {"Accept": "*/*", "Accept-Encoding": "identity"}
_GZIP_SUFFIXES = (".gz", ".tgz")
_TOO_LONG = "it sends more than it stated"
_OTHER_RANGE = "it sends another range than it was asked for"
ABSENT = frozenset({404, 410})
# What servers answer that know ranges, but none that count from the end.
_REFUSE_SUFFIX_RANGES = frozenset({400, 416, 501})
# What servers answer that do not know HEAD, or whose signed URLs are signed for GET alone.
_REFUSE_HEAD = frozenset({400, 405, 501})


@define(kw_only=True)
class TierFiles:
    """`limit_bytes` bounds a file whose length nobody states."""

    requests: Requests
    limit_bytes: int

    async def stream(self, file: File, start: int) -> IFileStream:
        """As `IUpstream.file`."""
        return await self.requests.with_retries("GET", lambda: self.begun(file, start))

    async def begun(
        self,
        file: File,
        start: int,
        *,
        fields: Mapping[str, str] | None = None,
        absent: frozenset[int] = ABSENT,
    ) -> IFileStream:
        """The same in one attempt, which sends `fields` along; `absent` are the statuses that mean FileAbsent.

        Raises Unanswered.
        """
        target = self.target(file.url)
        headers = _AS_IT_IS | ({"Range": range_from(start)} if start else {}) | dict(fields or {})
        reply = await self.requests.ask("GET", target, headers)
        if reply.status == 200:
            self._check_coding(reply, file)
            return self._stream(reply, file, start=0, size_bytes=reply.length_bytes)
        if reply.status == 206 and start:
            self._check_coding(reply, file)
            part = content_range(reply.headers.get("content-range"))
            if part is None or part.start != start or part.stop is None:
                raise self._broken(reply, _OTHER_RANGE)
            if part.size_bytes not in {None, part.stop}:
                raise self._broken(reply, _OTHER_RANGE)  # it would end before the file does
            if reply.length_bytes not in {None, part.stop - start}:
                raise self._broken(reply, "its length is not that of its range")
            return self._stream(reply, file, start=start, size_bytes=part.stop)
        if reply.status == 416 and start:
            part = content_range(reply.headers.get("content-range"))
            if part is not None and part.size_bytes == start:
                let_go(reply.response, self.requests.clock)
                return EmptyStream(size_bytes=start, start=start, cache_status=reply.headers.get("cache-status"))
            raise self._broken(reply, f"its file has no byte {start}")
        await self.requests.check_admitted(reply, file.filename)
        raise self._refusal(reply, file, absent)

    async def range(self, file: File, start: int, size_bytes: int) -> FileRange:
        """As `IUpstream.file_range`."""
        if start >= 0:
            part = await self._part(file, start, size_bytes)
        else:
            last = await self._last_bytes(file, -start)
            if last is None:  # it has ranges perhaps, but none that count from the end
                total = await self.size(file)
                if total is None:
                    raise RangesUnsupported(tier=self.requests.tier.name, filename=file.filename)
                part = await self._part(file, max(0, total + start), min(size_bytes, -start))
            else:
                part = FileRange(data=last.data[:size_bytes], start=last.start, size_bytes=last.size_bytes)
        return part

    async def size(self, file: File) -> int | None:
        """As `IUpstream.file_size`."""

        async def ask() -> int | None:
            target = self.target(file.url)
            reply = await self.requests.ask("HEAD", target, _AS_IT_IS)
            signed_elsewhere = reply.status == 403 and reply.target.host != target.host
            if reply.status in _REFUSE_HEAD or signed_elsewhere:
                return None
            if reply.status != 200:
                await self.requests.check_admitted(reply, file.filename)
                raise self._refusal(reply, file)
            stated = reply.headers.get("content-length", "").strip()
            return int(stated) if stated.isdecimal() and not _is_coded(reply) else None

        return await self.requests.in_time("HEAD", ask)

    def target(self, url: str) -> Target:
        """Take a listed URL apart.  Raises Unanswered where it is not one that may be asked."""
        try:
            target = Target.parse(url)
        except ValueError as error:
            raise Unanswered(reason=f"it lists a URL that cannot be asked: {error}") from None
        if not self.requests.reach.admits_url(target.url):
            raise Unanswered(reason="it lists a URL at a private address, and files-from does not declare it")
        return target

    async def _part(self, file: File, start: int, size_bytes: int) -> FileRange:
        async def ask() -> FileRange:
            headers = _AS_IT_IS | {"Range": range_from(start, size_bytes)}
            reply = await self.requests.ask("GET", self.target(file.url), headers)
            if reply.status == 416:
                part = content_range(reply.headers.get("content-range"))
                if part is None or part.size_bytes is None or start < part.size_bytes:
                    raise self._broken(reply, "it refuses a range of its file")
                let_go(reply.response, self.requests.clock)
                return FileRange(data=b"", start=start, size_bytes=part.size_bytes)
            if reply.status != 206:
                raise self._no_part(reply, file)
            return await self._read_part(reply, file, start=start, stop=start + size_bytes)

        return await self.requests.in_time("GET", ask)

    async def _last_bytes(self, file: File, size_bytes: int) -> FileRange | None:
        """The last bytes of a file (all, if it has fewer), or None where the tier cannot count from the end."""

        async def ask() -> FileRange | None:
            headers = _AS_IT_IS | {"Range": range_of_last(size_bytes)}
            reply = await self.requests.ask("GET", self.target(file.url), headers)
            if reply.status in _REFUSE_SUFFIX_RANGES:
                let_go(reply.response, self.requests.clock)
                return None
            if reply.status != 206:
                raise self._no_part(reply, file)
            total = self._total(reply, file)
            start = max(0, total - size_bytes)
            part = content_range(reply.headers.get("content-range"))
            if part != ContentRange(start=start, stop=total, size_bytes=total):
                let_go(reply.response, self.requests.clock)
                return None  # some take `-N` for the first N bytes
            return await self._read_part(reply, file, start=start, stop=total)

        return await self.requests.in_time("GET", ask)

    async def _read_part(self, reply: Reply, file: File, *, start: int, stop: int) -> FileRange:
        """Read a 206 that has to be bytes [start, stop), or where the file ends before that, up to its end."""
        self._check_coding(reply, file)
        total = self._total(reply, file)
        expected = ContentRange(start=start, stop=min(stop, total), size_bytes=total)
        if content_range(reply.headers.get("content-range")) != expected:
            raise self._broken(reply, _OTHER_RANGE)
        wanted_bytes = min(stop, total) - start
        body = self._body(reply, wanted_bytes, _TOO_LONG)
        data = await read_whole(body)
        if len(data) != wanted_bytes:
            raise Unanswered(reason="its range ended early", fault=Fault.BROKEN)
        return FileRange(data=data, start=start, size_bytes=total)

    def _total(self, reply: Reply, file: File) -> int:
        """The whole file's length as a 206 states it.  Raises RangesUnsupported where it does not."""
        part = content_range(reply.headers.get("content-range"))
        if part is None or part.start is None or part.size_bytes is None:
            let_go(reply.response, self.requests.clock)
            raise RangesUnsupported(tier=self.requests.tier.name, filename=file.filename)
        return part.size_bytes

    def _stream(self, reply: Reply, file: File, *, start: int, size_bytes: int | None) -> FileStream:
        stated_bytes = file.size if size_bytes is None else size_bytes
        if stated_bytes is None or stated_bytes > self.limit_bytes:
            body = self._body(reply, self.limit_bytes, f"it sends a file of more than {self.limit_bytes} bytes")
        else:
            body = self._body(reply, max(0, stated_bytes - start), _TOO_LONG)
        return FileStream(
            size_bytes=size_bytes,
            start=start,
            remaining_bytes=None if size_bytes is None else size_bytes - start,
            body=body,
            cache_status=reply.headers.get("cache-status"),
            as_unreachable=self.requests.unreachable,
        )

    def _body(self, reply: Reply, limit_bytes: int, reason_if_larger: str) -> Body:
        return body_of(
            reply.response,
            self.requests.clock,
            silence_s=self.requests.deadlines.silence_s,
            limit_bytes=limit_bytes,
            reason_if_larger=reason_if_larger,
        )

    def _check_coding(self, reply: Reply, file: File) -> None:
        """Refuse a file that was coded on its way.

        Servers are known that call a `.tar.gz` gzip-coded, and send it as it is: that passes where a digest will tell.
        """
        mislabelled = file.filename.lower().endswith(_GZIP_SUFFIXES) and bool(file.hashes)
        if _is_coded(reply) and not mislabelled:
            raise self._broken(reply, "it sends a file with a content coding that was not asked for")

    def _no_part(self, reply: Reply, file: File) -> Exception:
        if reply.status == 200:
            let_go(reply.response, self.requests.clock)
            return RangesUnsupported(tier=self.requests.tier.name, filename=file.filename)
        return self._refusal(reply, file)

    def _refusal(self, reply: Reply, file: File, absent: frozenset[int] = ABSENT) -> Exception:
        failed = self.requests.refused(reply)
        return FileAbsent(filename=file.filename) if reply.status in absent else failed

    def _broken(self, reply: Reply, reason: str) -> Unanswered:
        let_go(reply.response, self.requests.clock)
        return Unanswered(reason=reason)


def _is_coded(reply: Reply) -> bool:
    return reply.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}
