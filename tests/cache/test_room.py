"""A store that is full, or over its budget: clients get their files, and what goes is what is used least."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from tests.cache.given import CONTENT
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    CONFIG,
    SmallNode,
    everything,
    file_requests,
    in_pieces,
    listed,
    scripted,
    sha256,
)
from tiercache.cache.signal import Signal
from tiercache.cache.spool import WINDOW_BYTES
from tiercache.errors import (
    StoreFull,
)
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles


def test_a_client_gets_its_file_when_the_disk_is_full_and_nothing_is_kept() -> None:
    content = bytes(3 * WINDOW_BYTES) + CONTENT
    for room_bytes in (0, 100_000, len(content) - 1):
        tier = scripted()
        (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
        pieces = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
        tier.script = lambda content, start, pieces=pieces: in_pieces(*pieces, size_bytes=len(content))  # type: ignore[misc]  # one binding for each turn
        node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=room_bytes))
        clients = [result_of(node.parts.files.open(identity_of(file), file.filename, ANY)) for _ in range(2)]
        reading = [begun(everything(client.body(0, None))) for client in clients]
        assert [result_of(one) == content for one in reading] == [True, True]
        assert list(node.files.all()) == []
        assert node.catalogue.file(identity_of(file)) is None


def test_a_client_that_comes_late_to_a_full_disk_gets_a_fetch_of_its_own() -> None:
    content = bytes(3 * WINDOW_BYTES) + CONTENT
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    gate: Deferred[None] = Deferred()
    half = len(content) // 2
    scripts = [
        in_pieces(content[:half], gate, content[half:], size_bytes=len(content)),
        in_pieces(content, size_bytes=len(content)),
    ]
    tier.script = lambda content, start: scripts.pop(0)
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=0))
    early = begun(everything(result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)))
    assert result_of(node.content(file)) == content
    gate.callback(None)
    assert result_of(early) == content
    assert len(file_requests(tier)) == 2


def test_a_full_disk_is_relieved_by_evicting_what_is_not_in_use() -> None:
    tier = scripted()
    old, new = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT[::-1]))
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=len(CONTENT) + 10))
    result_of(node.content(old))
    node.clock.advance(1)
    assert result_of(node.content(new)) == CONTENT[::-1]
    assert node.catalogue.file(identity_of(old)) is None
    assert node.catalogue.file(identity_of(new)) is not None


def test_a_file_that_cannot_be_recorded_is_not_left_behind() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier], catalogue=MemoryCatalogue(room_bytes=0))
    assert result_of(node.content(file)) == CONTENT
    assert list(node.files.all()) == []


def test_the_store_is_kept_within_its_budget_and_pinned_projects_stay() -> None:
    tier = scripted()
    store = evolve(CONFIG.store, budget_bytes=3 * len(CONTENT))
    node = SmallNode(upstreams=[tier], config=evolve(CONFIG, store=store))
    contents = [CONTENT[number:] + CONTENT[:number] for number in range(6)]
    files = [listed(tier, f"p{number}", (f"p{number}-1.0.tar.gz", contents[number]))[0] for number in range(6)]
    result_of(node.catalogue.pin(normalise("p0"), True))
    for number, file in enumerate(files):
        node.clock.advance(1)
        assert result_of(node.content(file)) == contents[number]
    kept = {record.project for record in node.catalogue.all_files()}
    assert node.catalogue.stored_bytes() <= 3 * len(CONTENT)
    assert "p0" in kept
    assert "p5" in kept
    assert "p1" not in kept
    assert {digest for digest, _ in node.files.all()} == {record.sha256 for record in node.catalogue.all_files()}
    assert node.parts.stats.evicted == len(files) - len(kept)


def test_the_times_of_use_are_written_down_now_and_then() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    node.clock.advance(50)
    result_of(node.content(file))
    result_of(node.parts.janitor.tidy())
    record = node.catalogue.file(identity_of(file))
    assert record is not None
    assert record.used_at == 50


def test_room_is_made_on_a_disk_that_is_too_full_to_note_what_goes() -> None:
    tier = scripted()
    old, new = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT[::-1]))
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=len(CONTENT) + 10))
    result_of(node.content(old))
    node.clock.advance(1)
    catalogue = node.catalogue
    forget_file = catalogue.forget_file

    def forget_where_there_is_room(sha256_text: str) -> Deferred[None]:
        if node.files.size(sha256_text) is not None:
            return fail(StoreFull(reason="no room to note it"))
        return forget_file(sha256_text)

    with_a_full_disk = _FullDisk(catalogue, forget_where_there_is_room)
    node.parts.janitor._catalogue = with_a_full_disk
    assert result_of(node.content(new)) == CONTENT[::-1]
    assert catalogue.file(identity_of(old)) is None
    assert catalogue.file(identity_of(new)) is not None


class _FullDisk:
    """A catalogue that cannot forget a file before its bytes are gone; all else it does as the other."""

    def __init__(self, catalogue: MemoryCatalogue, forget_file: Callable[[str], Deferred[None]]) -> None:
        self._catalogue = catalogue
        self.forget_file = forget_file

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


def test_what_comes_into_use_or_is_pinned_while_room_is_made_stays() -> None:
    tier = scripted()
    contents = [CONTENT[number:] + CONTENT[:number] for number in range(4)]
    files = [listed(tier, f"p{number}", (f"p{number}-1.0.tar.gz", contents[number]))[0] for number in range(4)]
    node = SmallNode(upstreams=[tier])
    for number, file in enumerate(files):
        node.clock.advance(1)
        assert result_of(node.content(file)) == contents[number]
    gate = Signal()

    async def slow(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        await gate.wait()
        return function(*args)

    node.parts.janitor._pool = slow
    making = begun(node.parts.janitor.make_room(len(CONTENT) * 4))
    body = result_of(node.parts.files.open(identity_of(files[1]), files[1].filename, ANY)).body(0, None)
    result_of(node.catalogue.pin(normalise("p2"), True))
    result_of(node.catalogue.forget_file(sha256(contents[3])))
    gate.fire()
    gate.fire()
    assert result_of(making) is True
    assert node.parts.stats.evicted == 1
    assert [record.project for record in node.catalogue.all_files()] == ["p1", "p2"]
    assert result_of(everything(body)) == contents[1]


def test_room_is_not_made_for_what_would_not_fit_even_in_an_empty_store() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    assert result_of(node.parts.janitor.make_room(len(CONTENT) + 1)) is False
    assert node.catalogue.file(identity_of(file)) is not None
    assert result_of(node.parts.janitor.make_room(len(CONTENT))) is True
    assert node.catalogue.file(identity_of(file)) is None


def test_the_janitor_goes_round_again_after_what_was_not_foreseen() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.content(file))
    plain, node.parts.janitor._usage = node.parts.janitor._usage, None  # type: ignore[assignment]  # broken
    with capturedLogs() as events:
        result_of(node.parts.janitor.tidy())
    assert len(events) == 1
    node.parts.janitor._usage = plain
    node.clock.advance(5)
    result_of(node.content(file))
    result_of(node.parts.janitor.tidy())
    record = node.catalogue.file(identity_of(file))
    assert record is not None
    assert record.used_at == 5


def test_a_fill_that_nobody_reads_ends_when_there_is_no_room_for_it() -> None:
    content = bytes(3 * WINDOW_BYTES)
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(
        content[:70_000], go, content[70_000 : 2 * WINDOW_BYTES], content[2 * WINDOW_BYTES :], size_bytes=len(content)
    )
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=0))
    result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).close()
    go.callback(None)
    assert tier.streams[0].is_closed
    assert node.parts.stats.fills_failed == 1
    assert node.parts.files._fills == {}


def test_a_client_that_stops_reading_holds_a_window_full_and_no_more_and_lets_the_others_on_when_it_leaves() -> None:
    content = bytes(range(256)) * (WINDOW_BYTES // 64)
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    pieces = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
    tier.script = lambda content, start: in_pieces(*pieces, size_bytes=len(content))
    node = SmallNode(upstreams=[tier], files=MemoryFiles(room_bytes=0))
    stalled, eager = (
        result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None) for _ in range(2)
    )
    (fill,) = node.parts.files._fills.values()
    assert result_of(stalled.read())
    reading = begun(everything(eager))
    assert not reading.called
    assert fill._spool._window is not None
    assert len(fill._spool._window) <= WINDOW_BYTES + 65_536
    stalled.close()
    assert result_of(reading) == content
    assert fill._spool._window == b""


def test_what_is_in_use_stays_and_what_was_used_next_goes_in_its_place() -> None:
    tier = scripted()
    contents = [CONTENT[number:] + CONTENT[:number] for number in range(3)]
    files = [listed(tier, f"p{number}", (f"p{number}-1.0.tar.gz", contents[number]))[0] for number in range(3)]
    node = SmallNode(upstreams=[tier])
    for file in files:
        node.clock.advance(1)
        result_of(node.content(file))
    result_of(node.parts.janitor.tidy())
    body = result_of(node.parts.files.open(identity_of(files[0]), files[0].filename, ANY)).body(0, None)
    versions = [result_of(node.parts.pages.shown(normalise(f"p{number}"), ANY)).version for number in range(3)]
    assert result_of(node.parts.janitor.make_room(len(CONTENT))) is True
    assert [record.project for record in node.catalogue.all_files()] == ["p0", "p2"]
    after = [result_of(node.parts.pages.shown(normalise(f"p{number}"), ANY)).version for number in range(3)]
    assert [old == new for old, new in zip(versions, after, strict=True)] == [True, False, True]
    body.close()
