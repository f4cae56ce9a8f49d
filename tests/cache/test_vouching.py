"""What is known of the tiers' feeds: bounded, kept, and right for pages of several tiers and for absences."""

from __future__ import annotations

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from tests.cache.following_node import at, feed_of
from tests.doubles.now import result_of
from tiercache.cache.vouching import KEPT_WHILE_LIVE_S, MOST_UNTIL, Vouching
from tiercache.policy.entry import Entry, Head
from tiercache.policy.news import Position
from tiercache.simple.model import Page, ProjectName
from tiercache.storage.memory import MemoryCatalogue

NUMPY = ProjectName("numpy")
HOME, OTHER = "a" * 16, "b" * 16


def vouching(clock: Clock, catalogue: MemoryCatalogue | None = None, *tiers: str) -> Vouching:
    """One that has followed these tiers from the first serial on."""
    known = Vouching(catalogue=catalogue or MemoryCatalogue(), now=clock.seconds)
    for tier in tiers or ("office",):
        feed = feed_of()
        feed.now = clock.seconds
        known.began(tier, feed)
        known.read_to(tier, at(1))
        known.is_live(tier, {HOME: 0})
    return known


def entry(head: Head) -> Entry:
    return Entry(project=NUMPY, head=head, page=Page(project=NUMPY))


def given_at(serial: int) -> Head:
    return Head(tier="office", requested_at=0.0, received_at=0.0, at=at(serial), home=HOME)


@pytest.mark.parametrize("tier", ["office", "desk"])
def test_a_page_of_several_tiers_is_outdated_by_a_reset_of_any_of_them(tier: str) -> None:
    clock = Clock()
    known = vouching(clock, None, "office", "desk")
    merged = entry(Head(tier="office", requested_at=0.0, received_at=0.0, merged=("office", "desk")))
    assert not known.counted(merged).head.outdated
    result_of(known.reset(tier, at(9)))
    assert known.counted(merged).head.outdated
    assert known.is_told(merged.head)


@pytest.mark.parametrize(("later_s", "is_outdated"), [(0.0, True), (0.1, False)])
def test_an_absence_is_outdated_by_a_reset_that_came_no_earlier(later_s: float, is_outdated: bool) -> None:
    known = vouching(Clock())
    result_of(known.reset("office", at(9)))
    absent = Entry(project=NUMPY, head=Head(tier="", requested_at=later_s, received_at=later_s), page=None)
    assert known.counted(absent).head.outdated is is_outdated


def test_a_node_behind_two_tiers_is_as_far_away_as_by_the_nearer() -> None:
    known = vouching(Clock(), None, "office", "desk")
    known.is_live("office", {OTHER: 1, HOME: 3})
    known.is_live("desk", {OTHER: 2, HOME: 0})
    assert known.live() == {OTHER: 2, HOME: 1}


def test_a_feed_is_behind_since_a_page_showed_it_and_not_since_an_earlier_one_that_it_has_reached() -> None:
    clock = Clock()
    known = vouching(clock)
    known.given(given_at(5))
    known.read_to("office", at(5))
    clock.advance(100.0)
    known.given(given_at(6))
    assert known.behind_since("office") == 100.0
    clock.advance(10.0)
    known.given(given_at(7))
    assert (known.behind_since("office"), known.lag("office")) == (100.0, 2)


def test_it_is_remembered_of_the_latest_nodes_until_when_they_vouched() -> None:
    clock = Clock()
    clock.advance(1.0)
    known = vouching(clock)
    many = {f"{number:016x}": 1 for number in range(MOST_UNTIL)}
    known.is_live("office", many)
    clock.advance(1.0)
    known.is_live("office", {OTHER: 0})
    known.broke("office")
    until = known.news_of("office").until
    assert len(until) == MOST_UNTIL
    assert until["e1", OTHER] == 2.0


@pytest.mark.parametrize(("live_s", "until"), [(KEPT_WHILE_LIVE_S - 1.0, 0.0), (KEPT_WHILE_LIVE_S, KEPT_WHILE_LIVE_S)])
def test_until_when_a_node_vouched_is_known_after_a_crash_but_for_so_long(live_s: float, until: float) -> None:
    clock, catalogue = Clock(), MemoryCatalogue()
    known = vouching(clock, catalogue)
    result_of(known.keep())
    clock.advance(live_s)
    result_of(known.keep())
    again = Vouching(catalogue=catalogue, now=clock.seconds)
    assert again.news_of("office").until == {("e1", HOME): until}
    head = evolve(given_at(1), received_at=-10.0)
    assert again.counted(entry(head)).head.received_at == until
    assert again.news_of("office").position == Position(epoch="e1", serial=1)
