"""Files that are copied into a folder of a running node, as people and build servers do."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.acceptance.test_publishing import release
from tests.doubles.clients import Pip
from tests.doubles.processes import RunningNode, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


@pytest.fixture
def node(fake_index: IndexStarter, node_of: NodeStarter, dist: Path) -> RunningNode:
    return node_of(fake_index("json"), publish={"directories": [str(dist)]})


def filenames(node: RunningNode) -> set[str]:
    page = node.get("simple/acme-tools/", Accept="application/vnd.pypi.simple.v1+json")
    return {file["filename"] for file in json.loads(page.body)["files"]} if page.status == 200 else set()


def test_files_are_there_while_they_lie_in_the_folder_and_pip_installs_them(
    node: RunningNode, dist: Path, pip: Pip, tmp_path: Path
) -> None:
    first, second = release(tmp_path), release(tmp_path, "2.0")
    subprocess.run(["cp", *(archive.path for archive in first), dist], check=True)
    wait_until(lambda: filenames(node) == {archive.filename for archive in first})
    (dist / "acme-tools").mkdir()
    for archive in second:
        shutil.move(archive.path, dist / "acme-tools")
    everything = {archive.filename for archive in (*first, *second)}
    wait_until(lambda: filenames(node) == everything)
    installed = pip.install(node.simple, "acme-tools")
    assert installed.succeeded, installed.said
    shutil.rmtree(dist / "acme-tools")
    wait_until(lambda: filenames(node) == {archive.filename for archive in first})


def test_what_happens_while_the_node_is_down_is_noticed_at_its_start(
    node: RunningNode, dist: Path, tmp_path: Path
) -> None:
    first, second = release(tmp_path), release(tmp_path, "2.0")
    for archive in first:
        shutil.copy(archive.path, dist)
    wait_until(lambda: len(filenames(node)) == len(first))
    node.kill()
    (dist / first[0].filename).unlink()
    for archive in second:
        shutil.copy(archive.path, dist)
    node.start_again()
    node.wait_until_ready()
    expected = {archive.filename for archive in (*first[1:], *second)}
    wait_until(lambda: filenames(node) == expected)


def test_folder_on_another_file_system_that_is_unmounted_withdraws_nothing(
    fake_index: IndexStarter, node_of: NodeStarter, small_disk: Path, tmp_path: Path
) -> None:
    made = release(tmp_path)
    for archive in made:
        shutil.copy(archive.path, small_disk)
    node = node_of(fake_index("json"), publish={"directories": [str(small_disk)]})
    wait_until(lambda: len(filenames(node)) == len(made))
    subprocess.run(["umount", "--lazy", small_disk], check=True)
    try:
        wait_until(lambda: "it is another folder than it was" in node.said())
        assert len(filenames(node)) == len(made)
    finally:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small_disk], check=True)
