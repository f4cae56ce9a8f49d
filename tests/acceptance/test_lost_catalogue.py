"""A private server that loses its catalogue: what was published is all there, and its name private still."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.fetching import fetch
from tests.doubles.processes import RunningNode
from tests.doubles.tier_http import JSON_TYPE
from tests.doubles.uploads import MULTIPART, Made, form_of, made

WHEEL, SDIST, NEXT = made(), made(kind="sdist"), made(version="2.0")


@pytest.fixture
def node(fake_index: IndexStarter, node_of: NodeStarter) -> RunningNode:
    """Two releases, one of which is yanked, and one file deleted."""
    node = node_of(fake_index())
    for archive in (WHEEL, SDIST, NEXT):
        answer = fetch(f"{node.url}legacy/", method="POST", body=form_of(archive), headers=MULTIPART)
        assert answer.status == 200, answer.body
    assert node.run("yank", "acme-tools", "2.0", "--reason", "broken").returncode == 0
    assert node.run("delete", "acme-tools", SDIST.filename, "--yes").returncode == 0
    return node


def lose_catalogue(node: RunningNode) -> None:
    for path in node.store.glob("catalogue.sqlite*"):
        path.unlink()


def page(node: RunningNode) -> bytes:
    return node.get("simple/acme-tools/", accept=JSON_TYPE).body


def content(node: RunningNode, archive: Made) -> tuple[int, bytes]:
    answer = node.get(f"files/{archive.sha256}/{archive.filename}")
    return answer.status, answer.body


def assert_all_is_there(node: RunningNode, before: bytes) -> None:
    assert page(node) == before
    assert content(node, WHEEL) == (200, WHEEL.content)
    assert content(node, NEXT) == (200, NEXT.content)
    assert content(node, SDIST)[0] == 404
    assert node.run("restore", "acme-tools").stdout == f"{SDIST.filename} is restored\n"
    assert content(node, SDIST) == (200, SDIST.content)
    told = [json.loads(line)["what"] for line in node.run("acts", "--json").stdout.splitlines()]
    assert sorted(told) == ["deleted", "published", "published", "published", "restored", "yanked"]


def test_a_node_that_starts_without_its_catalogue_makes_what_is_hosted_anew(node: RunningNode) -> None:
    before = page(node)
    node.kill()
    lose_catalogue(node)
    node.start_again()
    assert_all_is_there(node, before)


def test_fsck_rebuilds_and_repairs_what_a_node_that_is_stopped_has_lost(node: RunningNode) -> None:
    before = page(node)
    refused = node.run("fsck", "--rebuild")
    assert refused.returncode == 1
    assert "in use by another node" in refused.stderr
    node.close()
    lose_catalogue(node)
    rebuilt = node.run("fsck", "--rebuild", "--repair")
    assert (rebuilt.returncode, rebuilt.stdout) == (0, "")
    assert "3 files" in rebuilt.stderr
    node.start_again()
    assert_all_is_there(node, before)


def test_repair_alone_removes_nothing_that_was_published(node: RunningNode, tmp_path: Path) -> None:
    node.close()
    lose_catalogue(node)
    told = node.run("fsck", "--repair")
    assert told.returncode == 1
    assert "no node has been started on it yet" in told.stderr
    assert len([path for path in (node.store / "files").rglob("*") if path.is_file()]) == 3
