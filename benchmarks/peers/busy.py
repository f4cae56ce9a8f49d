"""A warm page while the node works: how long a client waits for it who asks at a steady rate.

Meanwhile a file of a GB is filled, a page of thousands of files, which is another one each time, is parsed and
rendered, and prefetches run.  The index is as slow as it has to be for the fill to last.

It is asked of a node of one process, whose one thread does all of that too, and of one with workers, which answer what
is ready while it works.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import asdict, evolve, frozen

from benchmarks.exchanges import ACCEPTS
from benchmarks.peers import cells
from benchmarks.peers.asked import file_url
from benchmarks.peers.cells import FAILURES, Cell, in_short
from benchmarks.peers.chores import NICE, Chores, Done
from benchmarks.peers.content import PAGES, Content, page_project
from benchmarks.peers.cores import Cores
from benchmarks.peers.peer import RunningPeer, Stand
from benchmarks.peers.steady import Latencies, asked_steadily
from benchmarks.peers.this_node import NAME, ThisNode
from tests.doubles.fetching import fetch
from tests.doubles.processes import ROOT
from tests.doubles.universe import Sizes, wheel_names

IDLE, AT_WORK = "nothing else", "a fill, large pages and prefetches"
WORKERS = 2
WITH_WORKERS = f", {WORKERS} workers"
"""What the names of those cases end with."""

GIANT_FILE = "tc-giant"
_PAGE = "8 KB"
_WHEELS_A_JOB = 30
_END_WITHIN_S = 30.0


@frozen(kw_only=True)
class BusyScale:
    """`seconds` of asking, `per_s` times in each; `listed` files has the large page."""

    seconds: int
    per_s: int
    listed: int
    giant_mb: int
    jobs: int

    @property
    def bandwidth_bytes(self) -> int:
        """What the index sends in a second, so that the fill lasts: pages and prefetches have a share of it."""
        return self.giant_mb * 1_000_000 // self.seconds

    def told(self) -> dict[str, str]:
        """What a reader has to know of it."""
        return {
            "per_s": str(self.per_s),
            "listed": f"{self.listed:,}",
            "giant": f"{self.giant_mb:,} MB",
            "speed": f"{self.bandwidth_bytes // 1_000_000} MB/s",
        }

    @property
    def large_page(self) -> str:
        """The project that has it."""
        return f"tc-listed-{self.listed}"

    @property
    def sizes(self) -> Sizes:
        return Sizes(
            big=1_000_000,
            giant=self.giant_mb * 1_000_000,
            ancient_files=20,
            listed_files=(PAGES[_PAGE], self.listed),
            wheels=_WHEELS_A_JOB * self.jobs,
        )


@frozen(kw_only=True)
class Busy:
    """Of this node alone.  `peaks` has the most memory of each server of the run."""

    scale: BusyScale
    folder: Path
    cores: Cores
    peaks: dict[str, int]

    def measured(self) -> Iterator[Cell]:
        """The same node idle, and at work, without workers and with; what it kept is removed afterwards."""
        content = Content(folder=self.folder / "content", sizes=self.scale.sizes)
        stand = Stand(content=content, folder=self.folder / "servers", cores=self.cores, peaks=self.peaks)
        try:
            yield from self._of(stand, ThisNode(), "")
            yield from self._of(stand, ThisNode(workers=WORKERS), WITH_WORKERS)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _of(self, stand: Stand, peer: ThisNode, suffix: str) -> Iterator[Cell]:
        case = IDLE + suffix
        try:
            with stand.running(peer) as node:
                self._warm_up(node)
                yield self._cell(node, case)
                case = AT_WORK + suffix
                done = Done()
                with self._at_work(node, done):
                    cell = self._cell(node, case)
                yield evolve(cell, meanwhile=str(done))
        except FAILURES as problem:
            yield Cell(group=cells.BUSY, case=case, peer=NAME, note=in_short(problem))

    def _warm_up(self, node: RunningPeer) -> None:
        """What is cold of the index is made; the index is slowed down, and gives way to who measures."""
        index = node.setting.index
        os.setpriority(os.PRIO_PROCESS, index.process.pid, NICE)
        assert fetch(f"{index.simple}{GIANT_FILE}/").status == 200
        renewed = {"do": "renewed", "match": f"/simple/{self.scale.large_page}/", "value": 1}
        index.behave(renewed, bandwidth_bytes=self.scale.bandwidth_bytes)

    def _cell(self, node: RunningPeer, case: str) -> Cell:
        headers = {"Accept": ACCEPTS["JSON"], "Accept-Encoding": "gzip"}
        url = f"{node.simple}{page_project(_PAGE)}/"
        assert fetch(url, headers=headers).status == 200
        found: Latencies = asked_steadily(url, headers, per_s=self.scale.per_s, seconds=self.scale.seconds)
        return Cell(
            group=cells.BUSY,
            case=case,
            peer=NAME,
            wall_s=found.percentile(50),
            tail_s=found.percentile(99),
            worst_s=found.longest_s,
            answered=len(found.waited_s),
        )

    @contextmanager
    def _at_work(self, node: RunningPeer, done: Done) -> Iterator[None]:
        """What it has done stands in `done` afterwards; an AssertionError if it was not at work all the time."""
        wheels = wheel_names(self.scale.sizes.wheels)
        chores = Chores(
            node=node.setting.url,
            file=file_url(node.simple, GIANT_FILE),
            page=f"{node.simple}{self.scale.large_page}/",
            prefetches=[wheels[at :: self.scale.jobs] for at in range(self.scale.jobs)],
        )
        command = [sys.executable, "-m", "benchmarks.peers.chores", json.dumps(asdict(chores))]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as working:
            try:
                yield
            finally:
                said, _ = working.communicate(timeout=_END_WITHIN_S)  # which ends its input, and so its work
        done.take(json.loads(said))
