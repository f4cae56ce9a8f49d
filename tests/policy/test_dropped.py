"""What a look into a folder of dropped files means."""

from __future__ import annotations

import pytest

from tiercache.policy.dropped import Difference, Look, Stamp, difference

A, B = "/dist/a.whl", "/dist/sub/b.whl"
OLD, NEW = Stamp(size_bytes=1, mtime_ns=1, inode=1), Stamp(size_bytes=1, mtime_ns=2, inode=1)
ROOT = "1:2"


@pytest.mark.parametrize(
    ("files", "known", "expected"),
    [
        ({}, {}, Difference()),
        ({A: OLD}, {A: OLD}, Difference()),
        ({A: OLD}, {}, Difference(changed={A: OLD})),
        ({A: NEW}, {A: OLD}, Difference(changed={A: NEW})),
        ({}, {A: OLD}, Difference(gone=(A,))),
        ({B: OLD}, {A: OLD}, Difference(changed={B: OLD}, gone=(A,))),
        ({A: OLD}, {A: OLD, B: OLD}, Difference(gone=(B,))),
    ],
)
def test_folder_that_is_there_says_what_is_new_and_what_is_gone(
    files: dict[str, Stamp], known: dict[str, Stamp], expected: Difference
) -> None:
    assert difference(Look(identity=ROOT, files=files), known, ROOT) == expected


@pytest.mark.parametrize("field", ["size_bytes", "mtime_ns", "inode"])
def test_file_has_changed_if_any_part_of_its_stamp_has(field: str) -> None:
    values = {"size_bytes": 1, "mtime_ns": 1, "inode": 1}
    other = Stamp(**(values | {field: 2}))
    assert difference(Look(identity=ROOT, files={A: other}), {A: OLD}, ROOT).changed == {A: other}


def test_folder_that_is_not_there_says_nothing() -> None:
    assert difference(Look(identity=""), {A: OLD}, ROOT) == Difference()


def test_folder_below_that_could_not_be_read_says_nothing_of_what_was_in_it() -> None:
    look = Look(identity=ROOT, unread=("/dist/sub",))
    assert difference(look, {A: OLD, B: OLD, "/dist/subway.whl": OLD}, ROOT).gone == (A, "/dist/subway.whl")


def test_another_folder_in_its_place_that_has_nothing_of_it_is_doubtful() -> None:
    known = {A: OLD, B: OLD}
    assert difference(Look(identity="9:9"), known, ROOT) == Difference(is_doubtful=True)
    look = Look(identity="9:9", files={"/dist/c.whl": OLD})
    assert difference(look, known, ROOT) == Difference(changed={"/dist/c.whl": OLD}, is_doubtful=True)


def test_another_folder_that_has_some_of_it_is_the_same_disk_again() -> None:
    look = Look(identity="9:9", files={A: NEW})
    assert difference(look, {A: OLD, B: OLD}, ROOT) == Difference(changed={A: NEW}, gone=(B,))


def test_folder_of_which_nothing_was_known_is_not_doubtful() -> None:
    assert difference(Look(identity="9:9", files={A: OLD}), {}, ROOT) == Difference(changed={A: OLD})


def test_folder_that_was_never_looked_into_is_the_one_that_is_meant() -> None:
    assert difference(Look(identity=ROOT), {A: OLD}, "") == Difference(gone=(A,))
