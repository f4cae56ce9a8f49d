"""Files of which clients have a part already, when every source fails: what restarts is back soon."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from tests.cache.given import CONTENT, SMALL
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import SmallNode, file_requests, in_pieces, listed, scripted
from tests.doubles.upstream import ScriptedStream, ScriptedUpstream
from tiercache.cache.fill import ANEW_AFTER_S, WITHHELD_BYTES
from tiercache.errors import DigestMismatch, LoopFound, NoTierAnswered, TiercacheError, TierUnreachable
from tiercache.policy.hops import LOOP
from tiercache.simple.model import File

GONE = TierUnreachable(tier="public", reason="gone")
HALF = len(CONTENT) // 2


def restarting(tier: ScriptedUpstream, content: bytes = CONTENT, *, first: int = HALF) -> tuple[SmallNode, File]:
    """A node whose tier gives so many bytes of a file, and then nothing until its `silent` is taken away."""
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))

    def script(content: bytes, start: int) -> ScriptedStream:
        if start or tier.script is not script:
            return ScriptedStream(size_bytes=len(content), start=start, chunks=[content[start:]])
        tier.silent = "restarting"
        return in_pieces(content[:first], GONE, size_bytes=len(content))

    tier.script = script
    return SmallNode(upstreams=[tier]), file


@pytest.mark.parametrize("content", [CONTENT, SMALL])
def test_what_a_tier_began_to_give_before_its_restart_is_complete_after_it(content: bytes) -> None:
    tier = scripted()
    node, file = restarting(tier, content, first=len(content) // 2)
    assert (len(content) > WITHHELD_BYTES) is (content is CONTENT)
    waiting = begun(node.content(file))
    node.clock.advance(ANEW_AFTER_S[0])
    tier.silent = None
    node.clock.advance(ANEW_AFTER_S[1] - 0.01)
    assert not waiting.called
    node.clock.advance(0.01)
    assert result_of(waiting) == content
    assert file_requests(tier)[-1][2] == str(len(content) // 2)


def test_a_tier_that_stays_away_is_waited_for_so_long_and_no_longer() -> None:
    tier = scripted()
    node, file = restarting(tier)
    waiting = begun(node.content(file))
    for pause_s in ANEW_AFTER_S:
        assert not waiting.called
        node.clock.advance(pause_s)
    with pytest.raises(TiercacheError, match="restarting"):
        result_of(waiting)
    assert sum(ANEW_AFTER_S) < 15


def test_a_file_of_which_nothing_has_come_is_not_waited_for() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    tier.script = lambda content, start: in_pieces(GONE, size_bytes=len(content))
    with pytest.raises(NoTierAnswered):
        result_of(SmallNode(upstreams=[tier]).content(file))


def test_a_file_that_nobody_reads_any_more_is_not_asked_for_again() -> None:
    tier = scripted()
    more: Deferred[None] = Deferred()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    tier.script = lambda content, start: in_pieces(content[:HALF], more, GONE, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    client = ensureDeferred(node.content(file))
    client.addErrback(lambda failure: failure.trap(CancelledError))
    client.cancel()
    tier.silent = "gone"
    more.callback(None)
    asked = len(tier.asked)
    node.clock.advance(sum(ANEW_AFTER_S))
    assert len(tier.asked) == asked


def test_tiers_that_ask_each_other_and_wrong_bytes_are_not_waited_for() -> None:
    for error in (LoopFound(tier="public", reason=LOOP), None):
        tier = scripted()
        (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))

        def script(content: bytes, start: int, error: Exception | None = error) -> ScriptedStream:
            if error is None:
                return in_pieces(CONTENT[::-1], size_bytes=len(CONTENT))
            return in_pieces(error, size_bytes=None) if start else in_pieces(content[:HALF], error, size_bytes=None)

        tier.script = script
        with pytest.raises((LoopFound, DigestMismatch, TierUnreachable)):
            result_of(SmallNode(upstreams=[tier]).content(file))


def test_a_node_that_stops_does_not_wait_for_its_tiers() -> None:
    tier = scripted()
    node, file = restarting(tier)
    waiting = begun(node.content(file))
    result_of(node.parts.files.stop())
    with pytest.raises(TiercacheError):
        result_of(waiting)
    assert node.clock.getDelayedCalls() == []
