"""What a chain of nodes costs and brings: `python -m benchmarks.chain`, or with `--short` one round of uv.

Real processes on loopback: one, two and three nodes in front of the fake index.  Cold installs of an application
through each, and what the index was asked; and how long a release at the top takes to be seen at the bottom.  Ratios
are within one run.  Exits with 3 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.desks import new_desk
from benchmarks.measures import Figure, Report, ratio_in_turn
from benchmarks.new_chains import ROUNDS, new_chain
from benchmarks.node import LIMIT_MISSED
from tests.acceptance.chains import started, versions_on
from tests.doubles.clients import CLIENTS
from tests.doubles.processes import Running, RunningIndex, RunningNode, wait_until
from tests.doubles.releasing import wheel_of
from tests.doubles.universe import APPLICATION, Universe

LENGTHS = (1, 2, 3)
RELEASES = 5


def cold_install(client: str, node: RunningNode, index: RunningIndex) -> tuple[float, int]:
    """The time of a client's install through a node that has nothing, and how many requests the index had."""
    index.forget()
    with new_desk() as desk:
        installed = CLIENTS[client](desk=desk).install(node.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    asked = [line for line in index.requests() if line["method"] == "GET"]
    return installed.run.took_s, len(asked)


def news_s(folder: Path, index: RunningIndex) -> list[float]:
    """How long releases at the top of three tiers take until a page at the bottom lists them."""
    running: list[Running] = []
    try:
        chain = started(folder / "news", index, running, freshness={"page": "1h", "absent": "1h"})
        project = "acme-lib"
        assert versions_on(chain.dev, project) == set()
        wait_until(lambda: chain.is_followed, what="live feeds")
        taken = []
        for number in range(1, RELEASES + 1):
            archive = wheel_of(project, f"{number}.0", folder / "wheels")
            chain.private.release(archive)
            began_at = time.monotonic()
            wait_until(lambda wanted=f"{number}.0": wanted in versions_on(chain.dev, project), what="the news")  # type: ignore[misc]
            taken.append(time.monotonic() - began_at)
    finally:
        for one in reversed(running):
            one.close()
    return taken


def measured(rounds: Mapping[str, int], round_trip_ms: int) -> Report:
    """Install through chains of each length in turn, with each client so many times, and tell news."""
    times: dict[tuple[str, int], list[float]] = {(client, length): [] for client in rounds for length in LENGTHS}
    asked: dict[tuple[str, int], list[int]] = {key: [] for key in times}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        universe = Universe(folder=folder / "archives")
        index = RunningIndex.start(folder / "index", "json", archives=universe.folder, max_age=600)
        try:
            index.behave(round_trip_ms=round_trip_ms)
            for number in range(max(rounds.values())):
                for client, length in times:
                    if number >= rounds[client]:
                        continue
                    with new_chain(length, folder / f"{client}-{length}-{number}", index) as nodes:
                        took_s, requests = cold_install(client, nodes[-1], index)
                    times[client, length].append(took_s)
                    asked[client, length].append(requests)
            news = news_s(folder, index)
        finally:
            index.close()
    return Report(
        circumstances={"round trip": f"{round_trip_ms} ms"}, comparisons=[], figures=figures(times, asked, news)
    )


def figures(
    times: Mapping[tuple[str, int], list[float]], asked: Mapping[tuple[str, int], list[int]], news: list[float]
) -> list[Figure]:
    """What is held to a limit: limits of the design's section 12."""
    found = []
    for client, length in times:
        if length == 1:
            continue
        time_ratio = ratio_in_turn(times[client, length], times[client, 1])
        requests_ratio = median(asked[client, length]) / median(asked[client, 1])
        found += [
            Figure(
                what=f"{client}, cold install through {length} tiers, time against one",
                value=time_ratio,
                limit=1.3,
                unit="x",
            ),
            Figure(
                what=f"{client}, the same, requests to the index off those of one",
                value=abs(requests_ratio - 1),
                limit=0.1,
                unit="",
            ),
        ]
    found.append(
        Figure(what="a release at the top, until it is listed three tiers down", value=max(news), limit=1.0, unit="s")
    )
    return found


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    parser = argparse.ArgumentParser(description="Chains of one, two and three nodes.")
    parser.add_argument("--short", action="store_true", help="one round of uv")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures there")
    chosen = parser.parse_args()
    report = measured({"uv": 1} if chosen.short else ROUNDS, 50)
    print(report.as_markdown())
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
