"""Who is asking: from what a request shows to a principal.

A password is checked in the pool, once for all requests that show it at the same time, its success is remembered for a
while, and so is that too many were wrong (`access.throttle`).  What a principal may do is `guard`'s affair.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import assert_never

from attrs import define, evolve, field
from twisted.internet.defer import DeferredSemaphore
from twisted.web.server import Request

from tiercache.access.accounts import Account, Accounts
from tiercache.access.credentials import Credentials, Password, Token, credentials_of
from tiercache.access.principals import Address, Principal
from tiercache.access.remembered import Remembered
from tiercache.access.throttle import Throttle
from tiercache.access.tokens import PREFIX, IssuedToken
from tiercache.access.warrants import Warrants, no_warrants
from tiercache.cache.collapse import Collapse
from tiercache.cache.tokens import Tokens
from tiercache.errors import CredentialsWrong, TooManyFailures, TooManyLogins
from tiercache.interfaces import Pool
from tiercache.web.client import Clients
from tiercache.web.request import field_of

READING = frozenset({b"GET", b"HEAD"})
"""What the holder of a warrant may do."""

CHECKS_AT_ONCE = 2
"""Each takes a thread, 19 MiB and the better part of a processor; the other threads are for files."""

CHECKS_WAITING = 100
"""With these and those under way, further passwords are refused for now: two seconds of work on a common machine."""


@define(kw_only=True)
class Logins:
    """The users of a node, and its operator: who holds `control_token`, which its own machine alone can read.

    `tokens`: those that the node has issued.  `is_trusted_publisher`: whether the publisher is one still whose token
    this is.  `warrants`: for whom the programs read that the node itself runs.
    """

    _accounts: Accounts
    _remembered: Remembered
    _control_token: str = field(repr=False)
    _clients: Clients
    _pool: Pool
    _now: Callable[[], float]
    _tokens: Tokens | None = None
    _is_trusted_publisher: Callable[[IssuedToken], bool] = lambda token: False
    _warrants: Warrants = field(factory=no_warrants)
    _throttle: Throttle = field(factory=Throttle, init=False)
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
        """Who sends a request.  Raises CredentialsWrong, TooManyFailures, TooManyLogins."""
        address = self._clients.address(request)
        shown = credentials_of(field_of(request, "authorization"))
        if shown is None:
            return self._nobody_known(request)
        if self._is_operators(shown):
            return self.operator(request)
        if request.method in READING and (holder := self._warrants.holder(shown)) is not None:
            return holder  # who may ask from elsewhere than the program that reads for them, which only reads
        account = self._accounts.by_token(shown)
        if account is None and (text := _issued_text(shown)) is not None:
            return evolve(await self._by_issued_token(shown, text), address=address)
        if account is None and isinstance(shown, Password):
            if self._accounts.are_none and self._clients.is_local(request):
                # uv and twine do not publish without a name and a password, and here nobody has any.
                return self._nobody_known(request)
            account = await self._by_password(shown, address)
        if account is None:
            raise CredentialsWrong
        return evolve(_principal(account), address=address)

    async def is_user(self, user: str) -> bool:
        """Whether there is such a user."""
        return await self._owner(user) is not None

    async def _owner(self, user: str) -> Account | None:
        return self._accounts.configured(user) or await self._pool(self._accounts.elsewhere, user)

    async def principal_or_stranger(self, request: Request) -> Principal:
        """The same; credentials that are nobody's here say nothing.  Raises TooManyLogins.

        They may be somebody's elsewhere, and so are counted as wrong only where they name a user of this node.
        """
        try:
            return await self.principal(request)
        except TooManyFailures:
            return self._nobody_known(request)
        except CredentialsWrong:
            shown = credentials_of(field_of(request, "authorization"))
            if isinstance(shown, Password) and not await self.is_user(shown.user):
                self._throttle.forgive(shown.user, self._clients.address(request), self._now())
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

    async def _by_issued_token(self, shown: Credentials, text: str) -> Principal:
        """Whose issued token this is.  Its owner has to be one still, and is what they are now.

        Neither is remembered: to revoke it, or to strike its owner from the users, counts at once.
        """
        token = None if self._tokens is None else self._tokens.find(text)
        if token is None or (isinstance(shown, Password) and shown.user != token.owner):
            raise CredentialsWrong
        match token.kind:
            case "operator":
                return Principal(token=token)
            case "publisher":
                if self._is_trusted_publisher(token):
                    return Principal(token=token)
                raise CredentialsWrong
            case "user":
                owner = await self._owner(token.owner)
                if owner is None:
                    raise CredentialsWrong
                return evolve(_principal(owner), token=token)
        assert_never(token.kind)

    async def _by_password(self, shown: Password, address: Address | None) -> Account | None:
        digest = self._remembered.digest(shown)
        known = self._remembered.account(digest)
        if known is not None:
            return known
        if digest not in self._checks:
            if len(self._checks) >= CHECKS_AT_ONCE + CHECKS_WAITING:
                raise TooManyLogins
            wait_s = self._throttle.wait_s(shown.user, address, self._now())
            if wait_s > 0:
                raise TooManyFailures(retry_after_s=wait_s)
        return await self._checks.join(digest, lambda: self._checked(digest, shown, address))[0].result()

    async def _checked(self, digest: bytes, shown: Password, address: Address | None) -> Account | None:
        self._throttle.begin(shown.user, address, self._now())
        is_wrong = False
        try:
            await self._turns.acquire()
            try:
                account = await self._pool(self._accounts.check, shown)
            finally:
                self._turns.release()
            is_wrong = account is None
        finally:
            if not is_wrong:
                self._throttle.forgive(shown.user, address, self._now())
        if account is not None:
            self._remembered.keep(digest, account)
        return account


def _principal(account: Account) -> Principal:
    return Principal(user=account.user, groups=account.groups)


def _issued_text(shown: Credentials) -> str | None:
    """What is shown, if it is nothing but a token that a node issued: no password looks like that."""
    match shown:
        case Token(token=text) | Password(password=text) if text.startswith(PREFIX):
            return text
    return None
