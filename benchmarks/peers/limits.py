"""What a node is held to beside other servers, in one run: the figures of the design's section 12."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from attrs import frozen

from benchmarks.measures import Figure
from benchmarks.peers import cells, nginx, peryx, proxpi
from benchmarks.peers.busy import AT_WORK
from benchmarks.peers.cells import Cell
from benchmarks.peers.this_node import NAME as NODE

BOTH = ("cpu_s", "wall_s")
_WORDS = {"cpu_s": "CPU", "wall_s": "time"}


@frozen(kw_only=True)
class Limit:
    """In all cases whose names match, this node needs less than `most` times what the other server needs."""

    group: str
    cases: str
    peer: str
    most: float
    values: tuple[str, ...] = BOTH


LIMITS = (
    Limit(group=cells.PAGES, cases="8 KB, .*", peer=nginx.STATIC, most=1 / 0.6),
    Limit(group=cells.PAGES, cases="8 KB, HTML.*", peer=peryx.NAME, most=1 / 1.4),
    Limit(group=cells.PAGES, cases="8 KB, JSON.*", peer=peryx.NAME, most=1 / 10),
    Limit(group=cells.PAGES, cases="8 KB, .*", peer=proxpi.NAME, most=1 / 50),
    Limit(group=cells.PAGES, cases="(40|400) KB, .*", peer=nginx.STATIC, most=1 / 0.6),
    Limit(group=cells.PAGES, cases="(40|400) KB, .*", peer=peryx.NAME, most=1),
    Limit(group=cells.FILES, cases="100 KB, .*", peer=nginx.STATIC, most=1 / 0.55),
    Limit(group=cells.FILES, cases="100 KB, .*", peer=peryx.NAME, most=1 / 2.5),
    Limit(group=cells.FILES, cases=".* MB, .*", peer=nginx.STATIC, most=1 / 0.65),
    Limit(group=cells.FILES, cases=".* MB, .*", peer=peryx.NAME, most=1),
    Limit(group=cells.COLD, cases=".*, 1 client", peer=nginx.CACHE, most=1 / 0.45, values=("wall_s",)),
    Limit(group=cells.COLD, cases=".*, 8 clients", peer=nginx.CACHE, most=1 / 2, values=("wall_s",)),
    Limit(group=cells.INSTALLS, cases=".*, warm", peer=nginx.CACHE, most=1.05, values=("wall_s",)),
)


def figures(measured: Sequence[Cell]) -> Iterator[Figure]:
    """Those that the run has measured: ratios to other servers, and what this node is held to by itself.

    With what is said of other servers than nginx stands what nginx has there, which does next to nothing but send.
    """
    by_place = {(cell.group, cell.case, cell.peer): cell for cell in measured}
    ours = [cell for cell in measured if cell.peer == NODE]
    for limit in LIMITS:
        matching = [cell for cell in ours if cell.group == limit.group and re.fullmatch(limit.cases, cell.case)]
        for value in limit.values:
            ratios = [
                (found, cell.case)
                for cell in matching
                if (other := by_place.get((limit.group, cell.case, limit.peer)))
                and (found := cells.ratio(cell, other, attrgetter(value)))
            ]
            if ratios:
                worst, case = max(ratios)
                what = f"{limit.group}, {_WORDS[value]} against {limit.peer}, at worst: {case}"
                what += _what_nginx_has(by_place, limit, case, value)
                yield Figure(what=what, value=worst, limit=limit.most, unit="×")
    yield from _by_itself(ours)


def _what_nginx_has(by_place: Mapping[tuple[str, str, str], Cell], limit: Limit, case: str, value: str) -> str:
    nginx_cell = by_place.get((limit.group, case, nginx.STATIC))
    if limit.peer in (nginx.STATIC, nginx.CACHE) or nginx_cell is None:
        return ""
    found = cells.ratio(nginx_cell, by_place[limit.group, case, limit.peer], attrgetter(value))
    return f" ({nginx.STATIC}: {found:.3g} ×)" if found else ""


def _by_itself(ours: Sequence[Cell]) -> Iterator[Figure]:
    for cell in ours:
        if cell.group == cells.COLD and cell.answered >= 50 and cell.fetches is not None and cell.tail_s is not None:
            yield Figure(what=f"{cell.case}: fetches", value=cell.fetches, limit=1.5, unit="")
            yield Figure(
                what=f"{cell.case}: last first byte after the index's", value=cell.tail_s, limit=0.05, unit="s"
            )
        if cell.group == cells.BUSY and cell.case.startswith(AT_WORK) and cell.tail_s is not None:
            yield Figure(
                what=f"8 KB page, 99th percentile beside {cell.case}", value=cell.tail_s, limit=0.005, unit="s"
            )
        if cell.group == cells.STARTS and cell.case == "used store" and cell.wall_s is not None:
            yield Figure(what="start to first warm page", value=cell.wall_s, limit=0.5, unit="s")
        if cell.group == cells.MEMORY and cell.size_bytes is not None:
            yield Figure(what="peak memory of all this", value=cell.size_bytes / (1 << 20), limit=150, unit="MiB")
