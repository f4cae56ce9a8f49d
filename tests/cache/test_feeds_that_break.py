"""Feeds that stall, break, flood, or are another's; and restarts of the node that follows them."""

from __future__ import annotations

from collections import deque

import pytest
from attrs import evolve

from tests.cache.following_node import (
    NO_FEED,
    OWN,
    FollowingNode,
    at,
    feed_of,
    followed,
    following,
    page_requests,
    release,
)
from tests.doubles.node_above import above, change, live
from tests.doubles.now import result_of
from tests.doubles.small_node import NO_CACHE, scripted
from tiercache.errors import NoTierAnswered
from tiercache.interfaces import FeedEvent
from tiercache.policy.entry import Head
from tiercache.policy.news import ALL, NAMED, PAGE
from tiercache.policy.vouching import LONGEST_SILENCE_S
from tiercache.storage.memory import MemoryCatalogue

LONG_S = 40 * 86400.0
A_HEAD = Head(tier="office", requested_at=0.0, received_at=0.0)


# -- stalls and breaks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silence_s", "requests"), [(LONGEST_SILENCE_S, 1), (LONGEST_SILENCE_S + 1, 2)])
def test_a_feed_that_stalls_without_closing_vouches_for_nothing_after_three_heartbeats(
    silence_s: float, requests: int
) -> None:
    office, node = followed()
    node.pass_time(10_000.0)
    office.feeds[-1].silent_since = node.clock.seconds() - silence_s
    assert node.is_live() is (requests == 1)
    # The lifetime goes from the last sign of life: here it has passed, but for the feed.
    node.parts.pages._rules = evolve(node.parts.pages._rules, page_s=1.0)
    node.names()
    assert page_requests(office) == requests


@pytest.mark.parametrize(("after_s", "requests"), [(599.0, 1), (600.0, 2)])
def test_a_feed_that_breaks_leaves_pages_their_lifetimes_from_then_on(after_s: float, requests: int) -> None:
    office, node = followed()
    node.pass_time(86400.0)
    office.says = NO_FEED
    office.break_feeds()
    assert not node.is_live()
    node.clock.advance(after_s)
    assert node.names() == ["numpy-1.0.tar.gz"]
    assert page_requests(office) == requests


def test_a_feed_that_comes_back_without_a_hole_brings_what_was_missed_and_nothing_else_is_asked_for() -> None:
    office, node = followed()
    release(office, "1.0", "scipy")
    assert node.names("scipy") == ["scipy-1.0.tar.gz"]
    office.says = NO_FEED
    office.break_feeds()
    release(office, "1.1")
    office.tell("numpy")
    office.says = None
    node.clock.advance(1.0)
    assert node.is_live()
    assert office.follows == [None, at(0)]
    assert node.told == [("numpy", PAGE)]
    node.pass_time(86400.0)
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert node.names("scipy") == ["scipy-1.0.tar.gz"]
    assert (page_requests(office), page_requests(office, "scipy")) == (2, 1)


def test_a_feed_that_comes_back_with_a_hole_makes_everything_from_there_stale() -> None:
    office, node = followed(changes_kept=2)
    public = scripted("public")
    office.says = NO_FEED
    office.break_feeds()
    office.tell("a", "b", "numpy")
    release(office, "1.1")
    office.says = None
    node.clock.advance(1.0)
    assert node.is_live()
    assert node.told == [("", ALL)]
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert public.asked == []
    node.pass_time(86400.0)
    node.names()
    assert page_requests(office) == 2


def test_a_feed_with_a_gap_in_its_serials_is_begun_anew_and_everything_stale() -> None:
    office, node = followed()
    office.script.append(feed_of(live(0), change(1, "a"), change(3, "b"), change(4, "c")))
    office.break_feeds()
    node.clock.advance(1.0)
    assert node.told == [("a", PAGE), ("", ALL)]
    assert not node.is_live()
    office.tell("x", "x", "x")
    node.clock.advance(2.0)
    assert office.follows[-1] == at(3)
    assert node.is_live()


def test_after_a_reset_nobody_above_is_live_until_the_feed_says_so_again() -> None:
    reset = FeedEvent(position=at(5), is_reset=True)
    office = above(script=deque([feed_of(live(0), reset), feed_of(live(5))]))
    node = following(office)
    assert not node.is_live()
    assert node.parts.journal.live == {OWN: 0}
    node.parts.following._followers[0].break_off("a test")
    node.pass_time(30.0)
    assert node.is_live()
    assert node.parts.journal.live == {OWN: 0, office.id: 1}


def test_changes_that_were_heard_before_do_nothing_twice() -> None:
    office, node = followed()
    twice = change(1, "a"), change(2, "b")
    office.script.append(feed_of(*twice, change(1, "a"), live(2), *twice, change(3, "c")))
    office.break_feeds()
    node.clock.advance(1.0)
    assert [project for project, _ in node.told] == ["a", "b", "c"]
    assert node.is_live()


def test_a_parent_that_answers_with_another_nodes_epoch_makes_everything_from_there_stale() -> None:
    office, node = followed()
    office.script.append(feed_of(live(7, epoch="e9")))
    office.break_feeds()
    node.clock.advance(1.0)
    assert node.news().position == at(7, "e9")
    assert node.told == [("", ALL)]
    node.clock.advance(1.0)
    node.names()
    assert page_requests(office) == 2
    # What it gives is of its own journal, which is not the feed's: its lifetime holds.
    node.pass_time(590.0)
    node.names()
    assert page_requests(office) == 2
    node.pass_time(10.0)
    node.names()
    assert page_requests(office) == 3


def test_a_store_that_was_wiped_at_the_office_makes_everything_from_there_stale_and_opens_no_name() -> None:
    office, node = followed(names=("numpy",))
    assert node.announcers("numpy") == ("office",)
    office.names = ()
    office.pages.clear()
    office.wipe("e2")
    node.clock.advance(1.0)
    assert node.is_live()
    assert node.told[-1] == ("", ALL)
    assert node.announcers("numpy") == ("office",)
    assert node.names() == ["numpy-1.0.tar.gz"]  # as it is stored: nobody else has it
    assert page_requests(office) == 2


def test_a_store_that_was_set_back_at_the_office_is_a_reset_and_its_names_stay() -> None:
    office, node = followed(names=("numpy",))
    office.tell("a", "b")
    office.names = ()
    office.wipe("e1")
    node.clock.advance(1.0)
    assert node.news().position == at(0)
    assert node.told == [("numpy", NAMED), ("a", PAGE), ("b", PAGE), ("", ALL)]
    assert node.announcers("numpy") == ("office",)
    # Serials that are given again are news again.
    office.tell("c")
    assert node.told[-1] == ("c", PAGE)


def test_a_broken_feed_makes_the_chain_look_whether_the_tier_is_there() -> None:
    office, node = followed()
    office.silent = "no route"
    office.break_feeds()
    assert ("probe",) in office.asked
    # What fails to begin tells the chain nothing new.
    probes = office.asked.count(("probe",))
    node.clock.advance(1.0)
    assert office.asked.count(("probe",)) == probes


def test_a_feed_is_asked_for_again_ever_less_often_and_soon_again_once_it_was_steady() -> None:
    office, node = followed()
    node.pass_time(120.0)
    office.says = NO_FEED
    office.break_feeds()
    tries = office.asked.count(("about",))
    broke_at, asked_at = node.clock.seconds(), []
    for _ in range(400):
        node.clock.advance(0.25)
        if office.asked.count(("about",)) > tries:
            tries = office.asked.count(("about",))
            asked_at.append(node.clock.seconds() - broke_at)
    assert asked_at == [0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5, 60.5, 75.5, 90.5]
    office.says = None
    node.pass_time(100.0)
    assert node.is_live()
    office.break_feeds()
    node.clock.advance(0.5)
    assert node.is_live()


def test_a_feed_that_breaks_as_soon_as_it_is_live_is_asked_for_less_and_less() -> None:
    office, node = followed()
    follows = []
    for _ in range(60):
        office.break_feeds()
        node.clock.advance(0.5)
        follows.append(len(office.follows))
    assert follows[-1] <= 8


@pytest.mark.parametrize(("after_s", "is_kept"), [(29.0, True), (35.0, False)])
def test_a_feed_that_is_behind_what_the_pages_show_is_given_up_after_a_while(after_s: float, is_kept: bool) -> None:
    office, node = followed()
    (feed,) = office.feeds
    office.journal.leave(feed.subscription)  # something between the two holds it back
    office.tell("scipy")
    node.names(ask=NO_CACHE)
    heard = node.parts.following.heard("office")
    assert heard is not None
    assert heard.lag == 1
    node.pass_time(after_s)
    assert feed.is_closed is not is_kept
    if not is_kept:
        node.clock.advance(1.0)
        assert node.told == [("scipy", PAGE)]


# -- floods -----------------------------------------------------------------------------------------------------


def test_a_feed_that_floods_with_one_project_is_one_change_for_many() -> None:
    office, node = followed()
    office.script.append(feed_of(*(change(serial) for serial in range(1, 5001)), live(5000)))
    office.break_feeds()
    node.clock.advance(1.0)
    assert node.news().position == at(5000)
    assert len(node.journal) <= 20
    assert {project for project, _ in node.told} == {"numpy"}


@pytest.mark.parametrize(("events", "is_cut"), [(20_000, False), (20_001, True)])
def test_a_feed_that_floods_beyond_all_measure_is_cut_and_everything_stale(events: int, is_cut: bool) -> None:
    office, node = followed()
    flood = feed_of(live(0), *(change(serial, f"p{serial % 7}") for serial in range(1, events)))
    office.script.append(flood)
    office.break_feeds()
    node.clock.advance(1.0)
    assert flood.is_closed is is_cut
    if is_cut:
        node.clock.advance(1.0)  # it is followed again from where it is by then
        assert office.follows[-1] is None
        assert node.told[-1] == ("", ALL)


def test_a_flood_that_goes_on_takes_its_time_between_the_cuts() -> None:
    office, node = followed()
    for _ in range(10):
        office.script.append(feed_of(*(change(serial) for serial in range(1, 20_100))))
    office.break_feeds()
    node.pass_time(15.0)
    assert len(office.follows) <= 6


def test_a_slow_stream_of_news_is_no_flood() -> None:
    office, node = followed()
    for _ in range(30):
        office.tell(*["numpy"] * 900)
        node.clock.advance(1.0)
    assert len(office.follows) == 1
    assert node.is_live()


# -- restarts ---------------------------------------------------------------------------------------------------


def test_a_restart_goes_on_where_it_was_and_asks_for_nothing() -> None:
    office, node = followed()
    office.tell("scipy")
    again = node.again()
    assert office.follows == [None, at(1)]
    again.pass_time(86400.0)
    assert again.names() == ["numpy-1.0.tar.gz"]
    assert page_requests(office) == 1
    assert again.told == [("scipy", PAGE)]


def test_what_happened_while_the_node_was_off_is_heeded_before_anything_is_vouched_for() -> None:
    office, node = followed()
    result_of(node.parts.following.stop())
    release(office, "1.1")
    office.tell("numpy")
    again = node.crashed()
    assert again.names() == ["numpy-1.1.tar.gz"]
    assert again.told == [("numpy", PAGE)]


def test_nothing_is_lost_if_the_node_stops_between_a_mark_and_its_position() -> None:
    office, node = followed()
    release(office, "1.1")
    office.tell("numpy")
    assert node.catalogue.setting("feed:office") is None  # it is written down now and then
    again = node.crashed()
    assert again.names() == ["numpy-1.1.tar.gz"]
    assert again.told[0] == ("numpy", PAGE)


def test_news_that_is_heard_twice_after_a_restart_is_passed_on_once() -> None:
    office, node = followed()
    node.pass_time(5.0)
    assert node.catalogue.setting("feed:office") == "e1:0"
    office.tell("numpy", "scipy")
    again = node.crashed()
    assert office.follows[-1] == at(0)
    assert again.told == [("numpy", PAGE), ("scipy", PAGE)]


def test_what_was_vouched_for_long_is_served_after_a_restart_without_any_tier() -> None:
    office, node = followed()
    node.pass_time(LONG_S)
    office.silent = "no route"
    office.break_feeds()
    again = node.again()
    assert again.names() == ["numpy-1.0.tar.gz"]
    again.clock.advance(30 * 86400.0)
    assert again.names() == ["numpy-1.0.tar.gz"]
    again.clock.advance(700.0)
    with pytest.raises(NoTierAnswered):
        again.names()


def test_a_reset_is_remembered_through_a_restart() -> None:
    office, node = followed()
    office.says = NO_FEED
    office.wipe("e2")
    office.says = None
    node.clock.advance(1.0)
    again = node.again()
    again.names()
    assert page_requests(office) == 2


def test_a_store_that_is_full_loses_no_news() -> None:
    office = above()
    release(office, "1.0")
    node = FollowingNode(upstreams=[office], catalogue=MemoryCatalogue(room_bytes=10_000))
    node.names()
    room = node.catalogue._room
    room.take(10_000 - room.taken_bytes)
    release(office, "1.1")
    office.tell("numpy")
    assert not node.is_live()
    assert node.names() == ["numpy-1.1.tar.gz"]  # at once all the same
    room.take(-9_000)
    node.clock.advance(1.0)
    assert node.is_live()
    assert node.told == [("numpy", PAGE)]
