"""Yanks, deletions, restorations and statuses of hosted projects, heard of at once by the nodes below."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chain.test_hosted import ACME, CONTENT, SDIST, WHEEL_NAME, three
from tests.doubles.chain_of_nodes import ChainOfNodes, JoinedNode
from tests.doubles.now import result_of


@pytest.fixture
def nodes() -> tuple[ChainOfNodes, list[JoinedNode]]:
    """Three nodes that follow each other, and have all met acme."""
    chain, nodes = three()
    for node in nodes[1:]:
        node.follow()
    nodes[-1].page("acme")
    return chain, nodes


def page(node: JoinedNode) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(node.page("acme").body)
    return told


def filenames(node: JoinedNode) -> list[str]:
    return [file["filename"] for file in page(node)["files"]]


def test_a_yank_and_its_end_show_at_every_node_at_once(nodes: tuple[ChainOfNodes, list[JoinedNode]]) -> None:
    chain, (private, office, laptop) = nodes
    for yanked in ("broken", False, True):
        result_of(private.parts.hosted.yank(ACME, SDIST, yanked))
        chain.settle()
        for node in (laptop, office, private):
            assert [file.get("yanked", False) for file in page(node)["files"]] == [yanked, False]


def test_a_deletion_and_its_end_show_at_every_node_at_once(nodes: tuple[ChainOfNodes, list[JoinedNode]]) -> None:
    chain, (private, office, laptop) = nodes
    result_of(private.parts.deleted.delete(ACME, filename=SDIST))
    chain.settle()
    for node in (laptop, office, private):
        assert filenames(node) == [WHEEL_NAME]
    result_of(private.parts.deleted.restore(ACME))
    chain.settle()
    for node in (laptop, office, private):
        assert filenames(node) == [WHEEL_NAME, SDIST]
    assert laptop.get(laptop.files_of("acme")[SDIST]).body == CONTENT


def test_a_file_that_no_node_below_has_is_to_be_had_nowhere_once_it_is_deleted(
    nodes: tuple[ChainOfNodes, list[JoinedNode]],
) -> None:
    chain, (private, office, laptop) = nodes
    path = laptop.files_of("acme")[SDIST]
    result_of(private.parts.deleted.delete(ACME))
    chain.settle()
    for node in (laptop, office, private):
        assert node.get(path).status == 404
        assert filenames(node) == []
    assert chain.index.requests == []  # its name stays that of the private server


def test_a_status_shows_at_every_node_at_once(nodes: tuple[ChainOfNodes, list[JoinedNode]]) -> None:
    chain, (private, office, laptop) = nodes
    for status, offered in (("quarantined", 0), ("archived", 2), ("deprecated", 2)):
        result_of(private.parts.hosted.set_status(ACME, status, "why"))
        chain.settle()
        for node in (laptop, office, private):
            told = page(node)
            assert told["project-status"] == {"status": status, "reason": "why"}
            assert len(told["files"]) == offered


def test_a_name_that_is_released_is_free_at_every_node_at_once(nodes: tuple[ChainOfNodes, list[JoinedNode]]) -> None:
    chain, (private, office, laptop) = nodes
    result_of(private.parts.deleted.delete(ACME))
    chain.settle()
    assert filenames(laptop) == []
    result_of(private.parts.hosted.release(ACME))
    chain.settle()
    for node in (laptop, office, private):
        assert filenames(node) == ["acme-9.9.tar.gz"]
