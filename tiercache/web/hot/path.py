"""The hot path: what the connections of a site share to answer from what is ready."""

from __future__ import annotations

from attrs import define, field
from twisted.web.server import Request

from tiercache.access.principals import address_of
from tiercache.web.access_log import AccessLog, plain_path
from tiercache.web.answer import IStanding
from tiercache.web.client import Clients
from tiercache.web.conditional import etag_matches
from tiercache.web.hot.heads import Heads, Meaning
from tiercache.web.hot.ready import Prepared, Ready

LONGEST_LINE = 1024
"""A request line that is longer is no ready target's."""

_VERSION = b" HTTP/1.1"


@define(kw_only=True)
class HotAnswer:
    """One answer that is ready, and what its line in the log says."""

    method: str
    path: bytes
    status: int
    head: bytes
    prepared: Prepared
    meaning: Meaning
    end: int

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return self.status != 304 and self.method == "GET"


@define(kw_only=True, eq=False)
class HotPath:
    """Finds ready answers, and writes their lines."""

    ready: Ready
    _heads: Heads
    _access_log: AccessLog
    _clients: Clients
    _peers: dict[str, str] = field(factory=dict, init=False)

    def keep(self, request: Request, standing: IStanding) -> None:
        """The application has answered this request with what stands on `standing`."""
        if request.method in (b"GET", b"HEAD") and request.uri.startswith(b"/") and b"?" not in request.uri:
            self.ready.keep(request.uri, standing)

    def answer(self, data: bytes, at: int) -> HotAnswer | None:
        """The answer to the request that begins at this place of what a client has sent.

        None where it is not ready, or the request not all there, or not of the plainest kind.
        """
        end_of_line = data.find(b"\r\n", at, at + LONGEST_LINE)
        if end_of_line < 0 or data[end_of_line - 9 : end_of_line] != _VERSION:
            return None
        if data.startswith(b"GET ", at):
            method, target = "GET", data[at + 4 : end_of_line - 9]
        elif data.startswith(b"HEAD ", at):
            method, target = "HEAD", data[at + 5 : end_of_line - 9]
        else:
            return None
        if target not in self.ready:
            return None
        end = data.find(b"\r\n\r\n", end_of_line)
        read = None if end < 0 else self._heads.read(data[end_of_line : end + 4])
        if read is None:
            return None
        meaning, conditions = read
        prepared = self.ready.find(target, meaning.variant)
        if prepared is None:
            return None
        is_known = etag_matches(conditions.if_none_match, prepared.etag)
        return HotAnswer(
            method=method,
            path=target,
            status=304 if is_known else 200,
            head=prepared.not_modified if is_known else prepared.head,
            prepared=prepared,
            meaning=meaning,
            end=end + 4,
        )

    def note(
        self, answer: HotAnswer, peer: object, *, sent_bytes: int, seconds: float = 0.0, ended: str = "whole"
    ) -> None:
        """Write the line of an answer that has ended."""
        self._access_log.note(
            client=self._client(peer, answer.meaning.forwarded),
            method=answer.method,
            path=plain_path(answer.path),
            status=answer.status,
            sent_bytes=sent_bytes,
            seconds=seconds,
            agent=answer.meaning.agent,
            ended=ended,
            outcome=answer.prepared.outcome,
        )

    def _client(self, peer: object, forwarded: str | None) -> str:
        address = self._clients.address_behind(address_of(getattr(peer, "host", None)), forwarded)
        return str(address or getattr(peer, "name", None) or "-")
