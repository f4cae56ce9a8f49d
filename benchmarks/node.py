"""How a node compares with going direct: `python -m benchmarks.node`, or with `--short` in under a minute.

Everything is measured within one run on one machine, on loopback, against the fake index that the tests use: pages and
files, cold and warm; installs with real clients; memory; and the time to the first answer.  It prints tables, saves
the raw times as JSON on wish, and a whole run writes its section of `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from attrs import define, field, frozen

from benchmarks.desks import new_desk
from benchmarks.documents import with_section
from benchmarks.exchanges import ACCEPTS, digest_of, direct_path, drained, every, node_path, read_page, repeated
from benchmarks.measures import Comparison, Figure, Report
from tests.doubles.clients import CLIENTS
from tests.doubles.processes import ROOT, RunningIndex, RunningNode, bare_environment
from tests.doubles.universe import APPLICATION, Sizes, Universe, layer_names

PERFORMANCE = ROOT / "docs" / "performance.md"
MIB = 1 << 20
LIMIT_MISSED = 3


@frozen(kw_only=True)
class Scale:
    """How much is measured: `rounds` of each, `exchanges` of small things a round, `round_trips_ms` for installs."""

    rounds: int
    exchanges: int
    round_trips_ms: tuple[int, ...]
    clients: tuple[str, ...]
    sizes: Sizes


WHOLE = Scale(
    rounds=3,
    exchanges=200,
    round_trips_ms=(0, 50),
    clients=("pip", "uv"),
    sizes=Sizes(big=50_000_000, giant=1_000_000_000, ancient_files=1000),
)
SHORT = Scale(
    rounds=1,
    exchanges=50,
    round_trips_ms=(0,),
    clients=("uv",),
    sizes=Sizes(big=8_000_000, giant=200_000_000, ancient_files=200),
)


@define(kw_only=True)
class Bench:
    """The processes of one run, and where they keep their things."""

    folder: Path
    scale: Scale
    universe: Universe = field(init=False)
    _count: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.universe = Universe(folder=self.folder / "archives", sizes=self.scale.sizes)

    def new_folder(self) -> Path:
        self._count += 1
        return self.folder / str(self._count)

    @contextmanager
    def index(self, max_age_s: int = 600) -> Iterator[RunningIndex]:
        """A fake index with everything; its pages are fresh for `max_age_s`."""
        sizes = self.scale.sizes
        index = RunningIndex.start(
            self.new_folder(),
            "json",
            archives=self.universe.folder,
            big_bytes=sizes.big,
            giant_bytes=sizes.giant,
            ancient_files=sizes.ancient_files,
            max_age=max_age_s,
        )
        try:
            yield index
        finally:
            index.close()

    @contextmanager
    def node(self, index: RunningIndex, **settings: Any) -> Iterator[RunningNode]:
        """A node with an empty store in front of the index."""
        tiers = [{"name": "public", "kind": "origin", "url": index.simple}]
        folder = self.new_folder()
        environment = bare_environment(folder / "home")
        del environment["PYTHONDONTWRITEBYTECODE"]  # a node is started as its users start it, and they start it often
        node = RunningNode.prepare(folder, {"tiers": tiers, **settings}, environment=environment)
        try:
            node.wait_until_ready()
            yield node
        except BaseException:
            print(node.said()[-4000:], file=sys.stderr)
            raise
        finally:
            node.close()

    # -- pages and files ----------------------------------------------------------------------------------------

    def pages(self) -> Iterator[Comparison]:
        """A page of few files and one of many, in both syntaxes."""
        small = [name for layer in layer_names() for name in layer]
        for syntax, accept in ACCEPTS.items():
            for what, names in (("small", small), (f"{self.scale.sizes.ancient_files} files", ["tc-ancient"])):
                comparison = Comparison(what=f"page, {syntax}, {what}")
                with self.index() as index:
                    every(index.simple, names, accept)  # the index makes its archives and pages on first demand
                    for _ in range(self.scale.rounds):
                        with self.node(index) as node:
                            comparison.cold.extend(every(node.simple, names, accept))
                            comparison.warm.extend(repeated(node.simple, names[0], accept, self.scale.exchanges))
                            comparison.direct.extend(repeated(index.simple, names[0], accept, self.scale.exchanges))
                yield comparison

    def files(self) -> Iterator[Comparison]:
        """A file of 100 KB and a big one."""
        for name, what in (("tc-medium", "100 KB"), ("tc-big", f"{self.scale.sizes.big // 1_000_000} MB")):
            comparison = Comparison(what=f"file, {what}")
            wheel = self.universe.wheel(name, "1.0")
            exchanges = self.scale.exchanges if name == "tc-medium" else 3
            with self.index() as index:
                direct = f"{index.url.rstrip('/')}{direct_path(index, name)}"
                drained(direct)
                for _ in range(self.scale.rounds):
                    with self.node(index) as node:
                        url = node.url + node_path(wheel)
                        read_page(f"{node.simple}{name}/")  # as every client does before it wants a file
                        comparison.cold.append(drained(url))
                        comparison.warm.extend(drained(url) for _ in range(exchanges))
                        comparison.direct.extend(drained(direct) for _ in range(exchanges))
            yield comparison

    # -- installs -----------------------------------------------------------------------------------------------

    def installs(self) -> Iterator[Comparison]:
        """The application of the made-up universe, with an empty client cache each time."""
        for client in self.scale.clients:
            for round_trip_ms in self.scale.round_trips_ms:
                yield self._installs(client, round_trip_ms, RunningIndex.kill)
            yield self._installs(client, 0, RunningIndex.freeze)

    def _installs(self, client: str, round_trip_ms: int, end: Callable[[RunningIndex], None]) -> Comparison:
        """`end` is what becomes of the index: killed, it refuses; frozen, it takes connections and says nothing."""
        ended = "refuses" if end is RunningIndex.kill else "is silent"
        comparison = Comparison(what=f"{client}, {round_trip_ms} ms to an index that then {ended}")

        def install(root: str) -> float:
            with new_desk() as desk:
                installed = CLIENTS[client](desk=desk).install(root, APPLICATION)
            assert installed.succeeded, installed.run.said
            return installed.run.took_s

        for _ in range(self.scale.rounds):
            with ExitStack() as running:
                index = running.enter_context(self.index(max_age_s=0))
                install(index.simple)  # the index makes its archives and pages on first demand
                index.behave(round_trip_ms=round_trip_ms)
                # Every page is asked for again in every install: that is what costs, or fails.
                node = running.enter_context(self.node(index, freshness={"page": "0s"}))
                comparison.direct.append(install(index.simple))
                comparison.cold.append(install(node.simple))
                comparison.warm.append(install(node.simple))
                end(index)
                comparison.noticing.append(install(node.simple))
                comparison.dead.append(install(node.simple))
        return comparison

    # -- figures ------------------------------------------------------------------------------------------------

    def memory(self) -> Iterator[Figure]:
        """The peak with a very large file, one reader who stalls and one who does not."""
        wheel = self.universe.wheel("tc-giant", "1.0")
        size_mb = self.scale.sizes.giant // 1_000_000
        with self.index() as index, self.node(index) as node, socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", node.port))
            stalled.sendall(f"GET /{node_path(wheel)} HTTP/1.1\r\nHost: node.example\r\n\r\n".encode())
            assert digest_of(node.url + node_path(wheel)) == wheel.hashes["sha256"]
            assert digest_of(node.url + node_path(wheel)) == wheel.hashes["sha256"]
            peak = node.peak_memory_bytes() / MIB
        yield Figure(
            what=f"peak memory, a {size_mb} MB file, cold and warm, beside a stalled reader",
            value=peak,
            limit=120,
            unit="MiB",
        )

    def start(self) -> Iterator[Figure]:
        """From the start of the process to its first answer, with a new store and with a used one."""
        cold: list[float] = []
        warm: list[float] = []
        with self.index() as index:
            for _ in range(self.scale.rounds):
                with self.node(index) as node:
                    cold.append(node.ready_after_s)
                    with new_desk() as desk:
                        assert CLIENTS["uv"](desk=desk).install(node.simple, APPLICATION).succeeded
                    node.close()
                    node.start_again()
                    warm.append(node.ready_after_s)
        yield Figure(what="start to first answer, new store", value=max(cold), limit=1.0, unit="s")
        yield Figure(what="start to first answer, used store", value=max(warm), limit=0.5, unit="s")


def measured(scale: Scale, tell: Callable[[str], None]) -> Report:
    """The whole run."""
    comparisons: list[Comparison] = []
    figures: list[Figure] = []
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder=Path(folder), scale=scale)
        for comparison in chain(bench.pages(), bench.files(), bench.installs()):
            tell(f"{time.monotonic() - began_at:4.0f} s  {comparison.what}")
            comparisons.append(comparison)
        for figure in chain(bench.start(), bench.memory()):
            tell(f"{time.monotonic() - began_at:4.0f} s  {figure.what}")
            figures.append(figure)
    for one in comparisons:
        ratio = one.ratio("dead", "warm")
        if ratio is not None:
            figures.append(Figure(what=f"{one.what}: no tier against warm", value=ratio, limit=1.2, unit="×"))
            more_s = median(one.noticing) - 1.2 * median(one.warm)
            figures.append(Figure(what=f"{one.what}: what noticing it costs", value=more_s, limit=0.5, unit="s"))
    return Report(circumstances=circumstances(scale), comparisons=comparisons, figures=figures)


def circumstances(scale: Scale) -> dict[str, str]:
    """What a reader has to know of the run."""
    return {**machine_and_software(), "rounds": str(scale.rounds)}


def machine_and_software() -> dict[str, str]:
    """What kind of machine and software this is, in general words."""
    system = f"{platform.system()} on {platform.machine()}"
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "machine": f"{system}, {os.cpu_count()} cores, {memory_gib:.0f} GiB of memory",
        "software": f"{platform.python_implementation()} {platform.python_version()}",
    }


HEADING = "A node beside going direct"

INTRODUCTION = """\
How a node compares with going to an index directly. Made by

    {command}

on {machine}, with {software}; medians of {rounds} rounds of one run.
Node, index and clients share the machine and its loopback interface: only the ratios say something about another one.

*Direct* is the same request to the fake index of the tests (`tests/doubles/index.py`), which does nothing but send
bytes that are ready; *cold* is the first time through a node with an empty store; *warm* is a later time; *noticing* is
the first install after the index went away, and *no tier* the next one. Rows that begin with a client's name are
installs of an application with 54 dependencies: each begins with an empty cache and an empty environment, and the node
takes every page for stale at once, so that a warm install asks the index about each of them again. Of pages and files,
*cold* includes the node's own connection to the index; pages are asked for on one connection, each file on a new one.

"""


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    parser = argparse.ArgumentParser(description="How a node compares with going direct.")
    parser.add_argument("--short", action="store_true", help="small sizes, one round, uv alone, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the raw times there")
    parser.add_argument(
        "--write",
        action=argparse.BooleanOptionalAction,
        help="write its section of docs/performance.md (a whole run does)",
    )
    chosen = parser.parse_args()
    report = measured(SHORT if chosen.short else WHOLE, lambda line: print(line, file=sys.stderr, flush=True))
    print(report.as_markdown())
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    if chosen.write if chosen.write is not None else not chosen.short:
        command = "python -m benchmarks.node" + (" --short" if chosen.short else "")
        introduction = INTRODUCTION.format(command=command, **report.circumstances)
        section = introduction + report.as_markdown()
        PERFORMANCE.write_text(with_section(PERFORMANCE.read_text(), HEADING, section))
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
