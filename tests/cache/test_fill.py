"""Bringing files in: streamed while they come, verified before the last byte, from another source where one fails."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from tests.cache.given import CONTENT, SMALL
from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, begun, result_of
from tests.doubles.small_node import ANY, SmallNode, everything, file_requests, in_pieces, listed, scripted
from tests.doubles.upstream import ScriptedStream, ScriptedUpstream
from tiercache.cache.signal import Signal
from tiercache.cache.spool import HELD_BYTES
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    NoTierAnswered,
    TiercacheError,
    TierUnreachable,
)
from tiercache.simple.model import File
from tiercache.simple.names import identity_of


def test_the_first_bytes_leave_before_the_last_have_come_but_the_last_byte_only_when_all_is_verified() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    more: Deferred[None] = Deferred()
    end: Deferred[None] = Deferred()
    half = len(CONTENT) // 2
    tier.script = lambda content, start: in_pieces(content[:half], more, content[half:], end, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    opened = result_of(node.parts.files.open(identity_of(file), file.filename, ANY))
    body = opened.body(0, None)
    assert result_of(body.read()) == CONTENT[: half - 1]
    waiting = begun(body.read())
    assert not waiting.called
    more.callback(None)
    assert result_of(waiting) == CONTENT[half - 1 : -1]
    last = begun(body.read())
    assert not last.called
    end.callback(None)
    assert result_of(last) == CONTENT[-1:]
    assert result_of(body.read()) == b""
    body.close()


def wrong_bytes(tier: ScriptedUpstream, file: File) -> None:
    tier.contents[file.url] = bytes(reversed(tier.contents[file.url]))


def test_wrong_bytes_of_one_tier_are_replaced_by_right_ones_of_the_next() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", SMALL))
    listed(second, "numpy", ("numpy-1.0.tar.gz", SMALL))
    wrong_bytes(first, file)
    node = SmallNode(upstreams=[first, second])
    assert result_of(node.content(file)) == SMALL
    record = node.catalogue.file(identity_of(file))
    assert record is not None
    assert record.tier == "first"  # whose page listed it


def test_a_client_that_was_given_wrong_bytes_is_cut_off_and_one_that_was_given_none_goes_on() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    first.script = lambda content, start: in_pieces(b"wrong" * 20_000, go, content[100_000:], size_bytes=len(content))
    node = SmallNode(upstreams=[first, second])
    eager = result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)
    patient = result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)
    assert result_of(eager.read())
    go.callback(None)
    with pytest.raises(TierUnreachable):
        result_of(eager.read())
    assert result_of(everything(patient)) == CONTENT
    eager.close()


def test_a_file_that_the_next_tier_has_with_other_bytes_is_not_taken_from_there() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", SMALL))
    listed(second, "numpy", ("numpy-1.0.tar.gz", SMALL + b"!"))
    node = SmallNode(upstreams=[first, second])
    result_of(node.page("numpy"))
    first.silent = "down"
    with pytest.raises(NoTierAnswered):
        result_of(node.content(file))
    assert file_requests(second) == []


def test_half_a_body_is_completed_from_where_it_broke_off() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    broken = TierUnreachable(tier="public", reason="the body ended early")

    def script(content: bytes, start: int) -> ScriptedStream:
        rest = [content[start : start + 100_000], broken] if start == 0 else [content[start:]]
        return ScriptedStream(size_bytes=len(content), start=start, chunks=list(rest))

    tier.script = script
    assert result_of(SmallNode(upstreams=[tier]).content(file)) == CONTENT
    assert [words[2] for words in file_requests(tier)] == ["0", "100000"]


def test_half_a_body_of_a_tier_without_ranges_is_completed_all_the_same() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    broken = TierUnreachable(tier="public", reason="the body ended early")
    streams = [
        ScriptedStream(size_bytes=len(CONTENT), start=0, chunks=[CONTENT[:100_000], broken]),
        ScriptedStream(size_bytes=len(CONTENT), start=0, chunks=[CONTENT[:70_000], CONTENT[70_000:]]),
    ]
    tier.script = lambda content, start: streams.pop(0)
    assert result_of(SmallNode(upstreams=[tier]).content(file)) == CONTENT


def test_half_a_body_is_completed_from_the_next_tier() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    broken = TierUnreachable(tier="first", reason="gone")

    def script(content: bytes, start: int) -> ScriptedStream:
        if start:
            raise broken
        return in_pieces(content[:100_000], broken, size_bytes=len(content))

    first.script = script
    assert result_of(SmallNode(upstreams=[first, second]).content(file)) == CONTENT
    assert file_requests(second)[0][2] == "100000"


def test_a_tier_that_breaks_off_every_time_is_given_up_after_two_more_tries() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    broken = TierUnreachable(tier="public", reason="gone again")
    tier.script = lambda content, start: ScriptedStream(
        size_bytes=len(content), start=start, chunks=[content[start : start + 10], broken]
    )
    node = SmallNode(upstreams=[tier])
    waiting = begun(node.content(file))
    assert len(file_requests(tier)) == 3
    node.clock.pump([0.1] * 100)
    with pytest.raises(TiercacheError):
        result_of(waiting)


def test_a_pool_that_works_later_changes_nothing() -> None:
    """The writer and the readers of a fill meet in any order: here every piece of work waits for its turn."""
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    turns = Signal()

    async def later(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        await turns.wait()
        return await at_once(function, *args)

    for service in (node.parts.files, node.parts.pages._entries):
        service._pool = later
    reading = begun(node.content(file))
    for _ in range(100):
        turns.fire()
    assert result_of(reading) == CONTENT


def test_nothing_more_is_taken_from_the_tier_while_the_disk_is_busy() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    step = len(CONTENT) // 8
    pieces = [CONTENT[at : at + step] for at in range(0, len(CONTENT), step)]
    tier.script = lambda content, start: in_pieces(*pieces, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    node.parts.files._pool = disk = HeldPool()
    reading = begun(node.content(file))
    left = []
    while disk.held:
        left.append(len(tier.streams[0].chunks))
        disk.go_on()
    assert left == sorted(left, reverse=True)
    assert set(left) == set(range(6))  # two were held in memory, and each of the others is waited for
    assert result_of(reading) == CONTENT


@pytest.mark.parametrize("step", [700, 5_000, 7_000, len(CONTENT)])
def test_a_tier_that_begins_anew_where_it_was_to_go_on_gives_what_is_missing(step: int) -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    broken = TierUnreachable(tier="public", reason="it broke off")
    whole = [CONTENT[at : at + step] for at in range(0, len(CONTENT), step)]

    def script(content: bytes, start: int) -> ScriptedStream:
        return in_pieces(*(whole if start else (content[:5_000], broken)), size_bytes=len(content))

    tier.script = script
    assert result_of(SmallNode(upstreams=[tier]).content(file)) == CONTENT
    assert [words[2] for words in file_requests(tier)] == ["0", "5000"]


TWO_NAMES = ("first", "second")


def two_tiers(content: bytes, **what: object) -> tuple[ScriptedUpstream, ScriptedUpstream, File]:
    first, second = (scripted(name) for name in TWO_NAMES)
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", content), **what)
    listed(second, "numpy", ("numpy-1.0.tar.gz", content), **what)
    return first, second, file


def test_a_right_source_is_not_blamed_for_the_beginning_that_a_wrong_one_gave() -> None:
    first, second, file = two_tiers(CONTENT)
    broken = TierUnreachable(tier="first", reason="gone")
    pieces: list[bytes | Exception] = [b"wrong" * 1000, broken]
    first.script = lambda content, start: in_pieces(*pieces[start and 1 :], size_bytes=len(content), start=start)
    node = SmallNode(upstreams=[first, second])
    assert result_of(node.content(file)) == CONTENT
    record = node.catalogue.file(identity_of(file))
    assert record is not None
    assert record.tier == "first"
    assert [words[2] for words in file_requests(second)] == ["5000", "0"]


@pytest.mark.parametrize("content", [SMALL, CONTENT])
def test_a_length_that_a_wrong_source_stated_does_not_count_against_the_next(content: bytes) -> None:
    first, second, file = two_tiers(content, size=None)
    first.script = lambda content, start: in_pieces(b"short", size_bytes=5)
    node = SmallNode(upstreams=[first, second])
    result_of(node.page("numpy"))
    opening = begun(node.parts.files.open(identity_of(file), file.filename, ANY))
    assert result_of(everything(result_of(opening).body(0, None))) == content


def test_a_length_that_a_source_stated_before_it_fell_silent_does_not_count_against_the_next() -> None:
    first, second, file = two_tiers(CONTENT, size=None)
    first.script = lambda content, start: in_pieces(TierUnreachable(tier="first", reason="gone"), size_bytes=5)
    assert result_of(SmallNode(upstreams=[first, second]).content(file)) == CONTENT
    assert len(file_requests(second)) == 2


def test_a_client_that_was_told_one_length_is_never_given_a_file_of_another() -> None:
    """The page states none, the first tier one that is wrong, and the client waits to read until the second is read."""
    first, second, file = two_tiers(CONTENT, size=None)
    go: Deferred[None] = Deferred()
    stated = len(CONTENT) - 100
    first.script = lambda content, start: in_pieces(b"w" * 100_000, go, b"w" * (stated - 100_000), size_bytes=stated)
    node = SmallNode(upstreams=[first, second])
    opened = result_of(node.parts.files.open(identity_of(file), file.filename, ANY))
    assert opened.size_bytes == stated
    body = opened.body(0, None)
    go.callback(None)
    with pytest.raises(TierUnreachable):
        result_of(body.read())
    body.close()
    assert result_of(node.content(file)) == CONTENT


def test_a_fill_that_breaks_unforeseen_is_told_to_its_clients_and_the_next_begins_anew() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, ZeroDivisionError(), size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    body = result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)
    assert result_of(body.read())
    waiting = begun(body.read())
    go.callback(None)
    with pytest.raises(TierUnreachable):
        result_of(waiting)
    body.close()
    assert tier.streams[0].is_closed
    assert node.parts.stats.fills_failed == 1
    tier.script = None
    assert result_of(node.content(file)) == CONTENT


def test_a_client_that_leaves_while_it_waits_for_the_first_byte_takes_nobody_with_it_and_lets_go() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(go, content, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    waiting = [begun(node.parts.files.open(identity_of(file), file.filename, ANY)) for _ in range(3)]
    (fill,) = node.parts.files._fills.values()
    for leaving in waiting[:2]:
        leaving.addErrback(lambda failure: None)
        leaving.cancel()
    assert len(fill._readers) == 1
    go.callback(None)
    assert result_of(everything(result_of(waiting[2]).body(0, None))) == CONTENT
    assert fill._spool._partial is None
    assert not fill._readers


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_what_a_fill_holds_is_let_go_when_its_last_reader_has_left(ends: str) -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    part = HELD_BYTES + 1
    end: list[bytes | Exception | Deferred[None]] = [CONTENT[part:]] if ends == "well" else [ZeroDivisionError()]
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:part], go, *end, size_bytes=len(content))
    opened = [result_of(node.parts.files.open(identity_of(file), file.filename, ANY)) for _ in range(3)]
    (fill,) = node.parts.files._fills.values()
    go.callback(None)
    for one in opened:
        assert fill._spool._partial is not None
        one.close()
        one.close()
    assert fill._spool._partial is None
    assert len(node.parts.files._fills) == 0


def test_a_source_that_begins_behind_what_was_asked_for_is_of_no_use() -> None:
    first, second, file = two_tiers(CONTENT)
    first.script = lambda content, start: in_pieces(content[10:], size_bytes=len(content), start=10)
    node = SmallNode(upstreams=[first, second])
    assert result_of(node.content(file)) == CONTENT
    assert file_requests(second)


def test_wrong_bytes_count_for_more_than_silence_and_silence_for_more_than_absence() -> None:
    for behaviours, expected in (
        (("absent", "silent"), NoTierAnswered),
        (("silent", "absent"), NoTierAnswered),
        (("wrong", "silent"), DigestMismatch),
        (("silent", "wrong"), DigestMismatch),
        (("absent", "absent"), FileAbsent),
    ):
        first, second, file = two_tiers(SMALL)
        node = SmallNode(upstreams=[first, second])
        result_of(node.page("numpy"))
        for tier, behaviour in zip((first, second), behaviours, strict=True):
            if behaviour == "absent":
                tier.contents.clear()
            elif behaviour == "wrong":
                wrong_bytes(
                    tier, file if tier is first else replace(file, url="https://second.example/numpy-1.0.tar.gz")
                )
            else:
                tier.script = lambda content, start: in_pieces(TierUnreachable(tier="x", reason="x"), size_bytes=None)
        with pytest.raises(expected):
            result_of(node.content(file))
