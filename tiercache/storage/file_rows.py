"""The records of stored files as the tables hold them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from twisted.logger import Logger

from tiercache.interfaces import FileRecord
from tiercache.simple.model import FileIdentity
from tiercache.storage.rows import Unreadable, listing_of
from tiercache.storage.statement import Rows

log = Logger()


def file_records(rows: Rows) -> Iterator[FileRecord]:
    """The records in rows of which each is one name of a file, those of one file together; damaged ones are none."""
    for sha256, of_one_file in groupby(rows, key=lambda row: row.sha256):
        row, *others = of_one_file
        try:
            listing = listing_of(row.listing)
        except Unreadable as error:
            log.warn("The record of file {sha256} is damaged: {error}", sha256=sha256, error=error)
            continue
        yield FileRecord(
            sha256=sha256,
            size_bytes=row.size_bytes,
            project=row.project,
            tier=row.tier,
            listing=listing,
            identities=tuple(FileIdentity(named.algorithm, named.value) for named in (row, *others)),
            stored_at=row.stored_at,
            used_at=row.used_at,
            pinned=row.pinned,
        )
