"""Every client installs an application: directly, through a node, and again once its index is gone.

These take longest: they have a file of their own, which begins first, and share what is installed directly.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from tests.acceptance.conftest import VARIANTS, IndexStarter, NodeStarter, is_wanted
from tests.acceptance.kept import have_all_kept
from tests.doubles.clients import CLIENTS, Client, Installation, Pip
from tests.doubles.universe import APPLICATION

Direct = Callable[[str, str], Installation]
# Pages that are never fresh: every install asks the index again as long as it is there.
NEVER_FRESH = {"page": "0s", "patience": "500ms", "stale-if-error": "30d"}


def test_an_application_installs_through_the_node_and_again_without_the_index(
    client: Client, variant: str, pip: Pip, fake_index: IndexStarter, node_of: NodeStarter, direct: Direct
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)

    through = client.install(node.simple, APPLICATION)

    assert through.succeeded, through.run.said
    assert len(through.versions) >= 40
    assert through.tree == direct(client.name, variant).tree

    have_all_kept(node, client, through, pip)
    index.kill()
    for root in (node.simple, node.local):
        again = client.install(root, APPLICATION)
        assert again.succeeded, again.run.said
        assert again.tree == through.tree


def test_every_client_installs_the_same_forty_projects_from_either_variant(
    direct: Direct, pytestconfig: pytest.Config
) -> None:
    trees = []
    for client, variant in product(CLIENTS, VARIANTS):
        if is_wanted(client, variant, pytestconfig):
            installed = direct(client, variant)
            assert installed.succeeded, installed.run.said
            assert len(installed.versions) >= 40
            trees.append(installed.tree)
    assert all(tree == trees[0] for tree in trees)
