"""Sidecars made from the wheel: by a few reads of its end, else from the whole, and in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from tests.cache.given import FILENAME, LARGE_WHEEL, METADATA, WHEEL, advertised, asked, sidecar
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    CONFIG,
    SmallNode,
    in_pieces,
    listed,
    scripted,
    sha256,
    wheel,
    wheel_of_directory,
)
from tiercache.cache.core_metadata import metadata_of
from tiercache.cache.ranged_wheel import READ_BYTES, READS, STRETCH_BYTES, TAIL_BYTES
from tiercache.errors import NoTierAnswered, SidecarUnavailable, TierUnreachable
from tiercache.interfaces import FileRange
from tiercache.simple.model import File
from tiercache.simple.names import identity_of

T = TypeVar("T")


def test_a_sidecar_is_made_from_the_end_of_the_wheel_where_the_tier_has_none() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    assert advertised(node) is True
    shown = sidecar(node, file)
    assert (shown.data, shown.sha256) == (METADATA, sha256(METADATA))
    assert len(asked(tier, "range")) == 1
    assert asked(tier, "sidecar", "file") == []
    assert advertised(node) == {"sha256": sha256(METADATA)}


def test_a_large_wheel_takes_one_more_read_where_its_metadata_stands_far_from_the_end() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    assert sidecar(SmallNode(upstreams=[tier]), file).data == METADATA
    assert len(asked(tier, "range")) == 2
    assert sum(int(words[3]) for words in asked(tier, "range")) < 60_000


def test_a_tier_without_ranges_gives_the_whole_wheel_once() -> None:
    tier = scripted(gives_ranges=False)
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    node = SmallNode(upstreams=[tier])
    assert sidecar(node, file).data == METADATA
    assert result_of(node.content(file)) == LARGE_WHEEL
    assert len(asked(tier, "file")) == 1


def test_sidecars_are_made_only_for_the_files_that_somebody_asked_about() -> None:
    tier = scripted()
    files = listed(tier, "pkg", *((f"pkg-{number}-py3-none-any.whl", WHEEL) for number in range(50)))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    sidecar(node, files[7])
    assert {words[1] for words in asked(tier, "range", "file", "sidecar")} == {files[7].url}


def test_a_wheel_without_metadata_is_said_to_have_no_sidecar_from_then_on() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, b"no archive at all"))
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        with pytest.raises(SidecarUnavailable):
            sidecar(node, file)
    assert len(asked(tier, "range")) == 1
    assert advertised(node) is False


def test_a_wheel_that_changes_while_it_is_read_gives_no_sidecar() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    plain = tier.file_range

    async def changing(file: File, start: int, size_bytes: int) -> FileRange:
        given = await plain(file, start, size_bytes)
        tier.contents[file.url] += b"!"
        return given

    tier.file_range = changing  # type: ignore[method-assign]  # this tier does something on the way
    with pytest.raises(NoTierAnswered):
        sidecar(node, file)


def test_a_tier_whose_ranges_are_of_another_file_gives_no_sidecar() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    tier.contents[file.url] = wheel("pkg", "1.0", METADATA + b"Requires-Dist: evil\n")
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NoTierAnswered):
        sidecar(node, file)
    assert advertised(node) is True


def test_a_client_that_leaves_while_the_whole_wheel_is_read_takes_nobody_with_it() -> None:
    tier = scripted(gives_ranges=False)
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, content[100_000:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.sidecars.sidecar(identity_of(file), FILENAME, ANY)) for _ in range(3)]
    waiting[0].addErrback(lambda failure: None)
    waiting[0].cancel()
    go.callback(None)
    assert [result_of(one).data for one in waiting[1:]] == [METADATA, METADATA]
    assert len(asked(tier, "file")) == 1
    assert node.parts.files._fills == {}


def test_a_wheel_that_is_evicted_at_once_has_given_its_sidecar_before() -> None:
    tier = scripted(gives_ranges=False)
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    node = SmallNode(upstreams=[tier], config=evolve(CONFIG, store=evolve(CONFIG.store, budget_bytes=1000)))
    assert sidecar(node, file).data == METADATA
    assert list(node.catalogue.all_files()) == []
    assert advertised(node) == {"sha256": sha256(METADATA)}


def test_a_wheel_that_comes_in_crumbs_is_fetched_as_a_whole() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    plain = tier.file_range

    async def crumbs(file: File, start: int, size_bytes: int) -> FileRange:
        return await plain(file, start, min(size_bytes, 10))

    tier.file_range = crumbs  # type: ignore[method-assign]  # this tier does something on the way
    assert sidecar(SmallNode(upstreams=[tier]), file).data == METADATA
    assert len(asked(tier, "range")) == READS + 1
    assert len(asked(tier, "file")) == 1


@pytest.mark.parametrize(("more_bytes", "files"), [(0, 0), (1, 1)])
def test_no_more_of_a_wheel_is_read_by_ranges_than_its_limit(more_bytes: int, files: int) -> None:
    directory_bytes = READ_BYTES - TAIL_BYTES - STRETCH_BYTES + more_bytes
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, wheel_of_directory("pkg", "1.0", METADATA, directory_bytes)))
    assert sidecar(SmallNode(upstreams=[tier]), file).data == METADATA
    assert sum(int(words[3]) for words in asked(tier, "range")) <= READ_BYTES
    assert len(asked(tier, "file")) == files


def test_a_whole_wheel_that_breaks_off_leaves_no_reader_behind() -> None:
    tier = scripted(gives_ranges=False)
    (file,) = listed(tier, "pkg", (FILENAME, LARGE_WHEEL))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, ZeroDivisionError(), size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    waiting = begun(node.parts.sidecars.sidecar(identity_of(file), FILENAME, ANY))
    (fill,) = node.parts.files._fills.values()
    go.callback(None)
    with pytest.raises(TierUnreachable):
        result_of(waiting)
    assert not fill._readers


@pytest.mark.parametrize(("whole", "times"), [(WHEEL, 0), (LARGE_WHEEL, 1)], ids=["held", "on the disk"])
def test_a_small_wheel_is_read_when_it_is_judged_and_not_again_when_it_is_stored(whole: bytes, times: int) -> None:
    worked: list[object] = []

    async def pool(function: Callable[..., T], /, *args: Any) -> T:
        worked.append(function)
        return function(*args)

    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, whole))
    node = SmallNode(upstreams=[tier], pool=pool)
    assert result_of(node.content(file)) == whole
    assert worked.count(metadata_of) == times
    assert sidecar(node, file).data == METADATA
    assert len(node.parts.files._judging._just_read) == 0
