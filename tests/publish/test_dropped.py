"""Files that are dropped into folders: hosted while they lie there, and as they were when they came."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.doubles.dropping import CountingFiles, DroppingNode
from tests.doubles.held_pool import HeldPool
from tests.doubles.hosting import publish
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import CONFIG, listed, scripted
from tests.doubles.uploads import Made, made
from tiercache.interfaces import DroppedFile
from tiercache.policy.dropped import Stamp
from tiercache.policy.selection import ProjectRule
from tiercache.publish.dropping import AT_ONCE
from tiercache.publish.known_drops import BEING_TAKEN
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue

WHEEL, SDIST = made(), made(kind="sdist")
NEXT = made(version="2.0")
OTHER = made(requires=("idna",))  # other bytes, the same filename
NAME = WHEEL.filename


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


@pytest.fixture
def node(dist: Path) -> Iterator[DroppingNode]:
    node = DroppingNode(folders=[dist])
    yield node
    node.stop()
    assert not node.clock.getDelayedCalls()


def drop(folder: Path, archive: Made = WHEEL) -> Path:
    path = folder / archive.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.content)
    return path


# -- what is dropped is there -----------------------------------------------------------------------------------


@pytest.mark.parametrize("below", [".", "acme-tools", "Acme.Tools", "packages/source/a/acme-tools", "2.7/a/acme_tools"])
@pytest.mark.parametrize("archive", [WHEEL, SDIST], ids=["wheel", "sdist"])
def test_file_in_a_folder_or_below_it_is_hosted_within_a_second(
    node: DroppingNode, dist: Path, below: str, archive: Made
) -> None:
    path = drop(dist / below, archive)
    before = path.stat()
    node.wait(1.0)
    assert node.filenames() == [path.name]
    assert node.content(path.name) == path.read_bytes()
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino, after.st_mode) == (before.st_mtime_ns, before.st_ino, before.st_mode)
    assert node.acts() == [("published", path.name, f"dropped in {dist}")]
    assert node.said == []


def test_name_of_a_folder_tells_which_of_two_projects_an_old_sdist_is_of(node: DroppingNode, dist: Path) -> None:
    archive = made("acme-2", kind="sdist")
    (dist / "acme-2").mkdir()
    (dist / "acme-2" / "acme-2-1.0.tar.gz").write_bytes(archive.content)
    node.wait()
    assert node.filenames("acme-2") == ["acme-2-1.0.tar.gz"]
    assert node.filenames("acme") is None


def test_file_that_lies_there_at_the_start_is_hosted(dist: Path) -> None:
    drop(dist)
    node = DroppingNode(folders=[dist])
    node.wait()
    assert node.filenames() == [NAME]
    node.stop()


def test_many_files_at_once_are_all_hosted(node: DroppingNode, dist: Path) -> None:
    archives = [made(version=f"1.{number}") for number in range(130)]  # more than are taken at a time
    for archive in archives:
        drop(dist, archive)
    node.wait(2.0)
    assert node.filenames() == sorted(archive.filename for archive in archives)
    assert node.files.begun == len(archives)


def test_file_is_read_once_however_long_it_lies_there(node: DroppingNode, dist: Path) -> None:
    drop(dist)
    node.wait(120.0)
    assert node.files.begun == 1


def test_file_that_was_only_touched_stays_what_it_is(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    os.utime(path, ns=(0, 0))
    node.wait()
    assert node.filenames() == [NAME]
    assert [what for what, *_ in node.acts()] == ["published"]
    begun = node.files.begun
    node.wait(60.0)
    assert node.files.begun == begun == 2
    assert node.said == []


# -- what is not whole yet --------------------------------------------------------------------------------------


def test_file_that_grows_is_not_taken_before_it_is_still_and_whole(node: DroppingNode, dist: Path) -> None:
    path = dist / NAME
    for end in range(1, len(WHEEL.content), len(WHEEL.content) // 40):
        path.write_bytes(WHEEL.content[:end])
        os.utime(path, ns=(end, end))
        node.wait(0.15)
        assert node.filenames() is None
    assert node.files.begun == 0
    path.write_bytes(WHEEL.content)
    node.wait()
    assert node.content(NAME) == WHEEL.content
    assert node.said == []


@pytest.mark.parametrize("archive", [WHEEL, SDIST], ids=["wheel", "sdist"])
def test_copy_that_stalls_for_a_while_is_neither_taken_nor_told_of(
    node: DroppingNode, dist: Path, archive: Made
) -> None:
    path = drop(dist, archive)
    whole = path.read_bytes()
    for end in (len(whole) // 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        os.utime(path, ns=(end, end))
        node.wait(5.0)
        assert node.filenames() is None
    path.write_bytes(whole)
    node.wait()
    assert node.filenames() == [path.name]
    assert node.said == []
    assert len(list(node.files.all())) == 1


def test_file_that_stays_broken_is_told_of_once(node: DroppingNode, dist: Path) -> None:
    path = dist / NAME
    path.write_bytes(WHEEL.content[:-10])
    node.wait(9.0)
    assert node.said == []
    node.wait(3.0)
    [said] = node.said
    assert str(path) in said
    node.wait(120.0)
    assert len(node.said) == 1
    assert list(node.files.all()) == []
    assert node.filenames() is None


def test_file_that_changes_while_it_is_copied_is_not_taken(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    changes = [WHEEL.content, b"somebody writes"]
    node.files.at_begin = lambda: changes and path.write_bytes(changes.pop())
    node.wait(0.8)
    assert node.files.begun == 1
    assert node.filenames() is None
    node.wait(2.0)
    assert node.files.begun == 3
    assert node.content(NAME) == WHEEL.content
    assert node.said == []


# -- what was published once ------------------------------------------------------------------------------------


def test_file_that_is_overwritten_in_place_leaves_what_was_published_and_is_told_of_once(
    node: DroppingNode, dist: Path
) -> None:
    path = drop(dist)
    node.wait()
    path.write_bytes(OTHER.content)
    node.wait(60.0)
    assert node.content(NAME) == WHEEL.content
    assert [said for said in node.said if "already exists, with other bytes" in said] == node.said
    assert len(node.said) == 1
    assert [what for what, *_ in node.acts()] == ["published"]


def test_file_that_is_replaced_by_another_leaves_what_was_published(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    new = dist / ".new"
    new.write_bytes(OTHER.content)
    new.replace(path)
    node.wait(5.0)
    assert node.content(NAME) == WHEEL.content
    assert len(node.said) == 1
    path.write_bytes(WHEEL.content)  # and back
    node.wait()
    path.unlink()
    node.wait()
    assert node.filenames() == []


def test_name_stays_taken_after_its_file_is_gone(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    path.unlink()
    node.wait()
    drop(dist, OTHER)
    node.wait(5.0)
    assert node.filenames() == []
    assert len(node.said) == 1
    drop(dist, WHEEL)
    node.wait()
    assert node.content(NAME) == WHEEL.content


def test_name_stays_taken_through_a_restart(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    path.unlink()
    node.wait()
    node.stop()
    drop(dist, OTHER)
    node.start()
    node.wait(5.0)
    assert node.filenames() == []


# -- what is gone -----------------------------------------------------------------------------------------------


def test_file_that_is_removed_is_withdrawn_and_its_projects_name_stays(node: DroppingNode, dist: Path) -> None:
    drop(dist, NEXT)
    path = drop(dist)
    node.wait()
    path.unlink()
    node.wait()
    assert node.filenames() == [NEXT.filename]
    assert ("withdrawn", NAME, f"removed from {dist}") in node.acts()
    assert {sha256 for sha256, _ in node.files.all()} == {NEXT.sha256}
    (dist / NEXT.filename).unlink()
    node.wait()
    assert node.filenames() == []
    assert list(node.catalogue.hosted_names()) == ["acme-tools"]


def test_file_that_is_missing_for_a_moment_is_not_withdrawn(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    path.rename(dist / ".away")
    node.wait(0.5)
    (dist / ".away").rename(path)
    node.wait(2.0)
    assert node.acts()[0][0] == "published"
    assert node.filenames() == [NAME]


def test_file_that_moves_to_another_folder_below_is_there_all_the_time(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    (dist / "acme-tools").mkdir()
    path.rename(dist / "acme-tools" / NAME)
    for _ in range(20):
        node.wait(0.1)
        assert node.filenames() == [NAME]
    assert [what for what, *_ in node.acts()] == ["published"]
    (dist / "acme-tools" / NAME).unlink()
    node.wait()
    assert node.filenames() == []


def test_file_that_was_uploaded_before_it_was_dropped_stays_when_it_is_removed(node: DroppingNode, dist: Path) -> None:
    publish(node.node.parts.hosted, node.files, "acme-tools", NAME, WHEEL.content)
    path = drop(dist)
    node.wait()
    path.unlink()
    node.wait()
    assert node.filenames() == [NAME]


def test_file_that_somebody_withdrew_while_it_lies_there_does_not_come_back_by_itself(
    node: DroppingNode, dist: Path
) -> None:
    drop(dist)
    node.wait()
    result_of(node.node.parts.hosted.withdraw(normalise("acme-tools"), NAME))
    node.wait(60.0)
    node.stop()
    node.start()
    node.wait(5.0)
    assert node.filenames() == []


# -- restarts ---------------------------------------------------------------------------------------------------


def test_after_a_restart_nothing_that_is_known_is_read_again(node: DroppingNode, dist: Path) -> None:
    drop(dist)
    node.wait()
    node.stop()
    node.start()
    node.wait(60.0)
    assert node.files.begun == 1
    assert node.filenames() == [NAME]


def test_what_came_and_went_while_the_node_was_down_is_noticed(node: DroppingNode, dist: Path) -> None:
    path = drop(dist)
    node.wait()
    node.stop()
    path.unlink()
    drop(dist, NEXT)
    node.start()
    node.wait()
    assert node.filenames() == [NEXT.filename]


@pytest.mark.parametrize("is_removed", [True, False])
def test_crash_right_after_a_file_was_published_leaves_it_a_dropped_one(
    node: DroppingNode, dist: Path, is_removed: bool
) -> None:
    path = drop(dist)
    node.wait()
    node.stop()
    [known] = node.catalogue.dropped.all()
    result_of(node.catalogue.dropped.store(evolve(known, stamp=BEING_TAKEN)))  # what is written before
    if is_removed:
        path.unlink()
    node.start()
    node.wait()
    assert node.filenames() == ([] if is_removed else [NAME])
    if not is_removed:
        path.unlink()
        node.wait()
        assert node.filenames() == []


def test_start_with_ten_thousand_known_files_reads_none_of_them_and_looks_in_the_pool(dist: Path) -> None:
    catalogue, files = MemoryCatalogue(), CountingFiles()
    for number in range(10_000):
        folder = dist / f"project-{number % 100}"
        folder.mkdir(exist_ok=True)
        path = folder / f"project-{number % 100}-{number}.tar.gz"
        path.touch()
        found = path.stat()
        stamp = Stamp(size_bytes=0, mtime_ns=found.st_mtime_ns, inode=found.st_ino)
        project = normalise(folder.name)
        known = DroppedFile(
            path=str(path), stamp=stamp, project=project, filename=path.name, sha256=f"{number:064}", is_ours=True
        )
        result_of(catalogue.dropped.store(known))
    pool = HeldPool()
    node = DroppingNode(folders=[dist], catalogue=catalogue, files=files, pool=pool)
    assert pool.held == 1  # what is known is read
    pool.go_on()
    assert pool.held == 1  # and the folder looked into
    pool.go_on()
    assert pool.held == 0
    assert files.begun == 0
    assert list(catalogue.acts(None, None, 10)) == []
    assert node.said == []
    node.stop()


def test_node_that_stops_ends_the_file_that_it_takes_and_begins_no_other(dist: Path) -> None:
    pool = HeldPool()
    archives = [made(version=f"1.{number}") for number in range(9)]
    for archive in archives:
        drop(dist, archive)
    node = DroppingNode(folders=[dist], pool=pool)
    while not node.files.begun:
        if pool.held:
            pool.go_on()
        else:
            node.wait(0.05)
    stopping = begun(node.node.parts.dropped.stop())
    while pool.held:
        pool.go_on()
    assert stopping.called
    assert node.files.begun == AT_ONCE
    assert len(node.filenames() or ()) == AT_ONCE
    assert not node.clock.getDelayedCalls()


# -- what is passed over ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["README.md", "acme.whl", "acme_tools-1.0-py3-none-any.whl.asc", "-1.0.tar.gz", "acme tools-1.0.tar.gz", "x.egg"],
)
def test_name_of_no_archive_is_told_of_once(node: DroppingNode, dist: Path, name: str) -> None:
    (dist / name).write_bytes(WHEEL.content)
    node.wait(60.0)
    assert [name in said for said in node.said] == [True]
    assert list(node.catalogue.hosted_names()) == []
    assert node.files.begun == 0


@pytest.mark.parametrize("name", [".acme_tools-1.0-py3-none-any.whl.Xy12", ".git/x.whl"])
def test_hidden_names_are_nobodys(node: DroppingNode, dist: Path, name: str) -> None:
    path = dist / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(WHEEL.content)
    node.wait(5.0)
    assert node.said == []
    assert node.files.begun == 0


def test_link_out_of_the_folder_is_not_followed(node: DroppingNode, dist: Path, tmp_path: Path) -> None:
    outside = drop(tmp_path / "outside")
    (dist / NAME).symlink_to(outside)
    (dist / "acme-tools").symlink_to(outside.parent)
    node.wait(60.0)
    assert node.filenames() is None
    assert node.files.begun == 0
    assert sorted(said.partition(": ")[2] for said in node.said) == [
        "it is a link that leads out of the folder",
        "it is a link to a folder",
    ]


def test_link_to_a_file_of_the_same_folder_is_as_good_as_that(node: DroppingNode, dist: Path) -> None:
    (dist / "by-digest").mkdir()
    stored = dist / "by-digest" / ".blob"
    stored.write_bytes(WHEEL.content)
    (dist / NAME).symlink_to(stored)
    node.wait()
    assert node.content(NAME) == WHEEL.content


def test_what_is_no_file_or_cannot_be_read_is_told_of_once(node: DroppingNode, dist: Path) -> None:
    os.mkfifo(dist / NAME)
    (dist / SDIST.filename).symlink_to(SDIST.filename)  # a link to itself
    (dist / "gone-1.0.tar.gz").symlink_to("nowhere")
    (dist / NEXT.filename).mkdir()
    node.wait(60.0)
    assert len(node.said) == 3
    assert list(node.catalogue.hosted_names()) == []


def test_name_that_is_no_text_is_told_of_once(node: DroppingNode, dist: Path) -> None:
    Path(os.fsdecode(os.fsencode(dist) + b"/acme\xff-1.0.tar.gz")).write_bytes(SDIST.content)
    node.wait(60.0)
    assert len(node.said) == 1


def test_file_of_another_project_than_its_name_says_is_refused(node: DroppingNode, dist: Path) -> None:
    (dist / "other-1.0-py3-none-any.whl").write_bytes(WHEEL.content)
    node.wait(60.0)
    assert len(node.said) == 1
    assert list(node.catalogue.hosted_names()) == []
    assert list(node.files.all()) == []


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (-1, False)])
def test_file_that_is_larger_than_may_be_published_is_refused(dist: Path, more: int, is_taken: bool) -> None:
    drop(dist)
    node = DroppingNode(folders=[dist], max_size_bytes=len(WHEEL.content) + more)
    node.wait(5.0)
    assert node.filenames() == ([NAME] if is_taken else None)
    assert len(node.said) == (not is_taken)
    node.stop()


def test_folders_too_deep_are_told_of_and_not_looked_into(node: DroppingNode, dist: Path) -> None:
    drop(dist / "/".join("abcdefgh"))
    drop(dist / "/".join("abcdefghi"), NEXT)
    node.wait(5.0)
    assert node.filenames() == [NAME]
    assert len(node.said) == 1


# -- names and tiers --------------------------------------------------------------------------------------------


def test_name_that_a_tier_has_is_refused_unless_a_rule_opens_it(dist: Path) -> None:
    drop(dist)
    public = scripted("public")
    listed(public, "acme-tools", (SDIST.filename, SDIST.content))
    node = DroppingNode(folders=[dist], upstreams=[public])
    node.wait(5.0)
    assert node.filenames() == [SDIST.filename]
    assert len(node.said) == 1
    node.stop()
    node.config = {"projects": (ProjectRule(match=("acme-*",), tiers=()),)}
    node.start()
    node.wait()
    assert node.filenames() == [NAME]
    node.stop()


def test_file_whose_name_no_tier_can_tell_of_is_taken_once_one_can(dist: Path) -> None:
    drop(dist)
    public = scripted("public")
    public.silent = "down"
    node = DroppingNode(folders=[dist], upstreams=[public])
    node.wait(20.0)
    assert list(node.catalogue.hosted_names()) == []
    assert len(node.said) == 1
    public.silent = None
    node.wait(45.0)
    assert node.filenames() == [NAME]
    assert len(node.said) == 1
    node.stop()


# -- folders ----------------------------------------------------------------------------------------------------


def test_same_file_in_two_folders_is_hosted_until_it_is_in_neither(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    paths = [drop(one), drop(other)]
    node = DroppingNode(folders=[one, other])
    node.wait()
    assert node.filenames() == [NAME]
    paths[0].unlink()
    node.wait()
    assert node.content(NAME) == WHEEL.content
    paths[1].unlink()
    node.wait()
    assert node.filenames() == []
    assert node.said == []
    node.stop()


def test_of_two_files_with_one_name_the_first_counts(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    drop(one)
    other.mkdir()
    node = DroppingNode(folders=[one, other])
    node.wait()
    drop(other, OTHER)
    node.wait(60.0)
    assert node.content(NAME) == WHEEL.content
    assert len(node.said) == 1
    node.stop()


def test_folder_within_another_is_looked_into_once(dist: Path) -> None:
    inner = dist / "inner"
    path = drop(inner)
    drop(dist, NEXT)
    node = DroppingNode(folders=[dist, inner])
    node.wait()
    assert node.filenames() == sorted([NAME, NEXT.filename])
    assert node.files.begun == 2
    assert ("published", NAME, f"dropped in {inner}") in node.acts()
    path.unlink()
    node.wait()
    assert node.filenames() == [NEXT.filename]
    node.stop()


def test_folder_that_appears_later_is_looked_into(tmp_path: Path) -> None:
    node = DroppingNode(folders=[tmp_path / "later"])
    node.wait(60.0)
    assert len(node.said) == 1
    drop(tmp_path / "later")
    node.wait(1.5)
    assert node.filenames() == [NAME]
    node.stop()


def test_folder_that_vanishes_withdraws_nothing(node: DroppingNode, dist: Path) -> None:
    drop(dist)
    node.wait()
    away = dist.rename(dist.with_name("away"))
    node.wait(60.0)
    assert node.content(NAME) == WHEEL.content
    assert len(node.said) == 1
    away.rename(dist)
    (dist / NAME).unlink()
    node.wait(1.5)
    assert node.filenames() == []


@pytest.mark.parametrize("restarts", [True, False])
def test_empty_place_where_a_disk_was_mounted_withdraws_nothing(node: DroppingNode, dist: Path, restarts: bool) -> None:
    drop(dist)
    drop(dist, NEXT)
    node.wait()
    disk = dist.rename(dist.with_name("disk"))
    dist.mkdir()
    if restarts:
        node.stop()
        node.start()
    node.wait(60.0)
    assert node.filenames() == sorted([NAME, NEXT.filename])
    assert len(node.said) == 1
    dist.rmdir()
    disk.rename(dist)
    (dist / NAME).unlink()
    node.wait(1.5)
    assert node.filenames() == [NEXT.filename]


def test_new_folder_in_the_place_of_the_old_counts_once_it_has_a_file_of_its_own(
    node: DroppingNode, dist: Path
) -> None:
    drop(dist)
    node.wait()
    dist.rename(dist.with_name("old"))
    dist.mkdir()
    node.wait(5.0)
    assert node.filenames() == [NAME]
    drop(dist, NEXT)
    node.wait(2.0)
    assert node.filenames() == [NEXT.filename]


def test_everything_that_is_removed_from_a_folder_that_stays_is_withdrawn(node: DroppingNode, dist: Path) -> None:
    for archive in (WHEEL, SDIST, NEXT):
        drop(dist, archive)
    node.wait()
    for path in dist.iterdir():
        path.unlink()
    node.wait()
    assert node.filenames() == []


@pytest.mark.parametrize("inner", [".", "files"])
def test_folder_of_the_store_is_none_to_look_into_by_whatever_name(tmp_path: Path, inner: str) -> None:
    from attrs import evolve

    store = tmp_path / "store"
    drop(store / "files")
    link = tmp_path / "dist"
    link.symlink_to(store / inner)
    config = {"store": evolve(CONFIG.store, files="folder", path=str(store))}
    node = DroppingNode(folders=[link], config=config)
    node.wait(5.0)
    assert node.filenames() is None
    assert any("own store" in said for said in node.said)
    node.stop()
