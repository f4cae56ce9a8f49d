"""What a prefetch at the end of a chain costs: `python -m benchmarks.prefetch`, or with `--short` one small round.

Real processes on loopback.  The index is the slowest link: 50 ms away, and 12.5 MB a second for all that it sends.  A
prefetch of 200 wheels at the last of three nodes, against the same at one node in front of the index, which is that
link alone; by a lock, and by requirements that are resolved first.  How often each file was asked for at each link is
counted.  Only ratios within one run say anything.  Exits with 3 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

from attrs import define, field, frozen

from benchmarks.measures import Figure, Report, figures_as_markdown
from benchmarks.new_chains import new_chain
from benchmarks.node import LIMIT_MISSED
from tests.acceptance.chains import PREFETCH_ACCESS
from tests.doubles.distributions import Archive
from tests.doubles.fetching import fetch
from tests.doubles.listings import JSON_TYPE, file_path
from tests.doubles.processes import RunningIndex, RunningNode
from tests.doubles.universe import Sizes, Universe, wheel_names

ROUND_TRIP_MS = 50
BANDWIDTH_BYTES = 12_500_000
"""A second: a line of 100 Mbit/s, which nodes on one machine outrun by far."""

LIMIT = 1.2
"""Of a prefetch through three nodes, against the slowest link alone (the design's section 12)."""

ALONE, THREE = 1, 3
"""How many nodes stand one behind the other."""

_GOT = re.compile(r" GET (/\S+) \d{3} \d+ bytes ")
"""A request in a node's log."""


@frozen(kw_only=True)
class Scale:
    """How much is measured."""

    files: int
    rounds: int


WHOLE = Scale(files=200, rounds=3)
SHORT = Scale(files=20, rounds=1)


@frozen(kw_only=True)
class Document:
    """What is handed in, by the name that tells its format."""

    name: str
    text: str


@define(kw_only=True)
class Taken:
    """What the prefetches of one document through so many nodes took.

    `asked`: for each link, by who was asked, how often it was asked for each file, in each round.
    """

    times_s: list[float] = field(factory=list)
    asked: dict[str, list[Counter[str]]] = field(factory=dict)

    @property
    def time_s(self) -> float:
        return median(self.times_s)


Found = Mapping[tuple[str, int], Taken]


def requirements(wheels: Sequence[Archive]) -> Document:
    """Requirements that name every wheel's release."""
    lines = [f"{wheel.release.name}=={wheel.release.version}" for wheel in wheels]
    return Document(name="requirements.txt", text="\n".join(lines) + "\n")


def lock(wheels: Sequence[Archive], index_url: str) -> Document:
    """A lock of every wheel (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "benchmarks"']
    for wheel in wheels:
        lines += ["[[packages]]", f'name = "{wheel.release.name}"', f'version = "{wheel.release.version}"']
        lines += [
            "[[packages.wheels]]",
            f'url = "{urljoin(index_url, file_path(wheel))}"',
            f"size = {wheel.size_bytes}",
        ]
        lines += [f'hashes = {{sha256 = "{wheel.hashes["sha256"]}"}}']
    return Document(name="pylock.toml", text="\n".join(lines) + "\n")


def prefetched_s(node: RunningNode, document: Document, wheels: Sequence[Archive]) -> float:
    """How long a node took for a prefetch, by its own word: from its coming in until its report was there."""
    body = {"documents": [{"name": document.name, "text": document.text}]}
    headers = {"Content-Type": "application/json"}
    begun = fetch(f"{node.url}api/v1/prefetch", "POST", headers, json.dumps(body).encode())
    assert begun.status == 202, begun
    job = urljoin(node.url, begun.headers["location"])
    fetch(f"{job}/events")  # which end with the job
    ended = json.loads(fetch(job).body)
    assert ended["phase"] == "done", ended["reason"]
    assert ended["report"]["ready"], ended["report"]["targets"]
    came = {file["filename"] for file in ended["files"] if file["outcome"] == "fetched"}
    assert came == {wheel.filename for wheel in wheels}
    assert all(said.startswith("taken") for said in ended["handed_on"].values()), ended["handed_on"]
    took_s: float = ended["ended_at"] - ended["created_at"]
    return took_s


def paths_got(said: str) -> list[str]:
    """The paths of the GETs that a node has logged."""
    return _GOT.findall(said)


def of_files(paths: Collection[str]) -> Counter[str]:
    """How often each wheel is asked for by these paths; a part of one counts as the whole, its core metadata not."""
    return Counter(path.rpartition("/")[2] for path in paths if path.endswith(".whl"))


def prefetch(
    length: int, document: Document, wheels: Sequence[Archive], folder: Path, index: RunningIndex, into: Taken
) -> None:
    """One prefetch through so many new nodes."""
    with new_chain(length, folder, index, access=PREFETCH_ACCESS) as running:
        index.forget()
        into.times_s.append(prefetched_s(running[-1], document, wheels))
    got = {"the index": [one["path"] for one in index.requests() if one["method"] == "GET"]}
    got |= {f"node {number}": paths_got(node.said()) for number, node in enumerate(running[:-1], 1)}
    for link, paths in got.items():
        into.asked.setdefault(link, []).append(of_files(paths))


def measured(scale: Scale) -> tuple[Found, Sequence[Archive]]:
    """Each document through one node and through three in turn, round by round; and the wheels that they name."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        universe = Universe(folder=folder / "archives", sizes=Sizes(wheels=scale.files))
        names = wheel_names(scale.files)
        wheels = [universe.wheel(name, "1.0") for name in names]
        index = RunningIndex.start(folder / "index", "json", archives=universe.folder, max_age=600, wheels=scale.files)
        try:
            for name in names:  # so that each is made by then, and its digests known
                assert fetch(f"{index.simple}{name}/", headers={"Accept": JSON_TYPE}).status == 200
            index.behave(round_trip_ms=ROUND_TRIP_MS, bandwidth_bytes=BANDWIDTH_BYTES)
            documents = {one.name: one for one in (lock(wheels, index.url), requirements(wheels))}
            found = {(name, length): Taken() for name in documents for length in (ALONE, THREE)}
            for number in range(scale.rounds):
                for (name, length), taken in found.items():
                    place = folder / f"{name}-{length}-{number}"
                    prefetch(length, documents[name], wheels, place, index, taken)
        finally:
            index.close()
    return found, wheels


def not_once(asked: Sequence[Counter[str]], wheels: Sequence[Archive]) -> int:
    """How many files crossed a link in some round more than once or not at all, or at all without being wanted."""
    expected = {wheel.filename for wheel in wheels}
    return sum(count[name] != (name in expected) for count in asked for name in expected | count.keys())


def figures(found: Found, wheels: Sequence[Archive]) -> Iterator[Figure]:
    """What is held to a limit."""
    for (name, length), taken in found.items():
        if length == ALONE:
            continue
        yield Figure(
            what=f"{name}, {len(wheels)} files through three nodes, time against the slowest link alone",
            value=taken.time_s / found[name, ALONE].time_s,
            limit=LIMIT,
            unit="x",
        )
        for link, asked in taken.asked.items():
            yield Figure(
                what=f"{name}, through three nodes: files that {link} was asked for other than once",
                value=not_once(asked, wheels),
                limit=1,
                unit="",
            )


def table(found: Found) -> str:
    """Every time, and how often each link was crossed, in words that a person reads."""
    lines = ["| | time | GETs of files, in all and for one file at least and at most |", "|---|---:|---|"]
    for (name, length), taken in found.items():
        told = []
        for link, asked in taken.asked.items():
            each = [times for count in asked for times in count.values()]
            told.append(f"{link} {median(count.total() for count in asked):g} ({min(each)} to {max(each)})")
        through = "one node" if length == ALONE else "three nodes"
        lines.append(f"| {name}, {through} | {taken.time_s:.2f} s | {', '.join(told)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    parser = argparse.ArgumentParser(description="Prefetches at the end of a chain, and in front of the index.")
    parser.add_argument("--short", action="store_true", help="one round of few files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures there")
    chosen = parser.parse_args()
    found, wheels = measured(SHORT if chosen.short else WHOLE)
    size_bytes = sum(wheel.size_bytes for wheel in wheels)
    circumstances = {
        "round trip": f"{ROUND_TRIP_MS} ms",
        "bandwidth": f"{BANDWIDTH_BYTES / 1e6:g} MB/s",
        "files": f"{len(wheels)} of {size_bytes / 1e6:.1f} MB, {size_bytes / BANDWIDTH_BYTES:.2f} s at that bandwidth",
    }
    report = Report(circumstances=circumstances, comparisons=[], figures=list(figures(found, wheels)))
    print("; ".join(f"{name}: {told}" for name, told in circumstances.items()), end="\n\n")
    print(table(found), end="\n\n")
    print(figures_as_markdown(report.figures))
    if chosen.json:
        times = {f"{name}, {length}": taken.times_s for (name, length), taken in found.items()}
        chosen.json.write_text(json.dumps({**report.as_json(), "times_s": times}, indent=1) + "\n")
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
