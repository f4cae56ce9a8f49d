"""The first catalogue: entries, files, attachments, odd files, pins, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bodies",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("coding", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "files",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("stored_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double, nullable=False),
        sa.Column("listing", sa.LargeBinary, nullable=False),
    )
    op.create_index("files_by_project", "files", ["project", "filename"])
    op.create_index("files_by_use", "files", ["used_at", "sha256"])
    op.create_table(
        "identities",
        sa.Column("algorithm", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("identities_by_file", "identities", ["sha256", "position"])
    op.create_table(
        "attachments",
        sa.Column("algorithm", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("made", sa.Boolean, nullable=False),
        sa.Column("coding", sa.Text),
        sa.Column("data", sa.LargeBinary),
    )
    op.create_index("attachments_by_project", "attachments", ["project", "kind"])
    op.create_table(
        "odd_files",
        sa.Column("algorithm", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("pins", sa.Column("project", sa.Text, primary_key=True), sqlite_with_rowid=False)
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    totals = op.create_table(
        "totals",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(totals, [{"name": "files", "bytes": 0}])
