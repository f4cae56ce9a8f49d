"""How much of a cold install's waiting read-ahead takes away: `python -m benchmarks.cold`, or `--short` for one of uv.

Real processes on loopback: the fake index 50 ms away, and one or three nodes in front of it that have nothing.  pip and
uv install the application with its sixty dependencies directly, through a node that reads ahead, through one that does
not, and through three tiers.  Only ratios within one run say anything.  Exits with 3 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from attrs import define, field, frozen

from benchmarks.desks import new_desk
from benchmarks.measures import Figure, Report, ratio_in_turn
from benchmarks.new_chains import ROUNDS, new_chain
from benchmarks.node import LIMIT_MISSED
from tests.doubles.clients import CLIENTS
from tests.doubles.processes import RunningIndex
from tests.doubles.universe import APPLICATION, Universe

LIMITS = {"pip": 0.4, "uv": 1.05}
"""Of a cold install through one node that reads ahead, against going direct (the design's section 12)."""

OF_THREE = 1.3
"""Of one through three tiers, against one through one."""

OF_NO_USE = 0.3
"""Of the requests that were guessed."""

_TOLD = re.compile(r"of (\d+) requests to tiers that were guessed, clients asked for (\d+)")


@frozen(kw_only=True)
class Way:
    """How a client's requests go: through `length` nodes, none for directly."""

    what: str
    length: int
    reads_ahead: bool = True


DIRECT = Way(what="direct", length=0)
ONE = Way(what="one node", length=1)
WITHOUT = Way(what="one node without read-ahead", length=1, reads_ahead=False)
THREE = Way(what="three nodes", length=3)
WAYS = (DIRECT, ONE, WITHOUT, THREE)


@define(kw_only=True)
class Taken:
    """What the installs of one client on one way took: time, requests to the index, and guesses of all their nodes."""

    times_s: list[float] = field(factory=list)
    index_requests: list[int] = field(factory=list)
    guessed: int = 0
    used: int = 0

    @property
    def time_s(self) -> float:
        return median(self.times_s)


Found = Mapping[tuple[str, Way], Taken]


def install(client: str, way: Way, folder: Path, index: RunningIndex) -> Taken:
    """One cold install."""
    reading = {"read-ahead": way.reads_ahead}
    with new_chain(way.length, folder / "nodes", index, prefetch=reading) as running:
        index.forget()
        simple = running[-1].simple if running else index.simple
        with new_desk() as desk:
            installed = CLIENTS[client](desk=desk).install(simple, APPLICATION)
        assert installed.succeeded, installed.run.said
        taken = Taken(times_s=[installed.run.took_s], index_requests=[len(index.requests())])
    for told in filter(None, (_TOLD.search(node.said()) for node in running)):
        taken.guessed += int(told[1])
        taken.used += int(told[2])
    return taken


def measured(rounds: Mapping[str, int], round_trip_ms: int) -> Found:
    """Each client on each way in turn, with each so many rounds."""
    found = {(client, way): Taken() for client in rounds for way in WAYS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        universe = Universe(folder=folder / "archives")
        index = RunningIndex.start(folder / "index", "json", archives=universe.folder, max_age=600)
        try:
            for client in rounds:  # so that every archive is made
                install(client, DIRECT, folder / f"before-{client}", index)
            index.behave(round_trip_ms=round_trip_ms)
            for number in range(max(rounds.values())):
                for (client, way), taken in found.items():
                    if number >= rounds[client]:
                        continue
                    one = install(client, way, folder / f"{client}-{WAYS.index(way)}-{number}", index)
                    taken.times_s += one.times_s
                    taken.index_requests += one.index_requests
                    taken.guessed += one.guessed
                    taken.used += one.used
        finally:
            index.close()
    return found


def figures(found: Found) -> Iterator[Figure]:
    """What is held to a limit."""
    for client in dict.fromkeys(client for client, _ in found):
        direct, one, three = (found[client, way] for way in (DIRECT, ONE, THREE))
        yield Figure(
            what=f"{client}, cold install through one node, time against direct",
            value=ratio_in_turn(one.times_s, direct.times_s),
            limit=LIMITS[client],
            unit="x",
        )
        yield Figure(
            what=f"{client}, through three nodes, time against one",
            value=ratio_in_turn(three.times_s, one.times_s),
            limit=OF_THREE,
            unit="x",
        )
        for way in (ONE, THREE):
            taken = found[client, way]
            yield Figure(
                what=f"{client}, {way.what}: guessed requests that were of no use",
                value=1 - taken.used / taken.guessed if taken.guessed else 0.0,
                limit=OF_NO_USE,
                unit="",
            )


def table(found: Found) -> str:
    """Every time, in words that a person reads."""
    lines = ["| | time | against direct | requests to the index | guessed | of use |", "|---|---:|---:|---:|---:|---:|"]
    for (client, way), taken in found.items():
        ratio = ratio_in_turn(taken.times_s, found[client, DIRECT].times_s)
        lines.append(
            f"| {client}, {way.what} | {taken.time_s:.2f} s | {ratio:.2f} | {median(taken.index_requests):g} | "
            f"{taken.guessed} | {taken.used} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    parser = argparse.ArgumentParser(description="Cold installs, with read-ahead and without.")
    parser.add_argument("--short", action="store_true", help="one round of uv")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures there")
    chosen = parser.parse_args()
    found = measured({"uv": 1} if chosen.short else ROUNDS, 50)
    report = Report(circumstances={"round trip": "50 ms"}, comparisons=[], figures=list(figures(found)))
    print(table(found), end="\n\n")
    print(report.as_markdown())
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
