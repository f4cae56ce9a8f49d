"""What a node tells those below of its own pages: that one is not what they may have been given."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.cache.following_node import followed, page_requests, release
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.entries import KEPT_FILES
from tiercache.cache.journal import Journal
from tiercache.cache.signal import Signal
from tiercache.errors import ProjectAbsent
from tiercache.policy.news import PAGE
from tiercache.simple.model import ProjectName
from tiercache.storage.memory import MemoryCatalogue

NUMPY = ProjectName("numpy")


def asked(node: SmallNode, *, lifetimes_s: float = 1000.0) -> None:
    """A client asks for numpy, after so long that the node has to."""
    node.clock.advance(lifetimes_s)
    begun(node.page("numpy", ANY)).addErrback(lambda failure: failure.trap(ProjectAbsent))


def told(node: SmallNode) -> list[tuple[str, str]]:
    return [(change.project, change.what) for change in node.catalogue.changes(0, 100) or ()]


def one() -> tuple[ScriptedUpstream, SmallNode]:
    public = scripted()
    return public, SmallNode(upstreams=[public])


def test_a_first_page_is_told_to_nobody() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    assert told(node) == []


def test_a_page_that_is_replaced_by_another_is_told_once() -> None:
    public, node = one()
    for version in ("1.0", "1.1"):
        release(public, version)
        asked(node)
    asked(node)
    assert told(node) == [("numpy", PAGE)]


def test_a_page_that_is_as_it_was_is_told_to_nobody() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    asked(node)
    public.etag = '"another"'  # sent again, and the same
    asked(node)
    assert told(node) == []
    assert page_requests(public) == 3


def test_files_that_are_elsewhere_and_else_the_same_are_told_to_nobody() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    page = public.pages[NUMPY]
    public.pages[NUMPY] = evolve(
        page, files=tuple(replace(file, url=file.url.replace("//", "//new.")) for file in page.files)
    )
    public.etag = None
    asked(node)
    assert told(node) == []


@pytest.mark.parametrize("what", [{"yanked": True}, {"size": 3, "requires_python": ">=3"}, {"core_metadata": True}])
def test_a_page_that_says_something_else_of_a_file_is_told(what: dict[str, object]) -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    page = public.pages[NUMPY]
    public.pages[NUMPY] = evolve(page, files=tuple(replace(file, **what) for file in page.files))
    public.etag = None
    asked(node)
    assert told(node) == [("numpy", PAGE)]


def test_a_name_that_was_absent_and_is_no_more_is_told_and_the_other_way_round() -> None:
    public, node = one()
    asked(node)
    asked(node)
    assert told(node) == []
    release(public, "1.0")
    asked(node)
    assert told(node) == [("numpy", PAGE)]
    del public.pages[NUMPY]
    asked(node)
    asked(node)
    assert told(node) == [("numpy", PAGE)] * 2


def test_it_is_told_although_the_page_was_only_in_the_store() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    again = SmallNode(upstreams=[public], catalogue=node.catalogue, clock=node.clock)
    release(public, "1.1")
    asked(again)
    assert told(again) == [("numpy", PAGE)]


def test_it_is_told_although_the_page_had_to_make_room_in_memory_while_tiers_were_asked() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    gate = public.gate = Signal()
    release(public, "1.1")
    asked(node)
    public.gate = None
    listed(public, "huge", *((f"huge-{number}.tar.gz", b"x") for number in range(KEPT_FILES)))
    result_of(node.page("huge"))
    gate.fire()
    assert told(node) == [("numpy", PAGE)]


def test_those_below_are_told_when_the_new_page_is_there_to_be_asked_for() -> None:
    public, node = one()
    release(public, "1.0")
    asked(node)
    journal: Journal = node.parts.journal
    listener = journal.subscribe(None)
    result_of(listener.read())
    seen: list[list[str]] = []

    async def child() -> None:
        await listener.read()
        seen.append([file.filename for file in (await node.page("numpy")).files])

    begun(child())
    release(public, "1.1")
    asked(node)
    assert seen == [["numpy-1.1.tar.gz"]]


def test_what_those_below_were_told_by_news_is_not_told_again_when_the_page_comes() -> None:
    office, node = followed()
    release(office, "1.1")
    office.tell("numpy")
    node.names()
    assert node.told == [("numpy", PAGE)]
    release(office, "1.2")
    node.names(ask=NO_CACHE)  # which nobody was told of yet
    assert node.told == [("numpy", PAGE)] * 2


def test_what_those_below_were_told_with_everything_else_is_not_told_again() -> None:
    office, node = followed()
    release(office, "1.1")
    office.wipe("e2")
    node.clock.advance(1.0)
    before = node.told
    assert node.names() == ["numpy-1.1.tar.gz"]
    assert node.told == before


def test_a_store_that_is_full_gives_the_new_page_all_the_same() -> None:
    public = scripted()
    node = SmallNode(upstreams=[public], catalogue=MemoryCatalogue(room_bytes=600))
    release(public, "1.0")
    asked(node)
    room = node.catalogue._room
    room.take(600 - room.taken_bytes)
    release(public, "1.1")
    asked(node)
    assert [file.filename for file in result_of(node.page("numpy")).files] == ["numpy-1.1.tar.gz"]
    assert told(node) == []


def test_a_page_that_could_not_be_stored_lends_its_head_to_no_other() -> None:
    public = scripted()
    node = SmallNode(upstreams=[public], catalogue=MemoryCatalogue(room_bytes=4000))
    release(public, "1.0")
    asked(node)
    room = node.catalogue._room
    room.take(4000 - room.taken_bytes)
    release(public, "1.1-with-a-name-that-takes-more-room")
    asked(node)
    room.take(-1000)
    asked(node)  # it is as it was, says the tier of the page in memory
    again = SmallNode(upstreams=[public], catalogue=node.catalogue, clock=node.clock)
    asked(again)
    names = [file.filename for file in result_of(again.page("numpy")).files]
    assert names == ["numpy-1.1-with-a-name-that-takes-more-room.tar.gz"]
