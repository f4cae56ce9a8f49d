"""A big file that a cache has never seen, wanted by one client or by many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from benchmarks.peers import cells
from benchmarks.peers.asked import file_url
from benchmarks.peers.cells import FAILURES, Cell, in_short, middle
from benchmarks.peers.content import BIG_FILE
from benchmarks.peers.downloads import download, downloads
from benchmarks.peers.peer import Peer, RunningPeer, Stand


@frozen(kw_only=True)
class Cold:
    """Each case `rounds` times, each time with an empty store; `big_file` is how its size is called."""

    stand: Stand
    rounds: int
    clients: tuple[int, ...]
    big_file: str

    def measured(self, peers: Sequence[Peer]) -> Iterator[Cell]:
        """Round by round, each server in turn; nothing of those that bring nothing in."""
        for clients in self.clients:
            case = f"{self.big_file}, {clients} client{'s' * (clients > 1)}"
            caches = [peer for peer in peers if peer.is_cache]
            rounds = [(peer, self._tried(peer, case, clients)) for _ in range(self.rounds) for peer in caches]
            for peer in caches:
                yield middle([cell for of, cell in rounds if of is peer])

    def _tried(self, peer: Peer, case: str, clients: int) -> Cell:
        try:
            return self._round(peer, case, clients)
        except FAILURES as problem:
            return Cell(group=cells.COLD, case=case, peer=peer.name, note=in_short(problem))

    def _round(self, peer: Peer, case: str, clients: int) -> Cell:
        with self.stand.running(peer) as server:
            index = server.setting.index
            direct = download(file_url(index.simple, BIG_FILE))
            url = file_url(server.simple, BIG_FILE)  # every client reads the page before it wants a file
            index.forget()
            before_s = server.cpu_s()
            taken = downloads(url, clients)
            cpu_s = server.cpu_s() - before_s
            if any(one.size_bytes != direct.size_bytes for one in taken):
                raise AssertionError("not all of the file came")
            return Cell(
                group=cells.COLD,
                case=case,
                peer=peer.name,
                cpu_s=cpu_s / clients,
                wall_s=max(one.took_s for one in taken),
                tail_s=max(one.first_byte_s for one in taken) - direct.first_byte_s,
                answered=clients,
                size_bytes=direct.size_bytes,
                fetches=_fetches(server),
            )


def _fetches(server: RunningPeer) -> int:
    asked = server.setting.index.requests(BIG_FILE.replace("-", "_"))
    return len([line for line in asked if line["method"] == "GET" and line["path"].endswith(".whl")])
