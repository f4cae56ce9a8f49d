"""Cells as pictures: bars in SVG, one block a case, one bar a server."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from attrs import frozen

from benchmarks.peers.cells import Cell
from benchmarks.peers.tables import TABLES, Table, three_digits

_COLOURS = ("#c2410c", "#15803d", "#65a30d", "#0d9488", "#1d4ed8", "#7c3aed", "#be185d", "#57534e")
_LEFT, _BARS, _RIGHT = 230, 420, 110
_BAR, _GAP, _TOP = 14, 12, 64
_FONT = "font-family='sans-serif' font-size='12'"


@frozen(kw_only=True)
class Plot:
    """A picture of the table of that title, in the file of that name; `is_log`: by orders of magnitude."""

    filename: str
    title: str
    is_log: bool = False

    @property
    def table(self) -> Table:
        return next(table for table in TABLES if table.title == self.title)


PLOTS = (
    Plot(filename="pages.svg", title="Warm pages, CPU µs a request", is_log=True),
    Plot(filename="files.svg", title="Warm files, CPU µs a request", is_log=True),
    Plot(filename="cold.svg", title="Cold files, ms until all clients have it", is_log=True),
    Plot(filename="installs.svg", title="Installs, seconds"),
    Plot(filename="starts.svg", title="Starts, seconds to the first page"),
    Plot(filename="memory.svg", title="Memory, MiB"),
)


def drawn(plot: Plot, measured: Sequence[Cell], peers: Sequence[str]) -> str:
    """The plot as SVG; empty if there is nothing to show."""
    table = plot.table
    blocks: dict[str, dict[str, float]] = {}
    for cell in measured:
        if cell.group == table.group and (value := table.value(cell)):
            blocks.setdefault(cell.case, {})[cell.peer] = value
    return bars(plot.title, blocks, peers, is_log=plot.is_log) if blocks else ""


def bars(title: str, blocks: Mapping[str, Mapping[str, float]], peers: Sequence[str], is_log: bool) -> str:
    """Blocks of bars by case and server; each server keeps its colour, which the legend tells."""
    shown = [peer for peer in peers if any(peer in block for block in blocks.values())]
    values = [value for block in blocks.values() for value in block.values()]
    width, top = _LEFT + _BARS + _RIGHT, _TOP + 18 * math.ceil(len(shown) / 4)
    lines: list[str] = []
    y = top
    for case, block in blocks.items():
        lines.append(f"<text x='{_LEFT - 8}' y='{y + 11}' text-anchor='end'>{escape(case)}</text>")
        for peer in (peer for peer in shown if peer in block):
            value = block[peer]
            length = _BARS * _share(value, min(values), max(values), is_log)
            colour = _COLOURS[peers.index(peer) % len(_COLOURS)]
            lines.append(
                f"<rect x='{_LEFT}' y='{y}' width='{length:.1f}' height='{_BAR - 2}' fill='{colour}'>"
                f"<title>{escape(f'{peer}, {case}: {three_digits(value)}')}</title></rect>"
            )
            lines.append(f"<text x='{_LEFT + length + 5:.1f}' y='{y + 11}'>{three_digits(value)}</text>")
            y += _BAR
        y += _GAP
    for number, peer in enumerate(shown):
        x, at = 16 + 185 * (number % 4), _TOP - 12 + 18 * (number // 4)
        colour = _COLOURS[peers.index(peer) % len(_COLOURS)]
        lines.append(f"<rect x='{x}' y='{at - 10}' width='12' height='12' fill='{colour}'/>")
        lines.append(f"<text x='{x + 18}' y='{at}'>{escape(peer)}</text>")
    scale = " (logarithmic)" if is_log else ""
    head = f"<text x='16' y='26' font-size='16' font-weight='bold'>{escape(title)}{scale}</text>"
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {y}' width='{width}' height='{y}' {_FONT}>",
            f"<rect width='{width}' height='{y}' fill='white'/>",
            head,
            *lines,
            "</svg>",
            "",
        ]
    )


def _share(value: float, least: float, most: float, is_log: bool) -> float:
    """How much of the longest bar a value gets: in proportion, or by its place between the orders of magnitude."""
    if not is_log:
        return value / most
    floor = math.floor(math.log10(least))
    if most <= 10**floor:
        return 1.0
    return max(0.01, (math.log10(value) - floor) / (math.log10(most) - floor))
