"""Whether a page is vouched for, how old it is then, and what news does to it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.policy.given import NOON, PAGE, head
from tiercache.policy.decide import Reuse, Revalidate, decide
from tiercache.policy.entry import Ask, Entry, Head
from tiercache.policy.freshness import FreshnessRules, current_age_s, is_fresh, serves_when_stale, time_to_live_s
from tiercache.policy.hops import MOST_HOPS
from tiercache.policy.news import Position
from tiercache.policy.vouching import (
    LONGEST_SILENCE_S,
    Reset,
    TierNews,
    as_it_counts,
    is_vouched,
    live_below,
    outdates,
    step,
    vouched_until,
)
from tiercache.wire import HEARTBEAT_S

HOME, OTHER = "a" * 16, "b" * 16
WEEK_S = 7 * 86400.0
RULES = FreshnessRules(page_s=600.0, stale_if_error_s=3600.0)


def at(serial: int, epoch: str = "e1") -> Position:
    return Position(epoch=epoch, serial=serial)


def given(serial: int = 5, epoch: str = "e1", *, home: str | None = HOME, outdated: bool = False) -> Head:
    """A page that came at noon, when the tier's journal was at this serial."""
    return evolve(head(at=NOON), at=at(serial, epoch), home=home, outdated=outdated)


def news(now: float, **differently: object) -> TierNews:
    """Of a feed that is live, read as far as serial 9, and was heard just now."""
    told = TierNews(position=at(9), live={HOME: 0, OTHER: 1}, heard_at=now)
    return evolve(told, **differently)  # type: ignore[arg-type]  # as given


def test_silence_is_three_heartbeats() -> None:
    assert LONGEST_SILENCE_S == 3 * HEARTBEAT_S


@pytest.mark.parametrize(
    ("page", "told", "vouched"),
    [
        (given(), news(NOON), True),
        (given(9), news(NOON), True),
        (given(12), news(NOON), True),  # its feed is a little behind its pages
        (given(home=OTHER), news(NOON), True),
        (given(home="c" * 16), news(NOON), False),  # that node's news does not come by this feed
        (given(home=None), news(NOON), False),  # nobody hears of its changes
        (given(epoch="e0"), news(NOON), False),  # of another journal
        (given(outdated=True), news(NOON), False),
        (head(at=NOON), news(NOON), False),  # by the plain Simple API
        (evolve(given(), at=None), news(NOON), False),
        (given(), news(NOON, live={}), False),
        (given(), news(NOON, position=None), False),
        (given(), TierNews(), False),
        (given(5), news(NOON, reset=Reset(at=NOON - 1, position=at(5))), True),
        (given(4), news(NOON, reset=Reset(at=NOON - 1, position=at(5))), False),
    ],
)
def test_a_page_is_vouched_for_while_every_change_of_it_would_be_heard_of(
    page: Head, told: TierNews, vouched: bool
) -> None:
    assert is_vouched(page, told, NOON) is vouched


@pytest.mark.parametrize(
    ("silence_s", "vouched"),
    [(0.0, True), (LONGEST_SILENCE_S, True), (LONGEST_SILENCE_S + 0.001, False), (WEEK_S, False)],
)
def test_a_feed_that_stalls_without_closing_vouches_for_nothing_after_three_heartbeats(
    silence_s: float, vouched: bool
) -> None:
    assert is_vouched(given(), news(NOON), NOON + silence_s) is vouched
    # So does a clock that was set back, until the next heartbeat.
    assert is_vouched(given(), news(NOON), NOON - silence_s) is vouched


def test_a_page_that_is_vouched_for_is_fresh_whatever_its_lifetime_and_as_old_as_the_silence() -> None:
    now = NOON + WEEK_S
    page = evolve(given(), lifetime_s=0.0)
    entry = Entry(project=PAGE.project, head=as_it_counts(page, news(now - 7.0), now), page=PAGE)
    assert is_fresh(entry, RULES, now)
    assert current_age_s(entry.head, now) == 7.0
    assert time_to_live_s(entry, RULES, now) == 0.0
    assert isinstance(decide(entry, Ask(), RULES, now), Reuse)
    # What a client insists on goes before.
    assert isinstance(decide(entry, Ask(no_cache=True), RULES, now), Revalidate)
    assert isinstance(decide(entry, Ask(max_age_s=0), RULES, now), Revalidate)
    assert isinstance(decide(entry, Ask(max_age_s=6.9), RULES, now), Revalidate)
    assert isinstance(decide(entry, Ask(max_age_s=7.0), RULES, now), Reuse)


def test_what_is_left_of_a_lifetime_is_told_from_the_last_heartbeat_on() -> None:
    now = NOON + WEEK_S
    entry = Entry(project=PAGE.project, head=as_it_counts(given(), news(now - 7.0), now), page=PAGE)
    assert time_to_live_s(entry, RULES, now) == 593.0


@pytest.mark.parametrize(("after_s", "fresh"), [(0.0, True), (599.9, True), (600.0, False)])
def test_when_a_feed_breaks_lifetimes_apply_again_from_the_last_moment_it_was_heard(
    after_s: float, fresh: bool
) -> None:
    broke_at = NOON + WEEK_S
    told = news(broke_at, live={}, until={("e1", HOME): broke_at})
    entry = Entry(project=PAGE.project, head=as_it_counts(given(), told, broke_at + after_s), page=PAGE)
    assert is_fresh(entry, RULES, broke_at + after_s) is fresh


@pytest.mark.parametrize(("after_s", "serves"), [(600.0 + 3600.0, True), (600.0 + 3600.1, False)])
def test_a_page_that_was_vouched_for_is_served_stale_as_long_as_one_that_was_asked_for(
    after_s: float, serves: bool
) -> None:
    broke_at = NOON + 100 * WEEK_S
    told = news(broke_at, live={}, until={("e1", HOME): broke_at})
    entry = Entry(project=PAGE.project, head=as_it_counts(given(), told, broke_at + after_s), page=PAGE)
    assert serves_when_stale(entry, RULES, broke_at + after_s) is serves


def test_an_outdated_page_is_not_fresh_and_yet_not_as_old_as_when_it_came() -> None:
    now = NOON + 100 * WEEK_S
    entry = Entry(project=PAGE.project, head=as_it_counts(given(outdated=True), news(now), now), page=PAGE)
    assert not is_fresh(entry, RULES, now)
    assert serves_when_stale(entry, RULES, now)


@pytest.mark.parametrize(
    ("page", "told", "until"),
    [
        (given(), news(NOON + 50), NOON + 50),
        (given(), news(NOON - 50), None),  # it came after that
        (given(), news(NOON, live={}, until={("e1", HOME): NOON + 9}), NOON + 9),
        (given(), news(NOON, live={}, until={("e1", OTHER): NOON + 9}), None),
        (given(), news(NOON, live={}, until={("e0", HOME): NOON + 9}), None),
        # The journal is another now, and what was true of the old one stays true.
        (given(), news(NOON + 90, position=at(3, "e2"), until={("e1", HOME): NOON + 9}), NOON + 9),
        (given(home=None), news(NOON + 50), None),
    ],
)
def test_until_when_a_page_was_vouched_for(page: Head, told: TierNews, until: float | None) -> None:
    assert vouched_until(page, told) == until


@pytest.mark.parametrize(
    ("page", "stale"),
    [
        (given(4), True),
        (given(5), False),
        (given(6), False),
        (evolve(given(9, "e0"), received_at=NOON + 1), True),
        (evolve(given(9, "e0"), received_at=NOON + 2), True),
        (evolve(given(9, "e0"), received_at=NOON + 2.1), False),  # of a journal that is not known: by the clock
        (evolve(head(at=NOON + 2)), True),
        (evolve(head(at=NOON + 2.1)), False),
    ],
)
def test_a_reset_makes_stale_what_was_got_before_it(page: Head, stale: bool) -> None:
    told = news(NOON, reset=Reset(at=NOON + 2, position=at(5)), live={})
    assert as_it_counts(page, told, NOON + 3).outdated is stale


@pytest.mark.parametrize(
    ("page", "serial", "known", "outdated"),
    [
        (given(5), 6, False, True),
        (given(5), 5, False, False),  # the page was made after that
        (given(5), 4, False, False),
        (given(5), 6, True, True),  # heard by another way too, but what this tier gave is older than its own news
        (given(5, "e0"), 1, False, True),
        (head(at=NOON), 1, False, True),
        (head(at=NOON, tier="public"), 1, False, True),  # the office may have it now
        (head(at=NOON, tier="public"), 1, True, False),
        (evolve(head(at=NOON), merged=("office", "public")), 1, True, True),
        (evolve(head(at=NOON, tier="public"), merged=("public", "backup")), 1, False, True),
        (evolve(head(at=NOON, tier="public"), merged=("public", "backup")), 1, True, False),
    ],
)
def test_news_outdates_what_is_older_than_it(page: Head, serial: int, known: bool, outdated: bool) -> None:
    assert outdates("office", at(serial), page, is_known=known) is outdated


@pytest.mark.parametrize(
    ("heard", "position", "is_change", "what"),
    [
        (at(5), at(6), True, "next"),
        (at(5), at(5), True, "known"),
        (at(5), at(1), True, "known"),
        (at(5), at(7), True, "gap"),
        (at(5), at(5), False, "next"),
        (at(5), at(4), False, "known"),
        (at(5), at(6), False, "gap"),
        (at(5), at(6, "e2"), True, "gap"),
        (at(5), at(5, "e2"), False, "gap"),
        (None, at(5), False, "gap"),
        (None, at(1), True, "gap"),
    ],
)
def test_what_an_event_is_to_who_has_read_so_far(
    heard: Position | None, position: Position, is_change: bool, what: str
) -> None:
    assert step(heard, position, is_change=is_change) == what


def test_who_is_live_is_one_hop_further_away_below_and_never_too_far_nor_oneself() -> None:
    above = {HOME: 0, OTHER: MOST_HOPS - 1, "c" * 16: MOST_HOPS, "d" * 16: 2, "e" * 16: -1}
    assert live_below(above, own_id="d" * 16) == {HOME: 1, OTHER: MOST_HOPS}
