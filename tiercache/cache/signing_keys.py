"""The keys of one issuer of identity tokens, kept for a while and asked for again when a token names one that is new.

However many tokens come, and whatever they name, the issuer is asked once at a time, and seldom.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import define, field, frozen
from twisted.logger import Logger

from tiercache.access.signing_keys import SigningKey
from tiercache.cache.collapse import Collapse
from tiercache.errors import IssuerUnreachable
from tiercache.interfaces import IIssuer

FRESH_S = 3600.0
"""So long keys are used without asking whether they are still the issuer's."""

STALE_S = 86400.0
"""So long they are used if the issuer does not answer."""

ASKED_EVERY_S = 30.0
"""The issuer is asked no more often, whether for a key that nobody knows or after it did not answer."""

log = Logger()


@frozen(kw_only=True)
class _Held:
    """The keys, as the issuer showed them then."""

    keys: tuple[SigningKey, ...] = ()
    shown_at: float = -math.inf


@define(kw_only=True)
class SigningKeys:
    """`now` in seconds; a clock that was set back makes nothing fresh."""

    _issuer: IIssuer
    _now: Callable[[], float]
    _held: _Held = field(factory=_Held, init=False)
    _asked_at: float = field(default=-math.inf, init=False)
    _trouble: IssuerUnreachable | None = field(default=None, init=False)
    _asking: Collapse[str, None] = field(factory=Collapse, init=False)

    async def named(self, key_id: str | None) -> tuple[SigningKey, ...]:
        """The keys by this name (several only if the issuer is at odds with itself), or none.

        Raises IssuerUnreachable where no keys are known that may still be used.
        """
        found = self._found(key_id) if self._age_s() < FRESH_S else ()
        if not found:
            await self._ask()
            found = self._found(key_id)
        if self._age_s() >= STALE_S:
            raise self._unreachable()
        if not found and self._trouble is not None:
            # It may be a new one: whoever does not answer cannot say that it is not theirs.
            raise self._unreachable()
        return found

    def _found(self, key_id: str | None) -> tuple[SigningKey, ...]:
        return tuple(key for key in self._held.keys if key.key_id == key_id)

    def _age_s(self) -> float:
        age_s = self._now() - self._held.shown_at
        return age_s if age_s >= 0 else math.inf

    def _wait_s(self) -> float:
        """How long it is until the issuer may be asked again."""
        since_s = self._now() - self._asked_at
        return ASKED_EVERY_S - since_s if 0 <= since_s < ASKED_EVERY_S else 0.0

    def _unreachable(self) -> IssuerUnreachable:
        reason = "it did not answer" if self._trouble is None else self._trouble.reason
        return IssuerUnreachable(issuer=self._issuer.url, reason=reason, retry_after_s=self._wait_s())

    async def _ask(self) -> None:
        """Ask for the keys, or wait with those who do; not at all if that was not long ago."""
        if self._issuer.url not in self._asking and self._wait_s() > 0:
            return
        asking, _ = self._asking.join(self._issuer.url, self._refresh)
        await asking.result()

    async def _refresh(self) -> None:
        self._asked_at = self._now()
        try:
            keys = await self._issuer.keys()
        except IssuerUnreachable as trouble:
            log.warn("{trouble}", trouble=str(trouble))
            self._trouble = trouble
        else:
            self._held = _Held(keys=keys, shown_at=self._now())
            self._trouble = None
