"""Warm pages and files under load: CPU per request, requests per second, the slow end of the latencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from attrs import frozen

from benchmarks.exchanges import ACCEPTS
from benchmarks.peers import cells
from benchmarks.peers.asked import file_url, unlike, validator
from benchmarks.peers.cells import FAILURES, Cell, in_short, middle
from benchmarks.peers.content import BIG_FILE, SMALL_FILE, page_project
from benchmarks.peers.downloads import download
from benchmarks.peers.load import Generator
from benchmarks.peers.peer import RunningPeer
from tests.doubles.fetching import fetch


@frozen(kw_only=True)
class PageCase:
    """A page asked for in one way."""

    size: str
    syntax: str
    connections: int
    packed: bool = False
    revalidates: bool = False

    @property
    def name(self) -> str:
        more = ["gzip"] * self.packed + ["304"] * self.revalidates
        return ", ".join([self.size, self.syntax, *more, connections_of(self.connections)])


def connections_of(number: int) -> str:
    return f"{number} connection{'s' * (number > 1)}"


def page_cases(sizes: tuple[str, ...], connections: tuple[int, ...], usual: int) -> Iterator[PageCase]:
    """Every size in both syntaxes and encodings with the usual number of connections; the small page with others.

    That it has not changed is answered of the small one, next to the page itself.
    """
    for size in sizes:
        for syntax in ACCEPTS:
            for packed in (False, True):
                yield PageCase(size=size, syntax=syntax, connections=usual, packed=packed)
            if size == sizes[0]:
                yield PageCase(size=size, syntax=syntax, connections=usual, revalidates=True)
    for syntax in ACCEPTS:
        for number in connections:
            if number != usual:
                yield PageCase(size=sizes[0], syntax=syntax, connections=number)
                yield PageCase(size=sizes[0], syntax=syntax, connections=number, revalidates=True)


@frozen(kw_only=True)
class Warm:
    """How the load is made: `seconds` for each round of a case."""

    generator: Generator
    seconds: int
    pages: tuple[PageCase, ...]
    clients: tuple[int, ...]
    big_file: str

    def warm_up(self, server: RunningPeer) -> None:
        """Have it seen all that it will be asked for."""
        for size in {case.size for case in self.pages}:
            for accept in ACCEPTS.values():
                fetch(f"{server.simple}{page_project(size)}/", headers={"Accept": accept, "Accept-Encoding": "gzip"})
        for project in (SMALL_FILE, BIG_FILE):
            download(file_url(server.simple, project))

    def measured(self, servers: Sequence[RunningPeer], rounds: int) -> Iterator[Cell]:
        """Every case, of servers that are warmed up: round by round, each server in turn."""
        for measure in self._cases():
            cells_of = [[measure(server) for server in servers] for _ in range(rounds)]
            yield from map(middle, zip(*cells_of, strict=True))

    def _cases(self) -> Iterator[Callable[[RunningPeer], Cell]]:
        for case in self.pages:
            yield partial(self._tried, cells.PAGES, case.name, partial(self._page, case))
        for label, project in (("100 KB", SMALL_FILE), (self.big_file, BIG_FILE)):
            for clients in self.clients:
                name = f"{label}, {connections_of(clients)}"
                yield partial(self._tried, cells.FILES, name, partial(self._file, name, project, clients))

    def _tried(self, group: str, case: str, measure: Callable[[RunningPeer], Cell], server: RunningPeer) -> Cell:
        try:
            return measure(server)
        except FAILURES as problem:
            return Cell(group=group, case=case, peer=server.peer.name, note=in_short(problem))

    def _file(self, name: str, project: str, clients: int, server: RunningPeer) -> Cell:
        return self._loaded(server, cells.FILES, name, file_url(server.simple, project), {}, clients)

    def _page(self, case: PageCase, server: RunningPeer) -> Cell:
        url = f"{server.simple}{page_project(case.size)}/"
        headers = {"Accept": ACCEPTS[case.syntax]}
        if case.packed:
            headers["Accept-Encoding"] = "gzip"
        answer = fetch(url, headers=headers)
        odd = unlike(answer, case.syntax, case.packed)
        if not odd and case.revalidates:
            headers |= validator(answer)
            answer = fetch(url, headers=headers)
            odd = "" if answer.status == 304 else "no 304"
        if odd:
            return Cell(group=cells.PAGES, case=case.name, peer=server.peer.name, note=odd)
        return self._loaded(server, cells.PAGES, case.name, url, headers, case.connections, len(answer.body))

    def _loaded(
        self,
        server: RunningPeer,
        group: str,
        case: str,
        url: str,
        headers: Mapping[str, str],
        connections: int,
        size_bytes: int | None = None,
    ) -> Cell:
        before_s = server.cpu_s()
        load = self.generator.run(url, headers, connections, self.seconds)
        cpu_s = server.cpu_s() - before_s
        server.wait_until_idle()
        if not load.answered:
            return Cell(group=group, case=case, peer=server.peer.name, failed=load.failed, note="nothing answered")
        return Cell(
            group=group,
            case=case,
            peer=server.peer.name,
            cpu_s=cpu_s / load.answered,
            wall_s=load.took_s / load.answered,
            tail_s=load.tail_s,
            answered=load.answered,
            failed=load.failed,
            size_bytes=size_bytes,
        )
