"""The events of one job: an answer that goes on until the job is over, at its client's own pace.

Each event says how the job is now, so nothing is held for a client that reads slowly: it is told the newest when it
has room.  Whoever comes back with the id of an event is told nothing before something has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import cast

import msgspec
from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.cache.signal import Signal
from tiercache.errors import JobAbsent
from tiercache.web.body import Outflow, abort
from tiercache.web.channel import NodeRequest
from tiercache.web.tier.events import HEARTBEAT
from tiercache.wire import HEARTBEAT_S
from tiercache.wire.prefetch import ENDED, ENDED_EVENT, STATE_EVENT, JobState

_ENCODER = msgspec.json.Encoder()


@frozen
class Event:
    """One event; `id` is another one wherever what it says is something else."""

    id: str
    encoded: bytes

    @classmethod
    def of(cls, state: JobState) -> Event:
        """The event that says how a job is, without what grows with the number of its files."""
        data = _ENCODER.encode(evolve(state, files=(), report=None))
        id_ = blake2b(data, digest_size=8).hexdigest()
        name = ENDED_EVENT if state.phase in ENDED else STATE_EVENT
        # JSON in one line: no data of ours can begin a line, and so an event, of its own.
        return cls(id_, b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), id_.encode(), data))


@define(kw_only=True, eq=False)
class JobEvents:
    """The events of the job that `state` gives, which `changed` tells the changes of; `last_id`: the last one read.

    It ends with the job, when the client leaves or takes nothing for `write_timeout_s`, and when the node stops.
    """

    _state: Callable[[], JobState]
    _changed: Signal
    _clock: IReactorTime
    _write_timeout_s: float
    _last_id: str | None
    _waiting: Deferred[None] | None = field(default=None, init=False)
    _is_to_end: bool = field(default=False, init=False)

    async def run(self, request: Request) -> None:
        """See `IStream`."""
        outflow = Outflow(request=request, clock=self._clock, write_timeout_s=self._write_timeout_s)
        request.registerProducer(outflow, True)
        try:
            cast("NodeRequest", request).when_draining(lambda: self._end(request, outflow))
            await self._tell(request, outflow)
        finally:
            outflow.end()
            if not request.finished and getattr(request, "channel", None) is not None:
                request.unregisterProducer()

    async def _tell(self, request: Request, outflow: Outflow) -> None:
        while not self._is_to_end:
            try:
                state = self._state()
            except JobAbsent:  # it is forgotten, as jobs that have been over for long are
                return
            event = Event.of(state)
            if event.id != self._last_id:
                self._last_id = event.id
                request.write(event.encoded)
            if state.phase in ENDED:
                return
            if outflow.is_full:
                await outflow.room()
            elif not await self._news():
                request.write(HEARTBEAT)

    async def _news(self) -> bool:
        """Whether the job has changed; or else it is time for a sign of life, or for the end."""
        waiting = self._waiting = self._changed.wait()
        alarm = self._clock.callLater(HEARTBEAT_S, waiting.cancel)
        try:
            await waiting
        except CancelledError:
            if alarm.active() and not self._is_to_end:  # the client has left
                raise
            return self._is_to_end
        finally:
            self._waiting = None
            if alarm.active():
                alarm.cancel()
        return True

    def _end(self, request: Request, outflow: Outflow) -> None:
        """The node stops: end the answer, or cut it where the client does not even take what it was given."""
        self._is_to_end = True
        if outflow.is_full:
            abort(request)
        elif self._waiting is not None:
            self._waiting.cancel()
