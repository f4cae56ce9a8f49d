"""Who is asking: from what a request shows to a principal.

A password is checked in the pool, once for all requests that show it at the same time, and its success is remembered
for a while.  What a principal may do is `guard`'s affair.
"""

from __future__ import annotations

import hmac

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore
from twisted.web.server import Request

from tiercache.access.accounts import Account, Accounts
from tiercache.access.credentials import Credentials, Password, Token, credentials_of
from tiercache.access.principals import Address, Principal
from tiercache.access.remembered import Remembered
from tiercache.cache.collapse import Collapse
from tiercache.errors import CredentialsWrong, TooManyLogins
from tiercache.interfaces import Pool
from tiercache.web.client import Clients
from tiercache.web.request import field_of

CHECKS_AT_ONCE = 2
"""Each takes a thread, 19 MiB and the better part of a processor; the other threads are for files."""

CHECKS_WAITING = 100
"""With these and those under way, further passwords are refused for now: two seconds of work on a common machine."""


@define(kw_only=True)
class Logins:
    """The users of a node, and its operator: who holds `control_token`, which its own machine alone can read."""

    _accounts: Accounts
    _remembered: Remembered
    _control_token: str = field(repr=False)
    _clients: Clients
    _pool: Pool
    _checks: Collapse[bytes, Account | None] = field(factory=Collapse, init=False)
    _turns: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(CHECKS_AT_ONCE), init=False)

    def is_operators(self, request: Request) -> bool:
        """Whether a request shows the control token."""
        shown = credentials_of(field_of(request, "authorization"))
        return shown is not None and self._is_operators(shown)

    def operator(self, request: Request) -> Principal:
        """The principal of a request that shows the control token."""
        return Principal(address=self._clients.address(request), is_operator=True)

    async def principal(self, request: Request) -> Principal:
        """Who sends a request.  Raises CredentialsWrong, TooManyLogins."""
        address = self._clients.address(request)
        shown = credentials_of(field_of(request, "authorization"))
        if shown is None:
            return self._nobody_known(request)
        if self._is_operators(shown):
            return self.operator(request)
        account = self._accounts.by_token(shown)
        if account is None and isinstance(shown, Password):
            account = await self._by_password(shown)
        if account is None:
            raise CredentialsWrong
        return _principal(account, address)

    async def principal_or_stranger(self, request: Request) -> Principal:
        """The same; credentials that are nobody's here say nothing.  Raises TooManyLogins."""
        try:
            return await self.principal(request)
        except CredentialsWrong:
            return self._nobody_known(request)

    def _nobody_known(self, request: Request) -> Principal:
        return Principal(address=self._clients.address(request), is_local=self._clients.is_local(request))

    def _is_operators(self, shown: Credentials) -> bool:
        expected = self._control_token.encode()
        return (
            isinstance(shown, Token)
            and bool(expected)
            and hmac.compare_digest(shown.token.encode("utf-8", "surrogatepass"), expected)
        )

    async def _by_password(self, shown: Password) -> Account | None:
        digest = self._remembered.digest(shown)
        known = self._remembered.account(digest)
        if known is not None:
            return known
        if digest not in self._checks and len(self._checks) >= CHECKS_AT_ONCE + CHECKS_WAITING:
            raise TooManyLogins
        return await self._checks.join(digest, lambda: self._checked(digest, shown))[0].result()

    async def _checked(self, digest: bytes, shown: Password) -> Account | None:
        await self._turns.acquire()
        try:
            account = await self._pool(self._accounts.check, shown)
        finally:
            self._turns.release()
        if account is not None:
            self._remembered.keep(digest, account)
        return account


def _principal(account: Account, address: Address | None) -> Principal:
    return Principal(user=account.user, groups=account.groups, address=address)
