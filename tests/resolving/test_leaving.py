"""Who leaves, or stops, while a resolver is not running yet: nothing is begun then, and nothing is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from tests.doubles.now import begun, result_of
from tiercache.access.warrants import Warrants
from tiercache.errors.prefetch import ResolverFailed
from tiercache.interfaces.resolver import Question
from tiercache.resolving.child import Children
from tiercache.resolving.own_index import OwnIndex
from tiercache.resolving.uv import UvResolver

T = TypeVar("T")


@define
class Threads:
    """A `Pool` that works when the test says so; like threads, it does what nobody waits for any more."""

    given: list[Callable[[], None]] = field(factory=list)

    def __call__(self, function: Callable[..., T], /, *args: Any) -> Awaitable[T]:
        done: Deferred[T] = Deferred()

        def work() -> None:
            result = function(*args)
            if not done.called:
                done.callback(result)

        self.given.append(work)
        return done

    def go_on(self, pieces: int | None = None) -> None:
        """Do so many pieces of work, None: until there is none."""
        while self.given and pieces != 0:
            self.given.pop(0)()
            pieces = None if pieces is None else pieces - 1


class Port:
    """A port that is open until it is not."""

    is_open = True

    def getHost(self) -> Any:  # noqa: N802  # twisted's name
        return type("Address", (), {"port": 1})

    def stopListening(self) -> None:  # noqa: N802  # twisted's name
        self.is_open = False


@define
class Ahead:
    """A question that is asked of a resolver which can start no program; `folder` is where its runs have theirs."""

    folder: Path
    threads: Threads = field(factory=Threads)
    port: Port = field(factory=Port)
    resolver: UvResolver = field(init=False)
    asking: Deferred[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.resolver = UvResolver(
            program=lambda: "uv",
            children=Children(reactor=None, clock=Clock(), most_bytes=1, deadline_s=1.0),
            index=OwnIndex(listen=lambda: self.port),  # type: ignore[arg-type, return-value]  # what is used of one
            warrants=Warrants(secret=lambda: "secret"),
            folder=str(self.folder),
            pool=self.threads,
        )
        self.asking = begun(self.resolver.resolve(Question(requirements=("app",))))


@pytest.mark.parametrize("pieces", range(4))
def test_who_leaves_before_it_runs_leaves_no_folder_no_port_and_no_warrant(tmp_path: Path, pieces: int) -> None:
    ahead = Ahead(tmp_path / "runs")
    ahead.threads.go_on(pieces)
    ahead.asking.cancel()
    ahead.threads.go_on()
    with pytest.raises(CancelledError):
        result_of(ahead.asking)
    assert [path.name for path in tmp_path.glob("runs/*")] == []
    assert not ahead.resolver._index.is_open
    assert ahead.resolver._warrants._held == {}


@pytest.mark.parametrize("pieces", range(4))
def test_a_node_that_stops_before_it_runs_begins_no_program(tmp_path: Path, pieces: int) -> None:
    ahead = Ahead(tmp_path / "runs")
    ahead.threads.go_on(pieces)
    result_of(ahead.resolver.stop())
    ahead.threads.go_on()
    with pytest.raises(ResolverFailed, match="the node stops"):
        result_of(ahead.asking)
    assert [path.name for path in tmp_path.glob("runs/*")] == []
