from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.eviction import Candidate, victims


def file(name: str, size_bytes: int, used_at: float, *, pinned: bool = False, in_use: bool = False) -> Candidate:
    return Candidate(sha256=name, size_bytes=size_bytes, used_at=used_at, pinned=pinned, in_use=in_use)


OLD, MIDDLE, NEW = file("old", 30, 1), file("middle", 30, 2), file("new", 30, 3)


@pytest.mark.parametrize(
    ("budget_bytes", "evicted"),
    [
        (91, ()),
        (90, ()),  # full, and no more than that
        (89, ("old",)),
        (64, ("old",)),  # 60 bytes are below 64 less 5 %
        (63, ("old", "middle")),  # and above 63 less 5 %
        (1, ("old", "middle", "new")),
        (0, ("old", "middle", "new")),
    ],
)
def test_least_recently_used_go_first_until_there_is_headroom(budget_bytes: int, evicted: tuple[str, ...]) -> None:
    assert victims([NEW, OLD, MIDDLE], stored_bytes=90, budget_bytes=budget_bytes) == evicted


def test_headroom_is_a_choice() -> None:
    assert victims([OLD, MIDDLE, NEW], stored_bytes=90, budget_bytes=60, headroom=0.0) == ("old",)
    assert victims([OLD, MIDDLE, NEW], stored_bytes=90, budget_bytes=60, headroom=0.5) == ("old", "middle")


def test_pinned_files_and_files_in_use_stay() -> None:
    kept = [file("pinned", 30, 0, pinned=True), file("in use", 30, 0, in_use=True)]
    assert victims([*kept, NEW], stored_bytes=90, budget_bytes=0) == ("new",)
    assert victims(kept, stored_bytes=60, budget_bytes=0) == ()


def test_empty_files_free_nothing_and_stay() -> None:
    assert victims([file("empty", 0, 0), OLD], stored_bytes=30, budget_bytes=10) == ("old",)


def test_files_used_at_the_same_time_go_in_one_order() -> None:
    twins = [file("b", 10, 1), file("a", 10, 1)]
    assert victims(twins, stored_bytes=20, budget_bytes=15) == victims(twins[::-1], stored_bytes=20, budget_bytes=15)


FILES = st.lists(
    st.builds(
        file,
        st.uuids().map(str),
        st.integers(0, 10**10),
        st.floats(min_value=0, max_value=2e9),
        pinned=st.booleans(),
        in_use=st.booleans(),
    ),
    max_size=20,
    unique_by=lambda one: one.sha256,
)


@given(FILES, st.integers(0, 10**11), st.floats(min_value=0, max_value=0.9))
def test_eviction_frees_enough_or_all_that_may_go_and_never_one_file_more(
    files: list[Candidate], budget_bytes: int, headroom: float
) -> None:
    stored_bytes = sum(one.size_bytes for one in files)
    by_name = {one.sha256: one for one in files}
    gone = [
        by_name[name]
        for name in victims(files, stored_bytes=stored_bytes, budget_bytes=budget_bytes, headroom=headroom)
    ]
    free = [one for one in files if not one.pinned and not one.in_use and one.size_bytes]
    left = stored_bytes - sum(one.size_bytes for one in gone)
    goal = budget_bytes * (1.0 - headroom)
    assert all(one in free for one in gone)
    assert [one.used_at for one in gone] == sorted(one.used_at for one in gone)
    if stored_bytes <= budget_bytes:
        assert not gone
    else:
        assert left <= goal or len(gone) == len(free)
        assert not gone or left + gone[-1].size_bytes > goal
        survivors = [one.used_at for one in free if one not in gone]
        assert not gone or not survivors or gone[-1].used_at <= min(survivors)
