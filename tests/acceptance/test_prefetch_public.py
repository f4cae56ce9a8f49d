"""The same with the real public index, at the top of three nodes: a prefetch, and installs without anything above."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.chains import SETTINGS
from tests.acceptance.test_prefetch import prefetched
from tests.acceptance.test_public_index import REQUIREMENTS
from tests.acceptance.test_public_index import reachable as reachable  # a fixture
from tests.doubles.clients import Desk, Pdm, Pip, Poetry, Uv
from tests.doubles.processes import Running, RunningNode

pytestmark = pytest.mark.network


@pytest.fixture
def nodes(reachable: None, tmp_path: Path, running: list[Running]) -> tuple[RunningNode, RunningNode, RunningNode]:
    """dev, office, private: the last one has the public index as pip's configuration says."""

    def begun(name: str, above: RunningNode | None) -> RunningNode:
        tier: dict[str, Any] = {"name": "public", "kind": "origin", "url": "pypi"}
        if above is not None:
            tier = {"name": "above", "kind": "parent", "url": above.url, "timeout": "30s"}
        settings = {**SETTINGS, "node": {"name": name, "stop-timeout": "2s"}, "tiers": [tier]}
        # As test_public_index does: this process's own environment, in which pip's configuration is found.
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / name)} if above is None else None
        node = RunningNode.prepare(tmp_path / name, settings, environment=environment)
        running.append(node)
        node.wait_until_ready()
        return node

    private = begun("private", None)
    office = begun("office", private)
    return begun("dev", office), office, private


def test_public_projects_install_with_every_tool_when_everything_above_is_gone(
    nodes: tuple[RunningNode, RunningNode, RunningNode], desk: Desk, tmp_path: Path
) -> None:
    dev, *above = nodes
    root = dev.simple
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join(REQUIREMENTS), encoding="utf-8")
    locked = Poetry(desk=desk).lock(root, *REQUIREMENTS)
    assert locked.succeeded, locked.said
    pylock = Pdm(desk=desk).lock(root, *REQUIREMENTS, as_pylock=True)
    assert pylock.succeeded, pylock.said
    prefetched(dev, "-r", file, "--universal")
    for lock in (locked.folder / "poetry.lock", pylock.folder / "pylock.toml"):
        prefetched(dev, "--lock", lock, "--universal")
    for node in above:
        node.kill()

    for made in (
        Pip(desk=desk).install(root, options=["-r", str(file)]),
        Uv(desk=desk).sync_project(root, *REQUIREMENTS),
        Poetry(desk=desk).sync(locked),
        Pdm(desk=desk).sync(pylock),
    ):
        assert made.succeeded, made.run.said
        assert set(REQUIREMENTS) <= set(made.versions)
