"""The SQL of the tokens that a catalogue keeps.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, delete, select, update

from tiercache.access.tokens import IssuedToken
from tiercache.storage.rows import words_bytes
from tiercache.storage.statements import Step, into, without
from tiercache.storage.tables import TOKENS

# -- what is asked ----------------------------------------------------------------------------------------------

TOKEN = select(TOKENS).where(TOKENS.c.digest == bindparam("digest"))
ALL_TOKENS = select(TOKENS).order_by(TOKENS.c.made_at, TOKENS.c.id)

# -- what is changed: each function gives the steps of one change, to be taken together -------------------------

_USED = update(TOKENS).where(TOKENS.c.id == bindparam("the_id")).values(used_at=bindparam("then"))
_FORGET = delete(TOKENS).where(TOKENS.c.id == bindparam("the_id"))


def store_token(token: IssuedToken) -> list[Step]:
    row = {
        "id": token.id,
        "digest": token.digest,
        "name": token.name,
        "owner": token.owner,
        "kind": token.kind,
        "may": words_bytes(sorted(token.may)),
        "projects": words_bytes(token.projects.patterns),
        "made_at": token.made_at,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
    }
    return [(without(TOKENS, "id"), {"the_id": token.id}), (into(TOKENS), row)]


def forget_tokens(ids: Iterable[str]) -> list[Step]:
    rows = [{"the_id": one} for one in ids]
    return [(_FORGET, rows)] if rows else []


def touch_tokens(used_at: Mapping[str, float]) -> list[Step]:
    rows = [{"the_id": one, "then": then} for one, then in used_at.items()]
    return [(_USED, rows)] if rows else []
