"""Project pages through a whole node in memory: what is asked of the tiers, and what clients are given."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, CONFIG, NO_CACHE, SmallNode, listed, scripted, sha256
from tiercache.cache.pages import ShownPage
from tiercache.cache.signal import Signal
from tiercache.errors import NoTierAnswered, NotStored, ProjectAbsent
from tiercache.policy.entry import Ask, Head
from tiercache.policy.selection import ProjectRule
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000


def shown(node: SmallNode, project: ProjectName = NUMPY, ask: Ask = ANY) -> ShownPage:
    return result_of(node.parts.pages.shown(project, ask))


def page_requests(tier: object) -> int:
    return sum(words[0] == "page" for words in tier.asked)  # type: ignore[attr-defined]  # a ScriptedUpstream


def test_a_page_is_asked_for_once_and_then_reused_while_it_is_fresh() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    assert shown(node).outcome.fwd == "miss"
    node.clock.advance(599)
    assert shown(node).outcome.hit
    assert page_requests(tier) == 1


def test_a_stale_page_is_revalidated_and_a_304_makes_it_fresh_again() -> None:
    tier = scripted(etag='"one"')
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    node.clock.advance(600)
    again = shown(node)
    assert (again.outcome.fwd, again.outcome.fwd_status) == ("stale", 304)
    assert tier.asked[-1] == ("page", "numpy", '"one"', "")
    node.clock.advance(599)
    assert shown(node).outcome.hit


def test_a_page_that_has_changed_is_shown_with_another_version() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    first = shown(node)
    assert shown(node).version == first.version
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT))
    node.clock.advance(601)
    second = shown(node)
    assert second.version != first.version
    assert [file.filename for file in second.page.files] == ["numpy-1.0.tar.gz", "numpy-2.0.tar.gz"]


def test_an_unknown_project_is_absent_and_that_is_remembered_for_a_minute() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    for _ in range(3):
        with pytest.raises(ProjectAbsent):
            shown(node)
    assert page_requests(tier) == 1
    node.clock.advance(60)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    assert shown(node).page.files
    assert page_requests(tier) == 2


def test_absence_is_asked_about_again_when_a_client_insists() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(ProjectAbsent):
        shown(node)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    assert shown(node, ask=NO_CACHE).page.files


def test_thirty_clients_share_one_forward_and_the_first_that_leaves_takes_nobody_with_it() -> None:
    tier = scripted(gate=Signal())
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.pages.shown(NUMPY, ANY)) for _ in range(30)]
    left: list[object] = []
    waiting[0].addBoth(left.append)
    waiting[0].cancel()
    assert tier.gate is not None
    tier.gate.fire()
    assert page_requests(tier) == 1
    assert all(len(result_of(waiter).page.files) == 1 for waiter in waiting[1:])
    assert result_of(waiting[1]).outcome.collapsed


def test_a_request_that_fails_does_not_poison_those_after_it() -> None:
    tier = scripted(silent="hangs")
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NoTierAnswered) as raised:
        shown(node)
    assert raised.value.reason == "hangs"
    tier.silent = None
    assert shown(node).page.files


def test_stale_page_is_served_when_every_tier_is_unreachable() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    tier.silent = "connection refused"
    node.clock.advance(600)
    stale = shown(node)
    assert (stale.outcome.fwd, stale.outcome.detail) == ("stale", "connection refused")
    assert stale.page.files
    assert stale.age_s == 600


def test_stale_page_is_not_served_past_stale_if_error() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    tier.silent = "down"
    node.clock.advance(600 + 30 * 86400 - 1)
    assert shown(node).page.files
    node.clock.advance(2)
    with pytest.raises(NoTierAnswered):
        shown(node)


def test_a_client_waits_no_longer_than_patience_when_there_is_an_entry_and_the_refresh_ends_behind() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    tier.gate = Signal()
    node.clock.advance(600)
    waiting = begun(node.parts.pages.shown(NUMPY, ANY))
    node.clock.advance(0.499)
    assert not waiting.called
    node.clock.advance(0.002)
    impatient = result_of(waiting)
    assert (impatient.outcome.fwd, impatient.outcome.detail) == ("stale", "patience")
    assert [file.filename for file in impatient.page.files] == ["numpy-1.0.tar.gz"]
    tier.gate.fire()
    assert [file.filename for file in shown(node).page.files] == ["numpy-2.0.tar.gz"]
    assert page_requests(tier) == 2
    assert not node.clock.getDelayedCalls()


def test_patience_is_spent_once_for_a_tier_that_hangs_and_not_for_each_page() -> None:
    tier = scripted()
    names = [normalise(f"p{number}") for number in range(4)]
    for name in names:
        listed(tier, name, (f"{name}-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for name in names:
        shown(node, name)
    node.clock.advance(600)
    tier.gate = Signal()
    first = begun(node.parts.pages.shown(names[0], ANY))
    node.clock.advance(0.3)
    second = begun(node.parts.pages.shown(names[1], ANY))
    node.clock.advance(0.2)
    assert result_of(first).outcome.detail == "patience"
    assert result_of(second).outcome.detail == "patience"
    node.clock.advance(5)
    third = begun(node.parts.pages.shown(names[2], ANY))
    node.clock.advance(0)
    assert result_of(third).outcome.detail == "patience"
    tier.gate.fire()
    tier.gate = Signal()
    node.clock.advance(600)
    after_an_answer = begun(node.parts.pages.shown(names[3], ANY))
    node.clock.advance(0.49)
    assert not after_an_answer.called
    tier.gate.fire()
    assert result_of(after_an_answer).outcome.fwd_status == 200


def test_a_client_that_asks_for_a_fresh_page_waits_for_it() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    tier.gate = Signal()
    waiting = begun(node.parts.pages.shown(NUMPY, NO_CACHE))
    node.clock.advance(5)
    assert not waiting.called
    tier.gate.fire()
    assert result_of(waiting).outcome.fwd == "request"
    assert tier.asked[-1][3] == "no-cache"


def test_no_client_waits_for_a_tier_that_is_known_to_be_down_and_a_probe_brings_it_back() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    tier.silent = "down"
    node.clock.advance(600)
    for _ in range(3):
        shown(node)
    asked = page_requests(tier)
    assert shown(node).outcome.detail == "breaker-open"
    assert page_requests(tier) == asked
    node.clock.advance(10)
    assert tier.asked[-1] == ("probe",)
    assert shown(node).outcome.detail == "breaker-open"
    tier.silent = None
    node.clock.advance(10)
    assert tier.asked[-1] == ("probe",)
    assert shown(node).outcome.fwd_status == 200


def test_a_404_is_never_given_while_a_tier_that_may_have_the_project_is_unreachable() -> None:
    silent, without = scripted("first", silent="down"), scripted("second")
    for order in ([silent, without], [without, silent]):
        node = SmallNode(upstreams=list(order))
        with pytest.raises(NoTierAnswered):
            shown(node)
        assert node.catalogue.entry(NUMPY) is None


def test_the_first_tier_that_has_a_project_answers_alone() -> None:
    first, second = scripted("first"), scripted("second")
    listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", b"other bytes"), ("numpy-9.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])
    page = shown(node).page
    assert [dict(file.hashes) for file in page.files] == [{"sha256": sha256(CONTENT)}]
    assert second.asked == []


def test_a_project_is_never_asked_of_a_tier_that_its_rule_does_not_list() -> None:
    office, public = scripted("office", silent="down"), scripted("public")
    listed(public, "acme-secret", ("acme_secret-99.0.tar.gz", CONTENT))
    rules = (ProjectRule(match=("acme-*",), tiers=("office",)),)
    node = SmallNode(upstreams=[office, public], config=evolve(CONFIG, projects=rules))
    with pytest.raises(NoTierAnswered):
        shown(node, normalise("acme-secret"))
    assert public.asked == []


def test_a_mirror_that_lags_behind_does_not_overwrite_a_newer_page() -> None:
    tier = scripted(head=Head(tier="public", requested_at=0, received_at=0, serial=20))
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    tier.head = Head(tier="public", requested_at=0, received_at=0, serial=19)
    node.clock.advance(601)
    lagging = shown(node)
    assert (lagging.outcome.detail, lagging.serial) == ("serial-regression", 20)
    assert [file.filename for file in lagging.page.files] == ["numpy-2.0.tar.gz"]
    tier.head = Head(tier="public", requested_at=0, received_at=0, serial=20)
    assert [file.filename for file in shown(node).page.files] == ["numpy-1.0.tar.gz"]


def test_a_page_that_may_not_be_stored_is_served_and_asked_for_each_time() -> None:
    tier = scripted(head=Head(tier="public", requested_at=0, received_at=0, storable=False))
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        assert shown(node).page.files
    assert page_requests(tier) == 2
    assert node.catalogue.entry(NUMPY) is None


def test_a_store_that_is_full_costs_the_entry_and_never_the_answer() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier], catalogue=MemoryCatalogue(room_bytes=0))
    page = shown(node)
    assert page.page.files
    assert not page.outcome.stored
    assert shown(node).outcome.hit


def test_a_stored_page_outlives_the_node() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    first = shown(node).page
    tier.silent = "down"
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    assert shown(restarted).page == first


def test_a_stored_page_that_cannot_be_read_is_forgotten_and_asked_for_again() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    stored = node.catalogue.entry(NUMPY)
    assert stored is not None
    result_of(node.catalogue.store_entry(evolve(stored, body=b"\x00 not a page")))
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files)
    assert shown(restarted).page.files
    assert page_requests(tier) == 2


def test_only_if_cached_is_answered_from_what_is_fresh_and_never_forwarded() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NotStored):
        shown(node, ask=Ask(only_if_cached=True))
    assert tier.asked == []
    shown(node)
    assert shown(node, ask=Ask(only_if_cached=True)).outcome.hit


def test_an_index_without_sizes_digests_or_sidecars_is_shown_with_what_this_node_knows() -> None:
    tier = scripted()
    (bare,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=None, hashes={})
    node = SmallNode(upstreams=[tier])
    (before,) = shown(node).page.files
    assert (before.size, dict(before.hashes)) == (None, {})
    result_of(node.content(bare))
    (after,) = shown(node).page.files
    assert (after.size, dict(after.hashes)) == (len(CONTENT), {"sha256": sha256(CONTENT)})


def test_a_burst_whose_last_requests_come_too_late_does_not_take_a_tier_for_down_that_answered_the_first() -> None:
    tier = scripted(gate=Signal())
    node = SmallNode(upstreams=[tier])
    names = [normalise(f"p{number}") for number in range(10)]
    for name in names:
        listed(tier, name, (f"{name}-1.0.tar.gz", CONTENT))
    node.clock.advance(1)
    waiting = [begun(node.parts.pages.shown(name, ANY)) for name in names]
    gate = tier.gate
    assert gate is not None
    node.clock.advance(1)
    tier.gate = None
    with pytest.raises(ProjectAbsent):
        shown(node, normalise("absent"))
    tier.silent = "too late"
    gate.fire()
    for late in waiting:
        with pytest.raises(NoTierAnswered):
            result_of(late)
    tier.silent = None
    assert shown(node, names[0]).page.files
