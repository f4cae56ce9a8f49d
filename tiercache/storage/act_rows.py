"""Acts and deleted files as the tables hold them, and back."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.logger import Logger

from tiercache.interfaces import DeletedFile
from tiercache.policy.acts import Act
from tiercache.simple.model import File
from tiercache.storage.rows import Unreadable, listing_of
from tiercache.storage.statement import Row, Rows

log = Logger()


def act_of(row: Row) -> Act:
    """The act in a row of `ACTS`."""
    return Act(**row._asdict())


def deleted_files(rows: Rows) -> Iterator[DeletedFile]:
    """The deleted files in rows of `DELETED`; of what the disk lost of one its name is taken all the same."""
    for project, filename, sha256, at, is_kept, listing in rows:
        try:
            file = listing_of(listing)
        except Unreadable as error:
            log.warn("what is known of the deleted {filename} is damaged: {error}", filename=filename, error=error)
            file = File(filename=filename, url="", hashes={"sha256": sha256})
        yield DeletedFile(project=project, listing=file, sha256=sha256, at=at, is_kept=is_kept)
