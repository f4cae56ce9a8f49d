"""A connection at a worker, and one at a node that has workers: each goes to where its next request is answered."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Protocol

from tiercache.web.answer import Variant
from tiercache.web.asker import Asker
from tiercache.web.channel import tcp
from tiercache.web.hot.channel import IFrontSite
from tiercache.web.hot.path import HotAnswer, HotPath
from tiercache.workers.departing import DepartingChannel

Question = tuple[bytes, Variant]


class IWorkerSite(IFrontSite, Protocol):
    """The site of the connections at a worker."""

    def ask(self, question: Question, asker: Asker, channel: WorkerChannel) -> None:
        """Have the node asked, for `asker`; the channel is called with `told`, perhaps at once."""
        ...

    def pass_on(self, connection: int, data: bytes) -> None:
        """Give the node a connection."""
        ...


class WorkerChannel(DepartingChannel):
    """At a worker: what is not ready is asked for, once; if the node has it not ready either it gets the connection."""

    site: IWorkerSite

    _question: Question | None = None  # that the node was asked, and has not answered
    _answer_to: Question | None = None  # what it has answered last

    @property
    def _is_answering(self) -> bool:
        return self._question is not None or super()._is_answering

    def not_ready(self, data: bytes) -> None:
        """See `FrontChannel`."""
        hot = self.site.hot
        read = None if hot is None or not self.is_idle else hot.question(data, self._peer)
        if read is None or read[:2] == self._answer_to:
            if not self.depart(data, self.site.pass_on):
                tcp(self.transport).abortConnection()
            return
        self._question, asker = read[:2], read[2]
        self._let_wait(data)
        self.site.ask(self._question, asker, self)

    def told(self) -> None:
        """The node has answered."""
        self._answer_to, self._question = self._question, None
        if not self.is_lost:
            self.dataReceived(self._taken_up())

    def _send(self, hot: HotPath, answer: HotAnswer) -> None:
        self._answer_to = None
        super()._send(hot, answer)


class IHome(Protocol):
    """Where a connection is answered for as long as it asks for what is ready: a worker."""

    @property
    def is_in(self) -> bool:
        """Whether it takes connections."""
        ...

    def pass_on(self, connection: int, data: bytes) -> None:
        """Give it one."""
        ...


class HomingChannel(DepartingChannel):
    """At the node: goes to its worker when it has asked for what is ready, with nothing left to answer."""

    home: IHome | None = None

    _was_ready = False
    _receiving = 0

    def not_ready(self, data: bytes) -> None:
        """See `FrontChannel`."""
        self._was_ready = False
        super().not_ready(data)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  # the name of IProtocol
        """See `IProtocol`."""
        self._receiving += 1  # an answer within may have more of what came received
        try:
            super().dataReceived(data)
        finally:
            self._receiving -= 1
        self._go_home()

    def _send(self, hot: HotPath, answer: HotAnswer) -> None:
        self._was_ready = True
        super()._send(hot, answer)

    def _go_on(self) -> None:
        super()._go_on()
        self._go_home()

    def _go_home(self) -> None:
        if not self._was_ready or self._receiving or self.is_lost or self.home is None:
            return
        if self.home.is_in and self.is_idle:
            self.depart(b"", self.home.pass_on)
