"""Three nodes as their processes, each in front of the next, and a fake index behind the last."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.doubles.processes import Running, RunningIndex, RunningNode
from tests.doubles.releasing import ReleasingNode

PRIVATE_NAMES = "acme-*"
SETTINGS: dict[str, Any] = {"breaker": {"failures": 3, "probe-every": "1s"}}
PREFETCH_ACCESS = {"grants": [{"who": ["127.0.0.0/8"], "may": ["read", "prefetch"], "projects": ["*"]}]}
"""A node that stands in front of another is not of that one's own machine, which alone might prefetch otherwise."""


@frozen(kw_only=True)
class RunningChain:
    """dev in front of office, office in front of private, and each of them with the index to fall back on."""

    index: RunningIndex
    private: ReleasingNode
    office: RunningNode
    dev: RunningNode

    @property
    def is_followed(self) -> bool:
        """Whether both feeds between the nodes are live."""
        return all(follows(node) for node in (self.office, self.dev))

    @property
    def nodes(self) -> tuple[RunningNode, ...]:
        """From the bottom to the top."""
        return self.dev, self.office, self.private


def tiers(index: RunningIndex, parent: RunningNode | None = None) -> dict[str, Any]:
    """A node's tiers: its parent, if it has one, and the index; private names are the parent's alone."""
    public = {"name": "public", "kind": "origin", "url": index.simple}
    if parent is None:
        return {"tiers": [public]}
    # A node that is gone refuses at once; one that is slow, on a busy machine, is not to be taken for it.
    above = {"name": "above", "kind": "parent", "url": parent.url, "connect-timeout": "15s", "timeout": "60s"}
    rules = [
        {"match": [PRIVATE_NAMES], "tiers": ["above"]},
        {"match": ["*"], "tiers": ["above", "public"]},
    ]
    return {"tiers": [above, public], "projects": rules}


def started(folder: Path, index: RunningIndex, running: list[Running], **settings: Any) -> RunningChain:
    """All three, started from the top; `settings` are keys of every node's `tiers.yaml`."""

    def named(name: str) -> dict[str, Any]:
        return {**SETTINGS, **settings, "node": {"name": name, "stop-timeout": "2s"}}

    def begun(node: RunningNode) -> None:
        running.append(node)
        node.wait_until_ready()

    private = ReleasingNode.begin(folder / "private", {**named("private"), **tiers(index)})
    begun(private)
    office = RunningNode.prepare(folder / "office", {**named("office"), **tiers(index, private)})
    begun(office)
    dev = RunningNode.prepare(folder / "dev", {**named("dev"), **tiers(index, office)})
    begun(dev)
    return RunningChain(index=index, private=private, office=office, dev=dev)


ChainStarter = Callable[..., RunningChain]


def versions_on(node: RunningNode, project: str) -> set[str]:
    """What a node's page of a project lists now, nothing where there is none."""
    page = node.get(f"simple/{project}/", Accept="application/vnd.pypi.simple.v1+json")
    return set(json.loads(page.body)["versions"]) if page.status == 200 else set()


def follows(node: RunningNode) -> bool:
    """Whether the feed of its parent is live."""
    state = json.loads(node.get("api/v1/node").body)
    return any(tier["live"] for tier in state["tiers"] if tier["kind"] == "parent")


def every_order(nodes: tuple[RunningNode, ...]) -> Iterator[tuple[RunningNode, ...]]:
    """Each order that begins with another node, to restart them in."""
    for first in range(len(nodes)):
        yield (*nodes[first:], *nodes[:first])
