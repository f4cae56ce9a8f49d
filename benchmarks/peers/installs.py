"""Installs of the application of the made-up universe by real clients, each with an empty cache and environment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from attrs import frozen

from benchmarks.desks import new_desk
from benchmarks.peers import cells
from benchmarks.peers.cells import FAILURES, Cell, in_short, middle
from benchmarks.peers.peer import Peer, RunningPeer, Stand
from tests.doubles.clients import CLIENTS
from tests.doubles.universe import APPLICATION

RESTED_S = 1.0
"""How long a server has for what an install leaves it with, which counts as that install's, before the next one: nobody
installs the same again in the same moment."""


class NotInstalled(Exception):
    """A client could not install the application; the text is the last line that it said."""


@frozen(kw_only=True)
class Installs:
    """Each client `rounds` times through an empty store, and each time once more; the index is so far away."""

    stand: Stand
    rounds: int
    clients: tuple[str, ...]
    round_trip_ms: int

    def case(self, client: str, kind: str) -> str:
        return f"{client}, {kind}" + (f", {self.round_trip_ms} ms to the index" if kind == "cold" else "")

    def measured(self, peers: Sequence[Peer]) -> Iterator[Cell]:
        """Round by round, each server in turn, cold and warm; of one that brings nothing in, warm alone."""
        for client in self.clients:
            rounds = [cell for _ in range(self.rounds) for peer in peers for cell in self._round(peer, client)]
            for kind in ("cold", "warm"):
                for peer in peers:
                    case = self.case(client, kind)
                    if of_peer := [cell for cell in rounds if cell.peer == peer.name and cell.case == case]:
                        yield middle(of_peer)

    def _round(self, peer: Peer, client: str) -> Iterator[Cell]:
        kinds = ["cold", "warm"]
        try:
            with self.stand.running(peer, self.round_trip_ms) as server:
                while kinds:
                    cell = self._installed(server, client, kinds[0])
                    if kinds.pop(0) == "warm" or peer.is_cache:
                        yield cell
        except (NotInstalled, *FAILURES) as problem:
            for kind in kinds:
                yield Cell(group=cells.INSTALLS, case=self.case(client, kind), peer=peer.name, note=in_short(problem))

    def _installed(self, server: RunningPeer, client: str, kind: str) -> Cell:
        before_s = server.cpu_s()
        with new_desk() as desk:
            installed = CLIENTS[client](desk=desk).install(server.simple, APPLICATION)
        if not installed.succeeded:
            raise NotInstalled(installed.run.said.strip().rpartition("\n")[2])
        time.sleep(RESTED_S)
        server.wait_until_idle()
        return Cell(
            group=cells.INSTALLS,
            case=self.case(client, kind),
            peer=server.peer.name,
            cpu_s=server.cpu_s() - before_s,
            wall_s=installed.run.took_s,
            answered=len(installed.versions),
        )
