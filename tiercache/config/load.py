"""The text of `tiers.yaml` becomes a `Config`, or `ConfigInvalid` with every problem and its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import define, field

from tiercache.config.checks import Parts, key_flaws, settled
from tiercache.config.keys import TOP
from tiercache.config.structure import Flaw, Structure, meant
from tiercache.config.values import (
    PUBLIC_INDEX,
    AccessConfig,
    Config,
    NodeConfig,
    PrefetchConfig,
    PublishConfig,
    StoreConfig,
    TierConfig,
)
from tiercache.config.words import Surroundings
from tiercache.config.yaml_tree import Tree, parse_yaml
from tiercache.errors import ConfigInvalid
from tiercache.policy.breaker import BreakerRules
from tiercache.policy.freshness import FreshnessRules
from tiercache.policy.selection import ProjectRule

T = TypeVar("T")


def load_config(
    text: str, *, source: str, environ: Mapping[str, str], read_file: Callable[[str], str], hostname: str
) -> Config:
    """The configuration that a text says; an empty one is complete.

    `source` names it for people.  `environ` is what `~` and `${NAME}` are taken from, `read_file` gives the text of
    the file that a secret stands in (raising OSError), `hostname` is the node's name where the file gives none.
    Raises ConfigInvalid with everything that is wrong: first what is no YAML, then in the order of the file.
    """
    tree = parse_yaml(text)
    reading = _Reading(
        structure=Structure(surroundings=Surroundings(environ=environ, read_file=read_file)),
        root=_root(tree, source),
        hostname=hostname,
    )
    config = reading.config(source)
    flaws = sorted(dict.fromkeys(reading.flaws), key=lambda flaw: tree.line(flaw[0]))
    problems = (*tree.problems, *(tree.problem(place, what) for place, what in flaws))
    if problems:
        raise ConfigInvalid(source=source, problems=problems)
    return config


def _root(tree: Tree, source: str) -> dict[str, Any]:
    if tree.root is None and not tree.problems:
        return {}
    if isinstance(tree.root, dict):
        return tree.root
    problems = tree.problems or (tree.problem("file", f"needs keys with values: {', '.join(TOP)}"),)
    raise ConfigInvalid(source=source, problems=problems)


@define(kw_only=True)
class _Reading:
    """One reading of a file: what was found wrong so far."""

    structure: Structure
    root: dict[str, Any]
    hostname: str
    flaws: list[Flaw] = field(factory=list)

    def config(self, source: str) -> Config:
        """What the file says; where `flaws` were found, something in its place."""
        for key in self.root:
            if key not in TOP:
                self.flaws.append((key, f"is no key that a node knows{meant(key, TOP)}"))
        node = self._section("node", NodeConfig, name=_node_name(self.hostname))
        store = self._section("store", StoreConfig, path=StoreConfig().path)
        tiers = self._tiers()
        projects = self._list("projects", ProjectRule)
        freshness = self._section("freshness", FreshnessRules)
        breaker = self._section("breaker", BreakerRules)
        publish = self._section("publish", PublishConfig)
        prefetch = self._section("prefetch", PrefetchConfig)
        access = self._section("access", AccessConfig)
        parts = Parts(
            node=node,
            store=store,
            tiers=tiers,
            tier_names=self._tier_names(tiers),
            projects=projects,
            freshness=freshness,
            states_patience="patience" in self._stated("freshness"),
            publish=publish,
            access=access,
            hostname=self.hostname,
        )
        self.flaws += parts.flaws()
        return Config(
            source=source,
            node=node or NodeConfig(name=PUBLIC_INDEX),
            store=store or StoreConfig(),
            tiers=tuple(tier for tier in tiers if tier is not None),
            projects=tuple(rule or ProjectRule(match=(), tiers=()) for rule in projects),
            freshness=freshness or FreshnessRules(),
            breaker=breaker or BreakerRules(),
            publish=publish or PublishConfig(),
            prefetch=prefetch or PrefetchConfig(),
            access=access or AccessConfig(),
            offline=self._offline(),
        )

    def _section(self, key: str, section: type[T], **otherwise: str) -> T | None:
        """One section; `otherwise` is what keys mean that are not given."""
        plain = {} if self.root.get(key) is None else self.root[key]
        if isinstance(plain, dict):
            plain = {**plain, **{word: value for word, value in otherwise.items() if plain.get(word) is None}}
        return self._value(plain, section, key)

    def _list(self, key: str, kind: type[T]) -> list[T | None]:
        plain = self.root.get(key)
        if plain is None:
            return []
        if not isinstance(plain, list):
            self.flaws.append((key, "needs a list: lines that begin with '- '"))
            return []
        return [self._value(one, kind, f"{key}[{index}]") for index, one in enumerate(plain)]

    def _value(self, plain: Any, kind: type[T], place: str) -> T | None:
        value, flaws = self.structure.value(plain, kind, place)
        self.flaws += flaws
        return value

    def _tiers(self) -> list[TierConfig | None]:
        if self.root.get("tiers") is None:
            return [TierConfig(url=PUBLIC_INDEX)]
        tiers = self._list("tiers", TierConfig)
        for index, tier in enumerate(tiers):
            place = f"tiers[{index}]"
            self.flaws += key_flaws(self.root["tiers"][index], place)
            if tier is not None:
                tiers[index], flaws = settled(tier, place)
                self.flaws += flaws
        return tiers

    def _tier_names(self, tiers: list[TierConfig | None]) -> list[str | None]:
        """The tiers' names, also of those that could not be read, if only their name can be."""
        names: list[str | None] = []
        for index, tier in enumerate(tiers):
            plain = None if tier is not None else self.root["tiers"][index]
            said = plain.get("name") if isinstance(plain, dict) else None
            names.append(tier.name if tier is not None else said if isinstance(said, str) else None)
        if not isinstance(self.root.get("tiers", []), list | None):
            names.append(None)
        return names

    def _stated(self, key: str) -> Mapping[str, Any]:
        plain = self.root.get(key)
        return plain if isinstance(plain, dict) else {}

    def _offline(self) -> bool:
        offline = self.root.get("offline")
        if offline is not None and not isinstance(offline, bool):
            self.flaws.append(("offline", "needs to be true or false"))
        return offline is True


def _node_name(hostname: str) -> str:
    """A host's name as the name of a node: what a name cannot hold becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", hostname).strip("._-")[:64].rstrip("._-") or "tiercache"
