"""Following a job of a node until it is over, through breaks of the connection and restarts of the node."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from tiercache.commands.running_node import NodeRefused, NoNodeRuns

if TYPE_CHECKING:
    from tiercache.commands.running_node import RunningNode
    from tiercache.wire.prefetch import JobState

PAUSE_S, MOST_MISSES = 2.0, 30
"""How long it waits before it asks again, and how often in a row in vain."""

LONGEST_LINE_BYTES = 1 << 24
"""Of an event; what is not taken of a document may be long."""


def path_of(job: str) -> str:
    """Where a job is shown."""
    from tiercache.wire import ROOT
    from tiercache.wire.prefetch import PREFETCH

    return f"/{ROOT}{PREFETCH}/{quote(job, safe='')}"


def followed(
    find: Callable[[], RunningNode],
    state: JobState,
    show: Callable[[JobState], object],
    pause: Callable[[float], object],
) -> JobState:
    """The job once it is over, with its files and its report; `show` is told each time that it is not as it was.

    `find`: the node, which may be another process after a while.  Raises NodeRefused, NoNodeRuns.
    """
    from tiercache.wire.prefetch import ENDED

    last_id, misses = "", 0
    while state.phase not in ENDED:
        before_id = last_id
        try:
            for id_, told in _events(find(), state.id, last_id):
                last_id, state = id_, told
                show(state)
        except (NodeRefused, NoNodeRuns) as error:
            if misses == MOST_MISSES or 400 <= (getattr(error, "status", None) or 0) < 500:
                raise
        if state.phase not in ENDED:
            misses = misses + 1 if last_id == before_id else 0
            if misses > MOST_MISSES:
                raise NodeRefused(url=find().urls[0], reason="it says nothing of the job")
            pause(PAUSE_S)
    return whole(find(), state.id)


def whole(node: RunningNode, job: str) -> JobState:
    """A job with its files and its report.  Raises NodeRefused."""
    from tiercache.wire.prefetch import JobState

    return node.said("GET", path_of(job), JobState)


def _events(node: RunningNode, job: str, last_id: str) -> Iterator[tuple[str, JobState]]:
    """The events of a job with their ids, until the node says no more.  Raises NodeRefused."""
    import msgspec

    from tiercache.wire import EVENT_STREAM, HEARTBEAT_S
    from tiercache.wire.prefetch import JobState

    path = f"{path_of(job)}/events"
    fields = {"Accept": EVENT_STREAM, **({"Last-Event-ID": last_id} if last_id else {})}
    with node.opened("GET", path, headers=fields, within_s=3 * HEARTBEAT_S) as answer:
        id_ = ""
        try:
            while line := answer.readline(LONGEST_LINE_BYTES):
                name, _, value = line.strip().partition(b": ")
                if name == b"id":
                    id_ = value.decode("latin-1")
                elif name == b"data":
                    yield id_, msgspec.json.decode(value, type=JobState)
        except (OSError, http.client.HTTPException) as error:
            raise NodeRefused(url=node.urls[0], reason=str(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NodeRefused(url=node.urls[0], reason="its events are not what was asked for") from error
