"""Htpasswd: a file with a user and the hash of their password on each line, as Apache's `htpasswd` writes it.

Reading it is handed in.  It is read again when it is no longer what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

MOST_USERS = 100_000

_SCHEMES = ("bcrypt", "argon2", "sha512_crypt", "sha256_crypt", "apr_md5_crypt", "ldap_sha1")
"""What a hash may be.  Not `plaintext`: to whom everything else is a password, a hash in an unknown form is one too."""


@frozen(kw_only=True)
class HtpasswdText:
    """The text of the file; `stamp` is another one once it has changed."""

    stamp: object
    text: str


@define(kw_only=True)
class Htpasswd:
    """The users of such a file.  `read` gives its text, None if it is as at this stamp; may raise OSError, ValueError.

    A file that cannot be read any more leaves the users as they were; `trouble` is told.
    """

    _read: Callable[[object], HtpasswdText | None]
    _trouble: Callable[[str], None]
    _stamp: object = field(default=None, init=False)
    _hashes: dict[str, str] = field(factory=dict, init=False)
    _context: Any = field(default=None, init=False)

    def read(self) -> None:
        """Read the file, if it is not as it was.  Raises OSError, ValueError."""
        found = self._read(self._stamp)
        if found is not None:
            self._hashes = dict(_lines(found.text))
            self._stamp = found.stamp

    def check(self, user: str, password: str) -> bool | None:
        """Whether this is the user's password; None if there is no such user, or their hash is of no known form."""
        self._read_again()
        known = self._hashes.get(user)
        if known is None:
            return None
        context = self._context = self._context or _context()
        if context.identify(known) is None:
            self._trouble(f"the hash of {user!r} is of no form that is known here")
            return None
        try:
            return bool(context.verify(password, known))
        except ValueError:  # a hash that only looks like one; or a password that its form cannot take
            return False

    def knows(self, user: str) -> bool:
        """Whether there is such a user."""
        self._read_again()
        return user in self._hashes

    def _read_again(self) -> None:
        try:
            self.read()
        except (OSError, ValueError) as error:
            self._trouble(str(error))


def _context() -> Any:
    # Not imported where nobody has such a file.
    from passlib.context import CryptContext  # type: ignore[import-untyped]  # libpass carries no types

    return CryptContext(list(_SCHEMES))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        user, colon, rest = stripped.partition(":")
        if not user or not colon:
            raise ValueError(f"line {number} is not of the form user:hash")
        if number > MOST_USERS:
            raise ValueError(f"it has more than {MOST_USERS} lines")
        yield user, rest.partition(":")[0]
