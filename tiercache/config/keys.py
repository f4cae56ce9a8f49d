"""How the file spells the attributes of the values, and which of them are durations and sizes: by their names.

`stop_timeout_s` is the key `stop-timeout`, a duration; `budget_bytes` is `budget`, a size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import Attribute, fields, frozen, resolve_types

from tiercache.config.values import (
    AccessConfig,
    AdmissionConfig,
    GrantConfig,
    NodeConfig,
    PrefetchConfig,
    PublishConfig,
    StoreConfig,
    TierConfig,
    TrustedPublisherConfig,
    UserConfig,
)
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule

SECTIONS: dict[str, type[Any]] = {
    "node": NodeConfig,
    "store": StoreConfig,
    "freshness": FreshnessRules,
    "breaker": BreakerRules,
    "admission": AdmissionConfig,
    "publish": PublishConfig,
    "prefetch": PrefetchConfig,
    "access": AccessConfig,
}
"""The keys at the top that hold keys, and what becomes of each."""

LISTS: dict[str, type[Any]] = {"tiers": TierConfig, "projects": ProjectRule}
"""The keys at the top that hold a list of things, and what becomes of each of these."""

INNER: dict[str, type[Any]] = {
    "users": UserConfig,
    "grants": GrantConfig,
    "trusted-publishers": TrustedPublisherConfig,
}
"""The keys under `access` that hold several things, and what becomes of each of these."""

SWITCHES = ("offline",)
TOP = (
    "node",
    "store",
    "tiers",
    "projects",
    "freshness",
    "breaker",
    "admission",
    "publish",
    "prefetch",
    "access",
    *SWITCHES,
)
"""Every key at the top, in the order in which people read them."""

# What the rules of the breaker have beside what its owner may say.
_UNSAID = {(BreakerRules, "longest_s"), (BreakerRules, "probe_lost_after_s")}


@frozen(kw_only=True)
class Key:
    """One key of a section: `unit` is `s`, `bytes` or None; `attribute` is what it becomes."""

    word: str
    unit: str | None
    attribute: Attribute[Any]


def keys_of(section: type[Any]) -> dict[str, Key]:
    """The keys of a section's class by the name of their attribute, types resolved."""
    resolve_types(section)
    return {
        attribute.name: _key(attribute) for attribute in fields(section) if (section, attribute.name) not in _UNSAID
    }


def _key(attribute: Attribute[Any]) -> Key:
    name = attribute.name
    unit = next((unit for unit in ("s", "bytes") if name.endswith(f"_{unit}")), None)
    return Key(
        word=(name if unit is None else name.removesuffix(f"_{unit}")).replace("_", "-"), unit=unit, attribute=attribute
    )


def every_place() -> Iterator[str]:
    """Every key that a file may have: `offline`, `node.listen`, `tiers[].url`, `access.grants[].who`..."""
    for top in TOP:
        yield top
        for key in keys_of(SECTIONS[top]).values() if top in SECTIONS else ():
            yield f"{top}.{key.word}"
        for key in keys_of(LISTS[top]).values() if top in LISTS else ():
            yield f"{top}[].{key.word}"
    for inner, section in INNER.items():
        for key in keys_of(section).values():
            yield f"access.{inner}[].{key.word}"
