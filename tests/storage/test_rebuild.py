"""A catalogue that is lost is made anew of the files and the records beside them, and nothing hosted goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from twisted.internet.task import Clock

from tests.cache.given import FILENAME, METADATA, SMALL, WHEEL
from tests.doubles.hosting import a_file, publish, stored
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, LOCAL, SmallNode, everything, sha256
from tests.storage.test_fsck import checked, troubles
from tiercache.interfaces import METADATA as SIDECAR
from tiercache.interfaces import PROVENANCE, Attachment, FileRecord
from tiercache.policy.selection import HERE
from tiercache.simple.model import ProjectName
from tiercache.simple.names import identity_of, normalise
from tiercache.simple.render import render_html, render_json
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.fsck import Trouble
from tiercache.storage.lost import is_lost
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.storage.rebuild import rebuild
from tiercache.storage.threads import on_the_spot

PKG, OTHER, GONE, BAD = map(normalise, ("pkg", "other", "gone", "bad"))
SDIST, NEXT = "pkg-1.0.tar.gz", "pkg-2.0.tar.gz"


class Store:
    """A store whose catalogue may be lost; the files are in a folder, or in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.clock = Clock()
        self.clock.advance(1_000_000_000)
        self.files: Any = MemoryFiles() if folder is None else FolderFiles.at(folder)
        self.number = 0
        self.lose_catalogue()

    def lose_catalogue(self) -> None:
        self.number += 1
        self.catalogue: Any = MemoryCatalogue()
        if self.folder is not None:
            self.catalogue = SqlCatalogue.open(self.folder / f"{self.number}.sqlite", writer=on_the_spot)

    def node(self) -> SmallNode:
        return SmallNode(upstreams=[], files=self.files, catalogue=self.catalogue, clock=self.clock)

    def rebuilt(self) -> list[str]:
        told: list[str] = []
        count = rebuild(self.files, self.catalogue, now=self.clock.seconds(), report=told.append)
        assert count == len(told)
        return told


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path if request.param == "folder" else None)
    yield store
    result_of(store.catalogue.close())


def host_much(store: Store) -> None:
    """Something of all that there is: order, yanks, statuses, attachments, deletions, a name that tells no project."""
    node = store.node()
    hosted, deleted, files = node.parts.hosted, node.parts.deleted, store.files
    stored(files, SMALL)
    along = {SIDECAR: METADATA, PROVENANCE: b"{}"}
    sdist = a_file(NEXT, SMALL, requires_python=">=3.9", upload_time="2026-01-01T00:00:00Z", extra={"_x": [1]})
    result_of(hosted.add(PKG, sdist, by="alice", attachments=along))
    publish(hosted, files, "pkg", FILENAME, WHEEL)
    publish(hosted, files, "pkg", SDIST, b"first")
    publish(hosted, files, "pkg", "notes.txt", b"notes")
    store.clock.advance(5)
    result_of(hosted.yank(PKG, SDIST, "broken", by="bob"))
    publish(hosted, files, "pkg", "pkg-0.1.tar.gz", b"deleted")
    publish(hosted, files, "pkg", "pkg-0.2.tar.gz", b"restored")
    result_of(deleted.delete(PKG, version="0.1", by="carol", reason="leaked"))
    result_of(deleted.delete(PKG, version="0.2"))
    result_of(deleted.restore(PKG, version="0.2"))
    publish(hosted, files, "other", "other-1.0.tar.gz", b"other")
    result_of(deleted.delete(OTHER))
    publish(hosted, files, "gone", "gone-1.0.tar.gz", b"gone")
    result_of(deleted.delete(GONE))
    result_of(hosted.release(GONE))
    publish(hosted, files, "bad", "bad-1.0.tar.gz", b"bad")
    result_of(hosted.set_status(BAD, "quarantined", "malware"))
    publish(hosted, files, "old", "old-1.0.tar.gz", b"old")
    result_of(hosted.withdraw(normalise("old"), "old-1.0.tar.gz"))


def all_that_is_served(store: Store) -> dict[str, object]:
    """Every page, byte for byte, and every file and attachment on them."""
    node = store.node()
    served: dict[str, object] = {"names": list(node.parts.hosted.names())}
    for project in node.parts.hosted.names():
        for ask in (ANY, LOCAL):
            page = result_of(node.page(project, ask))
            for render in (render_json, render_html):
                served[f"{project} {ask.local} {render}"] = render(page, file_url=lambda file: file.url)
            for file in page.files:
                served[f"{project} {file.filename}"] = result_of(node.content(file, ask))
                opened = result_of(node.parts.files.open_stored(file.hashes["sha256"]))
                assert opened is not None
                served[f"{project} {file.filename} by digest"] = result_of(everything(opened[1].body(0, None)))
                if file.core_metadata:
                    told = node.parts.sidecars.sidecar(identity_of(file), file.filename, ask)
                    served[f"{project} {file.filename} sidecar"] = result_of(told).data
                if file.provenance:
                    told = node.parts.sidecars.provenance(identity_of(file), file.filename, ask)
                    served[f"{project} {file.filename} provenance"] = result_of(told).data
    return served


def all_that_is_known(store: Store) -> dict[str, object]:
    """What the catalogue says of hosted projects, and who did what."""
    catalogue = store.catalogue
    projects = [PKG, OTHER, GONE, BAD, ProjectName("old")]
    return {
        "hosted": [catalogue.hosted(project) for project in projects],
        "names": list(catalogue.hosted_names()),
        "deleted": [list(catalogue.deleted_of(project)) for project in projects],
        "records": sorted(map(without_times, catalogue.all_files()), key=lambda record: record.sha256),
        "bytes": catalogue.hosted_bytes(),
        "attachments": [dict(catalogue.attachment_digests(project, SIDECAR)) for project in projects],
        "acts": sorted((act.at, act.what, act.project, act.filename, act.by) for act in catalogue.acts(None, None, 99)),
    }


def without_times(record: FileRecord) -> FileRecord:
    """Nor whether it is yanked, which its page says."""
    return evolve(record, used_at=0.0, stored_at=0.0, listing=replace(record.listing, yanked=False))


def test_when_the_catalogue_is_lost_all_that_is_hosted_is_served_byte_for_byte_as_before(store: Store) -> None:
    host_much(store)
    served, known = all_that_is_served(store), all_that_is_known(store)
    assert len(served) > 20
    store.lose_catalogue()
    assert all_that_is_served(store) == {"names": []}
    assert is_lost(store.files, store.catalogue)
    assert store.rebuilt() == []
    assert not is_lost(store.files, store.catalogue)
    assert all_that_is_served(store) == served
    assert all_that_is_known(store) | {"acts": 0} == known | {"acts": 0}
    kept = [act for act in known["acts"] if act[2] != "old"]  # type: ignore[attr-defined]  # it left no trace
    assert all_that_is_known(store)["acts"] == kept


def test_rebuilding_what_is_not_lost_changes_nothing(store: Store) -> None:
    host_much(store)
    served, known, position = all_that_is_served(store), all_that_is_known(store), store.catalogue.position()
    assert store.rebuilt() == []
    assert (all_that_is_served(store), all_that_is_known(store)) == (served, known)
    assert store.catalogue.position() == position


def test_what_was_deleted_can_be_restored_after_a_rebuild_and_its_name_is_taken(store: Store) -> None:
    host_much(store)
    store.lose_catalogue()
    store.rebuilt()
    node = store.node()
    assert result_of(node.parts.deleted.restore(PKG)) == ["pkg-0.1.tar.gz"]
    file = next(file for file in result_of(node.page("pkg")).files if file.filename == "pkg-0.1.tar.gz")
    assert result_of(node.content(file)) == b"deleted"


def test_repair_removes_nothing_that_was_published_when_the_catalogue_is_lost(store: Store) -> None:
    host_much(store)
    stored(store.files, b"cached")
    before = dict(store.files.all())
    store.lose_catalogue()
    report = checked(store.files, store.catalogue, repair=True)
    assert {trouble for _, trouble in troubles(report)} == {Trouble.FORGOTTEN, Trouble.REMOVED}
    assert not report.is_sound
    # What was withdrawn had lost its bytes before.
    assert dict(store.files.all()) == {digest: size for digest, size in before.items() if digest != sha256(b"cached")}
    store.rebuilt()
    assert checked(store.files, store.catalogue, repair=True).findings == ()


def test_repair_removes_nothing_at_all_while_a_record_cannot_be_read(store: Store) -> None:
    host_much(store)
    stored(store.files, b"cached")
    store.files.records.write(PKG, SDIST, b"{")
    store.lose_catalogue()
    before = dict(store.files.all())
    checked(store.files, store.catalogue, repair=True)
    assert dict(store.files.all()) == before


def test_a_record_that_says_nothing_is_told_and_loses_that_file_alone(store: Store) -> None:
    host_much(store)
    store.files.records.write(PKG, SDIST, b"{")
    store.files.records.write(BAD, "", b"")
    other = store.files.records.read(PKG, NEXT)
    store.files.records.write(PKG, "pkg-7.0.tar.gz", other)
    store.lose_catalogue()
    told = store.rebuilt()
    assert [line.split(":")[0] for line in told] == [
        "The record of bad",
        f"The record of {SDIST} of pkg",
        "The record of pkg-7.0.tar.gz of pkg",
    ]
    node = store.node()
    assert [file.filename for file in result_of(node.page("pkg")).files] == [
        NEXT,
        FILENAME,
        "notes.txt",
        "pkg-0.2.tar.gz",
    ]
    assert BAD in node.parts.hosted.names()


def test_a_hosted_file_whose_bytes_are_gone_is_told_and_stays_listed(store: Store) -> None:
    host_much(store)
    page = store.catalogue.hosted(PKG)
    store.files.remove(sha256(SMALL))
    store.lose_catalogue()
    assert store.rebuilt() == [f"{NEXT} of pkg was published here and is lost: publish it again"]
    assert store.catalogue.hosted(PKG) == page


def test_what_an_earlier_version_hosted_without_records_gets_them(store: Store) -> None:
    host_much(store)
    served = all_that_is_served(store)
    for project in list(store.files.records.projects()):
        for filename in ("", *store.files.records.filenames(project)):
            store.files.records.remove(project, filename)
    store.rebuilt()
    assert all_that_is_served(store) == served
    store.lose_catalogue()
    store.rebuilt()
    assert all_that_is_served(store) == served


def test_a_wheel_that_says_nothing_of_itself_is_rebuilt_as_one_without_a_sidecar(store: Store) -> None:
    node = store.node()
    publish(node.parts.hosted, store.files, "pkg", FILENAME, b"no wheel at all")
    served = all_that_is_served(store)
    store.lose_catalogue()
    store.rebuilt()
    assert all_that_is_served(store) == served
    found: Attachment | None = store.catalogue.attachment(
        identity_of(result_of(store.node().page("pkg")).files[0]), SIDECAR
    )
    assert found is not None
    assert (found.data, found.made) == (None, True)


def test_rebuilt_files_are_of_this_node_and_never_evicted(store: Store) -> None:
    host_much(store)
    store.lose_catalogue()
    store.rebuilt()
    assert {record.tier for record in store.catalogue.all_files()} == {HERE}
    assert store.catalogue.stored_bytes() == store.catalogue.hosted_bytes() > 0
