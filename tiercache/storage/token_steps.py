"""The steps of each change of the tokens that a catalogue keeps.  Nothing is executed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tiercache.access.tokens import IssuedToken
from tiercache.storage.rows import words_bytes
from tiercache.storage.sqlite import tokens
from tiercache.storage.steps import Step


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
    return [(tokens.FORGET_TOKEN, {"the_id": token.id}), (tokens.STORE_TOKEN, row)]


def forget_tokens(ids: Iterable[str]) -> list[Step]:
    rows = [{"the_id": one} for one in ids]
    return [(tokens.FORGET_TOKEN, rows)] if rows else []


def touch_tokens(used_at: Mapping[str, float]) -> list[Step]:
    rows = [{"the_id": one, "then": then} for one, then in used_at.items()]
    return [(tokens.TOUCH_TOKEN, rows)] if rows else []
