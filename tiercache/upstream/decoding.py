"""Content codings of small answers (RFC 9110 §8.4), undone within a bound.  Files are never decoded."""

from __future__ import annotations

from isal import isal_zlib

from tiercache.policy.retry import Fault
from tiercache.upstream.failure import Unanswered

PIECE_BYTES = 1024 * 1024
"""How much is decoded at a time: a buffer as large as the whole limit would cost it twice, and a bomb fills it."""

GZIP_WINDOW = 31  # zlib's word for "gzip, with any window"


def decoded(data: bytes, coding: str, *, limit_bytes: int, reason_if_larger: str) -> bytes:
    """`data` without its content coding: gzip or none.  Blocking; nothing larger than the limit is ever made.

    Raises Unanswered: for another coding, for a stream that is cut or garbled, and above the limit.
    """
    names = [name for word in coding.lower().split(",") if (name := word.strip()) not in {"", "identity"}]
    if not names:
        return data
    if names not in (["gzip"], ["x-gzip"]):
        raise Unanswered(reason="it sends a content coding that was not asked for")
    parts: list[bytes] = []
    room = limit_bytes
    while data:  # a gzip stream may have several members (RFC 1952 §2.2)
        member = isal_zlib.decompressobj(GZIP_WINDOW)
        try:
            while not member.eof and data:
                part = member.decompress(data, min(room + 1, PIECE_BYTES))
                if len(part) > room:
                    raise Unanswered(reason=reason_if_larger)
                room -= len(part)
                parts.append(part)
                data = member.unconsumed_tail
        except isal_zlib.error:  # type: ignore[misc]  # its stub gives an instance for the class
            raise Unanswered(reason="its gzip is garbled", fault=Fault.BROKEN) from None
        if not member.eof:
            raise Unanswered(reason="its gzip is cut off", fault=Fault.BROKEN)
        data = member.unused_data
    return b"".join(parts)
