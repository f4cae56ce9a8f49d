"""The readers of a fill: each at its own pace, none given what turned out wrong, none left waiting or left behind."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.cache.given import CONTENT
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, SmallNode, everything, file_requests, in_pieces, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.body import IBody, OpenFile
from tiercache.cache.fill import Fill
from tiercache.cache.signal import Signal
from tiercache.cache.spool import WINDOW_BYTES
from tiercache.errors import LengthMismatch, NoTierAnswered, TiercacheError, TierUnreachable
from tiercache.simple.model import File
from tiercache.simple.names import identity_of
from tiercache.storage.memory_files import MemoryFiles

HALF = len(CONTENT) // 2
BROKEN = TierUnreachable(tier="first", reason="gone")


def opened(node: SmallNode, file: File) -> OpenFile:
    return result_of(node.parts.files.open(identity_of(file), file.filename, ANY))


def body(node: SmallNode, file: File, start: int = 0, stop: int | None = None) -> IBody:
    return opened(node, file).body(start, stop)


def only_fill(node: SmallNode) -> Fill:
    (fill,) = node.parts.files._fills.values()
    return fill


def one_tier(**what: object) -> tuple[ScriptedUpstream, File]:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), **what)
    return tier, file


def two_tiers() -> tuple[ScriptedUpstream, ScriptedUpstream, File]:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    return first, second, file


def test_a_range_is_complete_as_soon_as_its_bytes_have_come() -> None:
    tier, file = one_tier()
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:HALF], go, content[HALF:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    assert result_of(everything(body(node, file, 10, 1000))) == CONTENT[10:1000]
    across = begun(everything(body(node, file, HALF - 5, HALF + 5)))
    assert not across.called
    go.callback(None)
    assert result_of(across) == CONTENT[HALF - 5 : HALF + 5]


@pytest.mark.parametrize("reads", ["before", "after"])
def test_who_reads_while_the_bytes_turn_out_wrong_waits_for_the_right_ones(reads: str) -> None:
    """The wrong bytes may be in a thread's hands already, or be thrown away before it takes them."""
    first, second, file = two_tiers()
    wrong, right = Deferred[None](), Deferred[None]()
    first.script = lambda content, start: in_pieces(b"w" * HALF, wrong, b"w" * HALF, size_bytes=len(content))
    second.script = lambda content, start: in_pieces(right, content, size_bytes=len(content))
    node = SmallNode(upstreams=[first, second])
    reader = body(node, file)
    turn, spool = Signal(), only_fill(node)._spool

    async def late(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        if reads == "before":
            data = function(*args)
            await turn.wait()
            return data
        await turn.wait()
        return function(*args)

    plain, spool._pool = spool._pool, late
    reading = begun(everything(reader))
    spool._pool = plain
    wrong.callback(None)
    turn.fire()
    assert not reading.called
    right.callback(None)
    assert result_of(reading) == CONTENT


def test_nothing_of_what_was_wrong_stays_in_the_store() -> None:
    first, second, file = two_tiers()
    first.contents[file.url] = CONTENT[::-1]
    node = SmallNode(upstreams=[first, second], files=MemoryFiles(room_bytes=3 * len(CONTENT)))
    assert result_of(node.content(file)) == CONTENT
    assert node.files._room.taken_bytes == len(CONTENT)


def test_who_asks_at_once_when_a_fill_has_failed_begins_another() -> None:
    tier, file = one_tier()
    go: Deferred[None] = Deferred()
    scripts = [in_pieces(go, BROKEN, size_bytes=None), in_pieces(CONTENT, size_bytes=len(CONTENT))]
    tier.script = lambda content, start: scripts.pop(0)
    node = SmallNode(upstreams=[tier])
    again = begun(node.parts.files.open(identity_of(file), file.filename, ANY))
    again.addErrback(lambda failure: begun(node.content(file)))
    go.callback(None)
    assert result_of(again) == CONTENT
    assert node.parts.files._fills == {}


def test_who_comes_when_all_is_read_but_not_yet_recorded_is_served_from_the_same_fetch() -> None:
    tier, file = one_tier()
    node = SmallNode(upstreams=[tier])
    turn, plain = Signal(), node.catalogue.store_file

    async def late(record):  # type: ignore[no-untyped-def]  # as the catalogue has it
        await turn.wait()
        await plain(record)

    node.parts.files._catalogue = _Storing(node, late)  # type: ignore[assignment]  # the same but for this
    for _ in range(2):
        assert result_of(everything(body(node, file))) == CONTENT
    assert node.catalogue.file(identity_of(file)) is None
    fill = only_fill(node)
    turn.fire()
    assert node.catalogue.file(identity_of(file)) is not None
    assert fill._spool._partial is None
    assert len(file_requests(tier)) == 1


class _Storing:
    """The node's catalogue, but for how a file is recorded."""

    def __init__(self, node: SmallNode, store_file: object) -> None:
        self._catalogue = node.catalogue
        self.store_file = store_file

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


@pytest.mark.parametrize("error", [BROKEN, ZeroDivisionError()])
def test_a_fill_that_fails_before_the_first_byte_keeps_no_reader(error: Exception) -> None:
    tier, file = one_tier()
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(go, error, size_bytes=None)
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.files.open(identity_of(file), file.filename, ANY)) for _ in range(3)]
    fill = only_fill(node)
    go.callback(None)
    for one in waiting:
        with pytest.raises(NoTierAnswered):
            result_of(one)
    assert not fill._readers
    assert fill._spool._partial is None


def test_late_clients_of_a_full_disk_share_the_newest_fetch_and_outlive_the_oldest() -> None:
    content = bytes(3 * WINDOW_BYTES) + CONTENT
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    gates: list[Deferred[None]] = [Deferred(), Deferred()]
    scripts = [in_pieces(content[:HALF], gate, content[HALF:], size_bytes=len(content)) for gate in gates]
    tier.script = lambda content, start: scripts.pop(0)
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=0))
    oldest = begun(everything(body(node, file)))
    late = [opened(node, file) for _ in range(2)]
    gates[0].callback(None)
    assert result_of(oldest) == content
    late.append(opened(node, file))
    reading = [begun(everything(one.body(0, None))) for one in late]
    gates[1].callback(None)
    assert all(result_of(one) == content for one in reading)
    assert len(file_requests(tier)) == 2
    assert node.parts.files._fills == {}


# -- where no digest tells ------------------------------------------------------------------------------------------


def test_a_file_without_a_digest_that_ends_early_is_not_complete() -> None:
    tier, file = one_tier(hashes={})
    tier.script = lambda content, start: in_pieces(content[:-1], size_bytes=None)
    with pytest.raises(TiercacheError):
        result_of(SmallNode(upstreams=[tier]).content(file))
    tier.script = lambda content, start: in_pieces(content[:-1], size_bytes=len(content))
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={}, size=None)
    with pytest.raises((LengthMismatch, TierUnreachable)):
        result_of(SmallNode(upstreams=[tier]).content(file))


def test_a_file_without_a_digest_is_not_put_together_with_a_gap() -> None:
    tier, file = one_tier(hashes={}, size=None)
    tier.script = lambda content, start: in_pieces(content[10:], size_bytes=None, start=10)
    with pytest.raises(NoTierAnswered, match="not asked for"):
        result_of(SmallNode(upstreams=[tier]).content(file))


def test_no_more_is_read_of_a_body_that_is_too_long() -> None:
    tier, file = one_tier()
    tier.script = lambda content, start: in_pieces(content, b"!", b"for ever", size_bytes=None)
    with pytest.raises(TiercacheError):
        result_of(SmallNode(upstreams=[tier]).content(file))
    assert tier.streams[0].chunks == [b"for ever"]
    assert tier.streams[0].is_closed


def test_a_source_that_gave_nothing_more_is_not_asked_again() -> None:
    tier, file = one_tier()
    tier.script = lambda content, start: in_pieces(BROKEN, size_bytes=None)
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NoTierAnswered):
        result_of(node.content(file))
    assert len(file_requests(tier)) == 1


def test_how_fetches_end_tells_whether_a_tier_is_down() -> None:
    tier, file = one_tier()
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    for reads_on in (False, False, True, False, False):
        tier.script = None if reads_on else (lambda content, start: in_pieces(BROKEN, size_bytes=None))
        if reads_on:
            assert result_of(node.content(file)) == CONTENT
            node.files.remove(file.hashes["sha256"])
        else:
            with pytest.raises(NoTierAnswered):
                result_of(node.content(file))
    assert node.parts.stats.breakers_opened == 0
    with pytest.raises(NoTierAnswered):
        result_of(node.content(file))
    assert node.parts.stats.breakers_opened == 1
