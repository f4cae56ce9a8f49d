"""One run: everything of every server, each thing of all servers in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import define, field, frozen

from benchmarks.peers import nginx
from benchmarks.peers.asked import file_url
from benchmarks.peers.busy import Busy, BusyScale
from benchmarks.peers.cells import FAILURES, Cell, in_short
from benchmarks.peers.cold import Cold
from benchmarks.peers.content import BIG_FILE, PAGES, SMALL_FILE, Content, Exported
from benchmarks.peers.cores import Cores
from benchmarks.peers.downloads import download
from benchmarks.peers.environments import CannotBeHad
from benchmarks.peers.installs import Installs
from benchmarks.peers.lineup import LineUp
from benchmarks.peers.load import Generator
from benchmarks.peers.peer import Peer, Stand
from benchmarks.peers.report import PeersReport, memory
from benchmarks.peers.starts import Starts
from benchmarks.peers.this_node import ThisNode
from benchmarks.peers.warm import Warm, page_cases
from tests.doubles.universe import Sizes


@frozen(kw_only=True)
class Scale:
    """How much is measured: `seconds` of load a round of what is warm; `warm_rounds` of that, `rounds` of all else."""

    seconds: int
    warm_rounds: int
    rounds: int
    sizes: tuple[str, ...]
    connections: tuple[int, ...]
    usual_connections: int
    file_clients: tuple[int, ...]
    cold_clients: tuple[int, ...]
    clients: tuple[str, ...]
    round_trip_ms: int
    big_mb: int
    busy: BusyScale

    @property
    def big_file(self) -> str:
        return f"{self.big_mb} MB"


WHOLE = Scale(
    seconds=1,
    warm_rounds=5,
    rounds=3,
    sizes=tuple(PAGES),
    connections=(1, 32, 256),
    usual_connections=32,
    file_clients=(1, 8),
    cold_clients=(1, 8, 50),
    clients=("pip", "uv"),
    round_trip_ms=50,
    big_mb=50,
    busy=BusyScale(seconds=20, per_s=200, listed=5000, giant_mb=1000, jobs=12),
)
SHORT = Scale(
    seconds=1,
    warm_rounds=1,
    rounds=1,
    sizes=("8 KB",),
    connections=(8,),
    usual_connections=8,
    file_clients=(1,),
    cold_clients=(1, 4),
    clients=("uv",),
    round_trip_ms=0,
    big_mb=5,
    busy=BusyScale(seconds=2, per_s=100, listed=500, giant_mb=100, jobs=2),
)


@define(kw_only=True)
class Run:
    """`tell` is told each thing as it is done, with the seconds since the beginning."""

    folder: Path
    environments: Path
    scale: Scale
    wanted: frozenset[str]
    cores: Cores
    tell: Callable[[str], None]
    _began_at: float = field(init=False, factory=time.monotonic)
    _missing: dict[str, str] = field(init=False, factory=dict)

    def report(self, circumstances: dict[str, str]) -> PeersReport:
        """The whole run."""
        listed = tuple(PAGES[size] for size in self.scale.sizes)
        sizes = Sizes(big=self.scale.big_mb * 1_000_000, ancient_files=20, listed_files=listed)
        self._say("content")
        content = Content(folder=self.folder / "content", sizes=sizes)
        stand = Stand(content=content, folder=self.folder / "servers", cores=self.cores)
        self._say("environments")
        line_up = LineUp.found(self.environments, self.wanted, lambda: self._exported(stand))
        self._missing.update(line_up.missing)
        peers = [peer for peer in line_up.peers if self._starts(stand, peer)]
        measured = []
        for cell in self._measured(stand, peers):
            self._say(f"{cell.group}: {cell.case}: {cell.peer} {cell.note}")
            measured.append(cell)
        return PeersReport(
            circumstances={
                **circumstances,
                "cores": str(self.cores),
                "seconds": str(self.scale.seconds),
                "rounds": str(self.scale.rounds),
                "warm_rounds": str(self.scale.warm_rounds),
                **self.scale.busy.told(),
            },
            versions={peer.name: peer.version for peer in peers},
            missing=self._missing,
            cells=[*measured, *memory(stand.peaks)],
        )

    def _measured(self, stand: Stand, peers: Sequence[Peer]) -> Iterator[Cell]:
        scale = self.scale
        usual = [peer for peer in peers if peer.name != nginx.LOCKED]  # a lock matters to what is cold alone
        yield from self._warm(stand, usual)
        cold = Cold(stand=stand, rounds=scale.rounds, clients=scale.cold_clients, big_file=scale.big_file)
        yield from cold.measured(peers)
        installs = Installs(stand=stand, rounds=scale.rounds, clients=scale.clients, round_trip_ms=scale.round_trip_ms)
        yield from installs.measured(usual)
        yield from Busy(scale=scale.busy, folder=self.folder / "busy", cores=self.cores, peaks=stand.peaks).measured()
        yield from Starts(stand=stand, rounds=scale.rounds).measured(usual)

    def _warm(self, stand: Stand, peers: Sequence[Peer]) -> Iterator[Cell]:
        """All servers stand ready at once, and only one of them is asked at a time."""
        try:
            generator = Generator.found(self.environments)
        except CannotBeHad as problem:
            self._missing["warm pages and files (they need wrk)"] = str(problem)
            return
        warm = Warm(
            generator=generator,
            seconds=self.scale.seconds,
            pages=tuple(page_cases(self.scale.sizes, self.scale.connections, self.scale.usual_connections)),
            clients=self.scale.file_clients,
            big_file=self.scale.big_file,
        )
        with ExitStack() as stack:
            servers = []
            for peer in peers:
                try:
                    server = stack.enter_context(stand.running(peer))
                    warm.warm_up(server)
                    servers.append(server)
                except FAILURES as problem:
                    self._missing[f"{peer.name}, warm,"] = in_short(problem)
            yield from warm.measured(servers, self.scale.warm_rounds)

    def _starts(self, stand: Stand, peer: Peer) -> bool:
        """Whether a server starts and has all that it will be asked for; else it takes no further part."""
        self._say(f"first start: {peer.name}")
        try:
            with stand.running(peer) as server:
                for project in (SMALL_FILE, BIG_FILE):
                    download(file_url(server.simple, project))
        except FAILURES as problem:
            if isinstance(peer, ThisNode):
                raise
            self._missing[peer.name] = in_short(problem)
            return False
        return True

    def _exported(self, stand: Stand) -> Exported:
        with stand.running(ThisNode()) as node:
            return stand.content.exported(node.simple)

    def _say(self, what: str) -> None:
        self.tell(f"{time.monotonic() - self._began_at:5.0f} s  {what}")
