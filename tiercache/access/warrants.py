"""Warrants: passwords by which a program that the node itself runs reads what somebody may read, as long as it runs.

Nothing of them is kept, and they are told to nobody but the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from attrs import define, field

from tiercache.access.credentials import Credentials, Password
from tiercache.access.principals import Principal

WARRANT_USER = "__warrant__"
"""The user that is named with such a password; no user's name."""


@define(kw_only=True)
class Warrants:
    """The warrants of a running node; `secret` gives a new random text, at each call, that nobody guesses."""

    _secret: Callable[[], str]
    _held: dict[bytes, Principal] = field(factory=dict, init=False, repr=False)

    def issue(self, for_whom: Principal) -> str:
        """A new password, which stands for a principal until it is revoked."""
        password = self._secret()
        self._held[_digest(password)] = for_whom
        return password

    def revoke(self, password: str) -> None:
        """From now on the password stands for nobody."""
        self._held.pop(_digest(password), None)

    def holder(self, shown: Credentials | None) -> Principal | None:
        """For whom the credentials stand; None where they are no warrant.

        Looked up by digest: how long that takes says nothing about a password that is nearly right.
        """
        if not isinstance(shown, Password) or shown.user != WARRANT_USER:
            return None
        return self._held.get(_digest(shown.password))


def no_warrants() -> Warrants:
    """Of a node that runs no such programs."""
    return Warrants(secret=_no_secret)


def _no_secret() -> str:
    raise LookupError("there are no warrants here")


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
