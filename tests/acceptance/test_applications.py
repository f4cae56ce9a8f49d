"""Every client installs an application: directly, through a node, and again once its index is gone.

These take longest: they have a file of their own, which begins first, and share what is installed directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import pytest

from tests.acceptance.conftest import VARIANTS, IndexStarter, NodeStarter, is_wanted
from tests.doubles.clients import CLIENTS, Client, Installation, Pip
from tests.doubles.universe import APPLICATION

Direct = Callable[[str, str], Installation]
# Pages that are never fresh: every install asks the index again as long as it is there.
NEVER_FRESH = {"page": "0s", "patience": "500ms", "stale-if-error": "30d"}


def versions_of(requirements: Iterable[str]) -> dict[str, str]:
    """`name==version` of each, by the name."""
    return dict(requirement.split("==") for requirement in requirements)


def test_an_application_installs_through_the_node_and_again_without_the_index(
    client: Client, variant: str, pip: Pip, fake_index: IndexStarter, node_of: NodeStarter, direct: Direct
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness=NEVER_FRESH)

    through = client.install(node.simple, APPLICATION)

    assert through.succeeded, through.run.said
    assert len(through.versions) >= 40
    assert through.tree == direct(client.name, variant).tree

    # poetry and pdm lock for every platform, and ask about projects whose files are wanted on another one only.
    # `/local/` has what was fetched: who is to lock from it has to fetch these once.
    for requirement in client.locked_elsewhere(through):
        assert pip.download(node.simple, requirement, options=["--no-deps"])[0].succeeded

    node.wait_until_kept({**through.versions, **versions_of(client.locked_elsewhere(through))})
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
