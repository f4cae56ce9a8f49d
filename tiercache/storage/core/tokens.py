"""What a catalogue asks of the tokens that it keeps, and what changes that."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select, update

from tiercache.storage.core.statements import without
from tiercache.storage.tables import TOKENS

# -- what is asked ----------------------------------------------------------------------------------------------

TOKEN = select(TOKENS).where(TOKENS.c.digest == bindparam("digest"))
ALL_TOKENS = select(TOKENS).order_by(TOKENS.c.made_at, TOKENS.c.id)

# -- what is changed --------------------------------------------------------------------------------------------

TOUCH_TOKEN = update(TOKENS).where(TOKENS.c.id == bindparam("the_id")).values(used_at=bindparam("then"))
STORE_TOKEN, FORGET_TOKEN = insert(TOKENS), without(TOKENS, "id")
