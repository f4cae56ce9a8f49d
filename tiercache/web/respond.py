"""Writes an answer to a client: the head that every answer has, and the body if there is to be one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.policy.cache_status import append, render
from tiercache.web.access_log import notes_of
from tiercache.web.answer import BODILESS, Answer, problem, text
from tiercache.web.body import PIECE_BYTES, BytesBody, first_of, send_body


@define(kw_only=True)
class Responder:
    """Speaks for the node `node_name`; a client that takes nothing for `write_timeout_s` is dropped."""

    _clock: IReactorTime
    _node_name: str
    _write_timeout_s: float

    async def send(self, request: Request, answer: Answer) -> None:
        """Send an answer, all but its very end, which is the caller's `request.finish()`.

        The first bytes are had before the head is written, so an error of the body that comes at once is raised, and
        can still be answered; a later one cuts the connection.
        """
        if answer.stream is not None:
            self._begin(request, answer)
            if request.method != b"HEAD":
                await answer.stream.run(request)
            return
        body = BytesBody(answer.body) if isinstance(answer.body, bytes) else answer.body
        if body is None or request.method == b"HEAD" or answer.status in BODILESS:
            self._begin(request, answer)
            if body is not None:
                body.close()
            return
        try:
            first = await first_of(request, body)
        except BaseException:  # whatever it was, a cancellation included
            body.close()
            raise
        self._begin(request, answer)
        if first is not None and isinstance(answer.body, bytes) and len(answer.body) <= PIECE_BYTES:
            request.write(first)
            return
        await send_body(request, first, body, self._clock, self._write_timeout_s)

    def refuse(self, request: Request, status: int, sentence: str) -> None:
        """Answer a request that no route is to see, and finish it."""
        say = problem if request.path.startswith(b"/api/") else text
        answer = say(status, sentence)
        self._begin(request, answer)
        request.write(cast("bytes", answer.body))
        request.finish()

    def _begin(self, request: Request, answer: Answer) -> None:
        reason = None if answer.reason is None else answer.reason.encode("latin-1", "replace")
        request.setResponseCode(answer.status, reason)
        for name, value in stated_fields(answer, self._node_name):
            request.setHeader(name, value)
        if answer.outcome is not None:
            notes_of(request).outcome = answer.outcome
        length = answer.stated_length
        if length is None or length == 0:
            request.defaultContentType = None  # nothing is there for Twisted to call text/html


def stated_fields(answer: Answer, node_name: str) -> Iterator[tuple[bytes, bytes]]:
    """The header fields of an answer, in order; Date and Server come before them."""
    yield b"X-Content-Type-Options", b"nosniff"
    for name, value in answer.headers.items():
        yield name.encode("ascii"), value.encode("latin-1", "replace")
    if answer.outcome is not None:
        member = render(node_name, answer.outcome)
        yield b"Cache-Status", append(answer.outcome.above, member).encode("ascii", "replace")
    length = answer.stated_length
    if length is not None:
        yield b"Content-Length", b"%d" % length
