"""What a catalogue asks of dropped files and of jobs that are kept, and what changes that.

Made of `tiercache.storage.core.kept` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement

ALL_DROPPED = Statement(
    """
    SELECT dropped.path, dropped.size_bytes, dropped.mtime_ns, dropped.inode, dropped.project, dropped.filename,
    dropped.sha256, dropped.is_ours, dropped.is_gone FROM dropped ORDER BY dropped.path
    """,
    columns=("path", "size_bytes", "mtime_ns", "inode", "project", "filename", "sha256", "is_ours", "is_gone"),
    flags=("is_ours", "is_gone"),
)
STORE_DROPPED = Statement(
    """
    INSERT INTO dropped (path, size_bytes, mtime_ns, inode, project, filename, sha256, is_ours, is_gone) VALUES (?,
    ?, ?, ?, ?, ?, ?, ?, ?)
    """,
    names=("path", "size_bytes", "mtime_ns", "inode", "project", "filename", "sha256", "is_ours", "is_gone"),
)
FORGET_DROPPED = Statement(
    """
    DELETE FROM dropped WHERE dropped.path = ?
    """,
    names=("the_path",),
)
ALL_JOBS = Statement(
    """
    SELECT kept_jobs.id, kept_jobs.created_at, kept_jobs.coding, kept_jobs.data FROM kept_jobs ORDER BY
    kept_jobs.created_at, kept_jobs.id
    """,
    columns=("id", "created_at", "coding", "data"),
)
STORE_JOB = Statement(
    """
    INSERT INTO kept_jobs (id, created_at, coding, data) VALUES (?, ?, ?, ?)
    """,
    names=("id", "created_at", "coding", "data"),
)
FORGET_JOB = Statement(
    """
    DELETE FROM kept_jobs WHERE kept_jobs.id = ?
    """,
    names=("the_id",),
)
