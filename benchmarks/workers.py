"""What workers take off a node: `python -m benchmarks.workers`, or with `--seconds 3` in half a minute.

A warm page and a warm file, asked for by wrk on one machine, of a node that is one process and of one with workers.
The CPU time per request is told apart: that of the workers spreads over cores, that of the node itself does not, and
bounds what any number of workers can do.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from benchmarks.exchanges import ACCEPTS
from benchmarks.peers.asked import file_url
from benchmarks.peers.environments import default_folder
from benchmarks.peers.load import Generator
from benchmarks.peers.process_table import ProcessTable
from tests.doubles.fetching import fetch
from tests.doubles.processes import RunningIndex, RunningNode, wait_until
from tests.doubles.universe import layer_names

CONNECTIONS = 32


@frozen(kw_only=True)
class Row:
    """`node_s` and `workers_s`: CPU time per request; for one process the latter is 0."""

    what: str
    workers: int
    requests_per_s: float
    node_s: float
    workers_s: float

    def __str__(self) -> str:
        return (
            f"| {self.what} | {self.workers} | {self.requests_per_s:,.0f} | {self.node_s * 1e6:.1f} µs |"
            f" {self.workers_s * 1e6:.1f} µs |"
        )


def measured(folder: Path, generator: Generator, workers: int, seconds: int) -> Iterator[Row]:
    """A row for each of what is asked for."""
    index = RunningIndex.start(folder / "index")
    tiers = [{"name": "public", "kind": "origin", "url": index.simple}]
    node = RunningNode.prepare(folder / "node", {"node": {"workers": workers}, "tiers": tiers})
    table = ProcessTable()
    try:
        node.wait_until_ready()
        if workers > 1:
            wait_until(lambda: node.said().count("takes connections") == workers, what="the workers")
        project = layer_names()[0][0]
        accept = {"Accept": ACCEPTS["JSON"]}
        page = f"{node.simple}{project}/"
        for what, url, headers in (("page", page, accept), ("file", file_url(node.simple, project), {})):
            for _ in range(2):
                size_bytes = len(fetch(url, headers=headers).body)
            before = times(table, node.process.pid)
            load = generator.run(url, headers, CONNECTIONS, seconds)
            own, all_of_it = (after - then for after, then in zip(times(table, node.process.pid), before, strict=True))
            yield Row(
                what=f"{what} of {size_bytes:,} bytes",
                workers=workers,
                requests_per_s=load.answered / load.took_s,
                node_s=own / load.answered,
                workers_s=(all_of_it - own) / load.answered,
            )
    finally:
        node.close()
        index.close()


def times(table: ProcessTable, pid: int) -> tuple[float, float]:
    """CPU time of the node's own process, and with its workers'."""
    family = table.cpu_s(pid)
    return family - sum(table.cpu_s(one) for one in table.family(pid) if one != pid), family


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="benchmarks.workers", description="A node as one process and with workers.")
    parser.add_argument("--seconds", type=int, default=10, help="of load, for each figure")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    generator = Generator.found(default_folder(os.environ, Path.home()))
    print("| What | Workers | Requests per second | CPU of the node, each | CPU of its workers, each |")
    print("|---|---|---|---|---|")
    for workers in chosen.workers:
        with tempfile.TemporaryDirectory() as folder:
            for row in measured(Path(folder), generator, workers, chosen.seconds):
                print(row, flush=True)


if __name__ == "__main__":
    main()
