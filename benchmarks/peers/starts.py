"""Starts: from the start of the process to its first page, with a store that has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from benchmarks.peers import cells
from benchmarks.peers.cells import FAILURES, Cell, in_short, middle
from benchmarks.peers.peer import Peer, Stand


@frozen(kw_only=True)
class Starts:
    """`rounds` starts with a new store, and after each one with the store as it was left."""

    stand: Stand
    rounds: int

    def measured(self, peers: Sequence[Peer]) -> Iterator[Cell]:
        """Round by round, each server in turn."""
        rounds = [cell for _ in range(self.rounds) for peer in peers for cell in self._round(peer)]
        for case in ("new store", "used store"):
            for peer in peers:
                yield middle([cell for cell in rounds if cell.peer == peer.name and cell.case == case])

    def _round(self, peer: Peer) -> Iterator[Cell]:
        with self.stand.content.index(rooted=peer.wants_rooted_urls) as index, self.stand.setting(index) as setting:
            for case in ("new store", "used store"):
                try:
                    with self.stand.started(peer, setting) as server:
                        cpu_s, wall_s = server.cpu_s(), server.ready_after_s
                    yield Cell(group=cells.STARTS, case=case, peer=peer.name, cpu_s=cpu_s, wall_s=wall_s, answered=1)
                except FAILURES as problem:
                    yield Cell(group=cells.STARTS, case=case, peer=peer.name, note=in_short(problem))
