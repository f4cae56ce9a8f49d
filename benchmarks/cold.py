"""How much of a cold install's waiting read-ahead takes away: `python -m benchmarks.cold`, or `--short` for one round.

Real processes on loopback: the fake index 50 ms away, and one or three nodes in front of it that have nothing.  pip and
uv install the application with its sixty dependencies directly, through a node that reads ahead, through one that does
not, and through three tiers.  Only ratios within one run say anything.  Exits with 3 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from attrs import define, field, frozen

from benchmarks.measures import Figure, Report
from benchmarks.node import LIMIT_MISSED
from tests.acceptance.chains import tiers
from tests.doubles.clients import CLIENTS, Desk
from tests.doubles.processes import RunningIndex, RunningNode
from tests.doubles.universe import APPLICATION, Universe

LIMITS = {"pip": 0.4, "uv": 1.05}
"""Of a cold install through one node that reads ahead, against going direct (design, section 12)."""

OF_NO_USE = 0.3
"""Of the requests that were guessed."""


@frozen(kw_only=True)
class Way:
    """How the client's requests go: through `length` nodes, none for directly."""

    what: str
    length: int
    read_ahead: bool = True


DIRECT = Way(what="direct", length=0)
ONE = Way(what="one node", length=1)
WITHOUT = Way(what="one node without read-ahead", length=1, read_ahead=False)
THREE = Way(what="three nodes", length=3)
WAYS = (DIRECT, ONE, WITHOUT, THREE)


@define(kw_only=True)
class Taken:
    """What the rounds of one client on one way took; the rest only where the last node reads ahead."""

    times_s: list[float] = field(factory=list)
    index_requests: list[int] = field(factory=list)
    guessed: int = 0
    used: int = 0


@contextmanager
def nodes(way: Way, folder: Path, index: RunningIndex) -> Iterator[list[RunningNode]]:
    """The nodes of a way, the nearest to the index first; they have nothing."""
    running: list[RunningNode] = []
    try:
        for number in range(way.length):
            settings: dict[str, Any] = {
                **tiers(index, running[-1] if running else None),
                "node": {"name": f"node{number}"},
                "prefetch": {"read-ahead": way.read_ahead},
            }
            running.append(RunningNode.prepare(folder / str(number), settings))
            running[-1].wait_until_ready()
        yield running
    finally:
        for node in reversed(running):
            node.close()


def install(client: str, way: Way, folder: Path, index: RunningIndex, taken: Taken) -> None:
    """One cold install; what it took is added."""
    with nodes(way, folder / "nodes", index) as running:
        index.forget()
        simple = running[-1].simple if running else index.simple
        installed = CLIENTS[client](desk=Desk(folder=folder / "client")).install(simple, APPLICATION)
        assert installed.succeeded, installed.run.said
        taken.times_s.append(installed.run.took_s)
        taken.index_requests.append(len(index.requests()))


def measured(rounds: int, round_trip_ms: int, clients: tuple[str, ...], ways: tuple[Way, ...]) -> Report:
    """Each client on each way in turn, round by round."""
    found = {(client, way): Taken() for client in clients for way in ways}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        universe = Universe(folder=folder / "archives")
        index = RunningIndex.start(folder / "index", "json", archives=universe.folder, max_age=600)
        try:
            for client in clients:  # once, so that every archive is made
                install(client, DIRECT, folder / f"before-{client}", index, Taken())
            index.behave(round_trip_ms=round_trip_ms)
            for number in range(rounds):
                for (client, way), taken in found.items():
                    install(client, way, folder / f"{client}-{ways.index(way)}-{number}", index, taken)
        finally:
            index.close()
    for (client, way), taken in found.items():
        print(f"{client}, {way.what}: {[round(s, 2) for s in taken.times_s]} {taken.index_requests}", file=sys.stderr)
    return Report(circumstances={"round trip": f"{round_trip_ms} ms"}, comparisons=[], figures=[])


if __name__ == "__main__":
    measured(1, 50, ("pip", "uv"), WAYS)
