"""The tokens that a node has issued, in the tables of a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tiercache.access.tokens import IssuedToken
from tiercache.storage import token_steps
from tiercache.storage.group_commit import GroupCommit
from tiercache.storage.rows import Unreadable, token_of
from tiercache.storage.sqlite import tokens
from tiercache.storage.statement import Rows, Statement

log = Logger()


@define(kw_only=True, eq=False)
class SqlTokens:
    """`rows` executes what asks."""

    _rows: Callable[..., Rows]
    _changes: GroupCommit

    def token(self, digest: str) -> IssuedToken | None:
        """See `ICatalogue`; so do the others."""
        return next(iter(self._read(tokens.TOKEN, digest=digest)), None)

    def tokens(self) -> list[IssuedToken]:
        return self._read(tokens.ALL_TOKENS)

    def store(self, token: IssuedToken) -> Deferred[None]:
        return self._changes.submit(partial(token_steps.store_token, token))

    def forget(self, ids: Iterable[str]) -> Deferred[None]:
        return self._changes.submit(partial(token_steps.forget_tokens, tuple(ids)))

    def touch(self, used_at: Mapping[str, float]) -> Deferred[None]:
        return self._changes.submit(partial(token_steps.touch_tokens, dict(used_at)), lasting=False)

    def _read(self, statement: Statement, **parameters: Any) -> list[IssuedToken]:
        found = []
        for row in self._rows(statement, **parameters):
            try:
                found.append(token_of(row))
            except Unreadable as error:  # it is worth nothing any more: nobody can tell what it was worth
                log.warn("The stored token {id} is damaged: {error}", id=row.id, error=error)
        return found
