"""The acts of people on what is hosted, and the files that they deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("acts_by_project", "acts", ["project", "number"])
    op.create_table(
        "deleted",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("filename", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("is_kept", sa.Boolean, nullable=False),
        sa.Column("listing", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("deleted_by_time", "deleted", ["is_kept", "at"])
