"""What a tier's word does to the names that it reserved: in doubt they stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.reserved import Announced, announced, doubted, named, released, together
from tiercache.simple.names import normalise

A, B, C = normalise("acme-a"), normalise("acme-b"), normalise("acme-c")
KNOWN = Announced(epoch="e1", names=frozenset({A, B}), is_complete=True)
WIPED = Announced(epoch="e2", earlier=frozenset({A, B}), is_complete=True)


@pytest.mark.parametrize(
    ("old", "epoch", "names", "is_complete", "now", "earlier"),
    [
        (None, "e1", [A], True, {A}, set()),
        (None, "e1", [A], False, {A}, set()),
        (KNOWN, "e1", [A, C], True, {A, C}, set()),  # the very journal that announced B says that it is free
        (KNOWN, "e1", [], True, set(), set()),
        (KNOWN, "e1", [], False, {A, B}, set()),  # incomplete: only added
        (KNOWN, "e1", [C], False, {A, B, C}, set()),
        (KNOWN, "e2", [], True, set(), {A, B}),  # wiped, replaced
        (KNOWN, "e2", [A], True, {A}, {B}),
        (KNOWN, "e2", [], False, set(), {A, B}),
        (WIPED, "e2", [], True, set(), {A, B}),  # and says so again
        (WIPED, "e2", [A], True, {A}, {B}),  # what it announces again is its own again
        (WIPED, "e3", [C], True, {C}, {A, B}),  # wiped twice
        (Announced(epoch="e2", names=frozenset({A}), earlier=frozenset({B})), "e2", [], True, set(), {B}),
    ],
)
def test_only_a_complete_list_of_the_same_epoch_drops_only_what_that_epoch_announced(
    old: Announced | None, epoch: str, names: list[str], is_complete: bool, now: set[str], earlier: set[str]
) -> None:
    new = announced(old, epoch, [normalise(name) for name in names], is_complete=is_complete)
    assert (new.epoch, new.names, new.earlier, new.is_complete) == (epoch, now, earlier, is_complete)


def test_one_more_name_leaves_the_others_and_what_is_known_of_them() -> None:
    assert named(KNOWN, "e1", C) == Announced(epoch="e1", names=frozenset({A, B, C}), is_complete=True)
    assert named(None, "e1", C) == Announced(epoch="e1", names=frozenset({C}))
    assert named(KNOWN, "e2", C) == Announced(epoch="e2", names=frozenset({C}), earlier=frozenset({A, B}))
    assert named(WIPED, "e2", A) == Announced(
        epoch="e2", names=frozenset({A}), earlier=frozenset({B}), is_complete=True
    )


def test_what_a_journal_announced_that_was_set_back_stays() -> None:
    again = announced(doubted(KNOWN), "e1", [A], is_complete=True)
    assert (again.names, again.earlier) == ({A}, {B})


def test_a_person_releases_a_name_whenever_it_was_announced() -> None:
    assert released(KNOWN, A).all_names == {B}
    assert released(WIPED, A).all_names == {B}


NAMES = st.sets(st.sampled_from([A, B, C]))
WORDS = st.tuples(st.sampled_from(["e1", "e2", "e3"]), NAMES, st.booleans())


@given(st.lists(WORDS, max_size=8))
def test_whatever_is_said_a_name_goes_only_by_the_word_of_the_epoch_that_said_it_last(
    words: list[tuple[str, set[str], bool]],
) -> None:
    """A model that keeps for each name the epoch that announced it last; a complete list frees its own epoch's only."""
    state: Announced | None = None
    model: dict[str, str] = {}
    current = ""
    for epoch, names, is_complete in words:
        if epoch != current:
            model = dict.fromkeys(model, "an earlier one")
            current = epoch
        state = announced(state, epoch, [normalise(name) for name in names], is_complete=is_complete)
        if is_complete:
            model = {name: by for name, by in model.items() if by != epoch}
        model |= dict.fromkeys(names, epoch)
        assert state.all_names == model.keys()
        assert not state.names & state.earlier


@given(st.lists(WORDS, min_size=2, max_size=6))
def test_what_holds_until_a_word_is_stored_lacks_nothing_of_before_and_after(
    words: list[tuple[str, set[str], bool]],
) -> None:
    state: Announced | None = None
    for epoch, names, is_complete in words:
        new = announced(state, epoch, [normalise(name) for name in names], is_complete=is_complete)
        if state is not None:
            both = together(state, new)
            assert both.all_names == state.all_names | new.all_names
            # And once the same is said again, what may go goes.
            again = announced(both, epoch, [normalise(name) for name in names], is_complete=is_complete)
            assert again.all_names == new.all_names
        state = new
