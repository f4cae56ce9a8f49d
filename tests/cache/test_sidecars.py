"""Sidecars through a whole node in memory: passed on, made, kept, and never other than what the wheel says."""

from __future__ import annotations

import hashlib

import pytest
from twisted.internet.defer import Deferred, fail

from tests.cache.given import FILENAME, METADATA, WHEEL, advertised, asked, sidecar
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    LOCAL,
    SmallNode,
    everything,
    listed,
    scripted,
    sha256,
)
from tiercache.cache.signal import Signal
from tiercache.errors import FileAbsent, NoTierAnswered, NotStored, SidecarUnavailable, StoreFull
from tiercache.interfaces import FileRange
from tiercache.policy.entry import Ask
from tiercache.simple.model import File, FileIdentity
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue


def test_the_tiers_own_sidecar_is_passed_on_verified_and_asked_for_once() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata={"sha256": sha256(METADATA)})
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        assert sidecar(node, file).data == METADATA
    assert len(asked(tier, "sidecar", "range", "file")) == 1


def test_thirty_requests_for_one_sidecar_share_one_fetch() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    gate = Signal()
    plain = tier.file_range

    async def slow(file: File, start: int, size_bytes: int) -> FileRange:
        await gate.wait()
        return await plain(file, start, size_bytes)

    tier.file_range = slow  # type: ignore[method-assign]  # this tier does something on the way
    waiting = [begun(node.parts.sidecars.sidecar(identity_of(file), FILENAME, ANY)) for _ in range(30)]
    gate.fire()
    assert all(result_of(one).data == METADATA for one in waiting)
    assert len(asked(tier, "range")) == 1


@pytest.mark.parametrize("what", ["missing", "wrong"])
def test_a_sidecar_that_the_tier_advertises_and_does_not_have_right_is_made_from_the_wheel(what: str) -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata={"sha256": sha256(METADATA)})
    if what == "wrong":
        tier.sidecars[file.url] = b"something else"
    node = SmallNode(upstreams=[tier])
    assert sidecar(node, file).data == METADATA


def test_the_hash_of_the_wheel_given_as_the_sidecars_is_corrected_on_the_page() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata={"sha256": sha256(WHEEL)})
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier])
    assert sidecar(node, file).data == METADATA
    assert advertised(node) == {"sha256": sha256(METADATA)}


def test_the_wheel_has_the_last_word_when_it_is_stored() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=True)
    tier.sidecars[file.url] = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Dist: evil\n"
    node = SmallNode(upstreams=[tier])
    assert b"evil" in sidecar(node, file).data
    result_of(node.content(file))
    assert sidecar(node, file).data == METADATA
    assert advertised(node) == {"sha256": sha256(METADATA)}


def test_a_stored_wheel_gives_its_sidecar_locally_and_no_tier_is_asked() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NotStored):
        sidecar(node, file, LOCAL)
    result_of(node.content(file))
    for known in ("kept from the fill", "made again"):
        tier.asked.clear()
        assert sidecar(node, file, LOCAL).data == METADATA, known
        assert tier.asked == []
        result_of(node.catalogue.forget_attachment(identity_of(file), "metadata"))
    assert sidecar(node, file, LOCAL).data == METADATA


def test_a_kept_sidecar_is_served_when_every_tier_is_gone() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    sidecar(node, file)
    tier.silent = "down"
    assert sidecar(node, file).data == METADATA


def test_an_sdist_has_the_sidecar_that_its_tier_has_and_none_is_made() -> None:
    tier = scripted()
    (with_one,) = listed(tier, "pkg", ("pkg-1.0.tar.gz", b"archive"), core_metadata={"sha256": sha256(METADATA)})
    tier.sidecars[with_one.url] = METADATA
    assert sidecar(SmallNode(upstreams=[tier]), with_one).data == METADATA
    (without,) = listed(tier, "pkg", ("pkg-2.0.tar.gz", b"archive 2"))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(SidecarUnavailable):
        sidecar(node, without)
    assert advertised(node) is None


def test_an_unreachable_tier_is_no_missing_sidecar() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=True)
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    tier.silent = "down"
    with pytest.raises(NoTierAnswered):
        sidecar(node, file)
    tier.silent = None
    assert sidecar(node, file).data == METADATA


def test_provenance_is_passed_on_and_kept() -> None:
    tier = scripted()
    url = "https://public.example/provenance"
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), provenance=url)
    tier.provenances[url] = b"{}"
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    for silent in (None, "down"):
        tier.silent = silent
        shown = result_of(node.parts.sidecars.provenance(identity_of(file), FILENAME, ANY))
        assert shown.data == b"{}"


def test_a_file_without_provenance_has_none() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    with pytest.raises(FileAbsent):
        result_of(SmallNode(upstreams=[tier]).parts.sidecars.provenance(identity_of(file), FILENAME, ANY))


def test_a_wheel_has_one_sidecar_by_whatever_name_it_was_asked_for() -> None:
    """The tier's own is kept under one name when the wheel is stored under another, and says something else."""
    tier = scripted()
    md5 = hashlib.md5(WHEEL, usedforsecurity=False).hexdigest()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=True, hashes={"md5": md5})
    tier.sidecars[file.url] = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Dist: evil\n"
    names = [FileIdentity("md5", md5), FileIdentity("sha256", sha256(WHEEL))]
    for asked_by in names:
        for stored_by in names:
            node = SmallNode(upstreams=[tier])
            assert b"evil" in result_of(node.parts.sidecars.sidecar(asked_by, FILENAME, ANY)).data
            opened = result_of(node.parts.files.open(stored_by, FILENAME, ANY))
            assert result_of(everything(opened.body(0, None))) == WHEEL
            for name in names:
                assert result_of(node.parts.sidecars.sidecar(name, FILENAME, ANY)).data == METADATA
            assert advertised(node) == {"sha256": sha256(METADATA)}


def test_a_sidecar_is_served_though_the_store_has_no_room_to_keep_it() -> None:
    for ranges in (True, False):
        tier = scripted(gives_ranges=ranges)
        (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
        node = SmallNode(upstreams=[tier])
        result_of(node.page("pkg"))
        node.parts.sidecars._catalogue = _FullOfSidecars(node.catalogue)  # type: ignore[assignment]  # but for this
        for _ in range(2):
            assert sidecar(node, file).data == METADATA


class _FullOfSidecars:
    """A catalogue that has no room for sidecars, nor to note that one is gone."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    def _no_room(self, *_: object) -> Deferred[None]:
        return fail(StoreFull(reason="no room"))

    store_attachment = forget_attachment = _no_room

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


def test_the_sidecar_of_a_tier_that_is_silent_is_the_next_tiers() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "pkg", (FILENAME, WHEEL))
    listed(second, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[first, second])
    result_of(node.page("pkg"))
    first.silent = "down"
    assert sidecar(node, file).data == METADATA


@pytest.mark.parametrize("ask", [LOCAL, Ask(only_if_cached=True)])
def test_no_tier_is_asked_for_a_sidecar_or_a_provenance_when_none_may_be(ask: Ask) -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=True, provenance="https://public.example/p")
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    tier.asked.clear()
    for attachment in (node.parts.sidecars.sidecar, node.parts.sidecars.provenance):
        with pytest.raises(NotStored):
            result_of(attachment(identity_of(file), FILENAME, ask))
    assert tier.asked == []


def test_local_offers_no_sidecar_of_an_sdist_that_was_never_asked_for() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", ("pkg-1.0.tar.gz", b"archive"), core_metadata={"sha256": sha256(METADATA)})
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    assert advertised(node, LOCAL) is None
    sidecar(node, file)
    assert advertised(node, LOCAL) == {"sha256": sha256(METADATA)}
    assert sidecar(node, file, LOCAL).data == METADATA


def test_a_wheel_that_loses_bytes_while_it_is_read_is_not_taken_for_one_without_metadata() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    record = node.catalogue.file(identity_of(file))
    assert record is not None
    result_of(node.catalogue.forget_attachment(identity_of(file), "metadata"))
    node.files.remove(record.sha256)
    partial = node.files.begin()
    partial.write(WHEEL[:50])
    partial.commit(record.sha256)
    partial.discard()
    result_of(node.parts.sidecars.check_stored(record))
    assert node.catalogue.attachment(identity_of(file), "metadata") is None
    assert sidecar(node, file).data == METADATA


def test_a_right_sidecar_is_not_made_again_when_its_wheel_is_stored() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=True)
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier])
    sidecar(node, file)
    result_of(node.content(file))
    assert (node.parts.stats.sidecars_passed, node.parts.stats.sidecars_made) == (1, 0)


def test_a_page_is_another_once_a_sidecar_of_its_is_known() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    before = result_of(node.parts.pages.shown(normalise("pkg"), ANY)).version
    sidecar(node, file)
    assert result_of(node.parts.pages.shown(normalise("pkg"), ANY)).version != before


def test_a_tier_that_is_silent_about_sidecars_is_taken_for_down() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    tier.silent = "down"
    for _ in range(3):
        with pytest.raises(NoTierAnswered):
            sidecar(node, file)
    assert node.parts.stats.breakers_opened == 1
