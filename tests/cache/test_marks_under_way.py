"""News of a page that is just being read from the store, written to it, marked in it, or asked for."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.cache.following_node import OWN, FollowingNode, followed, page_requests, release
from tests.doubles.held_pool import HeldPool
from tests.doubles.node_above import above
from tests.doubles.now import at_once, begun, result_of
from tests.doubles.small_node import NO_CACHE, listed
from tiercache.cache.entries import LARGE_BODY_BYTES
from tiercache.cache.look import LARGE_PAGE_FILES
from tiercache.cache.signal import Signal
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue

NUMPY = normalise("numpy")


class SlowToMark(MemoryCatalogue):
    """Marks an entry when a test lets it."""

    held: Deferred[None] | None = None

    def freshen_entry(self, *what: Any) -> Deferred[None]:
        if self.held is None:
            return super().freshen_entry(*what)
        return self.held.addCallback(lambda _: result_of(super(SlowToMark, self).freshen_entry(*what)))


def forget(node: FollowingNode) -> None:
    """Let what is in memory make room for something else."""
    node.parts.pages._entries._decoded.drop(NUMPY)


def hold(node: FollowingNode) -> HeldPool:
    """Let decoding and encoding wait."""
    pool = node.parts.pages._entries._pool = HeldPool()
    return pool


def test_a_page_whose_mark_is_not_written_yet_is_outdated_when_it_is_read() -> None:
    office, catalogue = above(), SlowToMark()
    release(office, "1.0")
    node = FollowingNode(upstreams=[office], catalogue=catalogue, node_id=OWN)
    node.names()
    forget(node)
    marked: Deferred[None] = Deferred()
    catalogue.held = marked
    release(office, "1.1")
    office.tell("numpy")
    assert node.names() == ["numpy-1.1.tar.gz"]
    catalogue.held = None
    marked.callback(None)
    assert node.names() == ["numpy-1.1.tar.gz"]


def test_a_page_that_was_marked_once_is_not_taken_for_one_that_is_being_marked() -> None:
    office, node = followed()
    office.tell("numpy")
    node.names()
    forget(node)
    node.names()
    assert page_requests(office) == 2


def test_news_of_a_page_that_is_being_decoded_counts() -> None:
    office = above()
    long = "x" * 200
    listed(office, "numpy", *((f"numpy-1.{at}+{long}.tar.gz", b"x") for at in range(LARGE_BODY_BYTES // 200)))
    node = FollowingNode(upstreams=[office], node_id=OWN)
    node.names()
    forget(node)
    pool = hold(node)
    reading = begun(node.page("numpy"))
    assert pool.held == 1
    release(office, "2.0")
    office.tell("numpy")
    node.parts.pages._entries._pool = at_once
    pool.go_on()
    assert [file.filename for file in result_of(reading).files] == ["numpy-2.0.tar.gz"]


def test_news_of_a_page_that_is_being_written_is_written_with_it() -> None:
    office, node = followed()
    listed(office, "numpy", *((f"numpy-1.1.{at}.tar.gz", b"x") for at in range(LARGE_PAGE_FILES + 1)))
    office.etag = None
    pool = hold(node)
    asking = begun(node.page("numpy", NO_CACHE))
    assert pool.held == 1
    office.tell("numpy")
    pool.go_on()
    result_of(asking)
    again = node.again()
    release(office, "1.2")
    assert again.names() == ["numpy-1.2.tar.gz"]


def test_what_was_asked_for_before_a_reset_is_outdated_when_it_comes() -> None:
    office, node = followed()
    gate = office.gate = Signal()
    asking = begun(node.page("numpy", NO_CACHE))
    office.gate = None
    office.wipe("e2")
    node.clock.advance(1.0)
    node.clock.advance(1.0)
    assert node.is_live()
    gate.fire()
    result_of(asking)
    release(office, "1.1")
    assert node.names() == ["numpy-1.1.tar.gz"]


def test_news_that_a_page_knows_of_does_not_outdate_it_when_it_is_heard_again_after_a_crash() -> None:
    office, node = followed()
    node.clock.advance(5.0)  # by when it is written down how far the feed was read
    office.tell("numpy")
    node.names()
    again = node.crashed()
    assert again.is_live()
    again.names()
    assert page_requests(office) == 2


@pytest.mark.parametrize(("epoch", "is_believed"), [("x" * 98, True), ("x" * 99, False)])
def test_an_origin_that_is_too_long_is_none(epoch: str, is_believed: bool) -> None:
    office, node = followed()
    office.tell("numpy", origin=f"{epoch}:1")
    assert node.journal[-1].origin == (f"{epoch}:1" if is_believed else "e1:1")
