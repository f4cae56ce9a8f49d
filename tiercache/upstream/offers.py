"""What a tier is known not to offer of what nodes do: remembered for a while, and then tried again.

A tier may be replaced, by another program or by a newer node, at any time; nothing here is known for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field

from tiercache.errors import NotANode
from tiercache.wire import FEATURES, NODE

AGAIN_S = 30.0
"""How long a tier that was said to be a node is asked nothing more of what it did not offer."""

AGAIN_UNKNOWN_S = 600.0
"""The same for one of which nobody said what it is, and which turned out to be none: few become one."""

NOT_OFFERED = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 426, 501})
"""The statuses by which a tier says that it does not know what it was asked for."""


@define(kw_only=True, eq=False)
class Offers:
    """Of one tier.  `now` gives seconds since 1970; `again_s`: how long a refusal is remembered."""

    tier: str
    _now: Callable[[], float]
    _again_s: float = AGAIN_S
    _refused: dict[str, tuple[float, str]] = field(factory=dict, init=False)
    _is_node: bool | None = field(default=None, init=False)

    @property
    def is_node(self) -> bool | None:
        """Whether it is a node, as far as that has been found out."""
        return self._is_node

    def may_have(self, feature: str) -> bool:
        """Whether it is worth being asked for this."""
        refused = self._refused.get(feature)
        # A refusal that lies ahead is none: the clock was set back since.
        return refused is None or not refused[0] <= self._now() < refused[0] + self._again_s

    def check(self, feature: str) -> None:
        """Raises NotANode while it is known not to offer this."""
        if not self.may_have(feature):
            raise NotANode(tier=self.tier, reason=self._refused[feature][1])

    def refused(self, feature: str, reason: str) -> NotANode:
        """It did not offer this, or with `NODE` is no node; returns what to raise."""
        if feature == NODE:
            self._is_node = False
        for one in (NODE, *FEATURES) if feature == NODE else (feature,):
            self._refused[one] = (self._now(), reason)
        return NotANode(tier=self.tier, reason=reason)

    def told(self, features: Iterable[str]) -> None:
        """It is a node, and said what it offers."""
        self._is_node = True
        self._refused.clear()
        offered = frozenset(features)
        for feature in FEATURES:
            if feature not in offered:
                self._refused[feature] = (self._now(), f"it does not offer {feature}")
