"""What Alembic runs: the scripts of `versions`, on the connection that `tiercache.storage.revisions` hands over.

The caller has begun the transaction, so a migration is complete or has not been.
"""

from __future__ import annotations

from alembic import context

from tiercache.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
