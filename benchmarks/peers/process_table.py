"""What the process table says of a server: the CPU time and the memory of a process and all its descendants."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import field, frozen


@frozen
class ProcessTable:
    """The table as Linux shows it; `root` is where."""

    root: Path = Path("/proc")
    ticks_per_s: int = field(factory=lambda: os.sysconf("SC_CLK_TCK"))

    def family(self, pid: int) -> list[int]:
        """A process and its descendants that are alive."""
        children: dict[int, list[int]] = {}
        for entry in self.root.iterdir():
            if entry.name.isdigit() and (stat := self._stat(int(entry.name))):
                children.setdefault(int(stat[1]), []).append(int(entry.name))
        found, waiting = [], [pid]
        while waiting:
            one = waiting.pop()
            found.append(one)
            waiting += children.get(one, [])
        return found

    def cpu_s(self, pid: int) -> float:
        """The CPU time of the family, in user and kernel mode, with that of children who have ended."""
        return sum(self._cpu_s(one) for one in self.family(pid))

    def peak_bytes(self, pid: int) -> int:
        """The most memory that each of the family ever held (VmHWM), added up."""
        return sum(self._peak_kib(one) for one in self.family(pid)) * 1024

    def _stat(self, pid: int) -> list[str]:
        """The fields of `stat` after the name, which may itself hold blanks and brackets: state, parent, …"""
        try:
            return (self.root / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            return []

    def _cpu_s(self, pid: int) -> float:
        """By ticks, which know of threads and children that have ended; or by the finer count of its threads."""
        stat = self._stat(pid)
        # proc(5): utime, stime, cutime and cstime are fields 14 to 17
        by_ticks = sum(map(int, stat[11:15])) / self.ticks_per_s
        return max(by_ticks, sum(map(self._on_cpu_ns, (self.root / str(pid)).glob("task/*/schedstat"))) / 1e9)

    def _on_cpu_ns(self, schedstat: Path) -> int:
        try:
            return int(schedstat.read_text().split()[0])
        except OSError:  # it has ended meanwhile
            return 0

    def _peak_kib(self, pid: int) -> int:
        try:
            lines = (self.root / str(pid) / "status").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
