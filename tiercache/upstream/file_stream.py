"""The body of a file as it comes from a tier, counted against what the tier stated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field
from zope.interface import implementer

from tiercache.errors import TierUnreachable
from tiercache.interfaces import IFileStream
from tiercache.policy.retry import Fault
from tiercache.upstream.body import Body
from tiercache.upstream.failure import Unanswered


@implementer(IFileStream)
@define(kw_only=True, eq=False)
class FileStream:
    """`remaining_bytes` is what has still to come, or None where the tier did not say."""

    size_bytes: int | None
    start: int
    remaining_bytes: int | None
    cache_status: str | None
    body: Body = field(repr=False)
    as_unreachable: Callable[[Unanswered], TierUnreachable] = field(repr=False)

    async def read(self) -> Sequence[bytes]:
        try:
            pieces = await self.body.pieces()
            if self.remaining_bytes is not None:
                self.remaining_bytes -= sum(map(len, pieces))
                if not pieces and self.remaining_bytes:
                    raise Unanswered(reason="its answer ended early", fault=Fault.BROKEN)
        except Unanswered as failed:
            raise self.as_unreachable(failed) from None
        return pieces

    def close(self) -> None:
        self.body.close()


@implementer(IFileStream)
@define(kw_only=True, eq=False)
class EmptyStream:
    """What is left of a file behind its last byte."""

    size_bytes: int | None
    start: int
    cache_status: str | None

    async def read(self) -> Sequence[bytes]:
        return ()

    def close(self) -> None:
        pass
