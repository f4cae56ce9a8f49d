"""What is known of projects is bounded: what nobody has used for longest, and holds no stored file, goes first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs

from tests.cache.given import CONTENT
from tests.doubles.now import at_once, result_of
from tests.doubles.small_node import ANY, SmallNode, listed, scripted
from tests.storage.samples import attachment, digest_of, entry, record, url_name
from tiercache.errors import StoreFull
from tiercache.interfaces import ICatalogue
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES

PAGE_BYTES = 1000
ROW = PAGE_BYTES + ROW_BYTES


def known(catalogue: ICatalogue, name: str, used_at: float) -> ProjectName:
    """A project with a page and nothing else."""
    project = ProjectName(name)
    result_of(catalogue.store_entry(entry(project, b"x" * PAGE_BYTES, received_at=used_at)))
    return project


def node_with(catalogue_bytes: int, **more: object) -> SmallNode:
    node = SmallNode(upstreams=[scripted()], **more)  # type: ignore[arg-type]  # as given
    node.parts.janitor._catalogue_bytes = catalogue_bytes
    return node


@pytest.mark.parametrize(("bound", "left"), [(10 * ROW, 10), (10 * ROW - 1, 9)])
def test_nothing_goes_up_to_the_bound_and_the_least_recently_used_past_it(bound: int, left: int) -> None:
    node = node_with(bound)
    for number in range(10):
        known(node.catalogue, f"p{number}", 100.0 - number)
    result_of(node.parts.janitor.tidy())
    assert list(node.catalogue.entry_names()) == [f"p{number}" for number in range(left)]


def test_sidecars_and_odd_names_go_with_the_page_and_no_other_projects() -> None:
    node = node_with(0)
    old = known(node.catalogue, "old", 1.0)
    result_of(node.catalogue.store_attachment(attachment(project=old)))
    result_of(node.catalogue.note_odd_file(url_name("odd"), old))
    node.parts.janitor._catalogue_bytes = 3 * ROW
    for number in range(3):
        known(node.catalogue, f"p{number}", 50.0)
    result_of(node.catalogue.store_attachment(attachment(project=ProjectName("p0"), identity=url_name("p0"))))
    result_of(node.parts.janitor.tidy())
    assert node.catalogue.entry(old) is None
    assert node.catalogue.attachment(attachment().identity, "metadata") is None
    assert node.catalogue.odd_file_project(url_name("odd")) is None


def test_projects_that_hold_a_stored_file_or_are_pinned_or_hosted_keep_what_is_theirs() -> None:
    node = node_with(0)
    held, pinned, hosted = (known(node.catalogue, name, 1.0) for name in ("held", "pinned", "hosted"))
    result_of(node.catalogue.store_file(record(project=held)))
    result_of(node.catalogue.pin(pinned, True))
    result_of(node.catalogue.store_hosted(hosted, b"page", [], 1.0))
    known(node.catalogue, "other", 2.0)
    result_of(node.parts.janitor.tidy())
    assert list(node.catalogue.entry_names()) == ["held", "pinned"]
    assert node.catalogue.hosted(hosted) == b"page"
    assert node.catalogue.pins() == [pinned]
    assert [found.project for found in node.catalogue.all_files()] == [held]


def test_a_page_that_is_asked_for_is_used_and_stays_before_one_that_came_later() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(tier, "other", ("other-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for name in ("numpy", "other", "numpy"):
        node.clock.advance(10)
        result_of(node.page(name))
    result_of(node.parts.janitor.tidy())
    assert list(node.catalogue.idle_projects()) == ["other", "numpy"]
    node.parts.janitor._catalogue_bytes = node.catalogue.size_bytes() - 1
    result_of(node.parts.janitor.tidy())
    assert list(node.catalogue.entry_names()) == ["numpy"]


def test_a_project_that_was_forgotten_is_fetched_anew() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    node.parts.janitor._catalogue_bytes = 0
    result_of(node.parts.janitor.tidy())
    again = SmallNode(upstreams=[tier], catalogue=node.catalogue)
    assert node.catalogue.entry(normalise("numpy")) is None
    assert [file.filename for file in result_of(again.parts.pages.shown(normalise("numpy"), ANY)).page.files] == [
        "numpy-1.0.tar.gz"
    ]
    assert list(node.catalogue.entry_names()) == ["numpy"]


def test_what_cannot_go_is_not_gone_through_again_until_there_is_more_of_it() -> None:
    class Counting(MemoryCatalogue):
        walks = 0

        def idle_projects(self) -> Iterator[ProjectName]:
            self.walks += 1
            return MemoryCatalogue.idle_projects(self)

    catalogue = Counting()
    node = node_with(ROW, catalogue=catalogue)
    for number in range(20):
        project = known(catalogue, f"p{number}", 1.0)
        result_of(catalogue.store_file(record(b"%d" % number, project=project)))
    size_bytes = catalogue.size_bytes()
    for _ in range(3):
        result_of(node.parts.janitor.tidy())
    assert catalogue.walks == 1
    known(catalogue, "more", 1.0)
    assert size_bytes < catalogue.size_bytes() <= size_bytes * 1.05
    result_of(node.parts.janitor.tidy())
    assert catalogue.walks == 1
    known(catalogue, "still-more", 1.0)
    assert catalogue.size_bytes() > size_bytes * 1.05
    result_of(node.parts.janitor.tidy())
    assert catalogue.walks == 2
    assert len(list(catalogue.entry_names())) == 20


def test_a_disk_that_is_too_full_to_forget_costs_a_line_in_the_log() -> None:
    class Full(MemoryCatalogue):
        def forget_project(self, project: ProjectName) -> Deferred[None]:
            return fail(StoreFull(reason="no room"))

    node = node_with(0, catalogue=Full())
    known(node.catalogue, "old", 1.0)
    with capturedLogs() as logs:
        result_of(node.parts.janitor.tidy())
    assert [event["log_level"].name for event in logs if "janitor" in str(event.get("log_format"))] == ["warn"]
    assert list(node.catalogue.entry_names()) == ["old"]


def test_a_database_is_brought_below_its_bound_and_used_again_without_growing(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    catalogue = SqlCatalogue.open(path, writer=at_once)
    noise = b"".join(bytes.fromhex(digest_of(b"%d" % number)) for number in range(1000))
    node = SmallNode(upstreams=[scripted()])
    janitor = evolve(node.parts.janitor, catalogue=catalogue, catalogue_bytes=1_000_000)
    sizes = []
    for round_ in range(4):
        for number in range(20):
            name = ProjectName(f"p{round_}-{number}")
            result_of(catalogue.store_entry(entry(name, noise, received_at=100.0 * round_ + number)))
        result_of(janitor.tidy())
        assert catalogue.size_bytes() <= 1_000_000
        sizes.append(path.stat().st_size)
    assert catalogue.entry(ProjectName("p3-19")) is not None
    assert catalogue.entry(ProjectName("p0-0")) is None
    assert sizes[-1] <= 2_000_000
    result_of(catalogue.close())
