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


# -- by their URLs, at nodes that have the bytes ----------------------------------------------------------------------


def cached_everywhere(nodes: list[JoinedNode]) -> dict[str, str]:
    """The paths of the files of acme, each of which every node has by now."""
    laptop = nodes[-1]
    paths = laptop.files_of("acme")
    for path in paths.values():
        assert laptop.get(path).status == 200
    return paths


def statuses(node: JoinedNode, path: str) -> dict[str, int]:
    """What a node answers to each way of asking for a file."""
    digest = path.split("/")[-2]
    filename = path.rpartition("/")[2]
    ways = {
        "whole": node.get(path),
        "part": node.get(path, {"Range": "bytes=0-1"}),
        "head": node.get(path, method="HEAD"),
        "sidecar": node.get(f"{path}.metadata"),
        "by name": node.get(f"/packages/source/a/acme/{filename}"),
        "for nodes": node.get(f"/api/v1/files/{digest}"),
    }
    return {way: reply.status for way, reply in ways.items()}


GONE = dict.fromkeys(("whole", "part", "head", "sidecar", "by name", "for nodes"), 404)


@pytest.mark.parametrize("asked_before", [True, False], ids=["page asked for", "only its news heard"])
def test_a_deleted_file_is_given_out_by_no_url_at_any_node_that_has_it(
    nodes: tuple[ChainOfNodes, list[JoinedNode]], asked_before: bool
) -> None:
    chain, joined = nodes
    private, _office, laptop = joined
    paths = cached_everywhere(joined)
    result_of(private.parts.deleted.delete(ACME, filename=WHEEL_NAME))
    chain.settle()
    if asked_before:
        assert filenames(laptop) == [SDIST]
    for node in (laptop, *joined[:-1]):
        assert statuses(node, paths[WHEEL_NAME]) == GONE
        assert node.get(paths[SDIST]).body == CONTENT
    local = laptop.get(paths[WHEEL_NAME].replace("/files/", "/local/files/"))
    assert local.status == 200  # what is repeatable stays so
    result_of(private.parts.deleted.restore(ACME))
    chain.settle()
    for node in joined:
        assert node.get(paths[WHEEL_NAME]).status == 200


def test_the_files_of_a_quarantined_project_are_given_out_by_no_url_at_any_node_that_has_them(
    nodes: tuple[ChainOfNodes, list[JoinedNode]],
) -> None:
    chain, joined = nodes
    private = joined[0]
    paths = cached_everywhere(joined)
    result_of(private.parts.hosted.set_status(ACME, "quarantined"))
    chain.settle()
    for node in reversed(joined):
        for path in paths.values():
            assert set(statuses(node, path).values()) == {404}


def test_a_deleted_file_is_given_out_while_nobody_can_say_that_it_is_deleted_and_no_longer(
    nodes: tuple[ChainOfNodes, list[JoinedNode]],
) -> None:
    chain, joined = nodes
    private, _office, laptop = joined
    paths = cached_everywhere(joined)
    chain.cut("office")
    chain.end_connections_to("office")
    chain.settle()
    result_of(private.parts.deleted.delete(ACME, filename=WHEEL_NAME))
    chain.settle()
    assert laptop.get(paths[WHEEL_NAME]).status == 200
    chain.join("office")
    chain.pass_time(120.0)
    assert filenames(laptop) == [SDIST]
    assert laptop.get(paths[WHEEL_NAME]).status == 404
