"""The names that a followed tier has reserved."""

from __future__ import annotations

from tests.cache.following_node import (
    followed,
)
from tiercache.cache.signal import Signal
from tiercache.policy.news import NAMED, RELEASED

# -- reserved names ---------------------------------------------------------------------------------------------


def test_the_names_that_a_tier_has_reserved_are_known_at_once_and_asked_for_when_they_change() -> None:
    office, node = followed(names=("acme",))
    assert node.announcers("acme") == ("office",)
    times = office.asked.count(("reserved",))
    node.pass_time(1000.0)
    assert office.asked.count(("reserved",)) == times
    office.announce("acme", "beta")
    assert node.announcers("beta") == ("office",)
    office.announce("beta")
    assert node.announcers("acme") == ()
    assert node.told[-1] == ("acme", RELEASED)


def test_a_name_counts_as_reserved_as_soon_as_the_feed_says_so() -> None:
    office, node = followed()
    office.gate = Signal()
    office.tell("acme", what=NAMED)
    assert node.announcers("acme") == ("office",)
    assert node.told == [("acme", NAMED)]


def test_names_that_were_said_before_the_feed_told_of_another_do_not_drop_it() -> None:
    office, node = followed()
    office.gate = Signal()
    office.announce("old")
    office.tell("acme", what=NAMED)
    office.names = ("acme", "old")
    gate, office.gate = office.gate, None
    gate.fire()
    assert node.announcers("acme") == ("office",)
    assert node.announcers("old") == ("office",)


def test_a_complete_list_from_a_store_that_was_wiped_meanwhile_drops_no_name() -> None:
    office, node = followed(names=("acme",))
    office.gate = Signal()
    office.announce("acme", "beta")  # it is being asked for its names now
    office.names = ()
    office.wipe("e2")
    gate, office.gate = office.gate, None
    gate.fire()
    node.clock.advance(5.0)
    assert node.is_live()
    assert node.announcers("acme") == ("office",)


def test_names_are_asked_for_again_when_they_could_not_be_had() -> None:
    office, node = followed()
    office.loops = True
    office.announce("acme")
    assert node.announcers("acme") == ()
    office.loops = False
    node.clock.advance(1.0)
    assert node.announcers("acme") == ("office",)


def test_names_that_are_said_after_the_store_was_set_back_drop_none_that_were_known_before() -> None:
    office, node = followed(names=("acme",))
    office.tell("a", "b")
    office.names, gate = (), Signal()
    office.gate = gate
    office.wipe("e1")
    node.clock.advance(1.0)
    assert node.is_live()
    office.gate = None
    gate.fire()
    assert node.announcers("acme") == ("office",)


def test_a_list_that_another_journal_said_drops_no_name_although_the_feed_has_not_noticed_yet() -> None:
    office, node = followed(names=("acme",))
    office.announce("acme", "beta")
    office.feeds.clear()  # the connection is still there, for all that is known
    office.names, gate = (), Signal()
    office.gate = gate
    office.journal.set_reserved("another")  # so it is asked for its names, and this is what it will say
    office.gate = None
    office.wipe("e2")
    gate.fire()
    node.clock.advance(10.0)
    assert node.announcers("acme") == node.announcers("beta") == ("office",)
