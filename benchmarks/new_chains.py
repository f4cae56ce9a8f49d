"""Chains of nodes that have nothing yet, for benchmarks of cold installs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.chains import follows, tiers
from tests.doubles.processes import RunningIndex, RunningNode, wait_until

RESTED_S = 2.0
"""How long a chain has been up before it is used: while its last node still starts, on the cores of the others, it is
no chain at work."""

ROUNDS = {"pip": 3, "uv": 9}
"""Of each client: an install with uv takes a second or two, of which whatever else the machine does is a large part."""


@contextmanager
def new_chain(length: int, folder: Path, index: RunningIndex, **settings: Any) -> Iterator[list[RunningNode]]:
    """So many nodes, the nearest to the index first, up and in touch; `settings` are keys of every `tiers.yaml`."""
    running: list[RunningNode] = []
    try:
        for number in range(length):
            above = tiers(index, running[-1] if running else None)
            whole = {**settings, **above, "node": {"name": f"node{number}"}}
            running.append(RunningNode.prepare(folder / str(number), whole))
            running[-1].wait_until_ready()
        wait_until(lambda: all(follows(node) for node in running[1:]), what="live feeds")
        time.sleep(RESTED_S)
        yield running
    finally:
        for node in reversed(running):
            node.close()
