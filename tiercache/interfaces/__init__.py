"""The small interfaces between what acts (`cache`, later `publish` and `prefetch`) and the edges.

Each docstring says what comes back and which errors; implementations do not repeat it.
"""

from tiercache.interfaces.issuers import IIssuer
from tiercache.interfaces.pool import Pool
from tiercache.interfaces.store import (
    METADATA,
    PROVENANCE,
    Attachment,
    DeletedFile,
    FileRecord,
    ICatalogue,
    IFiles,
    IPartial,
    IRecords,
    NewChange,
    Reservation,
    StoredEntry,
)
from tiercache.interfaces.tiers import FeedEvent, FileRange, IFeed, IFileStream, INeighbour, IUpstream, Tier
from tiercache.interfaces.uploads import FormField, FormFile, IPublishTarget, TierSaid, UploadForm

__all__ = [
    "METADATA",
    "PROVENANCE",
    "Attachment",
    "DeletedFile",
    "FeedEvent",
    "FileRange",
    "FileRecord",
    "FormField",
    "FormFile",
    "ICatalogue",
    "IFeed",
    "IFileStream",
    "IFiles",
    "IIssuer",
    "INeighbour",
    "IPartial",
    "IPublishTarget",
    "IRecords",
    "IUpstream",
    "NewChange",
    "Pool",
    "Reservation",
    "StoredEntry",
    "Tier",
    "TierSaid",
    "UploadForm",
]
