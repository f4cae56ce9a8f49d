"""Which core is whose: the server under load has one for itself, all that asks or feeds it has another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen


@frozen(kw_only=True)
class Cores:
    """Numbers of cores; both None where there are not two, and then nothing is pinned."""

    server: int | None
    load: int | None

    @classmethod
    def of(cls, usable: Iterable[int], taskset: str | None) -> Cores:
        """The first and the last of the usable ones; `taskset` is where that tool is, if it is there."""
        numbers = sorted(usable)
        if len(numbers) < 2 or taskset is None:
            return cls(server=None, load=None)
        return cls(server=numbers[0], load=numbers[-1])

    @classmethod
    def found(cls) -> Cores:
        """Those of this machine."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(server=None, load=None)
        return cls.of(os.sched_getaffinity(0), shutil.which("taskset"))

    def serving(self, command: Sequence[str | Path]) -> list[str | Path]:
        """The command of a server, kept on the server's core; its process id is that of the server itself."""
        return [*command] if self.server is None else ["taskset", "-c", str(self.server), *command]

    def settle_here(self) -> None:
        """Keep this process, and all that it starts from now on unless told otherwise, on the load's core."""
        if self.load is not None:
            os.sched_setaffinity(0, {self.load})

    def __str__(self) -> str:
        if self.server is None:
            return "server and load share the cores"
        return "the server has one core, load and index another"
