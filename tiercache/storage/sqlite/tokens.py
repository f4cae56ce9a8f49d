"""What a catalogue asks of the tokens that it keeps, and what changes that.

Made of `tiercache.storage.core.tokens` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement

TOKEN = Statement(
    """
    SELECT tokens.id, tokens.digest, tokens.name, tokens.owner, tokens.kind, tokens.may, tokens.projects,
    tokens.made_at, tokens.expires_at, tokens.used_at FROM tokens WHERE tokens.digest = ?
    """,
    names=("digest",),
    columns=("id", "digest", "name", "owner", "kind", "may", "projects", "made_at", "expires_at", "used_at"),
)
ALL_TOKENS = Statement(
    """
    SELECT tokens.id, tokens.digest, tokens.name, tokens.owner, tokens.kind, tokens.may, tokens.projects,
    tokens.made_at, tokens.expires_at, tokens.used_at FROM tokens ORDER BY tokens.made_at, tokens.id
    """,
    columns=("id", "digest", "name", "owner", "kind", "may", "projects", "made_at", "expires_at", "used_at"),
)
TOUCH_TOKEN = Statement(
    """
    UPDATE tokens SET used_at=? WHERE tokens.id = ?
    """,
    names=("then", "the_id"),
)
STORE_TOKEN = Statement(
    """
    INSERT INTO tokens (id, digest, name, owner, kind, may, projects, made_at, expires_at, used_at) VALUES (?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?)
    """,
    names=("id", "digest", "name", "owner", "kind", "may", "projects", "made_at", "expires_at", "used_at"),
)
FORGET_TOKEN = Statement(
    """
    DELETE FROM tokens WHERE tokens.id = ?
    """,
    names=("the_id",),
)
