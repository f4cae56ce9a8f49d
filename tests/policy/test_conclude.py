from __future__ import annotations

import pytest
from attrs import evolve

from tests.policy.given import NOON, NUMPY, PAGE, entry, head
from tiercache.policy.conclude import (
    PARTIAL,
    Conclusion,
    Freshen,
    Serve,
    ServeStale,
    Store,
    StoreAbsent,
    Unavailable,
    conclude,
)
from tiercache.policy.decide import Forward, Revalidate
from tiercache.policy.entry import Absent, Answer, Entry, Head, NotModified, Present, Unreachable
from tiercache.policy.freshness import FreshnessRules
from tiercache.simple.model import Page

RULES = FreshnessRules(page_s=600, stale_if_error_s=86400)
MISS = Forward(reason="miss")
NEW_PAGE = Page(project=NUMPY)
LAST_SECOND = 600 + 86400
"""After so many seconds an entry may stand in for the last time."""


def about(stored: Entry) -> Revalidate:
    return Revalidate(entry=stored, reason="stale", patience_s=0.5)


def concluded(decision: Revalidate | Forward, answer: Answer, passed: float = 700) -> Conclusion:
    return conclude(decision, NUMPY, answer, RULES, NOON + passed)


def new(answer_head: Head) -> Entry:
    return Entry(project=NUMPY, head=answer_head, page=NEW_PAGE)


@pytest.mark.parametrize("decision", [MISS, about(entry())])
def test_page_is_stored(decision: Revalidate | Forward) -> None:
    later = head(at=NOON + 700)
    assert concluded(decision, Present(page=NEW_PAGE, head=later)) == Store(entry=new(later))


@pytest.mark.parametrize("decision", [MISS, about(entry())])
def test_page_that_may_not_be_stored_is_served(decision: Revalidate | Forward) -> None:
    later = head(at=NOON + 700, storable=False)
    assert concluded(decision, Present(page=NEW_PAGE, head=later)) == Serve(entry=new(later))


@pytest.mark.parametrize(
    ("old_serial", "new_serial", "tier", "replaced"),
    [
        (7, 6, "office", False),
        (7, 7, "office", True),
        (7, 8, "office", True),
        (7, None, "office", True),
        (None, 6, "office", True),
        (7, 6, "public", True),  # another tier counts by itself
        (7, 0, "office", False),
    ],
)
@pytest.mark.parametrize("storable", [True, False])
def test_older_page_of_the_same_tier_never_replaces_a_newer_one(
    old_serial: int | None, new_serial: int | None, tier: str, replaced: bool, storable: bool
) -> None:
    stored = entry(serial=old_serial)
    conclusion = concluded(
        about(stored), Present(page=NEW_PAGE, head=head(tier=tier, serial=new_serial, storable=storable))
    )
    if replaced:
        assert isinstance(conclusion, Store if storable else Serve)
    else:
        assert conclusion == ServeStale(entry=stored, reason="serial-regression")


@pytest.mark.parametrize(("passed", "replaced"), [(LAST_SECOND, False), (LAST_SECOND + 1, True)])
def test_tier_whose_serials_began_anew_is_believed_in_the_end(passed: float, replaced: bool) -> None:
    stored = entry(serial=7)
    conclusion = concluded(about(stored), Present(page=NEW_PAGE, head=head(serial=1)), passed)
    assert isinstance(conclusion, Store if replaced else ServeStale)


def test_unchanged_page_is_freshened() -> None:
    stored = entry(serial=7, lifetime_s=300)
    later = head(at=NOON + 700)
    renewed = evolve(stored.head, requested_at=NOON + 700, received_at=NOON + 700)
    assert concluded(about(stored), NotModified(head=later)) == Freshen(
        entry=Entry(project=NUMPY, head=renewed, page=PAGE), head=renewed
    )


def test_unchanged_page_that_may_not_be_kept_is_served_once() -> None:
    later = head(at=NOON + 700, storable=False)
    assert concluded(about(entry()), NotModified(head=later)) == Serve(
        entry=Entry(project=NUMPY, head=later, page=PAGE)
    )


def test_304_that_nobody_asked_for_is_no_answer() -> None:
    assert concluded(MISS, NotModified(head=head())) == Unavailable(reason="unexpected-304", retry_after_s=None)


def test_304_of_another_tier_confirms_nothing() -> None:
    stored = entry(tier="office")
    assert concluded(about(stored), NotModified(head=head(tier="public"))) == ServeStale(
        entry=stored, reason="unexpected-304"
    )


@pytest.mark.parametrize("decision", [MISS, about(entry())])
@pytest.mark.parametrize("storable", [True, False])
def test_absence_is_remembered_even_where_there_was_a_page(decision: Revalidate | Forward, storable: bool) -> None:
    said = head(at=NOON + 700, storable=storable)
    assert concluded(decision, Absent(head=said)) == StoreAbsent(entry=Entry(project=NUMPY, head=said, page=None))


SILENCE = Unreachable(tier="office", reason="timeout", retry_after_s=30)


@pytest.mark.parametrize("passed", [0, 599, 601, LAST_SECOND])
def test_stale_page_is_served_when_every_tier_is_unreachable(passed: float) -> None:
    stored = entry()
    assert concluded(about(stored), SILENCE, passed) == ServeStale(entry=stored, reason="timeout")


def test_page_too_long_past_its_lifetime_is_not_served() -> None:
    assert concluded(about(entry()), SILENCE, LAST_SECOND + 1) == Unavailable(reason="timeout", retry_after_s=30)


def test_nothing_stored_and_nobody_reachable_is_unavailable_and_never_absent() -> None:
    assert concluded(MISS, SILENCE) == Unavailable(reason="timeout", retry_after_s=30)
    past_absence = Forward(reason="stale")
    assert concluded(past_absence, SILENCE) == Unavailable(reason="timeout", retry_after_s=30)


def test_page_that_the_client_would_not_have_still_serves_in_an_outage() -> None:
    stored = entry()
    forced = Revalidate(entry=stored, reason="request", patience_s=None)
    assert concluded(forced, SILENCE, 0) == ServeStale(entry=stored, reason="timeout")


# -- pages of which a part is missing ---------------------------------------------------------------------------

PARTIAL_PAGE = Present(page=NEW_PAGE, head=head(at=NOON + 700), missing=SILENCE)


def test_a_page_of_which_a_part_is_missing_is_given_once_where_nothing_is_stored() -> None:
    partial = Entry(project=NUMPY, head=head(at=NOON + 700), page=NEW_PAGE)
    assert concluded(MISS, PARTIAL_PAGE) == Serve(entry=partial, detail=PARTIAL)


@pytest.mark.parametrize(("passed", "stands_in"), [(LAST_SECOND, True), (LAST_SECOND + 1, False)])
def test_a_stored_page_that_lacks_nothing_is_given_before_one_that_lacks_a_part(passed: float, stands_in: bool) -> None:
    stored = entry()
    conclusion = concluded(about(stored), PARTIAL_PAGE, passed)
    if stands_in:
        assert conclusion == ServeStale(entry=stored, reason="timeout")
    else:
        assert isinstance(conclusion, Serve)
