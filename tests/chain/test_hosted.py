"""A project that one node hosts, seen from the nodes below: its page, files and sidecars, and who vouches for it."""

from __future__ import annotations

import json

import pytest

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.hosting import publish
from tests.doubles.now import result_of
from tests.doubles.small_node import sha256, wheel
from tiercache.policy.entry import Ask
from tiercache.policy.selection import ProjectRule
from tiercache.simple.names import normalise

ACME = normalise("acme")
SDIST = "acme-1.0.tar.gz"
CONTENT = b"private" * 50_000
WHEEL_NAME = "acme-1.0-py3-none-any.whl"
METADATA = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
WHEEL = wheel("acme", "1.0", METADATA, filler=100_000)


def three() -> tuple[ChainOfNodes, list[JoinedNode]]:
    """The private server hosts acme, with a lower version than the public index has under that name."""
    chain = ChainOfNodes()
    nodes = [chain.node("private", ORIGIN), chain.node("office", "private"), chain.node("laptop", "office")]
    chain.lists("acme", ("acme-9.9.tar.gz", b"public"))
    add(nodes[0], SDIST, CONTENT)
    add(nodes[0], WHEEL_NAME, WHEEL)
    return chain, nodes


def add(node: JoinedNode, filename: str, content: bytes) -> None:
    publish(node.parts.hosted, node.files, "acme", filename, content)


def test_every_node_below_has_the_hosted_project_and_its_files_and_the_index_is_never_asked() -> None:
    chain, nodes = three()
    for node in reversed(nodes):
        paths = node.files_of("acme")
        assert set(paths) == {SDIST, WHEEL_NAME}
        assert node.get(paths[SDIST]).body == CONTENT
        assert node.get(paths[WHEEL_NAME] + ".metadata").body == METADATA
        assert node.get(f"/packages/source/a/acme/{SDIST}").body == CONTENT
        assert node.get("/packages/source/a/acme/acme-9.9.tar.gz").status == 404
    assert chain.index.requests == []


def test_the_sidecars_of_a_hosted_project_come_along_with_its_page() -> None:
    _, nodes = three()
    laptop = nodes[-1]
    path = laptop.files_of("acme")[WHEEL_NAME]
    before = [len(node.received) for node in nodes[:-1]]
    assert laptop.get(path + ".metadata").body == METADATA
    assert [len(node.received) for node in nodes[:-1]] == before


def test_the_page_says_at_every_hop_who_vouches_for_it() -> None:
    _, nodes = three()
    for node in reversed(nodes):
        node.page("acme")
        assert result_of(node.parts.pages.shown(ACME, Ask())).home == nodes[0].node_id


@pytest.mark.parametrize("name", ["private", "office", "laptop"])
def test_hosted_projects_are_in_the_project_list_of_each_node_that_has_met_them(name: str) -> None:
    chain, nodes = three()
    nodes[-1].page("acme")
    told = json.loads(chain.nodes[name].get("/simple/", {"Accept": "application/vnd.pypi.simple.v1+json"}).body)
    assert [project["name"] for project in told["projects"]] == ["acme"]


def test_a_yank_and_a_withdrawal_show_below_when_the_page_is_asked_for_again() -> None:
    _, nodes = three()
    private, _, laptop = nodes
    laptop.page("acme")
    result_of(private.parts.hosted.yank(ACME, SDIST, "broken"))
    result_of(private.parts.hosted.withdraw(ACME, WHEEL_NAME))
    told = json.loads(laptop.page("acme", {"Cache-Control": "no-cache"}).body)["files"]
    assert [(file["filename"], file["yanked"]) for file in told] == [(SDIST, "broken")]


def test_also_upstream_shows_the_public_files_behind_ones_own_at_every_node_below() -> None:
    chain = ChainOfNodes()
    rule = ProjectRule(match=("acme",), tiers=(ORIGIN,), also_upstream=(ORIGIN,))
    private = chain.node("private", ORIGIN, projects=(rule,))
    laptop = chain.node("laptop", "private")
    chain.lists("acme", ("acme-9.9.tar.gz", b"public"), (SDIST, b"another"))
    add(private, SDIST, CONTENT)
    for node in (laptop, private):
        paths = node.files_of("acme")
        assert list(paths) == [SDIST, "acme-9.9.tar.gz"]
        assert sha256(CONTENT) in paths[SDIST]
        assert node.get(paths["acme-9.9.tar.gz"]).body == b"public"


def test_a_sidecar_that_nobody_has_is_made_by_the_node_nearest_to_the_origin_once() -> None:
    chain = ChainOfNodes()
    nodes = [chain.node("private", ORIGIN), chain.node("office", "private"), chain.node("laptop", "office")]
    chain.lists("acme", (WHEEL_NAME, WHEEL))
    path = nodes[-1].files_of("acme")[WHEEL_NAME]
    for _ in range(2):
        assert nodes[-1].get(path + ".metadata").body == METADATA
    assert [node.parts.stats.sidecars_made for node in nodes] == [1, 0, 0]
    reads = [words for words in chain.index.asked() if words.endswith(WHEEL_NAME)]
    assert len(reads) <= 2
    for node in nodes:
        assert all(not request.path.endswith(".whl") for request in node.received)


def test_a_wheel_without_metadata_is_read_by_the_node_nearest_to_the_origin_alone() -> None:
    """Mistake 22 of protocol.md: what one tier does in vain is not done by each."""
    chain = ChainOfNodes()
    nodes = [chain.node("private", ORIGIN), chain.node("office", "private"), chain.node("laptop", "office")]
    chain.lists("acme", (WHEEL_NAME, b"no archive at all" * 1000))
    path = nodes[-1].files_of("acme")[WHEEL_NAME]
    for _ in range(2):
        assert nodes[-1].get(path + ".metadata").status == 404
    assert [node.parts.stats.sidecars_failed for node in nodes] == [1, 0, 0]
    for node in nodes:
        assert all(not request.path.endswith(".whl") for request in node.received)
