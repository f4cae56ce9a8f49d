"""The real public index, through a node that was told nothing about tiers: pip's own configuration says where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.clients import Client, Pip, Uv
from tests.doubles.processes import Running, RunningNode

REQUIREMENTS = ("flask", "requests", "rich", "attrs", "httpx")
PROBED = "attrs"

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where the public index does not answer within a short time."""
    node = launched(tmp_path_factory.mktemp("probe"), tier_settings={"timeout": "8s"})
    try:
        node.wait_until_ready()
        answer = node.get(f"simple/{PROBED}/")
    finally:
        node.close()
    if answer.status == 503:
        pytest.skip(f"the public index cannot be reached from here: {answer.body.decode(errors='replace')[:200]}")


def launched(folder: Path, tier_settings: dict[str, str] | None = None) -> RunningNode:
    """A node with this process's own environment, and so with pip's configuration; only its store is elsewhere."""
    settings = (
        {"tiers": [{"name": "public", "kind": "origin", "url": "pypi", **tier_settings}]} if tier_settings else {}
    )
    return RunningNode.prepare(folder, settings, environment={**os.environ, "XDG_DATA_HOME": str(folder / "data")})


@pytest.fixture
def node(reachable: None, tmp_path: Path, running: list[Running]) -> Iterator[RunningNode]:
    """A node without any configuration of tiers."""
    started = launched(tmp_path / "node")
    running.append(started)
    started.wait_until_ready()
    yield started
    started.close()


def test_an_application_installs_from_the_public_index_and_again_without_it(
    client: Client, pip: Pip, node: RunningNode
) -> None:
    through = client.install(node.simple, *REQUIREMENTS)

    assert through.succeeded, through.run.said
    assert set(REQUIREMENTS) <= set(through.versions)
    for requirement in client.locked_elsewhere(through):  # as `tests.acceptance.kept` tells
        pip.download(node.simple, requirement, options=["--no-deps"])
    node.wait_until_kept(through.versions)
    switched = node.run("offline", "on")
    assert switched.returncode == 0, switched.stderr
    for root in (node.simple, node.local):
        again = client.install(root, *REQUIREMENTS)
        assert again.succeeded, again.run.said
        assert (again.versions, again.tree) == (through.versions, through.tree)


def test_uv_installs_again_when_the_public_index_is_cut_off(uv: Uv, tmp_path: Path, node: RunningNode) -> None:
    through = uv.install(node.simple, *REQUIREMENTS)
    assert through.succeeded, through.run.said

    node.wait_until_kept(through.versions)
    # The same store, a node whose way out is a proxy that is not there.
    node.close()
    cut = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    kept = {name: text for name, text in os.environ.items() if name.lower() != "no_proxy"}
    node.start_again(environment={**kept, **cut})

    for root in (node.simple, node.local):
        again = uv.install(root, *REQUIREMENTS)
        assert again.succeeded, again.run.said
        assert again.tree == through.tree
