"""What every `ICatalogue` remembers of the files that were dropped into folders.

A test module of an implementation subclasses it and gives the fixture `catalogue`.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from zope.interface.verify import verifyObject

from tests.doubles.now import result_of
from tests.storage.samples import ACME
from tiercache.interfaces import DroppedFile, ICatalogue, IDropped
from tiercache.policy.dropped import Stamp


def dropped(path: str = "/srv/dist/acme-1.0.tar.gz", **changes: Any) -> DroppedFile:
    values: dict[str, Any] = {
        "path": path,
        "stamp": Stamp(size_bytes=5_000_000_000, mtime_ns=1_800_000_000_123_456_789, inode=2**64 - 1),
        "project": ACME,
        "filename": path.rpartition("/")[2],
        "sha256": "a" * 64,
        "is_ours": True,
    }
    return DroppedFile(**values | changes)


class DroppedContract:
    def test_it_provides_its_interface(self, catalogue: ICatalogue) -> None:
        assert verifyObject(IDropped, catalogue.dropped)
        assert list(catalogue.dropped.all()) == []

    def test_dropped_files_come_back_by_path_as_they_were_stored(self, catalogue: ICatalogue) -> None:
        files = [dropped("/srv/b/\u20ac.whl", is_ours=False), dropped("/srv/a/x.whl", is_gone=True, sha256="")]
        for file in files:
            result_of(catalogue.dropped.store(file))
        assert list(catalogue.dropped.all()) == files[::-1]

    def test_a_path_is_known_once(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.dropped.store(dropped()))
        gone = evolve(dropped(), is_gone=True)
        result_of(catalogue.dropped.store(gone))
        assert list(catalogue.dropped.all()) == [gone]

    def test_what_is_forgotten_is_not_known_and_to_forget_it_again_is_harmless(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.dropped.store(dropped()))
        for _ in range(2):
            result_of(catalogue.dropped.forget(dropped().path))
            assert list(catalogue.dropped.all()) == []
