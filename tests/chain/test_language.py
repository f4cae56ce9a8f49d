"""Two nodes that speak their own language: the real client end of one against the real server end of the other."""

from __future__ import annotations

import hashlib

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.now import begun
from tests.doubles.small_node import wheel
from tiercache.errors import FileAbsent, TierUnreachable
from tiercache.interfaces import FeedEvent, IFeed, NewChange
from tiercache.policy.entry import Present, Validators
from tiercache.policy.news import PAGE, Position
from tiercache.simple.model import ProjectName
from tiercache.upstream.parent import Parent
from tiercache.wire import FEATURES, HEARTBEAT_S

METADATA = b"Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n"
WHEEL = wheel("numpy", "1.0", METADATA)


def two() -> tuple[ChainOfNodes, JoinedNode, Parent]:
    """An office in front of the index, and a laptop's way to it."""
    chain = ChainOfNodes()
    office = chain.node("office", ORIGIN)
    laptop = chain.node("laptop", "office")
    parent = laptop.upstreams[0]
    assert isinstance(parent, Parent)
    return chain, office, parent


def followed(chain: ChainOfNodes, parent: Parent, since: Position | None = None) -> IFeed:
    return chain.index.result(parent.follow(since))


def news(chain: ChainOfNodes, office: JoinedNode, *projects: str) -> None:
    chain.index.result(office.parts.journal.append([NewChange(project=name, what=PAGE) for name in projects]))


def next_of(chain: ChainOfNodes, feed: IFeed) -> FeedEvent:
    event: FeedEvent = chain.index.result(feed.read())
    return event


def test_a_node_learns_what_the_other_is() -> None:
    chain, office, parent = two()
    state = chain.index.result(parent.about())
    assert (state.name, state.id, state.features) == ("office", office.node_id, FEATURES)
    assert state.origins == {ORIGIN: 1}
    assert state.live == {office.node_id: 0}


def test_a_feed_tells_what_is_live_and_then_what_changes() -> None:
    chain, office, parent = two()
    feed = followed(chain, parent)
    first = next_of(chain, feed)
    assert first.live is not None
    assert first.live.live == {office.node_id: 0}
    waiting: Deferred[FeedEvent] = begun(feed.read())
    news(chain, office, "numpy")
    chain.settle()
    event = chain.index.outcome(waiting)
    assert event.change is not None
    assert event.change.project == "numpy"
    assert event.position == office.parts.journal.position


def test_a_feed_resumes_with_what_was_missed() -> None:
    chain, office, parent = two()
    news(chain, office, "a")
    since = office.parts.journal.position
    news(chain, office, "b", "c")
    feed = followed(chain, parent, since)
    told = [next_of(chain, feed) for _ in range(3)]
    assert [event.change.project for event in told if event.change is not None] == ["b", "c"]
    assert told[-1].live is not None


@pytest.mark.parametrize("since", [Position(epoch="another", serial=0), None])
def test_a_position_of_another_journal_is_reset_and_of_this_one_from_the_future_too(since: Position | None) -> None:
    chain, office, parent = two()
    now_at = office.parts.journal.position
    feed = followed(chain, parent, since or Position(epoch=now_at.epoch, serial=now_at.serial + 1))
    first = next_of(chain, feed)
    assert first.is_reset
    assert first.position == now_at


def test_a_quiet_feed_is_never_taken_for_dead() -> None:
    chain, office, parent = two()
    feed = followed(chain, parent)
    next_of(chain, feed)
    waiting = begun(feed.read())
    for _ in range(20):
        chain.advance(HEARTBEAT_S)
    assert not waiting.called
    news(chain, office, "numpy")
    chain.settle()
    assert chain.index.outcome(waiting).change is not None


def test_a_feed_ends_when_the_other_node_stops_and_that_one_does_not_wait() -> None:
    chain, office, parent = two()
    feed = followed(chain, parent)
    next_of(chain, feed)
    waiting = begun(feed.read())
    stopped = begun(office.site.drain(30.0))
    chain.settle()
    assert stopped.called
    with pytest.raises(TierUnreachable):
        chain.index.outcome(waiting)


def test_a_flood_reaches_a_reader_in_order() -> None:
    chain, office, parent = two()
    feed = followed(chain, parent)
    next_of(chain, feed)
    for start in range(0, 3000, 500):
        news(chain, office, *[f"p{number}" for number in range(start, start + 500)])
    chain.settle()
    serials = [next_of(chain, feed).position.serial for _ in range(3000)]
    assert serials == list(range(1, 3001))


def test_a_page_comes_with_the_sidecars_that_the_other_has_stored() -> None:
    chain, office, parent = two()
    chain.lists("numpy", ("numpy-1.0-py3-none-any.whl", WHEEL))
    office.get(office.files_of("numpy")["numpy-1.0-py3-none-any.whl"])
    present = chain.index.result(parent.page(ProjectName("numpy"), Validators(), False))
    assert isinstance(present, Present)
    assert present.sidecars == {hashlib.sha256(METADATA).hexdigest(): METADATA}
    assert present.head.at == office.parts.journal.position
    assert len(office.asked_for("/api/v1/pages")) == 1


def test_a_stored_file_is_had_by_its_digest_and_no_other() -> None:
    chain, office, parent = two()
    chain.lists("numpy", ("numpy-1.0-py3-none-any.whl", WHEEL))
    digest = hashlib.sha256(WHEEL).hexdigest()
    with pytest.raises(FileAbsent):
        chain.index.result(parent.stored_file(digest, "numpy-1.0-py3-none-any.whl"))
    office.get(office.files_of("numpy")["numpy-1.0-py3-none-any.whl"])
    requests = len(chain.index.requests)
    stream = chain.index.result(parent.stored_file(digest, "numpy-1.0-py3-none-any.whl"))
    assert b"".join(chain.index.result(stream.read())) == WHEEL
    assert len(chain.index.requests) == requests
