"""What is hosted on a node is none of the janitor's: it does not count, and never goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import define, evolve
from twisted.internet.defer import Deferred, fail

from tests.cache.given import CONTENT
from tests.doubles.now import at_once, begun, result_of
from tests.doubles.small_node import ANY, CONFIG, SmallNode, everything, in_pieces, listed, scripted
from tests.storage.samples import ACME, digest_of, record, stored
from tiercache.cache.hosted import Hosted
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.signal import Signal
from tiercache.cache.usage import Usage
from tiercache.errors import FileAbsent, StoreFull
from tiercache.interfaces import ICatalogue, NewChange
from tiercache.policy.news import Change, Position
from tiercache.policy.selection import HERE
from tiercache.simple.model import File
from tiercache.simple.names import identity_of
from tiercache.storage.memory import MemoryCatalogue

MINE = b"mine" * 25


def put(node: SmallNode, data: bytes, *, tier: str, used_at: float = 0.0) -> str:
    """A file in the store of a node, and its record."""
    result_of(node.catalogue.store_file(record(data, tier=tier, used_at=used_at)))
    return stored(node.files, data)


def node_with(budget_bytes: int | None, **more: Any) -> SmallNode:
    return SmallNode(
        upstreams=[scripted()], config=evolve(CONFIG, store=evolve(CONFIG.store, budget_bytes=budget_bytes)), **more
    )


def test_a_hosted_file_outlives_what_is_cached_however_long_it_was_not_used() -> None:
    node = node_with(250)
    mine = put(node, MINE, tier=HERE, used_at=1.0)
    cached = [put(node, b"%d" % number * 100, tier="public", used_at=1000.0 + number) for number in range(4)]
    result_of(node.parts.janitor.tidy())
    assert [found.sha256 for found in node.catalogue.all_files()] == [mine, *cached[2:]]
    assert node.files.size(mine) == len(MINE)
    assert node.catalogue.hosted_bytes() == len(MINE)


@pytest.mark.parametrize(("more_bytes", "kept"), [(0, 2), (1, 1)])
def test_hosted_files_do_not_count_towards_the_budget(more_bytes: int, kept: int) -> None:
    node = node_with(200)
    for number in range(5):
        put(node, b"hosted %d" % number * 100, tier=HERE, used_at=3.0)
    put(node, b"a" * 100, tier="public", used_at=1.0)
    put(node, b"b" * (100 + more_bytes), tier="public", used_at=2.0)
    result_of(node.parts.janitor.tidy())
    assert len(list(node.catalogue.all_files())) == 5 + kept


def test_a_store_of_hosted_files_alone_is_never_over_its_budget() -> None:
    node = node_with(0)
    mine = put(node, MINE, tier=HERE)
    result_of(node.parts.janitor.tidy())
    result_of(node.parts.janitor.tidy_after(record(MINE, tier=HERE)))
    assert node.files.size(mine) == len(MINE)
    assert node.parts.stats.evicted == 0


@pytest.mark.parametrize(("wanted_bytes", "made"), [(100, True), (101, False)])
def test_no_room_is_made_of_hosted_files_and_nothing_goes_for_what_would_not_fit(wanted_bytes: int, made: bool) -> None:
    node = node_with(None)
    mine = put(node, MINE, tier=HERE)
    cached = put(node, b"c" * 100, tier="public")
    assert result_of(node.parts.janitor.make_room(wanted_bytes)) is made
    assert node.files.size(mine) == len(MINE)
    assert node.files.size(cached) == (None if made else 100)


def test_what_is_published_here_while_room_is_made_stays() -> None:
    gate = Signal()
    node = node_with(None)
    first, second = (put(node, data * 100, tier="public", used_at=at) for data, at in ((b"a", 1.0), (b"b", 2.0)))

    async def slow(function: Callable[..., Any], /, *args: Any) -> Any:
        await gate.wait()
        return function(*args)

    node.parts.janitor._pool = slow
    making = begun(node.parts.janitor.make_room(200))
    result_of(node.catalogue.store_file(record(b"b" * 100, tier=HERE)))
    gate.fire()
    assert result_of(making) is True
    assert (node.files.size(first), node.files.size(second)) == (None, 100)


def test_who_publishes_what_is_just_being_evicted_waits_until_it_is_gone_and_knows() -> None:
    gate = Signal()
    usage = Usage(now=lambda: 0.0)
    node = node_with(None)
    sha256 = put(node, MINE, tier="public")

    async def slow(function: Callable[..., Any], /, *args: Any) -> Any:
        await gate.wait()
        return function(*args)

    node.parts.janitor._pool = slow
    node.parts.janitor._usage = usage
    making = begun(node.parts.janitor.make_room(len(MINE)))
    usage.begin(sha256)
    staying = begun(usage.stays(sha256))
    assert not staying.called
    gate.fire()
    result_of(staying)
    result_of(making)
    assert node.files.size(sha256) is None
    assert stored(node.files, MINE) == sha256
    result_of(node.catalogue.store_file(record(MINE)))
    assert result_of(node.parts.janitor.make_room(len(MINE))) is False  # in use, from before it was there
    usage.end(sha256)
    node.parts.janitor._pool = at_once
    assert result_of(node.parts.janitor.make_room(len(MINE))) is True


@define
class QuietJournal:
    """What a hosted project needs of a journal, with nobody who listens."""

    catalogue: ICatalogue

    @property
    def position(self) -> Position:
        return self.catalogue.position()

    async def append(self, changes: Sequence[NewChange]) -> None:
        await self.catalogue.append_changes(changes, 0.0)

    def published(self, changes: Sequence[Change]) -> None:
        pass

    def set_reserved(self, digest: str) -> None:
        pass


def test_a_release_whose_bytes_are_just_being_evicted_is_refused_and_never_published_without_them() -> None:
    gate = Signal()
    node = node_with(None)
    sha256 = put(node, MINE, tier="public")
    usage = Usage(now=lambda: 0.0)
    janitor = evolve(node.parts.janitor, usage=usage)
    journal = QuietJournal(node.catalogue)
    reserved = ReservedNames(catalogue=node.catalogue, journal=journal, tiers=(), nodes=frozenset())
    hosted = Hosted(
        catalogue=node.catalogue, files=node.files, usage=usage, journal=journal, reserved=reserved,
        changed=lambda _project: None, node_id="me", pool=at_once, now=lambda: 1.0,
    )  # fmt: skip
    release = File(filename="acme_rocket-1.0.tar.gz", url="", hashes={"sha256": sha256}, size=len(MINE))

    async def slow(function: Callable[..., Any], /, *args: Any) -> Any:
        await gate.wait()
        return function(*args)

    janitor._pool = slow
    making = begun(janitor.make_room(len(MINE)))
    adding = begun(hosted.add(ACME, release))
    assert not adding.called
    gate.fire()
    assert result_of(making) is True
    with pytest.raises(FileAbsent):
        result_of(adding)
    assert (node.catalogue.hosted(ACME), node.catalogue.position().serial) == (None, 0)
    stored(node.files, MINE)
    assert result_of(hosted.add(ACME, release)) is True
    janitor._pool = at_once
    assert result_of(janitor.make_room(len(MINE))) is False
    assert node.files.size(sha256) == len(MINE)


def test_a_file_is_removed_by_one_at_a_time_and_never_while_it_is_read() -> None:
    usage = Usage(now=lambda: 0.0)
    assert usage.leave("a") is True
    assert usage.leave("a") is False
    assert usage.leave("b") is True
    usage.has_left("a")
    usage.begin("a")
    assert usage.leave("a") is False
    result_of(usage.stays("a"))
    usage.end("a")
    assert usage.leave("a") is True


def test_a_fill_that_cannot_be_recorded_leaves_the_same_bytes_that_were_published_meanwhile() -> None:
    class Full(MemoryCatalogue):
        def store_file(self, record: object) -> Deferred[None]:
            return fail(StoreFull(reason="no room"))

    tier = scripted()
    (file,) = listed(tier, "acme-rocket", ("acme-rocket-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100], go, content[100:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier], catalogue=Full())
    opened = result_of(node.parts.files.open(identity_of(file), file.filename, ANY))
    reading = begun(everything(opened.body(0, None)))
    stored(node.files, CONTENT)
    result_of(MemoryCatalogue.store_file(node.catalogue, record(CONTENT, tier=HERE)))
    go.callback(None)
    assert result_of(reading) == CONTENT
    assert node.files.size(digest_of(CONTENT)) == len(CONTENT)
