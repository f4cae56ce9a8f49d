"""A project's home: what is taken from a later tier while it is silent, and how it gets its word back."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import NoTierAnswered
from tiercache.interfaces import Reservation
from tiercache.policy.selection import ProjectRule
from tiercache.simple.names import identity_of, normalise

NUMPY = normalise("numpy")
PROBE_EVERY_S = CONFIG.breaker.probe_every_s


def two_tiers() -> tuple[ScriptedUpstream, ScriptedUpstream]:
    first, second = scripted("first", etag='"first"'), scripted("second", etag='"second"')
    listed(first, "numpy", ("numpy-1.0.tar.gz", b"of the first"))
    listed(second, "numpy", ("numpy-2.0.tar.gz", b"of the second"))
    return first, second


def page(node: SmallNode) -> tuple[str, str | None]:
    """Whose page is given, and instead of whose."""
    entry = result_of(node.parts.pages.settled(NUMPY, ANY)).entry
    assert entry is not None
    return entry.head.tier, entry.head.instead_of


def requests(tier: ScriptedUpstream) -> int:
    return sum(words[0] == "page" for words in tier.asked)


def take_down(node: SmallNode, tier: ScriptedUpstream, silent: str = "down") -> None:
    """The tier is down, and known to be."""
    tier.silent = silent
    for number in range(3):
        with pytest.raises(NoTierAnswered):
            result_of(node.page(f"nowhere-{number}"))


def test_the_next_tier_answers_while_the_home_is_down_and_no_longer() -> None:
    first, second = two_tiers()
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    assert page(node) == ("second", "first")
    asked = requests(first), requests(second)
    node.clock.advance(PROBE_EVERY_S)  # a probe, which fails
    assert page(node) == ("second", "first")
    assert (requests(first), requests(second)) == asked
    first.silent = None
    node.clock.advance(PROBE_EVERY_S)  # a probe, which does not
    assert page(node) == ("first", None)


def test_a_home_that_is_silent_once_is_asked_again_at_once() -> None:
    first, second = two_tiers()
    node = SmallNode(upstreams=[first, second])
    first.silent = "down"
    assert page(node) == ("second", "first")
    first.silent = None
    assert page(node) == ("first", None)


def test_a_later_tiers_page_that_a_304_confirms_is_still_in_place_of_the_homes() -> None:
    first, second = two_tiers()
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    page(node)
    node.clock.advance(601)
    assert page(node) == ("second", "first")
    assert second.asked[-1] == ("page", "numpy", '"second"', "")


def test_a_later_tier_is_the_home_of_what_the_first_does_not_have() -> None:
    first, second = two_tiers()
    first.pages.clear()
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    assert page(node) == ("second", "first")
    first.silent = None
    node.clock.advance(PROBE_EVERY_S)
    assert page(node) == ("second", None)
    assert page(node) == ("second", None)
    assert requests(second) == 3 + 2  # nothing was asked for the last one


@pytest.mark.parametrize(("passed", "is_asked"), [(PROBE_EVERY_S - 0.1, False), (PROBE_EVERY_S, True)])
def test_a_home_that_is_well_and_cannot_say_is_asked_again_each_time_that_a_probe_would_be_sent(
    passed: float, is_asked: bool
) -> None:
    first, second = two_tiers()
    first.cannot_say = True
    node = SmallNode(upstreams=[first, second])
    assert page(node) == ("second", "first")
    asked = requests(first)
    node.clock.advance(passed)
    page(node)
    assert requests(first) == asked + is_asked
    assert node.parts.stats.breakers_opened == 0


def test_a_home_that_can_never_say_one_thing_keeps_no_other_project_from_it() -> None:
    first, second = two_tiers()
    listed(second, "secret", ("secret-1.0.tar.gz", b"x"))
    first.cannot_say = True
    node = SmallNode(upstreams=[first, second])
    page(node)
    for _ in range(int(PROBE_EVERY_S)):  # what it cannot say is asked for all the time
        node.clock.advance(1)
        result_of(node.page("secret", NO_CACHE))
    first.cannot_say = False
    assert page(node) == ("first", None)


def test_ten_answers_that_say_nothing_take_no_tier_for_down() -> None:
    first, second = two_tiers()
    first.cannot_say = True
    node = SmallNode(upstreams=[first, second])
    for _ in range(10):
        assert page_anew(node) == "second"
    assert node.parts.stats.breakers_opened == node.parts.stats.tier_failures == 0
    assert [link.state for link in node.parts.chain.links()] == ["up", "up"]


def page_anew(node: SmallNode) -> str:
    entry = result_of(node.parts.pages.settled(NUMPY, NO_CACHE)).entry
    assert entry is not None
    return entry.head.tier


def test_a_loop_takes_no_place_of_a_home() -> None:
    first, second = two_tiers()
    first.loops = True
    node = SmallNode(upstreams=[first, second])
    assert page(node) == ("second", None)
    first.loops = False
    assert page(node) == ("second", None)


def test_a_file_that_only_the_home_may_list_is_not_said_to_be_absent() -> None:
    first, second = two_tiers()
    (ours,) = first.pages[NUMPY].files
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    page(node)
    for passed in (0.0, 3.0, 700.0):  # just asked, within its lifetime, past it
        node.clock.advance(passed)
        with pytest.raises(NoTierAnswered):
            result_of(node.parts.files.open(identity_of(ours), ours.filename, ANY))


def test_a_page_is_in_nobodys_place_once_the_home_may_not_answer_any_more() -> None:
    first, second = two_tiers()
    before = SmallNode(upstreams=[first, second])
    take_down(before, first)
    page(before)
    first.silent = None
    rules = (ProjectRule(match=("numpy",), tiers=("second",)),)
    after = SmallNode(upstreams=[first, second], config=evolve(CONFIG, projects=rules), catalogue=before.catalogue)
    asked = requests(second)
    assert page(after) == ("second", None)
    assert requests(second) == asked


def test_that_a_page_is_in_anothers_place_is_known_after_a_restart() -> None:
    first, second = two_tiers()
    before = SmallNode(upstreams=[first, second])
    take_down(before, first)
    page(before)
    first.silent = None
    after = SmallNode(upstreams=[first, second], catalogue=before.catalogue)
    assert page(after) == ("first", None)


def test_of_two_tiers_that_reserved_a_name_one_takes_the_others_place_and_no_third_does() -> None:
    first, second = two_tiers()
    third = scripted("third")
    listed(third, "numpy", ("numpy-3.0.tar.gz", b"of a stranger"))
    node = SmallNode(upstreams=[first, second, third])
    for tier in ("first", "second"):
        result_of(node.catalogue.store_reservation(Reservation(tier=tier, epoch="e", names=(NUMPY,))))
    node = SmallNode(upstreams=[first, second, third], catalogue=node.catalogue)
    first.silent = "down"
    assert page(node) == ("second", "first")
    second.silent = "down"
    entry = result_of(node.parts.pages.settled(NUMPY, NO_CACHE)).entry
    assert entry is not None
    assert entry.head.tier == "second"
    assert third.asked == []
