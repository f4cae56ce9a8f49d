"""Deleted files: nobody gets them, they may be restored for a time, and their names stay taken."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail

from tests.cache.given import FILENAME, METADATA, SMALL, WHEEL, sidecar
from tests.doubles.hosting import a_file, publish, stored
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, SmallNode, listed, scripted, sha256
from tiercache.config import PublishConfig
from tiercache.errors import (
    FileAbsent,
    FileDeleted,
    FilenameTaken,
    NothingToRestore,
    NotStored,
    ProjectAbsent,
    ProjectHasFiles,
    ReleaseAbsent,
    StoreFull,
)
from tiercache.interfaces import METADATA as SIDECAR
from tiercache.interfaces import PROVENANCE
from tiercache.policy.acts import DELETED, EXPIRED, PUBLISHED, RESTORED
from tiercache.policy.entry import Ask
from tiercache.policy.news import NAMED, PAGE, RELEASED
from tiercache.policy.selection import HERE, ProjectRule
from tiercache.simple.model import File, FileIdentity
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue

PKG, OTHER = normalise("pkg"), normalise("other")
SDIST, NEXT = "pkg-1.0.tar.gz", "pkg-2.0.tar.gz"
WEEK_S = 7 * 86400.0
IDENTITY = FileIdentity("sha256", sha256(SMALL))


def node_with(*filenames: str, upstreams: Any = ()) -> SmallNode:
    """A node that hosts files of these names with bytes of their own, the first of which are `SMALL`."""
    node = SmallNode(upstreams=list(upstreams))
    for number, filename in enumerate(filenames):
        content = WHEEL if filename.endswith(".whl") else SMALL + b"+" * number
        publish(node.parts.hosted, node.files, "pkg", filename, content)
    return node


def delete(node: SmallNode, **what: Any) -> list[str]:
    return list(result_of(node.parts.deleted.delete(PKG, **what)))


def restore(node: SmallNode, **what: Any) -> list[str]:
    return list(result_of(node.parts.deleted.restore(PKG, **what)))


def filenames(node: SmallNode, ask: Ask = ANY) -> list[str]:
    return [file.filename for file in result_of(node.page("pkg", ask)).files]


def tidy(node: SmallNode) -> None:
    result_of(node.parts.janitor.tidy())


def nobody_gets(node: SmallNode, filename: str, identity: FileIdentity = IDENTITY) -> None:
    """By name, by digest, with any question, and of its sidecar."""
    files, sidecars = node.parts.files, node.parts.sidecars
    for ask in (ANY, LOCAL, Ask(no_cache=True), Ask(only_if_cached=True)):
        for named in (identity, None):
            with pytest.raises((FileAbsent, NotStored)):
                result_of(files.open(named, filename, ask))
            with pytest.raises((FileAbsent, NotStored)):
                result_of(files.head(named, filename, ask))
        for attachment in (sidecars.sidecar(identity, filename, ask), sidecars.provenance(identity, filename, ask)):
            with pytest.raises((FileAbsent, NotStored)):
                result_of(attachment)
    assert result_of(files.open_stored(identity.value)) is None


# -- deleting -----------------------------------------------------------------------------------------------------


def test_a_deleted_file_is_on_no_page_and_to_be_had_by_nobody() -> None:
    node = node_with(SDIST, NEXT)
    assert delete(node, filename=SDIST) == [SDIST]
    assert filenames(node) == filenames(node, LOCAL) == [NEXT]
    nobody_gets(node, SDIST)


def test_a_deleted_wheel_takes_its_sidecar_with_it_and_a_restored_one_brings_it_back() -> None:
    node = node_with(FILENAME)
    file = result_of(node.page("pkg")).files[0]
    delete(node, filename=FILENAME)
    nobody_gets(node, FILENAME, identity_of(file))
    restore(node)
    assert result_of(node.page("pkg")).files[0] == file
    assert sidecar(node, file, LOCAL).data == METADATA


def test_a_deleted_file_is_not_asked_of_any_tier() -> None:
    public = scripted()
    listed(public, "pkg", (SDIST, b"public"))
    node = node_with(SDIST, upstreams=[public])
    delete(node)
    nobody_gets(node, SDIST)
    assert public.asked == []


@pytest.mark.parametrize(
    ("what", "gone"),
    [
        ({"filename": SDIST}, [SDIST]),
        ({"version": "1.0"}, [SDIST, FILENAME]),
        ({"version": "1"}, [SDIST, FILENAME]),
        ({"version": "2.0.0"}, [NEXT]),
        ({}, [SDIST, FILENAME, NEXT]),
    ],
)
def test_a_file_a_release_or_a_whole_project_is_deleted_and_restored(what: dict[str, str], gone: list[str]) -> None:
    node = node_with(SDIST, FILENAME, NEXT)
    before = {file.filename: file for file in result_of(node.page("pkg")).files}
    assert delete(node, **what) == gone
    assert filenames(node) == [name for name in before if name not in gone]
    assert sorted(restore(node, **what)) == sorted(gone)
    assert {file.filename: file for file in result_of(node.page("pkg")).files} == before


def test_what_is_not_there_cannot_be_deleted() -> None:
    node = node_with(SDIST)
    for what, error in (({"filename": NEXT}, FileAbsent), ({"version": "3.0"}, ReleaseAbsent)):
        with pytest.raises(error):
            delete(node, **what)
    with pytest.raises(ProjectAbsent):
        result_of(node.parts.deleted.delete(OTHER))
    assert filenames(node) == [SDIST]


def test_the_same_bytes_that_another_project_has_stay_there() -> None:
    node = node_with(SDIST)
    publish(node.parts.hosted, node.files, "other", "other-1.0.tar.gz", SMALL)
    delete(node)
    tidy(node)
    node.clock.advance(WEEK_S + 1)
    tidy(node)
    file = result_of(node.page("other")).files[0]
    assert result_of(node.content(file, LOCAL)) == SMALL
    nobody_gets_by_name = result_of(node.page("pkg")).files
    assert nobody_gets_by_name == ()


# -- the name -----------------------------------------------------------------------------------------------------


def test_the_name_of_a_deleted_file_is_taken_for_ever() -> None:
    node = node_with(SDIST)
    delete(node)
    for wait_s in (0.0, WEEK_S + 1, 1000 * WEEK_S):
        node.clock.advance(wait_s)
        tidy(node)
        with pytest.raises(FilenameTaken, match="already exists"):
            publish(node.parts.hosted, node.files, "pkg", SDIST, b"other bytes")
    assert filenames(node) == []


def test_deleted_bytes_come_back_by_restoring_and_not_by_publishing_until_they_are_gone() -> None:
    """Who may publish may not undo what who may manage has done; later nobody else has the bytes."""
    node = node_with(SDIST)
    delete(node)
    with pytest.raises(FileDeleted, match="already exists"):
        publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL)
    assert filenames(node) == []
    node.clock.advance(WEEK_S)
    tidy(node)
    assert publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL) is True
    assert filenames(node) == [SDIST]
    assert node.catalogue.deleted(PKG, SDIST) is None


def test_a_project_of_which_all_is_deleted_stays_reserved_until_it_is_released() -> None:
    public = scripted()
    listed(public, "pkg", ("pkg-9.9.tar.gz", b"public"))
    node = node_with(SDIST, upstreams=[public])
    with pytest.raises(ProjectHasFiles):
        result_of(node.parts.hosted.release(PKG))
    delete(node)
    assert node.parts.reserved.by(PKG).hosted
    assert filenames(node) == []
    assert public.asked == []
    result_of(node.parts.hosted.release(PKG, by="alice"))
    assert not node.parts.reserved.by(PKG).hosted
    assert filenames(node) == ["pkg-9.9.tar.gz"]
    with pytest.raises(ProjectAbsent):
        result_of(node.parts.hosted.release(PKG))
    assert [change.what for change in node.catalogue.changes(0, 10) or ()][:3] == [NAMED, PAGE, RELEASED]


def test_what_was_deleted_of_a_released_project_can_be_restored_and_takes_its_name_again() -> None:
    node = node_with(SDIST)
    delete(node)
    result_of(node.parts.hosted.release(PKG))
    restore(node)
    assert node.parts.reserved.by(PKG).hosted
    assert filenames(node) == [SDIST]
    assert [change.what for change in node.catalogue.changes(0, 10) or ()] == [NAMED, PAGE, RELEASED, NAMED]


# -- restoring, in time -------------------------------------------------------------------------------------------


def test_a_deleted_file_can_be_restored_until_its_time_is_over() -> None:
    node = node_with(SDIST)
    delete(node)
    node.clock.advance(WEEK_S - 0.001)
    tidy(node)
    assert node.files.size(IDENTITY.value) == len(SMALL)
    assert restore(node) == [SDIST]
    assert result_of(node.content(result_of(node.page("pkg")).files[0])) == SMALL


def test_what_was_deleted_too_long_ago_is_gone_and_so_are_its_bytes() -> None:
    node = node_with(SDIST)
    delete(node, by="alice")
    node.clock.advance(WEEK_S)
    tidy(node)
    assert node.files.size(IDENTITY.value) is None
    assert node.catalogue.file(IDENTITY) is None
    with pytest.raises(NothingToRestore, match="its time is over"):
        restore(node)
    assert node.catalogue.hosted_bytes() == 0
    assert [(act.what, act.by) for act in node.catalogue.acts(PKG, None, 10)] == [
        (PUBLISHED, ""),
        (DELETED, "alice"),
        (EXPIRED, ""),
    ]


def test_the_time_in_which_to_restore_is_configured() -> None:
    node = SmallNode(upstreams=[], config=evolve(CONFIG, publish=PublishConfig(keep_deleted_s=0.0)))
    publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL)
    delete(node)
    tidy(node)
    with pytest.raises(NothingToRestore):
        restore(node)


def test_each_deletion_has_its_own_time() -> None:
    node = node_with(SDIST, NEXT)
    delete(node, filename=SDIST)
    node.clock.advance(WEEK_S / 2)
    delete(node, filename=NEXT)
    node.clock.advance(WEEK_S / 2)
    tidy(node)
    assert restore(node) == [NEXT]
    delete(node)
    node.clock.advance(WEEK_S - 1)
    tidy(node)
    assert restore(node) == [NEXT]


def test_bytes_that_were_deleted_under_two_names_stay_for_the_one_that_was_deleted_last() -> None:
    node = SmallNode(upstreams=[])
    for project, filename in (("pkg", SDIST), ("other", "other-1.0.tar.gz")):
        publish(node.parts.hosted, node.files, project, filename, SMALL)
    delete(node)
    node.clock.advance(10)
    result_of(node.parts.deleted.delete(OTHER))
    node.clock.advance(WEEK_S - 10)
    tidy(node)
    assert result_of(node.parts.deleted.restore(OTHER)) == ["other-1.0.tar.gz"]
    assert result_of(node.content(result_of(node.page("other")).files[0])) == SMALL


def test_what_was_never_deleted_or_is_lost_cannot_be_restored() -> None:
    node = node_with(SDIST)
    with pytest.raises(NothingToRestore, match="nothing such was deleted"):
        restore(node)
    delete(node)
    with pytest.raises(NothingToRestore, match="nothing such was deleted"):
        restore(node, filename=NEXT)
    node.files.remove(IDENTITY.value)
    with pytest.raises(NothingToRestore, match="the store has lost it"):
        restore(node)
    assert filenames(node) == []


def test_what_came_along_with_a_file_comes_back_with_it() -> None:
    node = SmallNode(upstreams=[])
    stored(node.files, SMALL)
    along = {SIDECAR: METADATA, PROVENANCE: b"{}"}
    result_of(node.parts.hosted.add(PKG, a_file(SDIST, SMALL), attachments=along))
    result_of(node.parts.hosted.yank(PKG, SDIST, "broken"))
    before: File = result_of(node.page("pkg")).files[0]
    delete(node)
    nobody_gets(node, SDIST)
    restore(node)
    assert result_of(node.page("pkg")).files[0] == before
    assert (before.yanked, before.core_metadata) == ("broken", {"sha256": sha256(METADATA)})
    assert sidecar(node, before, LOCAL).data == METADATA
    assert result_of(node.parts.sidecars.provenance(IDENTITY, SDIST, LOCAL)).data == b"{}"


def test_a_restart_in_between_changes_nothing() -> None:
    node = node_with(SDIST)
    delete(node)
    again = SmallNode(upstreams=[], catalogue=node.catalogue, files=node.files, clock=node.clock)
    nobody_gets(again, SDIST)
    assert restore(again) == [SDIST]
    assert result_of(again.content(result_of(again.page("pkg")).files[0])) == SMALL


def test_deleting_and_restoring_are_told_with_who_did_it_and_travel_down() -> None:
    node = node_with(SDIST, NEXT)
    told = node.parts.journal.told.serial
    delete(node, version="1.0", by="alice", reason="leaked a key")
    restore(node, by="bob")
    assert [(act.what, act.by, act.filename, act.detail) for act in node.catalogue.acts(PKG, None, 2)] == [
        (DELETED, "alice", SDIST, "leaked a key"),
        (RESTORED, "bob", SDIST, ""),
    ]
    assert [change.what for change in node.catalogue.changes(told, 10) or ()] == [PAGE, PAGE]


def test_a_file_that_is_deleted_is_evicted_by_nobody_and_no_part_of_the_budget() -> None:
    node = node_with(SDIST)
    delete(node)
    assert result_of(node.parts.janitor.make_room(0)) is False
    assert node.catalogue.stored_bytes() - node.catalogue.hosted_bytes() == 0
    record = node.catalogue.file(IDENTITY)
    assert record is not None
    assert record.tier == HERE


# -- a store that fails -------------------------------------------------------------------------------------------


class FullCatalogue(MemoryCatalogue):
    """One that has no room for a page any more."""

    is_full = False

    def store_hosted(self, *what: Any) -> Deferred[Any]:
        return fail(StoreFull(reason="test")) if self.is_full else super().store_hosted(*what)


def test_a_store_that_is_full_deletes_nothing_and_the_records_say_so() -> None:
    catalogue = FullCatalogue()
    node = SmallNode(upstreams=[], catalogue=catalogue)
    publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL)
    before = node.files.records.read(PKG, SDIST)
    catalogue.is_full = True
    with pytest.raises(StoreFull):
        delete(node)
    assert filenames(node) == [SDIST]
    assert node.files.records.read(PKG, SDIST) == before
    catalogue.is_full = False
    delete(node)
    catalogue.is_full = True
    with pytest.raises(StoreFull):
        restore(node)
    nobody_gets(node, SDIST)
    catalogue.is_full = False
    assert restore(node) == [SDIST]


# -- a project that a rule opens to a tier beside ------------------------------------------------------------------


def opened() -> SmallNode:
    """The tier has another file by the name of one that is deleted here."""
    public = scripted()
    listed(public, "pkg", (SDIST, b"public bytes"), ("pkg-9.9.tar.gz", b"public"))
    rule = ProjectRule(match=("pkg",), tiers=("public",), also_upstream=("public",))
    node = SmallNode(upstreams=[public], config=evolve(CONFIG, projects=(rule,)))
    publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL)
    publish(node.parts.hosted, node.files, "pkg", NEXT, b"next")
    return node


def test_the_name_of_a_deleted_file_is_no_tiers_beside_either() -> None:
    node = opened()
    public = next(file for file in result_of(node.page("pkg")).files if file.filename == "pkg-9.9.tar.gz")
    assert result_of(node.content(public)) == b"public"
    delete(node, filename=SDIST)
    assert filenames(node) == filenames(node, LOCAL) == [NEXT, "pkg-9.9.tar.gz"]
    nobody_gets(node, SDIST)
    nobody_gets(node, SDIST, FileIdentity("sha256", sha256(b"public bytes")))
    restore(node)
    assert SDIST in filenames(node)


def test_a_quarantine_here_hides_what_tiers_have_beside() -> None:
    node = opened()
    files = result_of(node.page("pkg")).files
    for file in files:
        assert result_of(node.content(file))
    result_of(node.parts.hosted.set_status(PKG, "quarantined"))
    assert filenames(node) == filenames(node, LOCAL) == []
    for file in files[:2]:
        nobody_gets(node, file.filename, identity_of(file))
    status = result_of(node.page("pkg")).status
    assert status is not None
    assert status.status == "quarantined"
