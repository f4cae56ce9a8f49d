"""One measured thing of one server, as a value; and the groups that they come in."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from statistics import median
from subprocess import SubprocessError

from attrs import evolve, frozen

from benchmarks.measures import ratio_in_turn

PAGES, FILES, COLD, INSTALLS = "warm pages", "warm files", "cold files", "installs"
BUSY, STARTS, MEMORY = "warm page at work", "starts", "memory"

FAILURES = (OSError, http.client.HTTPException, SubprocessError, AssertionError, ValueError)
"""What another server may do to us: it becomes a note in its cell, and the run goes on."""


@frozen(kw_only=True)
class Cell:
    """What a server needed for a case of a group; what was not measured is None.

    `cpu_s` is the server's CPU time and `wall_s` the time on the clock.  Warm: of one request, so that 1 / `wall_s` is
    the requests per second.  Cold: the CPU of one client's file, and the time until all clients have it.  Else: of one
    install, of one start.  `tail_s`: under load the 99th percentile of the latency; for cold files the longest wait for
    a first byte beyond the index's own.  `answered`: how many requests there were.  `failed`: how many more went wrong.
    `size_bytes`: of one body, as sent; in the group of that name, the most memory.  `fetches`: how often the index was
    asked for the cold file.  `meanwhile`: what else the server did.  `note`: why nothing was measured.  `rounds`: those
    of which this has the medians, in the order in which servers took turns.
    """

    group: str
    case: str
    peer: str
    cpu_s: float | None = None
    wall_s: float | None = None
    tail_s: float | None = None
    worst_s: float | None = None
    answered: int = 0
    failed: int = 0
    size_bytes: int | None = None
    fetches: float | None = None
    meanwhile: str = ""
    note: str = ""
    rounds: tuple[Cell, ...] = ()


def middle(rounds: Sequence[Cell]) -> Cell:
    """The medians of the rounds of one case; those that failed do not count, unless all did."""
    good = [cell for cell in rounds if not cell.note]
    if not good:
        return rounds[0]

    def of(name: str) -> float | None:
        values = [getattr(cell, name) for cell in good]
        return None if None in values else median(values)

    medians = {name: of(name) for name in ("cpu_s", "wall_s", "tail_s", "fetches")}
    return evolve(good[0], failed=max(cell.failed for cell in good), rounds=tuple(rounds), **medians)


def ratio(of: Cell, to: Cell, value: Callable[[Cell], float | None]) -> float | None:
    """How a value of one server compares with another's: the median of the rounds' ratios, as `ratio_in_turn` says.

    None where either has none.
    """
    pairs = zip(of.rounds or (of,), to.rounds or (to,), strict=False)
    both = [(one, other) for one, other in ((value(one), value(other)) for one, other in pairs) if one and other]
    return ratio_in_turn([one for one, _ in both], [other for _, other in both]) if both else None


def in_short(problem: BaseException) -> str:
    """The first line of what it says, for a note."""
    return (str(problem).splitlines() or [type(problem).__name__])[0][:80]
