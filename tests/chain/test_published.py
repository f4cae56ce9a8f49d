"""A private project that is uploaded at the top, with a lower version than a public one of the same name.

The private server takes the upload; the office stands below it, and the laptop below that, with the public index as a
tier of its own.
"""

from __future__ import annotations

import json

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.far_index import BASE
from tests.doubles.publishing import PublishingNode
from tests.doubles.uploads import made
from tiercache.policy.selection import ProjectRule

PRIVATE = made()
PUBLIC = ("acme_tools-9.9-py3-none-any.whl", b"public" * 100)
OPENED = {"projects": (ProjectRule(match=("acme-*",), tiers=()),)}


class Company:
    """The three nodes, all following; the name was public before it was private."""

    def __init__(self, *, known_below: bool) -> None:
        self.chain = ChainOfNodes()
        self.chain.lists("acme-tools", PUBLIC)
        self.server = PublishingNode(chain=self.chain, config=OPENED)
        self.office = self.chain.node("office", "server")
        self.laptop = self.chain.node("laptop", "office", ORIGIN)
        self.nodes = (self.server.node, self.office, self.laptop)
        for node in self.nodes:
            node.follow()
        if known_below:
            self.laptop.page("acme-tools")
        assert self.server.publish(PRIVATE).status == 200
        self.chain.settle()
        self.asked_before = self.asks_public()

    def asks_public(self) -> int:
        return sum(
            "acme" in request.url and request.url.startswith((BASE, FILES)) for request in self.chain.index.requests
        )

    def down(self, *nodes: JoinedNode) -> None:
        for node in nodes:
            node.stop()
            self.chain.cut(node.name)
        self.chain.drop_connections()

    def end(self) -> None:
        for node in self.nodes:
            node.stop()


def shown(node: JoinedNode, **headers: str) -> list[str] | int:
    reply = node.page("acme-tools", headers)
    return [file["filename"] for file in json.loads(reply.body)["files"]] if reply.status == 200 else reply.status


@pytest.mark.parametrize("known_below", [False, True])
def test_clients_at_every_tier_get_only_the_private_project(known_below: bool) -> None:
    company = Company(known_below=known_below)
    for node in reversed(company.nodes):
        assert shown(node) == [PRIVATE.filename]
        assert shown(node, **{"Cache-Control": "no-cache"}) == [PRIVATE.filename]
        assert node.get(node.files_of("acme-tools")[PRIVATE.filename]).body == PRIVATE.content
        assert node.get(f"/packages/py3/a/acme-tools/{PUBLIC[0]}").status == 404
    assert company.asks_public() == company.asked_before
    company.end()


@pytest.mark.parametrize("known_below", [False, True])
@pytest.mark.parametrize("has_met", [False, True], ids=["never asked for it", "has its page"])
@pytest.mark.parametrize("which", [("server",), ("office",), ("server", "office")])
def test_while_the_private_tiers_are_down_clients_get_the_private_project_or_an_error(
    which: tuple[str, ...], has_met: bool, known_below: bool
) -> None:
    company = Company(known_below=known_below)
    if has_met:
        assert shown(company.laptop) == [PRIVATE.filename]
    company.down(*(company.chain.nodes[name] for name in which))
    for _ in range(3):
        company.chain.advance(120)
        for headers in ({}, {"Cache-Control": "no-cache"}):
            said = shown(company.laptop, **headers)
            assert said == [PRIVATE.filename] if has_met else said in (503, [PRIVATE.filename])
        assert company.laptop.get(f"/packages/py3/a/acme-tools/{PUBLIC[0]}").status in (404, 503)
    assert company.asks_public() == company.asked_before
    company.laptop.stop()
