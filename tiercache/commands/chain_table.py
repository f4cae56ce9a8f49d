"""A chain as a table for people: what a node says of its tiers, and what these said of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tiercache.commands.printable import printable

if TYPE_CHECKING:
    from tiercache.wire import NodeState, TierState

_STATES = {"up": Text("up", "green"), "down": Text("down", "bold red"), "unknown": Text("not asked", "dim")}
_NOTHING = Text("-", "dim")


@frozen
class Branch:
    """How the tiers that are above another are drawn: what stands before all but the last, and before the last."""

    one: str
    last: str
    under_one: str
    under_last: str


_LINES = Branch("├ ", "└ ", "│ ", "  ")
_PLAIN = Branch("|-", "`-", "| ", "  ")


def chain_table(state: NodeState, *, ascii_only: bool = False) -> Group:
    """The node's name, its tiers with those above them, and how far the origins are away."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    # Where a window is narrow, it is names that are cut: of the columns rich makes narrow first those that may wrap.
    table.add_column("TIER", min_width=12)
    table.add_column("KIND", no_wrap=True, min_width=len("sibling"))
    table.add_column("STATE", no_wrap=True, min_width=len("not asked"))
    table.add_column("ROUND TRIP", no_wrap=True, min_width=len("ROUND TRIP"), justify="right")
    table.add_column("NEWS", no_wrap=True, min_width=len("999 behind"))
    table.add_column("HOME FOR", no_wrap=True, min_width=len("HOME FOR"), justify="right")
    for before, tier in _drawn(state.tiers, _PLAIN if ascii_only else _LINES):
        table.add_row(
            Text.assemble((before, "dim"), printable(tier.name), no_wrap=True, overflow="ellipsis"),
            printable(tier.kind),
            _STATES.get(tier.state, _NOTHING),
            _round_trip(tier.round_trip_s),
            _news(tier),
            str(tier.home_of) if tier.home_of else _NOTHING,
        )
    head = Text.assemble(
        (printable(state.name), "bold"), (f"  tiercache {printable(state.version)}, id {printable(state.id)}", "dim")
    )
    parts: list[Text | Table] = [head, Text()]
    parts += [table] if state.tiers else [Text("no tiers: this node has what is in its store")]
    if state.origins:
        ways = sorted(state.origins.items(), key=lambda way: (way[1], way[0]))
        told = ", ".join(f"{printable(name)} ({hops} hop{'s' if hops > 1 else ''})" for name, hops in ways)
        parts += [Text(), Text(f"origins: {told}")]
    return Group(*parts)


def _drawn(tiers: Sequence[TierState], branch: Branch, above: str | None = None) -> Iterator[tuple[str, TierState]]:
    """Each tier, and behind it those above it, with the lines that stand before its name."""
    for index, tier in enumerate(tiers):
        is_last = index == len(tiers) - 1
        own = "" if above is None else above + (branch.last if is_last else branch.one)
        yield own, tier
        under = "" if above is None else above + (branch.under_last if is_last else branch.under_one)
        yield from _drawn(tier.tiers, branch, under)


def _round_trip(seconds: float | None) -> Text:
    if seconds is None:
        return _NOTHING
    return Text(f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.{0 if seconds >= 0.1 else 1}f} ms")


def _news(tier: TierState) -> Text:
    if tier.id is None or tier.kind == "sibling":
        return _NOTHING
    if not tier.live:
        return Text("cut off", "yellow")
    return Text(f"{tier.lag} behind", "yellow") if tier.lag else Text("live", "green")
