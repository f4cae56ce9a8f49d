"""The hot path: what the connections of a site share to answer from what is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.access.principals import address_of
from tiercache.web.access_log import Line
from tiercache.web.answer import IStanding, IStoredFile, Variant
from tiercache.web.asker import Asker
from tiercache.web.client import Clients
from tiercache.web.conditional import Slice, Unsatisfiable, etag_matches, wanted_slice
from tiercache.web.hot.beforehand import Beforehand
from tiercache.web.hot.descriptors import Descriptors, Held
from tiercache.web.hot.heads import Heads, Meaning
from tiercache.web.hot.outlet import IOutlet, outlet_of
from tiercache.web.hot.ready import LONGEST_TARGET, Prepared, Ready

LONGEST_LINE = 1024
"""A request line that is longer is no ready target's."""

MOST_CLIENTS = 4096
"""Of so many it is remembered by which address the log tells of them."""

_VERSION = b" HTTP/1.1"
_ROOTS = (b"/simple/", b"/local/", b"/files/")


class ILines(Protocol):
    """Where the lines of answers go: `access_log.AccessLog`, or a way there."""

    def gather(self, line: Line) -> None:
        """See `AccessLog`."""
        ...

    def flush(self) -> None:
        """See `AccessLog`."""
        ...

    def now(self) -> float:
        """See `AccessLog`."""
        ...


class IFirstAnswer(Protocol):
    """See `unasked.FirstAnswer`."""

    @property
    def standing(self) -> IStanding:
        """See there."""
        ...

    @property
    def told(self) -> Callable[[Asker], None]:
        """See there."""
        ...


class IUnasked(Protocol):
    """Finds what could be ready: `unasked.Unasked`."""

    def find(self, target: bytes, variant: Variant) -> IFirstAnswer | None:
        """See there."""
        ...


@define(kw_only=True)
class Part:
    """The bytes [start, stop) of an open file, to be given back."""

    held: Held
    start: int
    stop: int


@define(kw_only=True)
class HotAnswer:
    """One answer that is ready, and what its line in the log says.  `part`: what follows the head, of a file.

    `end`: where the request ends in what the client has sent.
    """

    method: str
    status: int
    head: bytes
    prepared: Prepared
    meaning: Meaning
    end: int
    part: Part | None = None

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return self.status != 304 and self.method == "GET"


@define(kw_only=True, eq=False)
class HotPath:
    """Finds ready answers, and writes their lines.  `outlet_of`: where files leave, by the transport."""

    ready: Ready
    clock: IReactorTime
    descriptors: Descriptors
    _heads: Heads
    access_log: ILines
    _clients: Clients
    _unasked: IUnasked | None = None
    outlet_of: Callable[[object], IOutlet | None] = outlet_of
    _known_clients: dict[tuple[str | None, str | None], str] = field(factory=dict, init=False)
    _beforehand: Beforehand = field(init=False)

    @_beforehand.default
    def _made_ready_before_it_is_asked_for(self) -> Beforehand:
        return Beforehand(clock=self.clock, make_ready=self._make_ready)

    def keep(self, request: Request, standing: IStanding) -> None:
        """The application has answered this request with what stands on `standing`."""
        if request.method in (b"GET", b"HEAD") and request.uri.startswith(b"/") and b"?" not in request.uri:
            self.ready.keep(request.uri, standing)

    def answer(self, data: bytes, at: int, peer: object, *, has_outlet: bool) -> HotAnswer | None:
        """The answer to the request that begins at this place of what a client has sent; it is counted as given.

        `has_outlet`: whether files leave by the connection.

        None where it is not ready, nor at hand, or the request not all there, or not of the plainest kind.
        """
        line = _line(data, at)
        if line is None or (line[1] not in self.ready and (self._unasked is None or not line[1].startswith(_ROOTS))):
            return None
        method, target, end_of_line = line
        end = data.find(b"\r\n\r\n", end_of_line)
        read = None if end < 0 else self._heads.read(data[end_of_line : end + 4])
        if read is None:
            return None
        meaning, conditions = read
        prepared, first = self.found(target, meaning.variant)
        if prepared is None:
            return None
        is_known = etag_matches(conditions.if_none_match, prepared.etag)
        status, head, part = 304 if is_known else 200, prepared.not_modified if is_known else prepared.head, None
        file = prepared.standing.file
        if file is not None and not is_known and method == "GET":
            wanted = wanted_slice(conditions.range, conditions.if_range, prepared.etag, file.size_bytes)
            if not has_outlet or isinstance(wanted, Unsatisfiable):
                return None
            part = self._part(file, wanted)
            if part is None:
                return None
            if wanted is not None:
                status, head = 206, self.ready.head_of_part(prepared, wanted)
        prepared.standing.used()
        if first is not None:
            is_for_all = method == "GET" and status == 200 and conditions.range is None
            first.told(self._asker(peer, meaning, is_for_all=is_for_all))
        return HotAnswer(
            method=method, status=status, head=head, prepared=prepared, meaning=meaning, end=end + 4, part=part
        )

    def found(self, target: bytes, variant: Variant) -> tuple[Prepared | None, IFirstAnswer | None]:
        """What is ready for a target in a variant, or is from now on; then with what is to be told of who asked."""
        prepared = self.ready.find(target, variant)
        if prepared is not None or self._unasked is None or len(target) > LONGEST_TARGET:
            return prepared, None
        self._beforehand.note(target, variant)
        return self._at_hand(self._unasked, target, variant)

    def _at_hand(
        self, unasked: IUnasked, target: bytes, variant: Variant
    ) -> tuple[Prepared | None, IFirstAnswer | None]:
        first = unasked.find(target, variant)
        if first is None:
            return None, None
        self.ready.keep(target, first.standing)
        return self.ready.find(target, variant), first

    def _make_ready(self, target: bytes, variant: Variant) -> bool:
        """See `Beforehand`."""
        if self.ready.find(target, variant) is not None:
            return True
        return self._unasked is not None and self._at_hand(self._unasked, target, variant)[0] is not None

    def question(self, data: bytes, peer: object) -> tuple[bytes, Variant, Asker] | None:
        """What a client asks for whose bytes these are: a target, in a variant; and who that is.

        None where its request is not all there, or not of the kind that is answered from what is ready.
        """
        line = _line(data, 0)
        if line is None:
            return None
        method, target, end_of_line = line
        end = data.find(b"\r\n\r\n", end_of_line)
        read = None if end < 0 else self._heads.read(data[end_of_line : end + 4])
        if read is None or len(target) > LONGEST_TARGET:
            return None
        meaning, conditions = read
        is_for_all = method == "GET" and conditions.if_none_match is None and conditions.range is None
        return target, meaning.variant, self._asker(peer, meaning, is_for_all=is_for_all)

    def _asker(self, peer: object, meaning: Meaning, *, is_for_all: bool) -> Asker:
        address = self._clients.address_behind(address_of(getattr(peer, "host", None)), meaning.forwarded)
        return Asker(address=str(address), user_agent=meaning.user_agent, hops=meaning.hops, is_for_all=is_for_all)

    def _part(self, file: IStoredFile, wanted: Slice | None) -> Part | None:
        """The bytes of a file that are wanted; None where they do not leave this way, or there are none of them."""
        held = self.descriptors.take(file) if file.size_bytes else None
        if held is None:
            return None
        start, stop = (0, file.size_bytes) if wanted is None else (wanted.start, wanted.stop)
        return Part(held=held, start=start, stop=stop)

    def note(
        self, answer: HotAnswer, peer: object, *, sent_bytes: int, seconds: float = 0.0, ended: str = "whole"
    ) -> None:
        """Write the line of an answer that has ended."""
        self.access_log.gather(
            Line(
                self.access_log.now(),
                self._client(peer, answer.meaning.forwarded),
                answer.method,
                answer.prepared.path,
                answer.status,
                sent_bytes,
                seconds,
                answer.meaning.agent,
                ended,
                answer.prepared.told,
            )
        )

    def flush(self) -> None:
        """Have every line written that was noted."""
        self.access_log.flush()

    def _client(self, peer: object, forwarded: str | None) -> str:
        host: str | None = getattr(peer, "host", None)
        known = self._known_clients.get((host, forwarded))
        if known is not None:
            return known
        address = self._clients.address_behind(address_of(host), forwarded)
        client = str(address or getattr(peer, "name", None) or "-")
        if host is not None:
            if len(self._known_clients) >= MOST_CLIENTS:
                self._known_clients.clear()
            self._known_clients[host, forwarded] = client
        return client


def _line(data: bytes, at: int) -> tuple[str, bytes, int] | None:
    """Method and target of the request line at this place, and where it ends; None where it is none of ours."""
    end = data.find(b"\r\n", at, at + LONGEST_LINE)
    if end < 0 or data[end - 9 : end] != _VERSION:
        return None
    if data.startswith(b"GET ", at):
        return "GET", data[at + 4 : end - 9], end
    if data.startswith(b"HEAD ", at):
        return "HEAD", data[at + 5 : end - 9], end
    return None
