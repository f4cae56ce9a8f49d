"""What a node gives to those below is not vouched for where they would not hear of a change of it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.cache.following_node import followed, following, release
from tests.doubles.hosting import publish
from tests.doubles.node_above import above
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, SmallNode, scripted
from tiercache.cache.pages import MOST_TURNS, ShownPage
from tiercache.cache.signal import Signal
from tiercache.errors import ProjectAbsent
from tiercache.policy.entry import Ask
from tiercache.policy.selection import ProjectRule
from tiercache.simple.names import normalise
from tiercache.web.simple import is_storable

NUMPY = normalise("numpy")


def shown(node: SmallNode, ask: Ask = ANY) -> ShownPage:
    return result_of(node.parts.pages.shown(NUMPY, ask))


def names(page: ShownPage) -> list[str]:
    return [file.filename for file in page.page.files]


def test_who_asks_after_the_news_is_not_given_what_was_asked_for_before_it() -> None:
    office, node = followed()
    office.tell("numpy")
    early = office.gate = Signal()
    asked_before = begun(node.parts.pages.shown(NUMPY, ANY))
    office.tell("numpy")
    asked_after = begun(node.parts.pages.shown(NUMPY, ANY))  # as a node below does that has been told of it
    late = office.gate = Signal()
    early.fire()
    before = result_of(asked_before)
    assert (names(before), before.home) == (["numpy-1.0.tar.gz"], None)
    assert (before.outcome.ttl_s or 0.0) <= 0.0
    assert not asked_after.called
    release(office, "1.1")
    late.fire()
    after = result_of(asked_after)
    assert (names(after), after.home) == (["numpy-1.1.tar.gz"], office.id)


def test_who_asks_after_the_news_is_not_told_of_an_absence_from_before_it() -> None:
    early = Signal()
    office = above(gate=early)
    node = following(office)
    asked_before = begun(node.parts.pages.shown(NUMPY, ANY))
    office.tell("numpy")
    asked_after = begun(node.parts.pages.shown(NUMPY, ANY))
    late = office.gate = Signal()
    early.fire()
    with pytest.raises(ProjectAbsent):
        result_of(asked_before)
    release(office, "1.0")
    late.fire()
    assert names(result_of(asked_after)) == ["numpy-1.0.tar.gz"]


def test_who_asks_while_there_is_news_all_the_time_is_answered_all_the_same() -> None:
    office, node = followed()
    gates = [Signal() for _ in range(MOST_TURNS + 1)]
    asked = []
    for gate in gates:
        office.gate = gate
        office.tell("numpy")
        asked.append(begun(node.parts.pages.shown(NUMPY, ANY)))
    for gate, after in zip(gates, [*gates[1:], None], strict=True):
        office.gate = after
        office.tell("numpy")
        gate.fire()
    assert [result_of(one).home for one in asked] == [None] * len(asked)


def test_the_page_of_a_tier_in_place_of_another_is_not_vouched_for() -> None:
    first, second = above("first", id="a" * 16, names=("numpy",)), above("second", id="b" * 16, names=("numpy",))
    release(first, "1.0")
    release(second, "2.0")
    node = following(first, second)
    first.silent = "down"
    given = shown(node)
    assert (names(given), given.home) == (["numpy-2.0.tar.gz"], None)
    assert shown(node).home is None  # nor when it is stored
    first.silent = None
    node.pass_time(30.0)
    given = shown(node)
    assert (names(given), given.home) == (["numpy-1.0.tar.gz"], "a" * 16)


OPENED = evolve(CONFIG, projects=(ProjectRule(match=("numpy",), tiers=("public",), also_upstream=("public",)),))


def opened(**what: object) -> SmallNode:
    """A node that hosts numpy, opened to a tier that has none."""
    node = SmallNode(upstreams=[scripted(**what)], config=OPENED, node_id="f" * 16)
    publish(node.parts.hosted, node.files, "numpy", "numpy-1.0.tar.gz", b"1")
    return node


def test_a_hosted_page_is_not_vouched_for_where_a_tier_may_add_to_it() -> None:
    assert shown(opened()).home is None
    assert shown(opened(silent="down")).home is None
    assert shown(opened(), Ask(only_if_cached=True)).home is None


def test_a_hosted_page_that_lacks_what_a_silent_tier_has_is_kept_by_nobody_below() -> None:
    given = shown(opened(silent="down"))
    assert given.outcome.detail == "partial"
    assert not is_storable(given)
    assert is_storable(shown(opened()))
