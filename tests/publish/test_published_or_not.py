"""What is left of uploads that came to nothing at the last moment: nothing that nobody has, all that somebody has."""

from __future__ import annotations

import pytest

from tests.doubles.held_pool import HeldPool
from tests.doubles.hosting import stored
from tests.doubles.now import begun, result_of
from tests.doubles.publishing import PublishingNode
from tests.doubles.uploads import form_of, made
from tiercache.errors import StoreFull
from tiercache.publish.intake import FileIntake
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles

ACME = normalise("acme-tools")
WHEEL = made()
NO_ROOM_BYTES = 300
"""In which a catalogue opens, and takes no file."""


def test_bytes_that_found_no_place_on_a_page_are_let_go() -> None:
    node = PublishingNode()
    node.node.catalogue = MemoryCatalogue(room_bytes=NO_ROOM_BYTES)
    node.node.start()
    assert node.publish(WHEEL).status == 507
    assert list(node.node.files.all()) == []


def test_bytes_that_were_there_before_stay_where_an_upload_of_them_comes_to_nothing() -> None:
    """They may be those of a file that was deleted, and may yet be restored."""
    node = PublishingNode()
    stored(node.node.files, WHEEL.content)
    node.node.catalogue = MemoryCatalogue(room_bytes=NO_ROOM_BYTES)
    node.node.start()
    assert node.publish(WHEEL).status == 507
    assert [sha256 for sha256, _ in node.node.files.all()] == [WHEEL.sha256]


def test_filename_that_was_deleted_is_not_published_again_and_can_be_restored() -> None:
    node = PublishingNode()
    assert node.publish(WHEEL).status == 200
    result_of(node.node.parts.deleted.delete(ACME, filename=WHEEL.filename, by="alice"))
    assert node.publish(WHEEL).status == 409
    result_of(node.node.parts.deleted.restore(ACME, filename=WHEEL.filename, by="alice"))
    assert node.filenames() == [WHEEL.filename]
    path = node.node.files_of("acme-tools")[WHEEL.filename]
    assert node.node.get(path).body == WHEEL.content


@pytest.mark.parametrize("leaves_first", [False, True])
def test_file_that_is_begun_while_its_client_leaves_takes_no_room(leaves_first: bool) -> None:
    files, pool = MemoryFiles(room_bytes=100), HeldPool()
    file = FileIntake(files=files, limit_bytes=100)
    begun(pool(file.feed, bytes(50))).addErrback(lambda _: None)
    begun(pool(file.discard))
    if leaves_first:
        file.discard()
    pool.go_on()
    pool.go_on()
    partial = files.begin()
    partial.write(bytes(100))
    with pytest.raises(StoreFull):
        partial.write(b"1")
    partial.discard()


def test_upload_is_published_although_its_client_left_when_it_was_all_there() -> None:
    """It was not acknowledged, and may be there or not: here it is, whole."""
    node = PublishingNode()
    node.chain.cut("origin", silently=True)
    connection = node.begin("/legacy/", {"Content-Length": str(len(form_of(WHEEL)))})
    connection.send(form_of(WHEEL))
    connection.leave()
    node.chain.advance(60)
    node.assert_holds()
    node.chain.join("origin")
    node.chain.advance(60)
    assert node.publish(WHEEL).status == 200
    node.assert_holds(WHEEL)
