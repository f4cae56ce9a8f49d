"""The tables of an SQL catalogue, as `migrations` leaves them.

Written for SQLite and PostgreSQL alike.  Heads and listings are JSON, so that a field more in `Head` or `File` is no
migration; they are binary so that a byte which the disk changed spoils a row, not the reading of it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()

# What freshening rewrites stands apart from what it leaves: a head is small, a body may be megabytes.
ENTRIES = Table(
    "entries",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("head", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# No row: an entry that says that the project is absent.
BODIES = Table(
    "bodies",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("coding", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

FILES = Table(
    "files",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("tier", Text, nullable=False),
    Column("stored_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("listing", LargeBinary, nullable=False),
    Index("files_by_project", "project", "filename"),
    Index("files_by_use", "used_at", "sha256"),
)

# Every name that a stored file goes by; `position` keeps their order.
IDENTITIES = Table(
    "identities",
    METADATA,
    Column("algorithm", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Index("identities_by_file", "sha256", "position"),
    sqlite_with_rowid=False,
)

# `coding` NULL: it is known that there is none to be had.  The data stands last, so that digests are read without it.
ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column("algorithm", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("made", Boolean, nullable=False),
    Column("coding", Text),
    Column("data", LargeBinary),
    Index("attachments_by_project", "project", "kind"),
)

ODD_FILES = Table(
    "odd_files",
    METADATA,
    Column("algorithm", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("project", Text, nullable=False),
    Index("odd_files_by_project", "project"),
    sqlite_with_rowid=False,
)

# Every project that has a row in the tables above, its records aside.
USES = Table(
    "uses",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("used_at", Double, nullable=False),
    Index("uses_by_time", "used_at", "project"),
    sqlite_with_rowid=False,
)

PINS = Table("pins", METADATA, Column("project", Text, primary_key=True), sqlite_with_rowid=False)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Sums of sizes, kept in the transactions that change them: `files` of all stored files, `hosted` of those published
# to this node.
TOTALS = Table(
    "totals",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# One row: the journal's epoch, and the serial of its last change.
POSITION = Table(
    "position",
    METADATA,
    Column("epoch", Text, primary_key=True),
    Column("serial", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Serials come from `position`, in the transaction that appends: the order of a sequence is not that of commits.
CHANGES = Table(
    "changes",
    METADATA,
    Column("serial", BigInteger, primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("origin", Text, nullable=False),
    sqlite_with_rowid=False,
)

HOSTED = Table(
    "hosted",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("coding", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# `names` is JSON.
RESERVATIONS = Table(
    "reservations",
    METADATA,
    Column("tier", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("names", LargeBinary, nullable=False),
)

# Never changed: the audit trail.
ACTS = Table(
    "acts",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("what", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("acts_by_project", "project", "number"),
    sqlite_with_rowid=False,
)

# Files that were hosted; what is kept no more leaves its name taken.
DELETED = Table(
    "deleted",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("filename", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("is_kept", Boolean, nullable=False),
    Column("listing", LargeBinary, nullable=False),
    Index("deleted_by_time", "is_kept", "at"),
    sqlite_with_rowid=False,
)

# `may` and `projects` are JSON; `digest` stands for the token itself, which nobody keeps.
TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("may", LargeBinary, nullable=False),
    Column("projects", LargeBinary, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("used_at", Double),
    Index("tokens_by_digest", "digest", unique=True),
    sqlite_with_rowid=False,
)

# Files in folders, as they were when they were taken from there.
DROPPED = Table(
    "dropped",
    METADATA,
    Column("path", Text, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("is_ours", Boolean, nullable=False),
    Column("is_gone", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# The prefetches that a node was asked for.
KEPT_JOBS = Table(
    "kept_jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("coding", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
