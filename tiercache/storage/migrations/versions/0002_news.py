"""The journal, what is hosted, what is reserved, and when projects were last used."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    position = op.create_table(
        "position",
        sa.Column("epoch", sa.Text, primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # By chance, so that no journal is taken for another: a store that is wiped begins a new one.
    op.bulk_insert(position, [{"epoch": secrets.token_hex(8), "serial": 0}])
    op.create_table(
        "changes",
        sa.Column("serial", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hosted",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("coding", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("tier", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("names", sa.LargeBinary, nullable=False),
    )
    op.create_index("odd_files_by_project", "odd_files", ["project"])
    op.create_table(
        "uses",
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("used_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("uses_by_time", "uses", ["used_at", "project"])
    op.execute(
        "INSERT INTO uses (project, used_at) SELECT project, 0 FROM entries "
        "UNION SELECT project, 0 FROM attachments UNION SELECT project, 0 FROM odd_files"
    )
    totals = sa.table("totals", sa.column("name", sa.Text), sa.column("bytes", sa.BigInteger))
    op.bulk_insert(totals, [{"name": "hosted", "bytes": 0}])
