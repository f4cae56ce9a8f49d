"""Following the feeds of the nodes above: what news does to what is stored, and how it is passed on."""

from __future__ import annotations

import pytest

from tests.cache.following_node import (
    NO_FEED,
    NO_NODE,
    OWN,
    at,
    followed,
    following,
    page_requests,
    release,
)
from tests.doubles.node_above import above
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import NO_CACHE, scripted
from tiercache.cache.signal import Signal
from tiercache.interfaces import Tier
from tiercache.policy.entry import Ask, Head
from tiercache.policy.news import ALL, NAMED, PAGE, RELEASED
from tiercache.simple.model import ProjectName

# -- what is vouched for ----------------------------------------------------------------------------------------


def test_a_page_is_not_asked_for_again_while_the_feed_is_live_and_at_once_when_it_says_so() -> None:
    office, node = followed()
    node.pass_time(86400.0)
    assert node.names() == ["numpy-1.0.tar.gz"]
    assert page_requests(office) == 1
    release(office, "1.1")
    assert node.names() == ["numpy-1.0.tar.gz"]
    office.tell("numpy")
    assert node.names() == ["numpy-1.1.tar.gz"]
    node.pass_time(86400.0)
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert page_requests(office) == 2


def test_news_that_turns_out_to_be_none_costs_one_question() -> None:
    office, node = followed()
    office.tell("numpy")
    assert [node.names() for _ in range(3)] == [["numpy-1.0.tar.gz"]] * 3
    assert page_requests(office) == 2
    assert node.parts.stats.revalidated == 1


def test_news_of_one_project_leaves_the_others_alone() -> None:
    office, node = followed()
    office.tell("scipy")
    node.pass_time(86400.0)
    assert node.names() == ["numpy-1.0.tar.gz"]
    assert page_requests(office) == 1


def test_a_page_that_nobody_vouches_for_is_asked_for_again_after_its_lifetime_and_at_once_after_news() -> None:
    office, node = followed(vouches=False)
    node.pass_time(599.0)
    node.names()
    assert page_requests(office) == 1
    office.tell("numpy")
    node.names()
    assert page_requests(office) == 2
    node.pass_time(600.0)
    node.names()
    assert page_requests(office) == 3


def test_what_a_client_insists_on_is_asked_although_the_page_is_vouched_for() -> None:
    office, node = followed()
    node.names(ask=NO_CACHE)
    assert page_requests(office) == 2


def test_a_name_that_was_absent_is_asked_for_as_soon_as_there_is_news_of_it() -> None:
    office = above()
    node = following(office)
    assert node.names() == []
    release(office, "1.0")
    assert node.names() == []
    office.tell("numpy", what=NAMED)
    assert node.names() == ["numpy-1.0.tar.gz"]


def test_a_page_from_a_later_tier_is_asked_for_again_when_an_earlier_one_has_news_of_it() -> None:
    office, public = above(), scripted("public")
    release(public, "0.9")
    node = following(office, public)
    assert node.names() == ["numpy-0.9.tar.gz"]
    release(office, "1.0")
    office.tell("numpy")
    assert node.names() == ["numpy-1.0.tar.gz"]


def test_the_age_that_is_shown_is_the_time_since_the_feed_was_heard() -> None:
    office, node = followed()
    node.pass_time(1000.0)
    office.feeds[-1].silent_since = node.clock.seconds() - 10.0
    shown = result_of(node.parts.pages.shown(ProjectName("numpy"), Ask()))
    assert shown.age_s == 10.0
    assert shown.home == office.id


# -- passing on -------------------------------------------------------------------------------------------------


def test_news_is_passed_on_at_once_whatever_is_stored_here_and_keeps_its_origin() -> None:
    office, node = followed()
    office.tell("unheard-of", origin="top:77")
    office.tell("numpy")
    assert [(entry.project, entry.what, entry.origin) for entry in node.journal] == [
        ("unheard-of", PAGE, "top:77"),
        ("numpy", PAGE, "e1:2"),
    ]


def test_a_page_that_changed_because_of_news_is_not_told_again() -> None:
    office, node = followed()
    release(office, "1.1")
    office.tell("numpy")
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert node.told == [("numpy", PAGE)]


def test_the_same_news_by_two_parents_is_passed_on_once_and_heeded_for_each() -> None:
    office, backup = above("office"), above("backup", id="b" * 16, epoch="e2")
    release(backup, "1.0")
    node = following(office, backup)
    assert node.names() == ["numpy-1.0.tar.gz"]
    office.tell("numpy", origin="top:1")
    assert node.told == [("numpy", PAGE)]
    node.names()
    assert page_requests(backup) == 2  # which had not heard of it yet
    backup.tell("numpy", origin="top:1")
    assert node.told == [("numpy", PAGE)]
    node.names()
    assert page_requests(backup) == 3
    office.tell("numpy", origin="top:1")  # again by the other: nothing to be learnt
    node.names()
    assert page_requests(backup) == 3


def test_news_of_a_words_that_this_version_does_not_know_is_news_of_the_page() -> None:
    office, node = followed()
    release(office, "1.1")
    office.tell("numpy", what="of-the-future")
    assert node.names() == ["numpy-1.1.tar.gz"]


def test_a_tier_that_knows_nothing_for_certain_makes_all_its_pages_stale_and_that_is_passed_on() -> None:
    office, node = followed()
    office.tell("", what=ALL, origin="top:5")
    assert [(entry.what, entry.origin) for entry in node.journal] == [(ALL, "top:5")]
    assert node.is_live()
    node.names()
    node.pass_time(86400.0)
    node.names()
    assert page_requests(office) == 2


def test_absences_do_not_outlive_what_was_missed() -> None:
    office = above()
    node = following(office)
    assert node.names() == []
    release(office, "1.0")
    office.wipe("e2")
    node.clock.advance(1.0)
    assert node.names() == ["numpy-1.0.tar.gz"]


def test_a_node_that_begins_with_an_empty_store_tells_nobody_that_anything_was_missed() -> None:
    office = above()
    office.tell("a", "b")
    assert following(office).told == []


def test_what_was_got_before_the_feed_began_is_asked_for_once_more() -> None:
    office = above(says=None)
    release(office, "1.0")
    office.says = NO_FEED
    node = following(office)
    node.names()
    office.tell("numpy")  # nobody heard of it here
    office.says = None
    node.clock.advance(1.0)
    assert node.told == [("", ALL)]
    node.names()
    assert page_requests(office) == 2


def test_news_of_this_node_that_comes_back_by_a_ring_does_nothing() -> None:
    office, node = followed()
    own = node.catalogue.position().epoch
    office.tell("numpy", origin=f"{own}:1")
    office.tell("", what=ALL, origin=f"{own}:2")
    assert node.told == []
    assert node.news().position == at(2)
    node.names()
    assert page_requests(office) == 1


# -- who is live ------------------------------------------------------------------------------------------------


def test_the_nodes_behind_a_live_feed_are_live_here_one_hop_further_away_until_it_breaks() -> None:
    office, node = followed()
    top = "b" * 16
    office.journal.set_live({top: 1})
    assert node.parts.journal.live == {OWN: 0, office.id: 1, top: 2}
    office.journal.set_live({})
    assert node.parts.journal.live == {OWN: 0, office.id: 1}
    office.says = NO_FEED
    office.break_feeds()
    assert node.parts.journal.live == {OWN: 0}


def test_a_page_whose_home_is_live_no_more_has_its_lifetime_from_then_on() -> None:
    office, node = followed()
    office.id, top = "b" * 16, office.id  # its pages are vouched for by another node from now on
    office.journal.set_live({office.id: 1})
    release(office, "1.0", "scipy")
    node.names("scipy")
    node.pass_time(86400.0)
    office.journal.set_live({})
    node.clock.advance(599.0)
    node.names("scipy")
    assert page_requests(office, "scipy") == 1
    node.clock.advance(1.0)
    node.names("scipy")
    assert page_requests(office, "scipy") == 2
    assert node.names() == ["numpy-1.0.tar.gz"]
    assert page_requests(office) == 1, f"{top} is live"


def test_a_tier_that_is_this_node_itself_is_not_followed() -> None:
    office = above(id=OWN)
    node = following(office)
    node.pass_time(1000.0)
    assert office.follows == []
    assert office.asked.count(("about",)) <= 5


def test_a_sibling_is_not_followed() -> None:
    desk = above("desk")
    desk.tier = Tier(name="desk", kind="sibling")
    following(desk).pass_time(100.0)
    assert desk.follows == []


def test_that_a_name_is_free_again_is_passed_on_as_news_of_its_page_until_it_is_free_here() -> None:
    office, node = followed()
    office.tell("numpy", what=RELEASED)
    assert node.told == [("numpy", PAGE)]


# -- while tiers are asked --------------------------------------------------------------------------------------


@pytest.mark.parametrize("etag", ['"1.0"', None], ids=["unchanged", "sent again"])
def test_an_answer_that_was_made_before_the_news_is_not_taken_for_the_newest(etag: str | None) -> None:
    office, node = followed()
    office.gate, office.etag = Signal(), etag
    asking = begun(node.page("numpy", NO_CACHE))
    office.tell("numpy")
    office.gate.fire()
    office.gate = None
    result_of(asking)
    release(office, "1.1")
    assert node.names() == ["numpy-1.1.tar.gz"]


def test_an_absence_that_was_said_before_the_news_is_not_remembered() -> None:
    office = above(gate=Signal())
    node = following(office)
    asking = begun(node.page("numpy"))
    office.tell("numpy")
    assert office.gate is not None
    office.gate.fire()
    asking.addErrback(lambda _: None)
    office.gate = None
    release(office, "1.0")
    assert node.names() == ["numpy-1.0.tar.gz"]


def test_an_answer_that_knows_of_the_news_is_the_newest() -> None:
    office, node = followed()
    office.tell("scipy", "numpy")
    office.gate = Signal()
    asking = begun(node.page("numpy"))
    office.tell("scipy")
    office.gate.fire()
    office.gate = None
    result_of(asking)
    node.names()
    assert page_requests(office) == 2


# -- offline, and tiers that are no nodes -----------------------------------------------------------------------


def test_a_node_that_is_switched_offline_follows_nobody_until_it_is_online_again() -> None:
    office, node = followed()
    result_of(node.parts.switch.set(True))
    node.clock.advance(5.0)
    assert office.feeds[0].is_closed
    asked = len(office.asked)
    node.pass_time(1000.0)
    assert len(office.asked) == asked
    result_of(node.parts.switch.set(False))
    node.clock.advance(5.0)
    assert node.is_live()


def test_a_tier_that_is_no_node_is_asked_now_and_then_and_its_pages_have_their_lifetimes() -> None:
    office = above(says=NO_NODE)
    release(office, "1.0")
    node = following(office)
    node.pass_time(600.0)
    assert office.follows == []
    assert 9 <= office.asked.count(("about",)) <= 11
    assert node.names() == ["numpy-1.0.tar.gz"]
    office.says = None
    node.pass_time(60.0)
    assert node.is_live()


def test_a_parent_that_was_replaced_by_another_program_is_live_no_more_and_its_names_stay() -> None:
    office, node = followed(names=("acme",))
    office.says = NO_NODE
    office.break_feeds()
    node.pass_time(300.0)
    assert not node.is_live()
    assert node.announcers("acme") == ("office",)


def test_a_node_that_stops_follows_nobody_and_asks_nobody() -> None:
    office, node = followed()
    result_of(node.parts.following.stop())
    assert office.feeds[0].is_closed
    asked = len(office.asked)
    node.pass_time(1000.0)
    assert len(office.asked) == asked
    assert node.catalogue.setting("feed:office") == "e1:0"


def test_clocks_that_differ_between_tiers_change_nothing() -> None:
    office, node = followed()
    office.head = Head(tier="office", requested_at=0.0, received_at=0.0, date=-1e6)
    release(office, "1.1")
    office.tell("numpy")
    assert node.names() == ["numpy-1.1.tar.gz"]
    node.pass_time(86400.0)
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert page_requests(office) == 2
