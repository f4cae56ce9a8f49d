"""Keeping what documents need ready: at the start, from time to time, and on news."""

from __future__ import annotations

from attrs import define, field

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import listed, scripted
from tests.prefetch.prefetching import PrefetchingNode, ScriptedClosing, prefetching, wanted_file
from tiercache.errors import DocumentUnavailable
from tiercache.interfaces import NewChange
from tiercache.policy.news import PAGE
from tiercache.prefetch.keep_warm import FIRST_AFTER_S, SETTLE_S, THE_NODE, KeepWarm, name_of

EVERY_S = 3600.0
PLACE = "/srv/app/requirements.txt"
OTHER = "https://docs.example/tools/uv.lock?token=secret"


@define
class Shelf:
    """Documents by their place."""

    contents: dict[str, bytes] = field(factory=dict)
    read: list[str] = field(factory=list)

    async def content(self, place: str) -> bytes:
        self.read.append(place)
        if place not in self.contents:
            raise DocumentUnavailable(place=place, reason="No such file or directory")
        return self.contents[place]


def warm(*places: str) -> tuple[PrefetchingNode, KeepWarm, Shelf]:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", b"n"))
    here = prefetching(tier, closing=ScriptedClosing(files=(wanted_file(file),)))
    shelf = Shelf(contents=dict.fromkeys(places, b"numpy\n"))
    keep_warm = KeepWarm(
        places=places,
        every_s=EVERY_S,
        documents=shelf,
        jobs=here.jobs,
        journal=here.node.parts.journal,
        clock=here.node.clock,
    )
    here.warm = keep_warm
    keep_warm.start()
    return here, keep_warm, shelf


def news(here: PrefetchingNode, *projects: str) -> None:
    changes = [NewChange(project=project, what=PAGE, origin="") for project in projects]
    result_of(here.node.parts.journal.append(changes))


def whats(here: PrefetchingNode) -> list[str]:
    return [state.what for state in here.jobs.all()]


def test_soon_after_the_start_each_document_is_a_job() -> None:
    here, _, _ = warm(PLACE, OTHER)
    here.node.clock.advance(FIRST_AFTER_S - 1)
    assert whats(here) == []
    here.node.clock.advance(1)
    assert whats(here) == ["uv.lock", "requirements.txt"]
    assert all(here.jobs.requester(state.id) == THE_NODE for state in here.jobs.all())
    here.node.clock.advance(0)
    assert {state.phase for state in here.jobs.all()} == {"done"}


def test_it_is_looked_at_anew_from_time_to_time_as_it_is_then() -> None:
    here, _, shelf = warm(PLACE)
    here.node.clock.advance(FIRST_AFTER_S)
    here.node.clock.advance(EVERY_S - 1)
    assert len(whats(here)) == 1
    shelf.contents[PLACE] = b"-e .\nnumpy\n"
    here.node.clock.advance(1)
    here.node.clock.advance(0)
    assert [len(state.unparseable) for state in here.jobs.all()] == [1, 0]


def test_news_of_a_project_that_it_needs_begins_it_anew_once_it_is_quiet() -> None:
    here, _, _ = warm(PLACE)
    here.node.clock.advance(FIRST_AFTER_S)
    here.node.clock.advance(0)
    count = len(whats(here))
    for _ in range(3):
        news(here, "numpy")
        here.node.clock.advance(SETTLE_S - 1)
    assert len(whats(here)) == count
    here.node.clock.advance(1)
    assert len(whats(here)) == count + 1


def test_news_of_other_projects_begins_nothing() -> None:
    here, _, _ = warm(PLACE)
    here.node.clock.advance(FIRST_AFTER_S)
    here.node.clock.advance(SETTLE_S)
    count = len(whats(here))
    news(here, "zoo", "acme")
    here.node.clock.advance(SETTLE_S * 2)
    assert len(whats(here)) == count


def test_a_document_that_cannot_be_read_hinders_no_other_and_is_tried_again() -> None:
    here, _, shelf = warm(PLACE, OTHER)
    del shelf.contents[PLACE]
    here.node.clock.advance(FIRST_AFTER_S)
    assert whats(here) == ["uv.lock"]
    shelf.contents[PLACE] = b"numpy\n"
    here.node.clock.advance(EVERY_S)
    assert whats(here)[:2] == ["uv.lock", "requirements.txt"]


def test_an_empty_document_that_is_no_text_hurts_nothing() -> None:
    here, _, shelf = warm(PLACE)
    shelf.contents[PLACE] = bytes(range(256))
    here.node.clock.advance(FIRST_AFTER_S)
    assert len(whats(here)) == 1


def test_after_the_stop_nothing_begins() -> None:
    here, keep_warm, shelf = warm(PLACE)
    here.node.clock.advance(FIRST_AFTER_S)
    begun(keep_warm.stop())
    read = len(shelf.read)
    news(here, "numpy")
    here.node.clock.advance(EVERY_S * 2)
    assert len(shelf.read) == read


def test_where_nothing_is_to_be_kept_warm_nothing_is_done() -> None:
    here, _, _ = warm()
    here.node.clock.advance(EVERY_S)
    assert here.jobs.all() == ()


def test_a_document_is_called_by_the_last_part_of_its_place() -> None:
    assert name_of(PLACE) == "requirements.txt"
    assert name_of(OTHER) == "uv.lock"
    assert name_of("https://docs.example/") == "requirements.txt"
