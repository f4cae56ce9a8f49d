"""What a catalogue asks of entries, files and what belongs to them, and what changes that.

Made of `tiercache.storage.core.statements` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement

ENTRY = Statement(
    """
    SELECT entries.head, bodies.coding, bodies.data FROM entries LEFT OUTER JOIN bodies ON entries.project =
    bodies.project WHERE entries.project = ?
    """,
    names=("project",),
    columns=("head", "coding", "data"),
)
ENTRY_NAMES = Statement(
    """
    SELECT bodies.project FROM bodies ORDER BY bodies.project
    """,
    columns=("project",),
)
HEADS_OF_PAGES = Statement(
    """
    SELECT entries.head FROM entries JOIN bodies ON entries.project = bodies.project
    """,
    columns=("head",),
)
FILE_PROJECTS = Statement(
    """
    SELECT DISTINCT files.project FROM files ORDER BY files.project
    """,
    columns=("project",),
)
TOTAL = Statement(
    """
    SELECT totals.bytes FROM totals WHERE totals.name = ?
    """,
    names=("name",),
    columns=("bytes",),
)
FILE = Statement(
    """
    SELECT files.sha256, files.size_bytes, files.project, files.tier, files.stored_at, files.used_at, files.listing,
    pins.project IS NOT NULL AS pinned, names.algorithm, names.value FROM identities JOIN files ON files.sha256 =
    identities.sha256 JOIN identities AS names ON names.sha256 = files.sha256 LEFT OUTER JOIN pins ON pins.project =
    files.project WHERE identities.algorithm = ? AND identities.value = ? ORDER BY names.position
    """,
    names=("algorithm", "value"),
    columns=(
        "sha256",
        "size_bytes",
        "project",
        "tier",
        "stored_at",
        "used_at",
        "listing",
        "pinned",
        "algorithm",
        "value",
    ),
    flags=("pinned",),
)
FILES_OF = Statement(
    """
    SELECT files.sha256, files.size_bytes, files.project, files.tier, files.stored_at, files.used_at, files.listing,
    pins.project IS NOT NULL AS pinned, names.algorithm, names.value FROM files JOIN identities AS names ON
    names.sha256 = files.sha256 LEFT OUTER JOIN pins ON pins.project = files.project WHERE files.project = ? ORDER
    BY files.filename, files.sha256, names.position
    """,
    names=("project",),
    columns=(
        "sha256",
        "size_bytes",
        "project",
        "tier",
        "stored_at",
        "used_at",
        "listing",
        "pinned",
        "algorithm",
        "value",
    ),
    flags=("pinned",),
)
FILES_AFTER = Statement(
    """
    SELECT least_used.sha256, least_used.size_bytes, least_used.project, least_used.tier, least_used.stored_at,
    least_used.used_at, least_used.listing, pins.project IS NOT NULL AS pinned, names.algorithm, names.value FROM
    (SELECT files.sha256 AS sha256, files.project AS project, files.filename AS filename, files.size_bytes AS
    size_bytes, files.tier AS tier, files.stored_at AS stored_at, files.used_at AS used_at, files.listing AS listing
    FROM files WHERE (files.used_at, files.sha256) > (?, ?) ORDER BY files.used_at, files.sha256 LIMIT ? OFFSET ?)
    AS least_used JOIN identities AS names ON names.sha256 = least_used.sha256 LEFT OUTER JOIN pins ON pins.project
    = least_used.project ORDER BY least_used.used_at, least_used.sha256, names.position
    """,
    names=("used_at", "sha256", "most", "param_1"),
    columns=(
        "sha256",
        "size_bytes",
        "project",
        "tier",
        "stored_at",
        "used_at",
        "listing",
        "pinned",
        "algorithm",
        "value",
    ),
    flags=("pinned",),
    values={"param_1": 0},
)
ATTACHMENT = Statement(
    """
    SELECT attachments.project, attachments.sha256, attachments.made, attachments.coding, attachments.data FROM
    attachments WHERE attachments.algorithm = ? AND attachments.value = ? AND attachments.kind = ?
    """,
    names=("algorithm", "value", "kind"),
    columns=("project", "sha256", "made", "coding", "data"),
    flags=("made",),
)
ATTACHMENT_DIGESTS = Statement(
    """
    SELECT attachments.algorithm, attachments.value, attachments.coding, attachments.sha256 FROM attachments WHERE
    attachments.project = ? AND attachments.kind = ?
    """,
    names=("project", "kind"),
    columns=("algorithm", "value", "coding", "sha256"),
)
ODD_FILE = Statement(
    """
    SELECT odd_files.project FROM odd_files WHERE odd_files.algorithm = ? AND odd_files.value = ?
    """,
    names=("algorithm", "value"),
    columns=("project",),
)
ANY_ODD_FILE = Statement(
    """
    SELECT odd_files.project FROM odd_files LIMIT ? OFFSET ?
    """,
    names=("param_1", "param_2"),
    columns=("project",),
    values={"param_1": 1, "param_2": 0},
)
PROJECTS_AFTER = Statement(
    """
    SELECT uses.project, uses.used_at, EXISTS (SELECT files.sha256 FROM files WHERE files.project = uses.project) AS
    holds_files, EXISTS (SELECT pins.project FROM pins WHERE pins.project = uses.project) AS pinned FROM uses WHERE
    (uses.used_at, uses.project) > (?, ?) ORDER BY uses.used_at, uses.project LIMIT ? OFFSET ?
    """,
    names=("used_at", "project", "most", "param_1"),
    columns=("project", "used_at", "holds_files", "pinned"),
    flags=("holds_files", "pinned"),
    values={"param_1": 0},
)
PINNED = Statement(
    """
    SELECT pins.project FROM pins ORDER BY pins.project
    """,
    columns=("project",),
)
SETTING = Statement(
    """
    SELECT settings.value FROM settings WHERE settings.name = ?
    """,
    names=("name",),
    columns=("value",),
)
COUNT = Statement(
    """
    UPDATE totals SET bytes=((totals.bytes + ?) - coalesce((SELECT old.size_bytes FROM files AS old WHERE old.sha256
    = ?), ?)) WHERE totals.name = ? AND NOT (EXISTS (SELECT old.size_bytes FROM files AS old WHERE old.sha256 = ?
    AND old.tier = ? AND ? != ?))
    """,
    names=("more_bytes", "the_sha256", "coalesce_1", "name_1", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"coalesce_1": 0, "name_1": "files", "param_1": "here", "tier_1": "here"},
)
COUNT_HOSTED = Statement(
    """
    UPDATE totals SET bytes=((totals.bytes + ?) - coalesce((SELECT old.size_bytes FROM files AS old WHERE old.sha256
    = ? AND old.tier = ?), ?)) WHERE totals.name = ? AND NOT (EXISTS (SELECT old.size_bytes FROM files AS old WHERE
    old.sha256 = ? AND old.tier = ? AND ? != ?))
    """,
    names=("more_bytes", "the_sha256", "tier_1", "coalesce_1", "name_1", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"coalesce_1": 0, "name_1": "hosted", "param_1": "here", "tier_1": "here"},
)
FORGET_NAMES = Statement(
    """
    DELETE FROM identities WHERE identities.sha256 = ? AND NOT (EXISTS (SELECT old.size_bytes FROM files AS old
    WHERE old.sha256 = ? AND old.tier = ? AND ? != ?))
    """,
    names=("the_sha256", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"param_1": "here", "tier_1": "here"},
)
FORGET_FILE = Statement(
    """
    DELETE FROM files WHERE files.sha256 = ? AND NOT (EXISTS (SELECT old.size_bytes FROM files AS old WHERE
    old.sha256 = ? AND old.tier = ? AND ? != ?))
    """,
    names=("the_sha256", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"param_1": "here", "tier_1": "here"},
)
TAKE_NAME = Statement(
    """
    DELETE FROM identities WHERE identities.algorithm = ? AND identities.value = ? AND NOT (EXISTS (SELECT
    old.size_bytes FROM files AS old WHERE old.sha256 = ? AND old.tier = ? AND ? != ?))
    """,
    names=("the_algorithm", "the_value", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"param_1": "here", "tier_1": "here"},
)
STORE_FILE = Statement(
    """
    INSERT INTO files (sha256, project, filename, size_bytes, tier, stored_at, used_at, listing) SELECT ? AS anon_1,
    ? AS anon_2, ? AS anon_3, ? AS anon_4, ? AS anon_5, ? AS anon_6, ? AS anon_7, ? AS anon_8 WHERE NOT (EXISTS
    (SELECT old.size_bytes FROM files AS old WHERE old.sha256 = ? AND old.tier = ? AND ? != ?))
    """,
    names=(
        "sha256",
        "project",
        "filename",
        "size_bytes",
        "tier",
        "stored_at",
        "used_at",
        "listing",
        "the_sha256",
        "tier_1",
        "new_tier",
        "param_1",
    ),
    values={"param_1": "here", "tier_1": "here"},
)
STORE_NAME = Statement(
    """
    INSERT INTO identities (algorithm, value, sha256, position) SELECT ? AS anon_1, ? AS anon_2, ? AS anon_3, ? AS
    anon_4 WHERE NOT (EXISTS (SELECT old.size_bytes FROM files AS old WHERE old.sha256 = ? AND old.tier = ? AND ? !=
    ?))
    """,
    names=("algorithm", "value", "sha256", "position", "the_sha256", "tier_1", "new_tier", "param_1"),
    values={"param_1": "here", "tier_1": "here"},
)
FRESHEN = Statement(
    """
    UPDATE entries SET head=? WHERE entries.project = ?
    """,
    names=("new_head", "of"),
)
NOTE = Statement(
    """
    INSERT INTO uses (project, used_at) SELECT ? AS anon_1, ? AS anon_2 WHERE NOT (EXISTS (SELECT used.project FROM
    uses AS used WHERE used.project = ?))
    """,
    names=("project", "used_at", "project"),
)
TOUCH_PROJECT = Statement(
    """
    UPDATE uses SET used_at=? WHERE uses.project = ?
    """,
    names=("now", "of"),
)
TOUCH = Statement(
    """
    UPDATE files SET used_at=? WHERE files.sha256 = ?
    """,
    names=("now", "of"),
)
STORE_ENTRY = Statement(
    """
    INSERT INTO entries (project, head) VALUES (?, ?)
    """,
    names=("project", "head"),
)
FORGET_ENTRY = Statement(
    """
    DELETE FROM entries WHERE entries.project = ?
    """,
    names=("the_project",),
)
STORE_BODY = Statement(
    """
    INSERT INTO bodies (project, coding, data) VALUES (?, ?, ?)
    """,
    names=("project", "coding", "data"),
)
FORGET_BODY = Statement(
    """
    DELETE FROM bodies WHERE bodies.project = ?
    """,
    names=("the_project",),
)
STORE_ATTACHMENT = Statement(
    """
    INSERT INTO attachments (algorithm, value, kind, project, sha256, made, coding, data) VALUES (?, ?, ?, ?, ?, ?,
    ?, ?)
    """,
    names=("algorithm", "value", "kind", "project", "sha256", "made", "coding", "data"),
)
FORGET_ATTACHMENT = Statement(
    """
    DELETE FROM attachments WHERE attachments.algorithm = ? AND attachments.value = ? AND attachments.kind = ?
    """,
    names=("the_algorithm", "the_value", "the_kind"),
)
FORGET_ATTACHMENTS_OF = Statement(
    """
    DELETE FROM attachments WHERE attachments.project = ?
    """,
    names=("the_project",),
)
STORE_ODD_FILE = Statement(
    """
    INSERT INTO odd_files (algorithm, value, project) VALUES (?, ?, ?)
    """,
    names=("algorithm", "value", "project"),
)
FORGET_ODD_FILE = Statement(
    """
    DELETE FROM odd_files WHERE odd_files.algorithm = ? AND odd_files.value = ?
    """,
    names=("the_algorithm", "the_value"),
)
FORGET_ODD_FILES_OF = Statement(
    """
    DELETE FROM odd_files WHERE odd_files.project = ?
    """,
    names=("the_project",),
)
STORE_PIN = Statement(
    """
    INSERT INTO pins (project) VALUES (?)
    """,
    names=("project",),
)
FORGET_PIN = Statement(
    """
    DELETE FROM pins WHERE pins.project = ?
    """,
    names=("the_project",),
)
STORE_SETTING = Statement(
    """
    INSERT INTO settings (name, value) VALUES (?, ?)
    """,
    names=("name", "value"),
)
FORGET_SETTING = Statement(
    """
    DELETE FROM settings WHERE settings.name = ?
    """,
    names=("the_name",),
)
FORGET_USE = Statement(
    """
    DELETE FROM uses WHERE uses.project = ?
    """,
    names=("the_project",),
)
