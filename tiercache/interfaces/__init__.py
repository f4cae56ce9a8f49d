"""The small interfaces between what acts (`cache`, later `publish` and `prefetch`) and the edges.

Each docstring says what comes back and which errors; implementations do not repeat it.
"""

from tiercache.interfaces.dropped import DroppedFile, IDropped, IFolderWatch, Watch
from tiercache.interfaces.issuers import IIssuer
from tiercache.interfaces.kept_jobs import IKeptJobs, KeptJob
from tiercache.interfaces.pool import Pool
from tiercache.interfaces.store import (
    DIRECT_URLS,
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
    "DIRECT_URLS",
    "METADATA",
    "PROVENANCE",
    "Attachment",
    "DeletedFile",
    "DroppedFile",
    "FeedEvent",
    "FileRange",
    "FileRecord",
    "FormField",
    "FormFile",
    "ICatalogue",
    "IDropped",
    "IFeed",
    "IFileStream",
    "IFiles",
    "IFolderWatch",
    "IIssuer",
    "IKeptJobs",
    "INeighbour",
    "IPartial",
    "IPublishTarget",
    "IRecords",
    "IUpstream",
    "KeptJob",
    "NewChange",
    "Pool",
    "Reservation",
    "StoredEntry",
    "Tier",
    "TierSaid",
    "UploadForm",
    "Watch",
]
