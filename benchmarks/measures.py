"""What a benchmark measures, as values, and what it is held to; and the report of them in words.

Times are seconds of wall time; each is the median of the rounds of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from attrs import asdict, field, frozen


@frozen(kw_only=True)
class Comparison:
    """One thing done directly and through a node: each a list of seconds, one a round; an empty one was not measured.

    `cold`: the node has never seen it; `warm`: it has; `noticing`: it has, and no tier answers any more, which is news;
    `dead`: the same when it is no news.
    """

    what: str
    direct: list[float] = field(factory=list)
    cold: list[float] = field(factory=list)
    warm: list[float] = field(factory=list)
    noticing: list[float] = field(factory=list)
    dead: list[float] = field(factory=list)

    def ratio(self, of: str, to: str) -> float | None:
        """The medians' ratio, as `ratio("warm", "direct")`; None if either was not measured."""
        one, other = getattr(self, of), getattr(self, to)
        return median(one) / median(other) if one and other else None


def ratio_in_turn(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the rounds' ratios: what else a machine does changes less within a round than between them."""
    return median(one / other for one, other in zip(of, to, strict=True))


@frozen(kw_only=True)
class Figure:
    """A figure with the limit it is held to."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def is_held(self) -> bool:
        return self.value < self.limit


@frozen(kw_only=True)
class Report:
    """All of one run.  `circumstances`: what a reader has to know to read it, by name."""

    circumstances: Mapping[str, str]
    comparisons: Sequence[Comparison]
    figures: Sequence[Figure]

    def as_json(self) -> Any:
        """The report as JSON values, raw times included."""
        return asdict(self)

    def as_markdown(self) -> str:
        """Two tables: what is compared, and what is held to a limit."""
        head = "| | direct | cold | warm | noticing | no tier | cold / direct | warm / direct | no tier / warm |"
        rows = [head, "|---|" + "---:|" * 8]
        for one in self.comparisons:
            times = [_time(getattr(one, kind)) for kind in ("direct", "cold", "warm", "noticing", "dead")]
            pairs = (("cold", "direct"), ("warm", "direct"), ("dead", "warm"))
            ratios = [_ratio(one.ratio(of, to)) for of, to in pairs]
            rows.append(f"| {one.what} | {' | '.join([*times, *ratios])} |")
        return "\n".join([*rows, "", figures_as_markdown(self.figures)])


def figures_as_markdown(figures: Sequence[Figure]) -> str:
    """The table of what is held to a limit."""
    rows = ["| | measured | limit | |", "|---|---:|---:|---|"]
    for figure in figures:
        verdict = "held" if figure.is_held else "**missed**"
        rows.append(
            f"| {figure.what} | {figure.value:.3g} {figure.unit} | {figure.limit:.4g} {figure.unit} | {verdict} |"
        )
    return "\n".join(rows) + "\n"


def _time(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    middle = median(seconds)
    return f"{middle:.2f} s" if middle >= 0.1 else f"{middle * 1000:.2f} ms"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
