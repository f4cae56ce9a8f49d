"""Stores that lost something behind the node's back, and disks that are full."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import IO

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.clients import Uv
from tests.doubles.distributions import Archive
from tests.doubles.fetching import assert_whole, fetch
from tests.doubles.processes import RunningNode, wait_until
from tests.doubles.universe import APPLICATION, Universe
from tiercache.web.hot.descriptors import LOOKED_AT_S


def path_of(archive: Archive) -> str:
    return f"files/{archive.hashes['sha256']}/{archive.filename}"


def stored(node: RunningNode, archive: Archive) -> Path:
    """The archive's file in the store, once the node has it from there, its fill is over, and nobody just looked at it.

    What is damaged in the moment after a look is another test's (`tests/web/hot/test_hot_files.py`).
    """

    def is_hit() -> bool:
        answer = fetch(node.url + path_of(archive), method="HEAD")
        return answer.status == 200 and "; hit" in answer.headers["cache-status"]

    wait_until(is_hit, what=f"{archive.filename} from the store")
    time.sleep(LOOKED_AT_S)
    whole = archive.path.read_bytes()
    same_length = [path for path in node.store.rglob("*") if path.is_file() and path.stat().st_size == len(whole)]
    (path,) = (path for path in same_length if path.read_bytes() == whole)
    return path


def empty(path: Path) -> None:
    os.truncate(path, 0)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def lose(path: Path) -> None:
    path.unlink()


def spoil(path: Path) -> None:
    """Another byte in the middle; the length stays."""
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [empty, halve, lose])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it was down"])
def test_a_stored_file_that_lost_bytes_is_fetched_anew(
    damage: object, restarted: bool, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    assert callable(damage)
    index = fake_index()
    node = node_of(index)
    wheel = universe.wheel("tc-medium", "1.0")
    assert fetch(node.url + path_of(wheel)).status == 200
    place = stored(node, wheel)
    if restarted:
        node.close()
    damage(place)
    if restarted:
        node.start_again()
    index.forget()

    again = fetch(node.url + path_of(wheel))

    assert_whole(again, wheel.path)
    assert len([line for line in index.requests(wheel.filename) if line["method"] == "GET"]) == 1
    assert stored(node, wheel)


@pytest.mark.parametrize("damage", [empty, halve, lose])
def test_a_stored_file_that_lost_bytes_is_never_served_short(
    damage: object, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    assert callable(damage)
    index = fake_index()
    node = node_of(index)
    wheel = universe.wheel("tc-medium", "1.0")
    assert fetch(node.url + path_of(wheel)).status == 200
    damage(stored(node, wheel))
    index.kill()

    assert fetch(node.url + path_of(wheel)).status == 503
    assert fetch(node.url + path_of(wheel), headers={"Range": "bytes=0-9"}).status == 503
    assert wheel.filename.encode() not in fetch(f"{node.local}tc-medium/").body
    assert node.get("healthz").status == 200


@pytest.mark.parametrize("at_rest", [False, True], ids=["a running node", "a node at rest"])
def test_fsck_finds_a_spoiled_file_and_puts_it_away_and_it_is_fetched_anew(
    at_rest: bool, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index = fake_index()
    node = node_of(index)
    assert uv.install(node.simple, "tc-medium", "tc-vivid").succeeded
    wheel = universe.wheel("tc-medium", "1.0")
    place = stored(node, wheel)
    if at_rest:
        node.close()
    assert node.run("fsck").returncode == 0
    spoil(place)
    spoiled = hashlib.sha256(place.read_bytes()).hexdigest()

    checked = node.run("fsck")

    assert checked.returncode != 0
    assert wheel.hashes["sha256"] in checked.stdout + checked.stderr
    assert not place.exists()
    kept = [path for path in node.store.rglob("*") if path.is_file() and path.stat().st_size == wheel.size_bytes]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in kept] == [spoiled]
    if at_rest:
        node.start_again()
    index.forget()
    assert uv.install(node.simple, "tc-medium").succeeded
    assert len([line for line in index.requests(wheel.filename) if line["method"] == "GET"]) == 1
    assert stored(node, wheel) == place
    assert node.run("fsck").returncode == 0


def fill_up(file: IO[bytes]) -> None:
    while True:
        file.write(bytes(4096))


def test_a_full_disk_keeps_no_client_from_its_file(
    uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe, small_disk: Path
) -> None:
    index = fake_index()
    node = node_of(index, store=small_disk / "store")
    big = universe.wheel("tc-big", "1.0")
    assert big.size_bytes > 24 << 20
    assert uv.install(node.simple, "tc-vivid").succeeded
    hog = small_disk / "hog"

    assert_whole(fetch(node.url + path_of(big)), big.path)

    partials = small_disk / "store" / "partial"
    wait_until(lambda: not any(partials.iterdir()), what="the end of what had no room")
    with hog.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        fill_up(file)
    installed = uv.install(node.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    assert_whole(fetch(node.url + path_of(big)), big.path)
    assert uv.install(node.local, "tc-vivid").succeeded

    hog.unlink()
    installed = uv.install(node.simple, APPLICATION)
    assert installed.succeeded, installed.run.said
    node.wait_until_kept(installed.versions)
    index.kill()
    again = uv.install(node.local, APPLICATION)
    assert again.succeeded, again.run.said
    assert node.run("fsck").returncode == 0
