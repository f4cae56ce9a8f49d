"""`/local/` and the node that is offline: what is in the store, and no question to any tier."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, NO_CACHE, SmallNode, listed, scripted
from tiercache.cache.pages import ShownPage
from tiercache.errors import NotStored
from tiercache.policy.entry import Ask
from tiercache.simple.model import Page, ProjectName, ProjectStatus
from tiercache.simple.names import normalise

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000


def shown(node: SmallNode, project: ProjectName = NUMPY, ask: Ask = ANY) -> ShownPage:
    return result_of(node.parts.pages.shown(project, ask))


def test_local_lists_what_is_stored_and_asks_no_tier() -> None:
    tier = scripted()
    stored, _ = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", b"never fetched"))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NotStored):
        shown(node, ask=LOCAL)
    assert tier.asked == []
    shown(node)
    with pytest.raises(NotStored):
        shown(node, ask=LOCAL)
    result_of(node.content(stored))
    tier.asked.clear()
    node.clock.advance(10**7)
    assert [file.filename for file in shown(node, ask=LOCAL).page.files] == ["numpy-1.0.tar.gz"]
    assert node.parts.pages.known_projects(local=True) == ["numpy"]
    assert tier.asked == []


def test_local_keeps_and_marks_what_its_tier_has_withdrawn() -> None:
    tier = scripted()
    (stored,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    result_of(node.content(stored))
    listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT + b"2"))
    node.clock.advance(601)
    assert [file.filename for file in shown(node).page.files] == ["numpy-2.0.tar.gz"]
    (kept,) = shown(node, ask=LOCAL).page.files
    assert (kept.filename, kept.extra) == ("numpy-1.0.tar.gz", {"_withdrawn": True})


def test_local_keeps_the_files_of_a_quarantined_project_and_marks_them() -> None:
    tier = scripted()
    (stored,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    result_of(node.content(stored))
    tier.pages[NUMPY] = Page(project=NUMPY, status=ProjectStatus(status="quarantined"))
    node.clock.advance(601)
    assert shown(node).page.status == ProjectStatus(status="quarantined")
    local = shown(node, ask=LOCAL).page
    assert (local.status, [file.extra for file in local.files]) == (None, [{"_withdrawn": True}])


def test_an_offline_node_is_local_everywhere_and_the_switch_outlives_a_restart() -> None:
    tier = scripted()
    (stored,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    shown(node)
    result_of(node.content(stored))
    result_of(node.parts.switch.set(True))
    tier.asked.clear()
    node.clock.advance(10**7)
    restarted = SmallNode(upstreams=[tier], catalogue=node.catalogue, files=node.files, clock=node.clock)
    for offline in (node, restarted):
        assert offline.parts.switch.is_offline
        assert [file.filename for file in shown(offline).page.files] == ["numpy-1.0.tar.gz"]
        with pytest.raises(NotStored):
            shown(offline, normalise("unknown"), ask=NO_CACHE)
    assert tier.asked == []
    result_of(restarted.parts.switch.set(False))
    assert shown(restarted).outcome.fwd == "stale"


def test_the_configuration_can_say_offline_and_the_running_node_can_be_switched_on() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier], config=evolve(CONFIG, offline=True))
    with pytest.raises(NotStored):
        shown(node)
    result_of(node.parts.switch.set(False))
    assert shown(node).page.files
