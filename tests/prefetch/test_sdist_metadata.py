"""Sdists are brought in and looked into for a resolver, and never built."""

from __future__ import annotations

import pytest

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, begun, result_of
from tests.doubles.small_node import ANY, LOCAL, SmallNode, listed, scripted, sdist
from tiercache.errors import FileAbsent, NoTierAnswered, NotStored
from tiercache.policy.entry import Ask
from tiercache.prefetch.sdist_metadata import MOST_BYTES, SdistMetadata
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import identity_of

PKG_INFO = b"Metadata-Version: 2.2\nName: app\nVersion: 1.0\n"


def looking(filename: str, content: bytes) -> tuple[SmallNode, File]:
    tier = scripted()
    (file,) = listed(tier, "app", (filename, content))
    return SmallNode(upstreams=[tier]), file


def told(node: SmallNode, file: File, project: str = "app", ask: Ask = ANY) -> bytes:
    looks = SdistMetadata(files=node.parts.files, stored_files=node.parts.stored_files, pool=at_once)
    return result_of(looks.metadata(ProjectName(project), identity_of(file), file.filename, ask))


def test_an_sdist_is_fetched_once_and_then_told_of_from_the_store() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", PKG_INFO))
    assert told(node, file) == PKG_INFO
    (tier,) = node.upstreams
    tier.asked.clear()
    assert told(node, file, ask=LOCAL) == PKG_INFO
    assert tier.asked == []


def test_nothing_is_fetched_for_a_local_question() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", PKG_INFO))
    with pytest.raises(NotStored):
        told(node, file, ask=LOCAL)


def test_a_tier_that_does_not_answer_leaves_nothing_decided() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", PKG_INFO))
    result_of(node.page("app"))
    node.upstreams[0].silent = "refused"
    with pytest.raises(NoTierAnswered):
        told(node, file)


def test_it_is_told_of_under_no_other_projects_name() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", PKG_INFO))
    for _ in ("cold", "stored"):
        with pytest.raises(FileAbsent):
            told(node, file, project="other")
        told(node, file)


def test_it_is_looked_into_once_the_store_has_it() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", PKG_INFO))
    pool = HeldPool()
    node = SmallNode(upstreams=node.upstreams, pool=pool)
    looks = SdistMetadata(files=node.parts.files, stored_files=node.parts.stored_files, pool=pool)
    looking_at = begun(looks.metadata(ProjectName("app"), identity_of(file), file.filename, ANY))
    while pool.held:
        pool.go_on()
    assert result_of(looking_at) == PKG_INFO


@pytest.mark.parametrize("filename", ["app-1.0.zip", "app-1.0.tar.bz2"])
def test_an_sdist_of_an_old_kind_is_not_looked_into(filename: str) -> None:
    node, file = looking(filename, b"old")
    assert b"an sdist of an old kind" in told(node, file)
    assert node.upstreams[0].asked == []


def test_a_long_sdist_is_not_fetched_only_to_look_into_it() -> None:
    node, file = looking("app-1.0.tar.gz", bytes(MOST_BYTES + 1))
    assert b"too long to look into" in told(node, file)


def test_what_cannot_be_told_names_the_release_and_the_reason() -> None:
    node, file = looking("app-1.0.tar.gz", sdist("app", "1.0", b"Metadata-Version: 1.0\nName: app\nVersion: 1.0\n"))
    found = told(node, file)
    assert b"Name: app\nVersion: 1.0\n" in found
    assert b"only a build tells what this sdist requires" in found
    node, file = looking("app-1.0.tar.gz", b"no archive")
    assert b"the archive cannot be read" in told(node, file)
