"""The stamp of a catalogue: who keeps what it was told sees by it whether to ask again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, head, record, sha256_name
from tiercache.interfaces import METADATA, ICatalogue
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue

WRITES: dict[str, Callable[[ICatalogue], object]] = {
    "an entry": lambda catalogue: catalogue.store_entry(entry()),
    "a head": lambda catalogue: catalogue.freshen_entry(ACME, head(received_at=77.0)),
    "a file": lambda catalogue: catalogue.store_file(record()),
    "no file any more": lambda catalogue: catalogue.forget_file(digest_of(b"kept")),
    "a use": lambda catalogue: catalogue.touch_files({digest_of(b"kept"): 9.0}),
    "an attachment": lambda catalogue: catalogue.store_attachment(attachment()),
    "no attachment any more": lambda catalogue: catalogue.forget_attachment(sha256_name(b"kept"), METADATA),
    "an odd file": lambda catalogue: catalogue.note_odd_file(sha256_name(b"odd"), ZOO),
    "a pin": lambda catalogue: catalogue.pin(ACME, True),
    "a setting": lambda catalogue: catalogue.store_setting("offline", "on"),
    "what is hosted": lambda catalogue: catalogue.store_hosted(ACME, b"page", (), 1.0),
}


@pytest.fixture(params=["sqlite", "memory"])
def catalogue(request: pytest.FixtureRequest, path: Path) -> Iterator[ICatalogue]:
    opened = SqlCatalogue.open(path, writer=at_once) if request.param == "sqlite" else MemoryCatalogue(room_bytes=10**6)
    result_of(opened.store_entry(entry()))
    result_of(opened.store_file(record(b"kept")))
    result_of(opened.store_attachment(attachment(identity=sha256_name(b"kept"))))
    yield opened
    result_of(opened.close())


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_whatever_is_written_gives_another_stamp(catalogue: ICatalogue, write: Callable[[ICatalogue], object]) -> None:
    before = catalogue.stamp()
    result_of(write(catalogue))
    assert catalogue.stamp() != before


def test_reading_gives_the_same_stamp(catalogue: ICatalogue) -> None:
    before = catalogue.stamp()
    assert catalogue.entry(ACME) is not None
    assert catalogue.file(sha256_name(b"kept")) is not None
    assert catalogue.attachment(sha256_name(b"kept"), METADATA) is not None
    assert catalogue.stamp() == before


def test_what_another_process_has_written_gives_another_stamp_and_is_seen_from_then_on(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once, seconds=lambda: 0.0)
    name = sha256_name(b"wheel")
    before = catalogue.stamp()
    assert (catalogue.file(name), catalogue.attachment(name, METADATA), catalogue.entry(ACME)) == (None, None, None)
    other = SqlCatalogue.open(path, writer=at_once)
    assert catalogue.stamp() == before
    result_of(other.store_file(record()))
    result_of(other.store_attachment(attachment()))
    result_of(other.store_entry(entry()))
    result_of(other.close())
    assert catalogue.file(name) is None, "it is recalled, and nobody has asked for the stamp"
    assert catalogue.stamp() != before
    assert (catalogue.file(name), catalogue.attachment(name, METADATA), catalogue.entry(ACME)) == (
        record(),
        attachment(),
        entry(),
    )
    result_of(catalogue.close())
