"""Accounts: the users of a node, and whether credentials are theirs.

A token is looked up at once; a password may cost tens of milliseconds (`Accounts.check`), which belongs in a pool.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from tiercache.access.credentials import Credentials, Password, Token

_SPARE_HASH = "$argon2id$v=19$m=19456,t=2,p=1$i7lR2AXcJMiTsg8ttFiSKA$3nyUvcj5DtfgoWMZZF8b+Kokx5m4N8KsS+5enqGdcjw"
"""Of no password: what is checked for a user that there is not, so that it takes as long as for one that there is."""


@frozen(kw_only=True)
class Account:
    """One user.  `password_hash` as argon2 writes it; `password` and `token` in plain text; each None where not set."""

    user: str
    groups: frozenset[str] = frozenset()
    password_hash: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@define(kw_only=True)
class Accounts:
    """Every user: those of the configuration, and those that `others` knows by name and password.

    `others` says whether a password is that user's, None where it knows no such user, and `knows` whether it knows one;
    both may block.
    """

    _accounts: Mapping[str, Account]
    _others: Callable[[str, str], bool | None] | None = None
    _knows: Callable[[str], bool] | None = None
    _by_token: Mapping[bytes, Account] = field(init=False)

    @_by_token.default
    def _tokens(self) -> Mapping[bytes, Account]:
        return {_digest(one.token): one for one in self._accounts.values() if one.token}

    @property
    def are_none(self) -> bool:
        """Whether nobody at all has an account."""
        return not self._accounts and self._others is None

    def by_token(self, credentials: Credentials) -> Account | None:
        """Whose token this is, shown by itself or as a password beside its owner's name; None for nobody's.

        A token is found by its digest, and so in the same time whatever it begins with.
        """
        match credentials:
            case Token(token=token):
                return self._by_token.get(_digest(token))
            case Password(user=user, password=password):
                owner = self._by_token.get(_digest(password))
                return owner if owner is not None and owner.user == user else None
        return None

    def configured(self, user: str) -> Account | None:
        """The account of a user who has a secret in the configuration itself, and so need not be looked for."""
        account = self._accounts.get(user)
        if account is None or (account.password_hash is None and account.password is None and account.token is None):
            return None
        return account

    def elsewhere(self, user: str) -> Account | None:
        """The account of any other user, if there is one by now.  Blocking."""
        is_known = self._knows is not None and self._knows(user)
        return (self._accounts.get(user) or Account(user=user)) if is_known else None

    def check(self, shown: Password) -> Account | None:
        """Whose password this is, or None.  Blocking, and slow on purpose."""
        account = self._accounts.get(shown.user)
        if account is not None and account.password_hash is not None:
            return account if _is_argon2(account.password_hash, shown.password) else None
        if account is not None and account.password is not None:
            return account if hmac.compare_digest(_digest(account.password), _digest(shown.password)) else None
        is_theirs = None if self._others is None else self._others(shown.user, shown.password)
        if is_theirs is None:
            _is_argon2(_SPARE_HASH, shown.password)
        return (account or Account(user=shown.user)) if is_theirs else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _is_argon2(known: str, password: str) -> bool:
    from argon2 import PasswordHasher  # not imported where nobody has a password
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(known, password)
    except (Argon2Error, InvalidHashError):
        return False
