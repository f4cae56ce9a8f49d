"""The chain: which tiers are asked, in which order, and what their answers become."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.signal import Signal
from tiercache.errors import DigestMismatch, FileAbsent, NoTierAnswered, NotStored, TierUnreachable
from tiercache.policy.entry import Absent, Entry, Head, Present, Unreachable
from tiercache.policy.hops import NONE_YET
from tiercache.policy.selection import ProjectRule
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of, normalise

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000
DOWN = TierUnreachable(tier="first", reason="down")


def page(node: SmallNode) -> object:
    return result_of(node.parts.chain.page(NUMPY, None, False, NONE_YET))


def sources(node: SmallNode, file: File, tier: str) -> list[str]:
    async def all_of(some: AsyncIterator[tuple[ScriptedUpstream, File]]) -> list[str]:
        return [upstream.tier.name async for upstream, _ in some]

    return result_of(all_of(node.parts.chain.sources(NUMPY, file, tier, NONE_YET)))


def take_down(node: SmallNode, tier: ScriptedUpstream) -> None:
    for _ in range(3):
        node.parts.chain.heard(tier.tier.name, DOWN)


def test_tiers_are_asked_in_order_until_one_has_the_project() -> None:
    first, second, third = scripted("first"), scripted("second"), scripted("third")
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(third, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    answer = page(SmallNode(upstreams=[first, second, third]))
    assert isinstance(answer, Present)
    assert answer.head.tier == "second"
    assert [len(tier.asked) for tier in (first, second, third)] == [1, 1, 0]


def test_absent_is_what_all_say_and_unreachable_what_any_does_not_say() -> None:
    node = SmallNode(upstreams=[scripted("first"), scripted("second")])
    assert isinstance(page(node), Absent)
    node = SmallNode(upstreams=[scripted("first", silent="down", retry_after_s=7.0), scripted("second")])
    assert page(node) == Unreachable(tier="first", reason="down", retry_after_s=7.0)


def test_a_file_is_looked_for_where_it_is_listed_and_then_where_the_same_bytes_are() -> None:
    tiers = [scripted(name) for name in ("first", "second", "third")]
    (file,) = listed(tiers[1], "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(tiers[0], "numpy", ("numpy-1.0.tar.gz", b"other bytes"))
    listed(tiers[2], "numpy", ("numpy-1.0.tar.gz", CONTENT))
    assert sources(SmallNode(upstreams=tiers), file, "second") == ["second", "third"]


def test_a_tier_that_is_down_is_the_last_source_of_its_own_file_and_not_none() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    assert sources(node, file, "first") == ["second", "first"]


def test_a_tier_that_no_rule_lists_any_more_is_no_source() -> None:
    office, public = scripted("office"), scripted("public")
    (file,) = listed(public, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    rules = (ProjectRule(match=("numpy",), tiers=("office",)),)
    node = SmallNode(upstreams=[office, public], config=evolve(CONFIG, projects=rules))
    assert sources(node, file, "public") == []
    assert public.asked == []


@pytest.mark.parametrize(
    ("rules", "tier", "counts"),
    [
        ((), "public", True),
        ((), "a tier of before", True),
        ((ProjectRule(match=("num*",), tiers=("office",)),), "office", True),
        ((ProjectRule(match=("num*",), tiers=("office",)),), "public", False),
        ((ProjectRule(match=("num*",), tiers=("office",)),), "a tier of before", False),
        ((ProjectRule(match=("scipy",), tiers=("office",)),), "public", True),
    ],
)
def test_what_a_tier_said_counts_as_long_as_the_rules_let_it_be_asked(
    rules: tuple[ProjectRule, ...], tier: str, counts: bool
) -> None:
    node = SmallNode(upstreams=[scripted("office"), scripted("public")], config=evolve(CONFIG, projects=rules))
    head = Head(tier=tier, requested_at=0, received_at=0)
    entry = Entry(project=NUMPY, head=head, page=Page(project=NUMPY))
    assert node.parts.chain.counted(entry) == (entry if counts else None)


def test_nothing_is_asked_while_the_node_is_offline_probes_included() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])
    take_down(node, first)
    result_of(node.parts.switch.set(True))
    node.clock.pump([1.0] * 60)
    assert sources(node, file, "first") == []
    assert page(node) == Unreachable(tier="first", reason="offline")
    assert (first.asked, second.asked) == ([], [])
    result_of(node.parts.switch.set(False))
    node.clock.advance(10)
    assert first.asked == [("probe",)]
    assert isinstance(page(node), Present)


def test_a_forward_goes_no_further_once_the_node_is_offline() -> None:
    first, second = scripted("first", gate=Signal()), scripted("second")
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])
    waiting = begun(node.parts.pages.shown(NUMPY, ANY))
    result_of(node.parts.switch.set(True))
    assert first.gate is not None
    first.gate.fire()
    with pytest.raises(NoTierAnswered, match="offline"):
        result_of(waiting)
    assert second.asked == []


def test_three_failures_in_a_row_take_a_tier_for_down_and_an_answer_between_them_does_not() -> None:
    tier = scripted("first")
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    chain = node.parts.chain
    for heard in (DOWN, DOWN, FileAbsent(filename="x"), DOWN, DOWN, None, DOWN, DOWN):
        chain.heard("first", heard)
    assert node.parts.stats.breakers_opened == 0
    chain.heard("first", DOWN)
    assert page(node) == Unreachable(tier="first", reason="breaker-open", retry_after_s=10.0)
    assert node.parts.stats.breakers_opened == 1


def test_a_failure_counts_if_it_began_after_the_last_answer_or_if_the_clock_was_set_back_since() -> None:
    for began_at, now, counts in ((99.0, 100.0, False), (100.0, 100.0, False), (101.0, 101.0, True), (7.0, 9.0, True)):
        tier = scripted("first")
        node = SmallNode(upstreams=[tier])
        node.clock.rightNow = 100.0
        node.parts.chain.heard("first", None)
        node.clock.rightNow = now
        for _ in range(3):
            node.parts.chain.heard("first", DOWN, began_at)
        assert node.parts.stats.breakers_opened == counts, (began_at, now)
        assert node.parts.stats.tier_failures == 3


def test_a_tier_that_comes_and_goes_is_probed_once_at_a_time() -> None:
    tier = scripted("first", silent="down")
    node = SmallNode(upstreams=[tier])
    for _ in range(5):
        take_down(node, tier)
        node.parts.chain.heard("first", None)
    take_down(node, tier)
    assert len(node.clock.getDelayedCalls()) == 1
    node.clock.advance(10)
    assert tier.asked == [("probe",)]
    node.parts.chain.stop()
    assert node.clock.getDelayedCalls() == []


def test_a_probe_that_breaks_unforeseen_does_not_shut_its_tier_out() -> None:
    tier = scripted("first")
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    take_down(node, tier)
    plain = tier.probe

    async def broken() -> None:
        raise ZeroDivisionError

    tier.probe = broken  # type: ignore[method-assign]  # this tier is broken
    node.clock.advance(10)
    tier.probe = plain  # type: ignore[method-assign]  # and mended
    node.clock.advance(10)
    assert isinstance(page(node), Present)


def test_wrong_digests_are_counted() -> None:
    tier = scripted("first")
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    tier.contents[file.url] = CONTENT[::-1]
    node = SmallNode(upstreams=[tier])
    with pytest.raises((DigestMismatch, TierUnreachable)):
        result_of(node.content(file))
    assert node.parts.stats.digest_mismatches == 1


def test_an_entry_of_a_tier_that_may_not_answer_any_more_is_none() -> None:
    office, public = scripted("office", silent="down"), scripted("public")
    (file,) = listed(public, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    before = SmallNode(upstreams=[office, public], config=evolve(CONFIG, projects=()))
    with pytest.raises(NotStored):
        result_of(before.parts.files.open(None, file.filename, evolve(ANY, local=True)))
    result_of(before.page("numpy"))
    rules = (ProjectRule(match=("numpy",), tiers=("office",)),)
    after = SmallNode(
        upstreams=[office, public],
        config=evolve(CONFIG, projects=rules),
        catalogue=before.catalogue,
        files=before.files,
    )
    public.asked.clear()
    for ask in (ANY, NO_CACHE):
        with pytest.raises(NoTierAnswered):
            result_of(after.page("numpy", ask))
        with pytest.raises(NoTierAnswered):
            result_of(after.parts.files.open(identity_of(file), file.filename, ask))
    assert public.asked == []


def test_a_page_that_comes_is_a_sign_of_life() -> None:
    tier = scripted("first")
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for _ in range(3):
        for _ in range(2):
            node.parts.chain.heard("first", DOWN)
        page(node)
    assert node.parts.stats.breakers_opened == 0


def test_only_the_tier_that_a_page_came_from_is_asked_whether_it_changed() -> None:
    first, second = scripted("first", etag='"one"'), scripted("second", etag='"two"')
    listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])
    result_of(node.page("numpy"))
    first.silent = "down"
    result_of(node.page("numpy", NO_CACHE))
    assert [words[2] for words in first.asked] == ["", '"one"']
    assert [words[2] for words in second.asked] == [""]


def test_a_source_is_named_once_though_it_lists_the_bytes_under_two_names() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("NumPy-1.0.tar.gz", CONTENT))
    assert sources(SmallNode(upstreams=[first, second]), file, "first") == ["first", "second"]


def test_a_chain_that_has_stopped_probes_no_more() -> None:
    tier = scripted("first")
    node = SmallNode(upstreams=[tier])
    node.parts.chain.stop()
    take_down(node, tier)
    assert node.clock.getDelayedCalls() == []


def test_a_tier_that_is_down_is_told_to_be_down_once() -> None:
    tier = scripted("first", silent="down")
    node = SmallNode(upstreams=[tier])
    for _ in range(3):
        take_down(node, tier)
    assert (node.parts.stats.breakers_opened, node.parts.stats.tier_failures) == (1, 9)


def test_a_tier_that_asks_for_time_gets_it() -> None:
    tier = scripted("first", silent="busy", retry_after_s=60.0)
    node = SmallNode(upstreams=[tier])
    take_down(node, tier)
    node.parts.chain.heard("first", evolve(DOWN, retry_after_s=30.0))  # said meanwhile, of a request of before
    node.clock.advance(10)
    assert tier.asked == []
    node.clock.advance(20)
    assert tier.asked == [("probe",)]
    node.clock.advance(59)
    assert len(tier.asked) == 1
    node.clock.advance(1)
    assert len(tier.asked) == 2
