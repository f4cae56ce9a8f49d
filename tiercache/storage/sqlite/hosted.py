"""What a catalogue asks of what is hosted, pages, acts on them and deleted files; and what changes that.

Made of `tiercache.storage.core.hosted` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement

HOSTED_PAGE = Statement(
    """
    SELECT hosted.coding, hosted.data FROM hosted WHERE hosted.project = ?
    """,
    names=("project",),
    columns=("coding", "data"),
)
HOSTED_NAMES = Statement(
    """
    SELECT hosted.project FROM hosted ORDER BY hosted.project
    """,
    columns=("project",),
)
ACTS_AFTER = Statement(
    """
    SELECT acts.number, acts.at, acts.what, acts.project, acts.filename, acts."by", acts.detail FROM acts WHERE
    acts.number > ? ORDER BY acts.number LIMIT ? OFFSET ?
    """,
    names=("since", "most", "param_1"),
    columns=("number", "at", "what", "project", "filename", "by", "detail"),
    values={"param_1": 0},
)
ACTS_OF_PROJECT_AFTER = Statement(
    """
    SELECT acts.number, acts.at, acts.what, acts.project, acts.filename, acts."by", acts.detail FROM acts WHERE
    acts.number > ? AND acts.project = ? ORDER BY acts.number LIMIT ? OFFSET ?
    """,
    names=("since", "project", "most", "param_1"),
    columns=("number", "at", "what", "project", "filename", "by", "detail"),
    values={"param_1": 0},
)
NEWEST_ACTS = Statement(
    """
    SELECT acts.number, acts.at, acts.what, acts.project, acts.filename, acts."by", acts.detail FROM acts ORDER BY
    acts.number DESC LIMIT ? OFFSET ?
    """,
    names=("most", "param_1"),
    columns=("number", "at", "what", "project", "filename", "by", "detail"),
    values={"param_1": 0},
)
NEWEST_ACTS_OF_PROJECT = Statement(
    """
    SELECT acts.number, acts.at, acts.what, acts.project, acts.filename, acts."by", acts.detail FROM acts WHERE
    acts.project = ? ORDER BY acts.number DESC LIMIT ? OFFSET ?
    """,
    names=("project", "most", "param_1"),
    columns=("number", "at", "what", "project", "filename", "by", "detail"),
    values={"param_1": 0},
)
DELETED_FILE = Statement(
    """
    SELECT deleted.project, deleted.filename, deleted.sha256, deleted.at, deleted.is_kept, deleted.listing FROM
    deleted WHERE deleted.project = ? AND deleted.filename = ?
    """,
    names=("project", "filename"),
    columns=("project", "filename", "sha256", "at", "is_kept", "listing"),
    flags=("is_kept",),
)
DELETED_OF = Statement(
    """
    SELECT deleted.project, deleted.filename, deleted.sha256, deleted.at, deleted.is_kept, deleted.listing FROM
    deleted WHERE deleted.project = ? ORDER BY deleted.filename
    """,
    names=("project",),
    columns=("project", "filename", "sha256", "at", "is_kept", "listing"),
    flags=("is_kept",),
)
DELETED_UNTIL = Statement(
    """
    SELECT deleted.project, deleted.filename, deleted.sha256, deleted.at, deleted.is_kept, deleted.listing FROM
    deleted WHERE deleted.is_kept = 1 AND deleted.at <= ? ORDER BY deleted.at, deleted.project, deleted.filename
    LIMIT ? OFFSET ?
    """,
    names=("until", "most", "param_1"),
    columns=("project", "filename", "sha256", "at", "is_kept", "listing"),
    flags=("is_kept",),
    values={"param_1": 0},
)
APPEND_ACT = Statement(
    """
    INSERT INTO acts (number, at, what, project, filename, "by", detail) SELECT coalesce((SELECT max(acts.number) AS
    max_1 FROM acts), ?) + ? AS anon_1, ? AS anon_2, ? AS anon_3, ? AS anon_4, ? AS anon_5, ? AS anon_6, ? AS anon_7
    """,
    names=("coalesce_1", "coalesce_2", "then", "done", "of", "file", "who", "about"),
    values={"coalesce_1": 0, "coalesce_2": 1},
)
STORE_HOSTED = Statement(
    """
    INSERT INTO hosted (project, coding, data) VALUES (?, ?, ?)
    """,
    names=("project", "coding", "data"),
)
FORGET_HOSTED = Statement(
    """
    DELETE FROM hosted WHERE hosted.project = ?
    """,
    names=("the_project",),
)
STORE_DELETED = Statement(
    """
    INSERT INTO deleted (project, filename, sha256, at, is_kept, listing) VALUES (?, ?, ?, ?, ?, ?)
    """,
    names=("project", "filename", "sha256", "at", "is_kept", "listing"),
)
FORGET_DELETED = Statement(
    """
    DELETE FROM deleted WHERE deleted.project = ? AND deleted.filename = ?
    """,
    names=("the_project", "the_filename"),
)
