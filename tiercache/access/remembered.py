"""Remembered: what came of checking credentials, for a bounded time and number.

The credentials themselves are not kept: a keyed digest stands for them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field

from tiercache.access.accounts import Account
from tiercache.access.credentials import Password

LASTS_S = 60.0
"""So long may somebody go on who is struck from the list of users."""

MOST = 1000


@define(kw_only=True)
class Remembered:
    """Successful checks, by whoever showed what.  `key` is made by chance for each run; `now` in seconds."""

    _key: bytes = field(repr=False)
    _now: Callable[[], float]
    _known: OrderedDict[bytes, tuple[Account, float]] = field(factory=OrderedDict, init=False, repr=False)

    def digest(self, shown: Password) -> bytes:
        """What stands for these credentials."""
        text = f"{shown.user}\0{shown.password}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def account(self, digest: bytes) -> Account | None:
        """Whose credentials these are, if that was found out less than `LASTS_S` ago."""
        found = self._known.get(digest)
        if found is None:
            return None
        account, until = found
        if not 0 < until - self._now() <= LASTS_S:  # a clock that was set back makes nothing last
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return account

    def keep(self, digest: bytes, account: Account) -> None:
        """These credentials are that account's, as of now."""
        self._known[digest] = (account, self._now() + LASTS_S)
        self._known.move_to_end(digest)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
