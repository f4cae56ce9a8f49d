"""Real clients install an application through a node, and again once its index is gone."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.acceptance.test_applications import NEVER_FRESH
from tests.doubles.clients import Client, Uv
from tests.doubles.processes import RunningNode
from tests.doubles.universe import APPLICATION, Universe


def test_an_application_installs_while_the_index_accepts_connections_and_says_nothing(
    variant: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)
    through = uv.install(node.simple, APPLICATION)
    assert through.succeeded, through.run.said

    node.wait_until_kept(through.versions)
    index.freeze()
    again = uv.install(node.simple, APPLICATION)
    index.thaw()

    assert again.succeeded, again.run.said
    assert again.tree == through.tree


def test_what_was_installed_survives_a_restart_of_the_node_without_its_index(
    variant: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)
    through = uv.install(node.simple, APPLICATION)
    assert through.succeeded, through.run.said

    node.wait_until_kept(through.versions)
    index.kill()
    node.close()
    node.start_again()

    for root in (node.simple, node.local):
        again = uv.install(root, APPLICATION)
        assert again.succeeded, again.run.said
        assert again.tree == through.tree


def test_local_never_asks_the_index(
    variant: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)
    through = uv.install(node.simple, APPLICATION)
    assert through.succeeded, through.run.said
    node.wait_until_kept(through.versions)
    cold = universe.wheel("tc-epoch", "3.0")
    known = universe.wheel("tc-vivid", "1.0")  # on a page that is stored, in a file that is not
    index.forget()

    assert uv.install(node.local, APPLICATION).succeeded
    assert not uv.install(node.local, "tc-epoch").succeeded
    for path in ("local/", "local/tc-vivid/", "local/tc-epoch/", "local/no-such-project/"):
        for accept in ("text/html", "application/vnd.pypi.simple.v1+json"):
            answer = node.get(path, Accept=accept)
            assert answer.status == (404 if "epoch" in path or "no-such" in path else 200)
            assert cold.filename.encode() not in answer.body
            assert known.filename.encode() not in answer.body

    assert index.requests() == []


@pytest.mark.parametrize("state", ["configured", "switched"])
def test_an_offline_node_answers_from_its_store_and_asks_nobody(
    state: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    index = fake_index("json", max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)
    through = uv.install(node.simple, APPLICATION)
    assert through.succeeded, through.run.said
    node.wait_until_kept(through.versions)
    if state == "switched":
        switched = node.run("offline", "on")
        assert switched.returncode == 0, switched.stderr
    else:
        node.close()
        node.amend(offline=True)
        node.start_again()
    index.forget()

    again = uv.install(node.simple, APPLICATION)

    assert again.succeeded, again.run.said
    assert again.tree == through.tree
    assert not uv.install(node.simple, "tc-epoch").succeeded
    assert index.requests() == []
    if state == "switched":
        assert node.run("offline", "off").returncode == 0
        assert uv.install(node.simple, "tc-epoch").succeeded


def test_names_and_versions_that_need_care_in_urls_install(client: Client, shared_node: RunningNode) -> None:
    installed = client.install(shared_node.simple, "tc-epoch", "tc-local-build==1.0+made.5", "TC.Mixed-case")

    assert installed.succeeded, installed.run.said
    assert installed.versions == {"tc-epoch": "1!2.0", "tc-local-build": "1.0+made.5", "tc_mixed.case": "1.1"}
