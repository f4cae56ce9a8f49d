"""What the rows of a catalogue in memory are counted as."""

from __future__ import annotations

from tiercache.interfaces import Attachment, KeptJob, StoredEntry

ROW_BYTES = 256
"""What the catalogue counts for a row, its bodies and attachments aside."""


def cost(value: object) -> int:
    """What a row with this value takes, in bytes."""
    match value:
        case StoredEntry(body=bytes(data)) | Attachment(data=bytes(data)) | KeptJob(data=data) | bytes(data):
            return ROW_BYTES + len(data)
        case _:
            return ROW_BYTES
