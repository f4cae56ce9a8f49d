# ruff: noqa: N802, N803 -- Twisted's names
# mypy: disallow-untyped-calls=False
# Twisted's own test doubles have no types.
"""The far ends of HTTP connections, in memory: the real client of Twisted against bytes that a test chooses.

Answers are raw bytes, so that a tier can break every rule; each connection stays at hand, to drip, stall or hang up.
"""

from __future__ import annotations

import gzip
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from tests.doubles.now import begun

T = TypeVar("T")

SEGMENT_BYTES = 64 * 1024
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def http_answer(
    status: int = 200,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | str | None = "true",
) -> bytes:
    """An answer as it stands on the wire; `length` overrides the stated one, and None states none."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == 'true' else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked_answer(*chunks: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> bytes:
    """The same in chunks, which state no length before."""
    head = http_answer(status, headers={"Transfer-Encoding": "chunked", **(headers or {})}, length=None)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def gzipped_answer(body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The same, gzip-coded."""
    return http_answer(200, gzip.compress(body, 1), {"Content-Encoding": "gzip", **(headers or {})})


@implementer(ITCPTransport)
class Wire(StringTransport):
    """One connection, seen from the far end."""

    def __init__(self, clock: Clock, came: Callable[[bytes, bytes, Wire], None]) -> None:
        super().__init__(lenient=True)
        self.protocol: IProtocol
        self.closed = False
        self.most_unread_bytes = 0
        self._clock = clock
        self._came = came
        self._on_the_way: deque[bytes] = deque()
        self._hung_up: Exception | None = None
        self._leaves = False
        self._head = b""

    # -- what a test does

    def send(self, data: bytes) -> None:
        """Send bytes; they wait on the way while the near end has paused."""
        self._on_the_way.extend(data[at : at + SEGMENT_BYTES] for at in range(0, len(data), SEGMENT_BYTES))
        self._deliver()

    def hang_up(self, reason: Exception | None = None) -> None:
        """Close, after what is on its way."""
        self._hung_up = reason or ConnectionDone()
        self._deliver()

    @property
    def waiting_bytes(self) -> int:
        """What the near end has not taken yet."""
        return sum(map(len, self._on_the_way))

    def _deliver(self) -> None:
        while self._on_the_way and self.producerState == "producing" and not self.closed:
            self.protocol.dataReceived(self._on_the_way.popleft())
        if self._hung_up is not None and not self._on_the_way and not self.closed:
            self.closed = True
            self._stop_producer()
            self.protocol.connectionLost(Failure(self._hung_up))

    # -- what the near end does

    def write(self, data: bytes) -> None:
        super().write(data)
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, rest = self._head.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?mi)^content-length: (\d+)\r?$", head)
            body_bytes = int(length[1]) if length else 0
            if len(rest) < body_bytes:
                return
            self._head = rest[body_bytes:]
            self._clock.callLater(0, self._came, head, rest[:body_bytes], self)

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def resumeProducing(self) -> None:
        if not self.closed:
            super().resumeProducing()
            self._clock.callLater(0, self._deliver)

    def pauseProducing(self) -> None:
        if not self.closed:
            super().pauseProducing()

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        """As a real transport, only after a producer has had its say."""
        self._leaves = True
        if self.producer is None:
            self._close()

    def unregisterProducer(self) -> None:
        super().unregisterProducer()
        if self._leaves:
            self._close()

    def abortConnection(self) -> None:
        if not self.closed:
            self._stop_producer()
        self._close()

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self._clock.callLater(0, self.protocol.connectionLost, Failure(ConnectionDone()))

    def _stop_producer(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()

    def loseWriteConnection(self) -> None:
        raise NotImplementedError

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        pass

    def getTcpKeepAlive(self) -> bool:
        return False


@define
class Received:
    """A request as it came; `headers` by lower-case name, `url` absolute."""

    method: str
    url: str
    headers: dict[str, str]
    wire: Wire
    body: bytes = b""


Answer = bytes | Callable[[Received], bytes | None] | None
"""What is sent back: bytes, what a function of the request gives, or with None nothing at all."""


@implementer(IAgentEndpointFactory)
@define(eq=False)
class TierHttp:
    """Every host that a test talks to.  `agent` is the real client, with kept connections, and `clock` its time."""

    clock: Clock = field(factory=Clock)
    requests: list[Received] = field(factory=list)
    wires: list[Wire] = field(factory=list)
    agent: IAgent = field(init=False)
    _answers: dict[str, deque[Answer]] = field(factory=dict)
    _connect_errors: dict[str, Exception | None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.agent = Agent.usingEndpointFactory(self.clock, self, HTTPConnectionPool(self.clock))

    def on(self, request: str, *answers: Answer) -> None:
        """Answer `METHOD url` with each of the answers in turn, and from then on with the last.  404 without one."""
        self._answers[request] = deque(answers)

    def no_connection(self, host: str, error: Exception | None) -> None:
        """Fail each connection to `host` with an error, or with None leave it pending."""
        self._connect_errors[host] = error

    def connections_again(self, host: str) -> None:
        """Let connections to `host` come about from now on."""
        del self._connect_errors[host]

    def asked(self) -> list[str]:
        """Each request so far, as `METHOD url`."""
        return [f"{request.method} {request.url}" for request in self.requests]

    def result(self, awaitable: Awaitable[T]) -> T:
        """What an awaitable gives without any time passing, or the exception that it raises."""
        outcome = self.begin(awaitable)
        assert outcome.called, "still waiting"
        return self.outcome(outcome)

    def begin(self, awaitable: Awaitable[T]) -> Deferred[T]:
        """Start an awaitable, and let everything happen that needs no time to pass."""
        started = begun(awaitable)
        self.settle()
        return started

    def outcome(self, started: Deferred[T]) -> T:
        """What a Deferred has come to by now; an AssertionError while it waits."""
        outcomes: list[Any] = []
        started.addBoth(outcomes.append)
        assert outcomes, "still waiting"
        if isinstance(outcomes[0], Failure):
            outcomes[0].raiseException()
        return outcomes[0]  # type: ignore[no-any-return]  # the list holds what the Deferred gave

    def advance(self, seconds: float) -> None:
        """Let time pass, and then all happen that is due."""
        self.clock.advance(seconds)
        self.settle()

    def settle(self) -> None:
        """Let all happen that is due now."""
        for _ in range(10_000):
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                return
            self.clock.advance(0)
        raise AssertionError("it never settles")

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return _Endpoint(self, uri)

    def connect(self, uri: URI, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Make a connection to the host of a URI."""
        host = uri.host.decode("ascii")
        if host in self._connect_errors:
            error = self._connect_errors[host]
            return Deferred() if error is None else fail(error)
        root = f"{uri.scheme.decode('ascii')}://{uri.netloc.decode('ascii')}"
        wire = Wire(self.clock, lambda head, body, wire: self._came(root, head, body, wire))
        self.wires.append(wire)
        protocol = factory.buildProtocol(wire.getPeer())
        assert protocol is not None
        wire.protocol = protocol
        protocol.makeConnection(wire)
        return succeed(protocol)

    def _came(self, root: str, head: bytes, body: bytes, wire: Wire) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name.lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
        received = Received(method, root + path, headers, wire, body)
        self.requests.append(received)
        answers = self._answers.get(f"{method} {received.url}", deque([http_answer(404)]))
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        data = answer(received) if callable(answer) else answer
        if data is not None:
            wire.send(data)


@implementer(IStreamClientEndpoint)
@define
class _Endpoint:
    tier: TierHttp
    uri: URI

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self.tier.connect(self.uri, protocolFactory)
