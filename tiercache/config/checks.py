"""What the parts of a configuration say together: names that are meant to agree, and what cannot both be.

Each check takes what could be read of the file, so that a flaw in one part hides none in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from tiercache.config.accounts import access_flaws
from tiercache.config.addresses import OwnAddresses, without_credentials
from tiercache.config.publishers import publisher_flaws
from tiercache.config.publishing import folder_flaws, target_flaws
from tiercache.config.structure import Flaw, meant
from tiercache.config.values import (
    PUBLIC_INDEX,
    AccessConfig,
    NodeConfig,
    PublishConfig,
    Secret,
    StoreConfig,
    TierConfig,
)
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule

_NOT_FOR_TIERS = ("here", "nowhere")


def key_flaws(tier: object, place: str) -> Iterator[Flaw]:
    """What the keys of a tier say together, whatever their values are."""
    if not isinstance(tier, Mapping):
        return
    given = {word for word in tier if tier[word] is not None}
    if {"token"} < given & {"token", "user", "password"}:
        yield f"{place}.token", "stands beside a user or password: a tier takes one or the other"
    elif "user" in given and "password" not in given:
        yield f"{place}.user", "needs a password beside it"
    elif "password" in given and "user" not in given:
        yield f"{place}.password", "needs a user beside it"


def settled(tier: TierConfig, place: str) -> tuple[TierConfig, list[Flaw]]:
    """A tier whose url's credentials became its user and password, and what is wrong with it as a whole."""
    flaws: list[Flaw] = []
    if tier.name in _NOT_FOR_TIERS:
        flaws.append((f"{place}.name", f"{tier.name!r} means something else, in publish"))
    if tier.url == PUBLIC_INDEX:
        if tier.kind != "origin":
            flaws.append((f"{place}.kind", f"the word {PUBLIC_INDEX} is an index: its kind is origin"))
        return tier, flaws
    parts = without_credentials(tier.url)
    if parts.user is not None:
        if tier.user is not None or tier.token is not None:
            flaws.append((f"{place}.url", "has credentials in it, and there are others beside it"))
        password = None if parts.password is None else Secret(parts.password)
        tier = evolve(tier, url=parts.url, user=parts.user, password=password)
    return tier, flaws


@frozen(kw_only=True)
class Parts:
    """What could be read of a file; None for what could not.  `is_stated` tells the keys that stand in it."""

    node: NodeConfig | None
    store: StoreConfig | None
    tiers: Sequence[TierConfig | None]
    projects: Sequence[ProjectRule | None]
    freshness: FreshnessRules | None
    publish: PublishConfig | None
    access: AccessConfig | None
    tier_names: Sequence[str | None]
    states_patience: bool
    hostname: str

    def flaws(self) -> Iterator[Flaw]:
        """Everything in which the parts do not agree."""
        yield from self._same_names()
        yield from self._unknown_tiers()
        yield from self._tiers_that_are_this_node()
        yield from self._endless_patience()
        if self.publish is not None:
            yield from target_flaws(self.publish, self.tiers)
            yield from folder_flaws(self.publish, self.store)
        yield from self._access()

    def _same_names(self) -> Iterator[Flaw]:
        first: dict[str, int] = {}
        for index, name in enumerate(self.tier_names):
            if name is not None and first.setdefault(name, index) != index:
                yield f"tiers[{index}].name", f"{name!r} is the name of tiers[{first[name]}] already"

    def _unknown_tiers(self) -> Iterator[Flaw]:
        if None in self.tier_names:
            return  # one that could not be read may be the one that is meant
        for index, rule in enumerate(self.projects):
            if rule is not None:
                for key, names in (("tiers", rule.tiers), ("also-upstream", rule.also_upstream)):
                    for position, name in enumerate(names):
                        yield from self._known(name, f"projects[{index}].{key}[{position}]")
        if self.publish is not None and self.publish.to not in _NOT_FOR_TIERS:
            yield from self._known(self.publish.to, "publish.to")

    def _known(self, name: str, place: str) -> Iterator[Flaw]:
        if name not in self.tier_names:
            yield place, f"{name!r} is the name of no tier{meant(name, self.tier_names)}"

    def _tiers_that_are_this_node(self) -> Iterator[Flaw]:
        if self.node is None:
            return
        own = OwnAddresses.of(self.node, self.hostname).without_unknown_ports()
        for index, tier in enumerate(self.tiers):
            if tier is not None and own.include(tier.url):
                yield f"tiers[{index}].url", "leads back to this node itself"
            if tier is not None and tier.publish_url is not None and own.include(tier.publish_url):
                yield f"tiers[{index}].publish-url", "leads back to this node itself"

    def _endless_patience(self) -> Iterator[Flaw]:
        timeouts = [tier.timeout_s for tier in self.tiers if tier is not None]
        if (
            self.freshness is not None
            and self.states_patience
            and timeouts
            and self.freshness.patience_s > max(timeouts)
        ):
            yield "freshness.patience", "is longer than the timeout of every tier, so that it never ends a wait"

    def _access(self) -> Iterator[Flaw]:
        if self.access is not None:
            yield from access_flaws(self.access)
            yield from publisher_flaws(self.access)
