"""Cells as tables for people: a row a case, a column a server, and beside each value how it stands to this node's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from benchmarks.peers import cells
from benchmarks.peers.cells import Cell

Value = Callable[[Cell], float | None]
Shown = Callable[[float], str]


@frozen(kw_only=True)
class Table:
    """What of the cells of a group is shown, and how."""

    group: str
    title: str
    value: Value
    shown: Shown


def three_digits(value: float) -> str:
    """A value with three digits that count: `1,230`, `12.3`, `0.123`."""
    if value >= 1000:
        digits = 10 ** (len(str(int(value))) - 3)
        return f"{round(value / digits) * digits:,}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _per_s(cell: Cell) -> float | None:
    return None if not cell.wall_s else 1 / cell.wall_s


def _times(name: str, factor: float) -> Value:
    def value(cell: Cell) -> float | None:
        plain: float | None = getattr(cell, name)
        return None if plain is None else plain * factor

    return value


def _as_ms(value: float) -> str:
    return f"{three_digits(value)} ms"


TABLES = (
    Table(group=cells.PAGES, title="Warm pages, CPU µs a request", value=_times("cpu_s", 1e6), shown=three_digits),
    Table(group=cells.PAGES, title="Warm pages, requests a second", value=_per_s, shown=three_digits),
    Table(group=cells.PAGES, title="Warm pages, 99th percentile, ms", value=_times("tail_s", 1e3), shown=three_digits),
    Table(group=cells.PAGES, title="Warm pages, KB of a body", value=_times("size_bytes", 1e-3), shown=three_digits),
    Table(group=cells.FILES, title="Warm files, CPU µs a request", value=_times("cpu_s", 1e6), shown=three_digits),
    Table(group=cells.FILES, title="Warm files, requests a second", value=_per_s, shown=three_digits),
    Table(
        group=cells.COLD,
        title="Cold files, ms until all clients have it",
        value=_times("wall_s", 1e3),
        shown=three_digits,
    ),
    Table(group=cells.COLD, title="Cold files, CPU ms a client", value=_times("cpu_s", 1e3), shown=three_digits),
    Table(
        group=cells.COLD,
        title="Cold files, ms until the last client has a first byte, beyond the index's own",
        value=_times("tail_s", 1e3),
        shown=three_digits,
    ),
    Table(group=cells.COLD, title="Cold files, fetches from the index", value=_times("fetches", 1), shown=three_digits),
    Table(group=cells.INSTALLS, title="Installs, seconds", value=_times("wall_s", 1), shown="{:.2f}".format),
    Table(group=cells.INSTALLS, title="Installs, CPU ms of the server", value=_times("cpu_s", 1e3), shown=three_digits),
    Table(group=cells.BUSY, title="A warm page at work, median", value=_times("wall_s", 1e3), shown=_as_ms),
    Table(group=cells.BUSY, title="A warm page at work, 99th percentile", value=_times("tail_s", 1e3), shown=_as_ms),
    Table(group=cells.BUSY, title="A warm page at work, at most", value=_times("worst_s", 1e3), shown=_as_ms),
    Table(
        group=cells.STARTS, title="Starts, seconds to the first page", value=_times("wall_s", 1), shown="{:.2f}".format
    ),
    Table(group=cells.MEMORY, title="Memory, MiB", value=_times("size_bytes", 1 / (1 << 20)), shown=three_digits),
)


def as_markdown(measured: Sequence[Cell], peers: Sequence[str]) -> str:
    """Every table that has something to show; the first of `peers` is this node."""
    return "\n".join(line for table in TABLES for line in _lines(table, measured, peers))


def _lines(table: Table, measured: Sequence[Cell], peers: Sequence[str]) -> Iterator[str]:
    found = {(cell.case, cell.peer): cell for cell in measured if cell.group == table.group}
    columns = [
        peer for peer in peers if any(table.value(cell) is not None for (_, of), cell in found.items() if of == peer)
    ]
    if not columns:
        return
    yield from (f"### {table.title}", "")
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "---:|" * len(columns)
    for case in dict.fromkeys(case for case, _ in found):
        ours = found.get((case, peers[0]))
        yield f"| {case} | {' | '.join(_shown(table, found.get((case, peer)), ours) for peer in columns)} |"
    yield ""


def _shown(table: Table, cell: Cell | None, ours: Cell | None) -> str:
    """The value, in brackets its ratio to that of `ours`, and a mark where requests failed; or why there is none."""
    if cell is None:
        return ""
    value = table.value(cell)
    if value is None:
        return cell.note
    compared = None if ours is None else cells.ratio(cell, ours, table.value)
    ratio = f" ({three_digits(compared)})" if compared else ""
    wrong = f", {cell.failed} failed" if cell.failed else ""
    return f"{table.shown(value)}{ratio}{wrong}"
