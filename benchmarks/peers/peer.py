"""A server that is measured: how it is started, and what the process table says of it while it runs."""

from __future__ import annotations

import http.client
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from benchmarks.peers.content import Content
from benchmarks.peers.cores import Cores
from benchmarks.peers.process_table import ProcessTable
from tests.doubles.fetching import fetch
from tests.doubles.processes import Running, RunningIndex, bare_environment, free_port, wait_until

_START_WITHIN_S = 120.0
_IDLE_WITHIN_S = 60.0
_LOOKED_AT_EVERY_S = 0.1
_IDLE_SHARE = 0.05
"""Of a core, what a server may use that has nothing to do: some look around now and then."""
FIRST_ASKED = "tc-ancient"
"""The project whose page tells that a server is there; nothing that is measured cold needs it."""


@frozen(kw_only=True)
class Setting:
    """What a server is started with: `folder` keeps its things, from one start to the next; `index` is above it."""

    folder: Path
    port: int
    content: Content
    index: RunningIndex

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@frozen(kw_only=True)
class Launch:
    """How a server is started: `simple` is where its pages are, from its root; `environment` more than a bare one."""

    command: Sequence[str | Path]
    simple: str
    environment: Mapping[str, str] = field(factory=dict)


class Peer(Protocol):
    """A kind of server.

    `is_cache`: it brings in what it has not from the index; else it serves a folder.  `wants_rooted_urls`: it passes
    the index's pages on as they are, so that their URLs must lead back to itself.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def is_cache(self) -> bool: ...
    @property
    def wants_rooted_urls(self) -> bool: ...

    def launch(self, setting: Setting) -> Launch:
        """Write what it needs into its folder, and say how it is started."""

    def settle(self, setting: Setting) -> None:
        """What is left to do once it answers; OSError as long as it does not.  Done again it does nothing."""


@define(kw_only=True)
class RunningPeer(Running):
    """A server that answers: `simple` is the URL of its pages."""

    peer: Peer
    setting: Setting
    simple: str
    ready_after_s: float = math.inf
    table: ProcessTable = field(factory=ProcessTable)

    def cpu_s(self) -> float:
        return self.table.cpu_s(self.process.pid)

    def wait_until_idle(self) -> None:
        """Until it does nothing: one that was asked faster than it answers goes on when nobody waits any more.

        Whoever is asked next would share the core with it.
        """
        before_s = self.cpu_s()

        def idle() -> bool:
            nonlocal before_s
            time.sleep(_LOOKED_AT_EVERY_S)
            now_s = self.cpu_s()
            spent_s, before_s = now_s - before_s, now_s
            return spent_s < _LOOKED_AT_EVERY_S * _IDLE_SHARE

        wait_until(idle, within_s=_IDLE_WITHIN_S, what=lambda: f"the end of what {self.peer.name} was asked")

    def peak_bytes(self) -> int:
        return self.table.peak_bytes(self.process.pid)

    def last_words(self) -> str:
        """How it ended, in a line."""
        said = self.said().strip().rpartition("\n")[2]
        return f"{self.peer.name} ended with {self.process.returncode}: {said}"


@define(kw_only=True)
class Stand:
    """Where servers are started, one after the other, each on its core; `peaks` has the most memory of each."""

    content: Content
    folder: Path
    cores: Cores
    peaks: dict[str, int] = field(factory=dict)
    _places: int = field(init=False, default=0)

    def new_folder(self) -> Path:
        self._places += 1
        return self.folder / str(self._places)

    @contextmanager
    def running(self, peer: Peer, round_trip_ms: int = 0) -> Iterator[RunningPeer]:
        """A server with an empty store in front of an index of its own, so far away."""
        with self.content.index(rooted=peer.wants_rooted_urls) as index:
            index.behave(round_trip_ms=round_trip_ms)
            with self.setting(index) as setting, self.started(peer, setting) as server:
                yield server

    @contextmanager
    def setting(self, index: RunningIndex) -> Iterator[Setting]:
        """A new place for a server in front of that index; what it kept there is removed afterwards."""
        folder = self.new_folder()
        try:
            yield Setting(folder=folder, port=free_port(), content=self.content, index=index)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def started(self, peer: Peer, setting: Setting) -> Iterator[RunningPeer]:
        """A server in its folder, new or used; `ready_after_s` is from its process's start to its first page."""
        setting.folder.mkdir(parents=True, exist_ok=True)
        launch = peer.launch(setting)
        environment = bare_environment(setting.folder / "home", **launch.environment)
        del environment["PYTHONDONTWRITEBYTECODE"]  # a server is started as its users start it, and they start it often
        log = setting.folder / "said.log"
        began_at = time.perf_counter()
        process = RunningPeer.launch(self.cores.serving(launch.command), environment, log)
        server = RunningPeer(
            log=log, process=process, peer=peer, setting=setting, simple=setting.url + launch.simple.lstrip("/")
        )
        try:
            self._wait(server)
            server.ready_after_s = time.perf_counter() - began_at
            yield server
        finally:
            if server.is_alive:
                self.peaks[peer.name] = max(self.peaks.get(peer.name, 0), server.peak_bytes())
            server.close()

    def _wait(self, server: RunningPeer) -> None:
        settled, found = False, ""

        def ready() -> bool:
            nonlocal settled, found
            answer = None
            assert server.is_alive, server.last_words()
            try:
                if not settled:
                    server.peer.settle(server.setting)
                    settled = True
                answer = fetch(f"{server.simple}{FIRST_ASKED}/", headers={"Accept": "text/html"})
            except (OSError, http.client.HTTPException) as problem:
                found = str(problem)
            else:
                found = str(answer)
            return answer is not None and answer.status == 200

        wait_until(ready, within_s=_START_WITHIN_S, what=lambda: f"a page of {server.peer.name} ({found})")


def is_root() -> bool:
    return os.geteuid() == 0
